// Package memory measures whole jobs of the Yahoo Streaming Benchmark whose events lie in memory, as Kafka's record
// batches do once they are decompressed: everything of the engine but the way to the broker. [batch.Run] runs the job of
// testdata/job.yaml with its plan, its log, its state and its commits; only the source and the sink are doubles, and every
// count is compared with the generator's. The bare loop of package limit takes turns with it.
//
//	go test ./bench/memory -run '^$' -bench . -benchtime 1x
package memory
