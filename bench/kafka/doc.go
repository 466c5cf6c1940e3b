// Package kafka measures reading from and writing to a real Kafka, side by side with franz-go and kafka-go: `make
// bench-kafka`. It has benchmarks only.
//
// Each benchmark runs its contenders in turn, over and over, in one process on one broker, and prints the medians of
// processor time per record (user and system, of this process: the broker is another one) and how they stand to each
// other. b.N is the number of rounds. MILLRACE_BENCH_RECORDS is the number of records of one run, 500,000 by default.
package kafka
