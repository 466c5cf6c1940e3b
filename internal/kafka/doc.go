// Package kafka is the wire: it sends raw requests over kafka-go's Transport and takes record batches apart.
//
// Use: [NewClient] makes a client; [Client.Metadata], [Client.ListOffsets], [Client.EpochEnds] and [Client.Fetch] each
// send one request and return its answer. [Walk] steps over the batch headers of a fetch answer, [NextBatch] cuts one
// batch off, [Decompressor] and [RecordBatch.AppendRecords] turn it into records, [AbortedFilter] says which batches a
// read_committed reader must not see. [Decide] says what to do after an error. [Client.CreateTopic],
// [Client.TopicConfigs] and [Client.CommitOffsets] are what a job needs beside its records.
//
// To write, a [BatchWriter] encodes records, a [Compressor] closes batches, and a [Producer] sends them: [Producer.Init]
// begins a session, [Producer.Produce] writes, [Producer.Commit] makes it visible together with a [CommitRecord]. Every
// answer is judged in writedecide.go.
//
// A [Cluster] says how brokers are reached. Connections are encrypted and authenticated, and authenticated anew before
// their session ends; what keeps a broker that answers from being used is a [ReachError].
//
// Law: the package knows requests, answers and bytes, not ranges or jobs. Reads never retry and never wait on their own,
// except when a broker throttles a fetch. Writes are tried again within a budget: a batch as often as it takes, because
// leaders know it again; a call of a transaction only when its coordinator says that it has not happened. Bytes from the network
// may be anything: they make an error, never a panic, and never more memory than the bound the caller gave.
//
// Format: requests are Fetch 11 or 13, Metadata 9 to 12, ListOffsets 5, OffsetForLeaderEpoch 3, DescribeProducers 0, ApiVersions 0
// and 3, FindCoordinator 2, OffsetCommit 7, OffsetFetch 7, CreateTopics 4, DescribeConfigs 1, InitProducerID 3 or 4 and
// Produce 8, so Kafka 2.5 and later. Transactions are AddPartitionsToTxn 3, AddOffsetsToTxn 3, TxnOffsetCommit 3 and
// EndTxn 3 from Kafka 2.8 on; where transaction.version 2 is finalized (Kafka 4), Produce 12, TxnOffsetCommit 5 and EndTxn
// 5. Record batches are those of format 2 (Kafka 0.11 and later).
package kafka
