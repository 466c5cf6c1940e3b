package main

import (
	"flag"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "write the table that is printed today")

// TestTable prints a table of what benchmarks printed: medians, the worst of many, one that is missing.
func TestTable(t *testing.T) {
	printed, err := os.ReadFile("testdata/printed.txt")
	if err != nil {
		t.Fatal(err)
	}
	f := figures{}
	f.read("a", string(printed))
	var out strings.Builder
	err = f.print(&out, []bar{
		{measure: "the median of two", source: "a", figure: "JSON 3of7/bare", bar: 1.15},
		{measure: "nothing", source: "a", figure: "JSON 3of7-allocs/record", bar: 0},
		{measure: "the worst of many", source: "a", figure: "Kernels/* ratio", bar: 1},
		{measure: "in millions", source: "a", figure: "records_per_cpu_s", bar: 3e6, least: true, unit: "M"},
		{measure: "without a bar", source: "a", figure: "records_per_cpu_s", least: true, unit: "M"},
		{measure: "in megabytes", source: "a", figure: "peak_rss_bytes", bar: 70e6, unit: "MB"},
		{measure: "what nothing printed", source: "a", figure: "JSON 7of7/bare", bar: 1.6},
	})
	if err == nil || !strings.Contains(err.Error(), "JSON 7of7/bare") {
		t.Errorf("error %v, want one that names the figure that is missing", err)
	}
	const golden = "testdata/table.txt"
	if *rewrite {
		if err := os.WriteFile(golden, []byte(out.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if out.String() != string(want) {
		t.Errorf("got\n%s\nwant\n%s", out.String(), want)
	}
}

// TestBarsHaveSources: every bar names a source that runs.
func TestBarsHaveSources(t *testing.T) {
	names := map[string]bool{}
	for _, s := range sources("bin/millrace", 1000) {
		names[s.name] = true
	}
	for _, b := range bars {
		if !names[b.source] {
			t.Errorf("%s: no source %s", b.measure, b.source)
		}
	}
}
