package main

import (
	"slices"
	"strconv"
)

// source is a command that prints figures.
type source struct {
	name    string
	command []string
}

func sources(millrace string, records int) []source {
	test := func(name, pkg, bench string, args ...string) source {
		return source{name, append([]string{"go", "test", pkg, "-run", "^$", "-timeout", "60m", "-bench", bench}, args...)}
	}
	ysb := func(name string, records, rounds int, args ...string) source {
		return source{name, append([]string{"go", "run", "./bench/ysb", "-millrace", millrace, "-records", strconv.Itoa(records), "-rounds", strconv.Itoa(rounds)}, args...)}
	}
	return []source{
		test("json", "./bench/limit", "JSON", "-benchtime", "1x"),
		test("memory", "./bench/memory", ".", "-benchtime", "1x"),
		test("groupby", "./columnar", "^BenchmarkGroupBy$", "-benchtime", "1x", "-count", "5"),
		test("kernels", "./columnar", "KernelsBesideArrow"),
		test("windows", "./windows", "Sliding|Sessions|CloseAmong"),
		test("landing", "./output", "Landing"),
		ysb("ysb", records, 5, "-short", "-bare", "-landing", "bench/ysb/landing.yaml"),
		test("log", "./internal/wal", "AppendSync", "-benchtime", "5000x"),
		test("verify", "./output", "Verify"),
		test("recovery", "./batch", "RecoverWeek|SnapshotWhileRunning", "-benchtime", "1x"),
		test("start", "./integration", "IdleStart", "-benchtime", "10x"),
		test("kafka", "./bench/kafka", "Fetch|Produce|ExactlyOnce|EndToEnd", "-benchtime", "5x"),
	}
}

// bar is a promise about a figure.
type bar struct {
	measure string
	source  string
	figure  string  // as in [figures], without the source
	bar     float64 // 0 with least: none, the figure is told only
	least   bool    // the figure should be the bar or more
	unit    string  // "", or a word that scales: M is for millions, MB for bytes
}

// runs reports whether its source is among these.
func (b bar) runs(sources []string) bool { return slices.Contains(sources, b.source) }

// scale is what the figure is multiplied by for its unit.
func (b bar) scale() float64 {
	if b.unit == "M" || b.unit == "MB" {
		return 1e-6
	}
	return 1
}

func (b bar) holds(v float64) bool {
	if b.least {
		return v >= b.bar
	}
	return v <= b.bar
}

// open reports whether nothing was promised.
func (b bar) open() bool { return b.least && b.bar == 0 }

func (b bar) text() string {
	if b.open() {
		return b.unit
	}
	sign := "≤ "
	if b.least {
		sign = "≥ "
	}
	text := sign + strconv.FormatFloat(b.bar*b.scale(), 'g', 4, 64)
	if b.unit != "" {
		text += " " + b.unit
	}
	return text
}

var bars = []bar{
	{measure: "JSON to 3 of 7 columns, CPU against the bare loop", source: "json", figure: "JSON 3of7/bare", bar: 1.3},
	{measure: "JSON to 7 of 7 columns, the same", source: "json", figure: "JSON 7of7/bare", bar: 1.6},
	{measure: "allocations a record, 3 of 7", source: "json", figure: "JSON 3of7-allocs/record", bar: 0},
	{measure: "names, order, spaces, lengths drawn: 3 of 7 per byte against the first row", source: "json", figure: "JSONDrawn drawn-3of7/3of7-per-byte", bar: 1.15},
	{measure: "the same, 7 of 7", source: "json", figure: "JSONDrawn drawn-7of7/7of7-per-byte", bar: 1.15},
	{measure: "no order, spaces, escapes in every record: CPU against goccy/go-json into a struct", source: "json", figure: "JSONAdversarial 7of7/go-json", bar: 1},
	{measure: "decode, filter, join, count in windows, in memory, one core: CPU against the bare loop", source: "memory", figure: "YSB engine/bare", bar: 1.4},
	{measure: "allocations a record of that", source: "memory", figure: "YSB engine-allocs/record", bar: 0.01},
	{measure: "allocations a record from real Kafka, lz4, to Parquet exactly once", source: "kafka", figure: "EndToEnd allocs/record", bar: 0.01},
	{measure: "exactly once to Parquet against no guarantee, 500,000 records a batch as fast as they go, the whole job: CPU", source: "memory", figure: "Guarantees exactly-once/none", bar: 1.05},
	{measure: "two cores against one, wall time", source: "memory", figure: "Cores speed-up", bar: 1.9, least: true},
	{measure: "real Kafka, lz4, to Parquet exactly once: records per CPU-second", source: "ysb", figure: "records_per_cpu_s", bar: 0, least: true, unit: "M"},
	{measure: "the same against the bare loop over the same topic", source: "ysb", figure: "ratio", bar: 0.75, least: true},
	{measure: "counts that are wrong in all its rounds", source: "ysb", figure: "wrong", bar: 0},
	{measure: "records landed as they are, 7 columns, per CPU-second", source: "ysb", figure: "landed_records_per_cpu_s", bar: 0.9e6, least: true, unit: "M"},
	{measure: "Parquet alone, 7 columns, dictionaries and zstd: CPU ns a row", source: "landing", figure: "Landing/zstd cpu-ns/row", bar: 1000},
	{measure: "peak memory of the long job", source: "ysb", figure: "peak_rss_bytes", bar: 300e6, unit: "MB"},
	{measure: "the same against a tenth of the records, in turn", source: "ysb", figure: "peak_ratio", bar: 1.1},
	{measure: "GROUP BY (bigint, 36-byte text), 1 M keys: ns a row", source: "groupby", figure: "GroupBy/1M cpu-ns/row", bar: 150},
	{measure: "bytes a key", source: "groupby", figure: "GroupBy/1M B/key", bar: 100},
	{measure: "the same with 10 M keys: ns a row", source: "groupby", figure: "GroupBy/10M cpu-ns/row", bar: 260},
	{measure: "bytes a key", source: "groupby", figure: "GroupBy/10M B/key", bar: 100},
	{measure: "kernels, the slowest by its bar: ns a row, by the bar", source: "kernels", figure: "KernelsBesideArrow/* of-bar", bar: 1},
	{measure: "a bigint divided by a constant: ns a row", source: "kernels", figure: "KernelsBesideArrow/(a_/_7) ns/row", bar: 0.5},
	{measure: "kernels: time by that of Arrow compute", source: "kernels", figure: "KernelsBesideArrow/* ratio", bar: 1},
	{measure: "sliding windows, slide a hundredth of the size, 100 keys: throughput against one window", source: "windows", figure: "Sliding/keys=100 ratio", bar: 0.8, least: true},
	{measure: "the same with 1,000 keys", source: "windows", figure: "Sliding/keys=1000 ratio", bar: 0.8, least: true},
	{measure: "sessions of 1 M keys: throughput against tumbling windows", source: "windows", figure: "Sessions ratio", bar: 0.4, least: true},
	{measure: "reading Kafka, lz4: CPU against the bare reader", source: "kafka", figure: "Fetch/lz4 millrace/bare", bar: 1.15},
	{measure: "producing, lz4, exactly once: CPU against franz-go", source: "kafka", figure: "Produce/lz4 millrace/franz-go", bar: 0.65},
	{measure: "exactly once against at least once, 500,000 records a batch: CPU", source: "kafka", figure: "ExactlyOnce/500000 exactly-once/at-least-once", bar: 1.05},
	{measure: "the same, 10,000 a batch: CPU-ms more a batch", source: "kafka", figure: "ExactlyOnce/10000 more-cpu-ms/batch", bar: 5},
	{measure: "log: append and sync, p99 against a bare preallocated fdatasync", source: "log", figure: "AppendSync times-bare", bar: 3},
	{measure: "an idle job, the program from its start to its exit: ms", source: "start", figure: "IdleStart median-ms", bar: 200},
	{measure: "a start behind a week of log, a batch a second, 10 M keys: ms", source: "recovery", figure: "RecoverWeek ms", bar: 5000},
	{measure: "snapshots of 10 M keys while running: throughput against none", source: "recovery", figure: "SnapshotWhileRunning throughput-with/without", bar: 0.9, least: true},
	{measure: "the same: p99 of the log's syncs against none", source: "recovery", figure: "SnapshotWhileRunning sync-p99-with/without", bar: 5},
	{measure: "the same: longest batch in ms", source: "recovery", figure: "SnapshotWhileRunning longest-batch-ms", least: true},
	{measure: "verify: Parquet per CPU-second", source: "verify", figure: "Verify/large B/cpu-s", bar: 500e6, least: true, unit: "MB"},
}
