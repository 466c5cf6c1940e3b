// Package kafka is the wire: it sends raw requests over kafka-go's Transport and takes record batches apart.
//
// Use: [NewClient] makes a client; [Client.Metadata], [Client.ListOffsets], [Client.EpochEnds] and [Client.Fetch] each
// send one request and return its answer. [Walk] steps over the batch headers of a fetch answer, [NextBatch] cuts one
// batch off, [Decompressor] and [RecordBatch.AppendRecords] turn it into records, [AbortedFilter] says which batches a
// read_committed reader must not see. [Decide] says what to do after an error.
//
// Law: the package knows requests, answers and bytes, not ranges or jobs; it never retries and never waits on its
// own, except when a broker throttles a fetch. Bytes from the network may be anything: they make an error, never a
// panic, and never more memory than the bound the caller gave.
//
// Format: requests are Fetch 11 or 13, Metadata 9 to 12, ListOffsets 5, OffsetForLeaderEpoch 3 and ApiVersions 0, so
// Kafka 2.4 and later; record batches are those of format 2 (Kafka 0.11 and later).
package kafka
