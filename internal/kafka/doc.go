// Package kafka is the wire: it sends raw requests over kafka-go's Transport and takes record batches apart.
//
// Use: [NewClient] makes a client; [Client.Metadata], [Client.ListOffsets], [Client.EpochEnds] and [Client.Fetch] each
// send one request and return its answer. [Walk] steps over the batch headers of a fetch answer, [NextBatch] cuts one
// batch off, [Decompressor] and [RecordBatch.AppendRecords] turn it into records, [AbortedFilter] says which batches a
// read_committed reader must not see. [Decide] says what to do after an error. [Client.CreateTopic],
// [Client.TopicConfigs] and [Client.CommitOffsets] are what a job needs beside its records.
//
// A [Cluster] says how brokers are reached. Connections are encrypted and authenticated, and authenticated anew before
// their session ends; what keeps a broker that answers from being used is a [ReachError].
//
// Law: the package knows requests, answers and bytes, not ranges or jobs. Reads never retry and never wait on their own,
// except when a broker throttles a fetch; calls to coordinators are tried again within a budget. Bytes from the network
// may be anything: they make an error, never a panic, and never more memory than the bound the caller gave.
//
// Format: requests are Fetch 11 or 13, Metadata 9 to 12, ListOffsets 5, OffsetForLeaderEpoch 3, ApiVersions 0,
// FindCoordinator 2, OffsetCommit 7, CreateTopics 4 and DescribeConfigs 1, so Kafka 2.4 and later; record batches are
// those of format 2 (Kafka 0.11 and later).
package kafka
