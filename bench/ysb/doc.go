// Command ysb measures the Yahoo Streaming Benchmark: events from a real Kafka, windows of 10 seconds, Parquet exactly
// once. It prints one JSON line: records, wall_s, cpu_s (of the engine's process), records_per_cpu_s, peak_rss_bytes,
// wrong (counts that differ from the generator's). With -short the job runs over a tenth of the events as well, with -bare the
// bare loop of bench/limit reads the same topic, with -landing a second job writes every record: all in turn.
package main
