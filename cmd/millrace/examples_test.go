package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// example says how an example job gets its events, and compares what it made of them. The current directory has the
// job's files: lake, and what gen was told to write.
type example struct {
	gen     string
	compare func(t *testing.T, root string)
}

var examples = map[string]example{
	"flights": {"gen flights --records 10000 --partitions 3 --expected expected.csv --file ROOT/examples/flights/flights.parquet", func(t *testing.T, _ string) {
		compareCounts(t, "origin,hour,n", func(r flightsRow) string { return fmt.Sprintf("%s,%d,%d", r.Origin, r.Hour/1000, r.Flights) })
	}},
	"alerts":  {"gen flights --records 10000 --partitions 3 --file ROOT/examples/flights/flights.parquet", compareAlerts},
	"land":    {"gen flights --records 5000 --partitions 2 --file ROOT/examples/flights/flights.parquet", compareLanded},
	"raw":     {"gen flights --records 3000 --partitions 2 --file ROOT/examples/flights/flights.parquet", compareRaw},
	"busiest": {"gen flights --records 10000 --partitions 3 --file ROOT/examples/flights/flights.parquet", compareBusiest},
	"bursts":  {"gen flights --records 10000 --partitions 3 --file ROOT/examples/flights/flights.parquet", compareBursts},
	"routes":  {"gen flights --records 10000 --partitions 3 --file ROOT/examples/flights/flights.parquet", compareRoutes},
	"done":    {"gen flights --records 20000 --partitions 3 --file ROOT/examples/flights/flights.parquet", compareDone},
	"ysb": {"gen ysb --records 10000 --ads ads.csv --expected expected.csv", func(t *testing.T, _ string) {
		compareCounts(t, "campaign_id,w,n", func(r ysbRow) string { return fmt.Sprintf("%s,%d,%d", r.Campaign, r.Start/1000, r.Views) })
	}},
}

type flightsRow struct {
	Origin  string `parquet:"origin,optional"`
	Hour    int64  `parquet:"hour,optional"` // µs
	Flights int64  `parquet:"flights,optional"`
}

type ysbRow struct {
	Campaign string `parquet:"campaign_id,optional"`
	Start    int64  `parquet:"window_start,optional"` // µs
	Views    int64  `parquet:"views,optional"`
}

type landRow struct {
	flight
	Partition int32 `parquet:"kafka_partition,optional"`
	Offset    int64 `parquet:"kafka_offset,optional"`
}

// Every job under examples/ is validated and run over events of its generator.
func TestExamples(t *testing.T) {
	root, err := filepath.Abs("../..")
	check(t, err)
	jobs := glob(t, filepath.Join(root, "examples", "*", "job.yaml"))
	if len(jobs) != len(examples) {
		t.Errorf("%d jobs, %d tests of jobs", len(jobs), len(examples))
	}
	for _, job := range jobs {
		name := filepath.Base(filepath.Dir(job))
		t.Run(name, func(t *testing.T) {
			e, ok := examples[name]
			if !ok {
				t.Fatal("nothing tests this example")
			}
			runExample(t, job, strings.ReplaceAll(e.gen, "ROOT", root))
			e.compare(t, root)
		})
	}
}

func runExample(t *testing.T, job, gen string) {
	t.Helper()
	s := newScript(t)
	for name, value := range map[string]string{
		"KAFKA": s.broker.ListenAddrs()[0], "TOPIC": "events", "ADS": filepath.Join(s.dir, "ads.csv"),
		"OUT": filepath.Join(s.dir, "lake"), "CHECKPOINT": filepath.Join(s.dir, "checkpoint"),
	} {
		t.Setenv(name, value)
	}
	for _, line := range []string{gen + " --topic events", "validate " + job, "run " + job + " --available-now --flush-windows --set limits.rows=2000"} {
		if out := s.run(line); !strings.HasSuffix(out, "exit 0\n") || strings.Contains(out, "stderr") {
			t.Fatalf("millrace %s\n%s", line, out)
		}
	}
}

// compareCounts compares the rows of the lake, as lines, with the generator's own counts.
func compareCounts[T any](t *testing.T, header string, line func(T) string) {
	t.Helper()
	text, err := os.ReadFile("expected.csv")
	check(t, err)
	want := strings.Split(strings.TrimSuffix(string(text), "\n"), "\n")
	got := []string{header}
	for _, r := range rowsOf[T](t, "lake/*/*.parquet") {
		got = append(got, line(r))
	}
	slices.Sort(got[1:])
	slices.Sort(want[1:])
	if len(want) < 10 || !slices.Equal(got, want) {
		t.Errorf("%d counts, want %d:\n%s\nwant\n%s", len(got)-1, len(want)-1, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// compareLanded expects each flight once, at the place in Kafka where the generator put it.
func compareLanded(t *testing.T, root string) {
	t.Helper()
	const flights, partitions = 5000, 2
	file, err := os.Open(filepath.Join(root, "examples", "flights", "flights.parquet"))
	check(t, err)
	defer file.Close()
	got := map[landRow]int{}
	rows := rowsOf[landRow](t, "lake/*/*.parquet")
	for _, r := range rows {
		got[r]++
	}
	check(t, eachFlight(file, flights, func(i int, f flight) {
		if want := (landRow{f, int32(i % partitions), int64(i / partitions)}); got[want] != 1 {
			t.Errorf("%d times %+v", got[want], want)
		}
	}))
	if len(rows) != flights {
		t.Errorf("%d rows, want %d", len(rows), flights)
	}
}
