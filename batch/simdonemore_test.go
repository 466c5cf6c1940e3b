package batch

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// markers are the names of all markers in the output.
func (w *world) markers() (out []string) {
	var walk func(dir string)
	walk = func(dir string) {
		entries, err := w.disk.ReadDir(dir)
		if err != nil {
			return
		}
		for _, e := range entries {
			switch name := path.Join(dir, e.Name()); {
			case e.IsDir():
				walk(name)
			case e.Name() == "_SUCCESS" || strings.HasPrefix(e.Name(), "_LATE-"):
				name = strings.TrimPrefix(name, simOutput+"/minute=2026-11-22 ")
				out = append(out, strings.ReplaceAll(name, "%3A", ":"))
			}
		}
	}
	walk(simOutput)
	slices.Sort(out)
	return out
}

func (w *world) wantMarkers(what string, want ...string) {
	w.t.Helper()
	if got := w.markers(); !slices.Equal(got, want) {
		w.t.Errorf("%s: markers %q, want %q", what, got, want)
	}
}

// tumblingDone is the query of tumbling windows.
var tumblingDone = doneQueries[1]

// TestDecideDone: what becomes of directories, case by case.
func TestDecideDone(t *testing.T) {
	dir := func(name string, end, rows int64) output.TimePartition {
		return output.TimePartition{Dir: name, End: end, Rows: rows, Files: 1, First: 7, Last: 7}
	}
	old := output.TimePartition{Dir: "a", End: 100, Rows: 5, Files: 2, First: 3, Last: 6}
	for _, test := range []struct {
		name     string
		touched  []output.TimePartition
		marked   []string
		frontier int64
		want     string
	}{
		{"nothing comes, and nothing is over", nil, nil, 99, ""},
		{"nothing comes, and it is over to the tick", nil, nil, 100, "complete a 5/2 of 3-6"},
		{"more comes", []output.TimePartition{dir("a", 100, 4)}, nil, 99, "open a 9/3 of 3-7"},
		{"more comes with which it is over", []output.TimePartition{dir("a", 100, 4)}, nil, 100, "complete a 9/3 of 3-7"},
		{"another comes", []output.TimePartition{dir("b", 200, 4)}, nil, 100, "open b 4/1 of 7-7, complete a 5/2 of 3-6"},
		{"one comes that is over already", []output.TimePartition{dir("0", 50, 4)}, nil, 60, "complete 0 4/1 of 7-7"},
		{"one comes that was completed", []output.TimePartition{dir("0", 50, 4)}, []string{"0"}, 60, "late 0 4/1 of 7-7"},
		{"a time that is not known is over with the input", []output.TimePartition{dir("n", output.NeverEnds, 4)}, nil, windows.MaxWatermark, "complete a 5/2 of 3-6, complete n 4/1 of 7-7"},
		{"and not before", []output.TimePartition{dir("n", output.NeverEnds, 4)}, nil, windows.MaxWatermark - 1, "open n 4/1 of 7-7, complete a 5/2 of 3-6"},
	} {
		before := partitions{"a": old}
		d := decideDone(before, test.touched, test.marked, test.frontier, math.MaxInt)
		var got []string
		for _, list := range []struct {
			name string
			of   []output.TimePartition
		}{{"open", d.Open}, {"complete", d.Complete}, {"late", d.Late}} {
			for _, p := range list.of {
				got = append(got, fmt.Sprintf("%s %s %d/%d of %d-%d", list.name, p.Dir, p.Rows, p.Files, p.First, p.Last))
			}
		}
		if text := strings.Join(got, ", "); text != test.want {
			t.Errorf("%s: %s, want %s", test.name, text, test.want)
		}
		if len(before) != 1 || before["a"] != old {
			t.Errorf("%s: it has changed what it was given", test.name)
		}
	}
}

// TestDecideDoneInParts: of more directories than a batch completes those that end first are completed first, and the others are
// kept with the rows that they got.
func TestDecideDoneInParts(t *testing.T) {
	dir := func(name string, end int64) output.TimePartition {
		return output.TimePartition{Dir: name, End: end, Rows: 1, Files: 1, First: 7, Last: 7}
	}
	open := partitions{"a": dir("a", 300), "b": dir("b", 100), "c": dir("c", 200), "z": dir("z", 900)}
	touched := []output.TimePartition{dir("d", 150), dir("e", 400)}
	var got []string
	for range 4 {
		d := decideDone(open, touched, nil, 400, 2)
		for _, p := range d.Complete {
			got = append(got, p.Dir)
		}
		got = append(got, fmt.Sprint(len(d.Open)))
		open.note(d)
		touched = nil
	}
	if want := []string{"b", "d", "1", "a", "c", "0", "e", "0", "0"}; !slices.Equal(got, want) || len(open) != 1 {
		t.Errorf("completed %q, %d are open; want %q and 1", got, len(open), want)
	}
}

// TestDoneOfSilence: where idleness moves the watermark behind the end of a directory, a batch without records completes it; a
// thousand triggers more write nothing.
func TestDoneOfSilence(t *testing.T) {
	q := doneQueries[0] // raw rows: no window has to close
	w := timeWorld(t)
	w.at(0, 10, 62)
	w.at(1, 30)
	done := func() *Job { return w.doneJob(q, continuous) }
	w.mustRun(done(), ticks(w, 25, nil))
	w.wantMarkers("before the other partition is idle")
	n := w.records()
	w.mustRun(done(), ticks(w, 40, nil))
	w.wantMarkers("when it is", "12:00:00/_SUCCESS")
	if got := w.records(); got != n+3 { // Opened, Planned, Committed
		t.Errorf("%d records more", got-n)
	}
	if last := w.reports[len(w.reports)-1]; !slices.Equal(last.Sinks[0].Completed, []string{"minute=2026-11-22 12%3A00%3A00"}) || last.NumInputRows != 0 {
		t.Errorf("the last report says %v", last.Sinks[0].Completed)
	}
	w.mustRun(done(), ticks(w, 1000, nil))
	if got := w.records(); got != n+3 {
		t.Errorf("silence wrote %d records", got-n-3)
	}
}

// TestDoneLater: a sink that has written before it is told to leave markers knows what lies in its directories by the
// manifests; one that stops for a while, too.
func TestDoneLater(t *testing.T) {
	w := timeWorld(t)
	unmarked := func() *Job {
		return w.job(tumblingDone.simQuery, func(j *Job) {
			k := &j.Plan.Sinks[0]
			j.Sinks[0].Open = func(ctx context.Context, o output.Opening) (output.Sink, error) {
				return output.OpenParquet(ctx, output.ParquetConfig{Sink: k.Name, Store: &store.Local{Root: simOutput, FS: w.fs}, Root: simOutput, Layout: layoutOf(k), Owner: o.Owner, Written: o.Written})
			}
		})
	}
	for _, second := range []int64{30, 50, 70} {
		w.at(0, second)
		w.at(1, second)
		w.mustRun(unmarked())
	}
	w.wantMarkers("as long as nobody wants them")
	w.at(0, 125)
	w.at(1, 125)
	w.mustRun(w.doneJob(tumblingDone))
	w.wantMarkers("then", "12:00:00/_SUCCESS", "12:01:00/_SUCCESS")
	var m struct{ Rows, Files int64 }
	data, err := w.disk.ReadFile(simOutput + "/minute=2026-11-22 12%3A00%3A00/_SUCCESS")
	if err != nil || json.Unmarshal(data, &m) != nil || m.Rows != 2 || m.Files != 2 {
		t.Errorf("%s, %v", data, err)
	}
	w.at(0, 190)
	w.at(1, 190)
	w.mustRun(unmarked())
	if h := w.history(); len(h.Partitions) > 0 {
		t.Errorf("the log still knows of %v", h.Partitions)
	}
	w.at(0, 250)
	w.at(1, 250)
	w.mustRun(w.doneJob(tumblingDone))
	w.wantMarkers("and after a pause", "12:00:00/_SUCCESS", "12:01:00/_SUCCESS", "12:02:00/_SUCCESS", "12:03:00/_SUCCESS")
}

// TestDoneOfSomebodyElse: a _SUCCESS that the job did not write stops it, before anything is visible, and it goes on when that is
// gone. So does one of the last commit that says other things than the log.
func TestDoneOfSomebodyElse(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 30, 70)
	w.at(1, 30, 70)
	w.mustRun(w.doneJob(tumblingDone))
	w.wantMarkers("of the job", "12:00:00/_SUCCESS")
	foreign := simOutput + "/minute=2026-11-22 12%3A01%3A00"
	check := func(err error) {
		if err != nil {
			t.Fatal(err)
		}
	}
	check(w.disk.Mkdir(foreign))
	f, err := w.disk.Create(foreign + "/_SUCCESS")
	check(err)
	check(f.Close())
	w.at(0, 130)
	w.at(1, 130)
	n := len(w.files())
	wantError[*output.ConflictError](t, w.run(w.doneJob(tumblingDone)), "_SUCCESS", "did not write it")
	if len(w.files()) != n {
		t.Errorf("%d files became visible", len(w.files())-n)
	}
	check(w.disk.Remove(foreign + "/_SUCCESS"))
	w.mustRun(w.doneJob(tumblingDone))
	w.wantMarkers("when it is gone", "12:00:00/_SUCCESS", "12:01:00/_SUCCESS")
	data, err := w.disk.ReadFile(foreign + "/_SUCCESS")
	check(err)
	check(w.disk.Remove(foreign + "/_SUCCESS"))
	f, err = w.disk.Create(foreign + "/_SUCCESS")
	check(err)
	_, err = f.Write([]byte(strings.Replace(string(data), `"rows":1`, `"rows":2`, 1)))
	check(err)
	check(f.Close())
	wantError[*output.ConflictError](t, w.run(w.doneJob(tumblingDone)), "says other things")
}

// TestDoneSessionThatGrowsBack: a late row that joins a live session moves its start into a minute that is complete. The
// session's row is marked as late there, and the marker stays as it was.
func TestDoneSessionThatGrowsBack(t *testing.T) {
	q := doneQueries[slices.IndexFunc(doneQueries, func(q doneQuery) bool { return q.name == "done sessions" })]
	w := timeWorld(t)
	w.at(0, 10, 63)
	w.at(1, 10, 63)
	w.mustRun(w.doneJob(q))
	w.wantMarkers("the watermark is second 61", "12:00:00/_SUCCESS")
	before, err := w.disk.ReadFile(simOutput + "/minute=2026-11-22 12%3A00%3A00/_SUCCESS")
	if err != nil {
		t.Fatal(err)
	}
	w.at(0, 60) // three seconds before the live session, which it joins, and then one more
	w.at(0, 58)
	w.at(0, 80)
	w.at(1, 80)
	w.mustRun(w.doneJob(q))
	w.wantMarkers("the session began at second 58", "12:00:00/_LATE-000000000002", "12:00:00/_SUCCESS")
	after, err := w.disk.ReadFile(simOutput + "/minute=2026-11-22 12%3A00%3A00/_SUCCESS")
	if err != nil || string(after) != string(before) {
		t.Errorf("the marker is %s, was %s", after, before)
	}
}

// TestDoneOfTwoStreams waits for the slower one, and for windows that an idle one still has open.
func TestDoneOfTwoStreams(t *testing.T) {
	q := doneQuery{simQuery: simQuery{name: "done two", more: true, partitions: []dstream.Expr{minuteOf("begin")}, stream: func(g *dstream.Graph) *dstream.Stream {
		begins := func(source string) *dstream.Stream {
			return g.From(source).Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("ad"), col("window_start")).Agg(dstream.Count().As("n")).
				Select(col("ad"), col("window_start").As("begin"), col("n"))
		}
		return begins("events").Union(begins("more"))
	}}}
	w := sourcesWorld(t)
	job := func() *Job { return w.doneJob(q) }
	w.at(0, 10, 80)
	w.at(1, 80)
	w.moreAt(20, 55)
	w.mustRun(job())
	w.wantMarkers("the other stream is at second 53")
	w.clock.now = w.clock.now.Add(40 * time.Second) // both are idle: each goes on to the greatest of its own
	w.at(0, 81)
	w.mustRun(job())
	w.wantMarkers("the other stream is idle, but its window [50, 60) is open")
	w.moreAt(70)
	w.mustRun(job())
	w.wantMarkers("it came to second 68", "12:00:00/_SUCCESS")
}

// TestDoneOfChainedWindows waits for what is still in a window in front of the last one, though that one holds nothing and
// the stream is idle.
func TestDoneOfChainedWindows(t *testing.T) {
	q := doneQuery{simQuery: simQuery{name: "done chained", more: true, partitions: []dstream.Expr{minuteOf("begin")}, stream: func(g *dstream.Graph) *dstream.Stream {
		begins := func(source string) *dstream.Stream {
			return g.From(source).Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("ad"), col("window_start"), col("window_time")).Agg(dstream.Count().As("n")).
				Select(col("ad"), col("window_time").As("last"), col("n")).
				Window(dstream.Tumbling("last", 20*time.Second, 0)).GroupBy(col("ad"), col("window_start")).Agg(dstream.Sum(col("n")).As("n")).
				Select(col("ad"), col("window_start").As("begin"), col("n"))
		}
		return begins("events").Union(begins("more"))
	}}}
	w := sourcesWorld(t)
	job := func() *Job { return w.doneJob(q) }
	w.at(0, 10, 90)
	w.at(1, 90)
	w.moreAt(20, 55)
	w.mustRun(job())
	w.wantMarkers("the other stream is at second 53")
	w.clock.now = w.clock.now.Add(40 * time.Second) // both are idle: each goes on to the greatest of its own
	w.at(0, 91)
	w.mustRun(job())
	w.wantMarkers("the other stream is idle, and its last window empty, but [50, 60) is open in front of it")
	w.moreAt(90)
	w.mustRun(job())
	w.wantMarkers("it came to second 88", "12:00:00/_SUCCESS")
}

// TestTooManyDoneMarkers: what a commit says of directories fits into the log, or the batch stops before anything of it is
// visible, and the error names the sink and what to do. Those that a snapshot would list count too.
func TestTooManyDoneMarkers(t *testing.T) {
	many := func(n int) partitions {
		out := partitions{}
		for i := range n {
			dir := fmt.Sprintf("hour=2026-11-22 00%%3A00%%3A00/id=%d", i)
			out[dir] = output.TimePartition{Dir: dir, End: 1_700_000_000_000_000, Rows: 1, Files: 1, First: 1, Last: 1}
		}
		return out
	}
	d := &driver{history: &History{Partitions: map[string]partitions{"lake": many(100_000)}}}
	o := &outcome{commit: &Committed{Done: map[string]DoneBatch{"lake": {}}}}
	if err := d.checkDone(o); err != nil {
		t.Errorf("100,000 directories: %v", err)
	}
	data, err := json.Marshal(&Base{Partitions: listPartitions(d.history.Partitions)})
	if err != nil || len(data) > d.history.Partitions["lake"].bytes() {
		t.Errorf("they take %d bytes, which were counted as %d: %v", len(data), d.history.Partitions["lake"].bytes(), err)
	}
	d.history.Partitions["lake"] = many(300_000)
	wantError[*BadDataError](t, d.checkDone(o), "sink lake has 300000 directories that wait for their done markers", "partition by something coarser, or leave out done_marker")
}
