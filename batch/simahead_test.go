package batch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/offsets"
)

// order is the log as plans and ends: P1 P2 C1 X2 for a commit and a cancellation.
func (w *world) order() string {
	var out []string
	for _, e := range w.entries() {
		switch r := e.Record.(type) {
		case *Planned:
			out = append(out, fmt.Sprintf("P%d", r.Batch))
		case *Committed:
			out = append(out, fmt.Sprintf("C%d", r.Batch))
		case *Cancelled:
			out = append(out, fmt.Sprintf("X%d", r.Batch))
		}
	}
	return strings.Join(out, " ")
}

// TestOneBatchAhead plans every batch before the one in front of it is committed, and none of what is on disk in the end
// differs from a run that does one after the other, but for the order of the log.
func TestOneBatchAhead(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(200)
	w.mustRun(w.job(windowed, flushing, rowsMax(60)))
	if got, want := w.order(), "P1 P2 C1 P3 C2 P4 C3 C4 P5 C5"; got != want {
		t.Errorf("the log says %s, want %s", got, want)
	}
	one := newWorld(t, simSeed(t))
	one.generate(200)
	one.mustRun(one.job(windowed, flushing, rowsMax(60)), alone)
	if got, want := one.order(), "P1 C1 P2 C2 P3 C3 P4 C4 P5 C5"; got != want {
		t.Errorf("without a batch ahead the log says %s, want %s", got, want)
	}
	for n := int64(1); n <= 5; n++ {
		if a, b := fmt.Sprintf("%+v", *w.planned(n)), fmt.Sprintf("%+v", *one.planned(n)); a != b {
			t.Errorf("plan %d is %s\none at a time %s", n, a, b)
		}
	}
	w.wantRows("against one at a time", one.rows(), exactRows)
}

// TestCrashesWithTwoOpen ends the process, and cuts the power, at every change of the disk of a run that is always a batch
// ahead. Whatever is visible was planned before and belongs to the oldest open batch or to a committed one, the journal keeps
// its rules, and the next run ends with the rows, and with the files, of one to which nothing happened.
func TestCrashesWithTwoOpen(t *testing.T) {
	t.Parallel()
	step := 3
	switch {
	case os.Getenv("MILLRACE_LONG") != "":
		step = 1
	case testing.Short():
		step = 20
	}
	seed := simSeed(t)
	for _, q := range []simQuery{windowed, stateless, aside} {
		twin := newWorld(t, seed)
		twin.fill(q, 200)
		want := twin.expectedOf(q, func() *world { return twin })
		twice, partly := 0, 0
		for at := 1; ; at += step {
			w := newWorld(t, seed)
			w.fill(q, 200)
			job := func() *Job { return w.job(q, flushing, rowsMax(60)) }
			w.disk.StopAfter(at)
			err := w.run(job())
			if err == nil {
				break
			}
			if !errors.Is(err, storetest.ErrPower) {
				t.Fatalf("%s, operation %d: %v", q.name, at, err)
			}
			if at%2 == 0 {
				w.disk.Restart()
			} else {
				w.disk = w.disk.Crash(uint64(at))
				w.fs = w.disk
			}
			if in, err := w.inspect(); err == nil && len(in.History.Open) == 2 {
				twice++
				if w.wantNothingOf(in.History.Open[1].Batch) {
					partly++
				}
			}
			if err := w.run(job()); err != nil {
				t.Fatalf("%s, behind operation %d: %v", q.name, at, err)
			}
			what := fmt.Sprintf("%s, operation %d", q.name, at)
			w.wantRows(what, want, equalRows)
			w.wantHistory(what)
			w.wantNoDrafts(what, "/")
			if strings.Contains(w.order(), "X") {
				t.Fatalf("%s: %s: a batch was cancelled", what, w.order())
			}
		}
		t.Logf("%s: %d crashes with two plans open, %d of them with rows of the first visible", q.name, twice, partly)
		if step <= 3 && (twice < 10 || partly == 0) {
			t.Errorf("%s: two plans were open at %d crashes, and rows of the first visible at %d", q.name, twice, partly)
		}
	}
}

// wantNoDrafts checks that no file is left below dir that never came into being, but for the few bytes of a marker, a lock file or a manifest.
func (w *world) wantNoDrafts(what, dir string) {
	w.t.Helper()
	entries, err := w.disk.ReadDir(dir)
	if err != nil {
		w.t.Fatal(err)
	}
	for _, entry := range entries {
		name := path.Join(dir, entry.Name())
		small := dir == simCheckpoint || dir == simCheckpoint+"/epochs" || strings.Contains(name, "/_millrace/")
		switch {
		case strings.HasPrefix(entry.Name(), ".tmp-") && !small:
			w.t.Errorf("%s: %s is left behind", what, name)
		case entry.IsDir():
			w.wantNoDrafts(what, name)
		}
	}
}

// wantNothingOf checks that nothing of a batch is visible, and says whether something is of the one before.
func (w *world) wantNothingOf(batch int64) (before bool) {
	w.t.Helper()
	for name := range w.files() {
		if strings.Contains(name, fmt.Sprintf("sim-b%012d-", batch)) {
			w.t.Fatalf("%s is visible, and batch %d is not committed", name, batch-1)
		}
		before = before || strings.Contains(name, fmt.Sprintf("sim-b%012d-", batch-1))
	}
	return before
}

// TestPublishOverlapsReading has a sink that makes batch 1 visible only when all records of batch 2 are read, and one that
// commits nothing of batch 2 before batch 1 is.
func TestPublishOverlapsReading(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(120)
	var reads, publishes atomic.Int64
	seen := make(chan struct{})
	h := &hooks{read: func() error {
		if reads.Add(1) == 6 { // three partitions, twice
			close(seen)
		}
		return nil
	}, publish: func() error {
		if publishes.Add(1) > 1 {
			return nil
		}
		select {
		case <-seen:
			return nil
		case <-time.After(time.Minute):
			return errors.New("batch 2 is not read while batch 1 is published")
		}
	}}
	w.mustRun(w.job(windowed, flushing, rowsMax(60), onePiece, hooked(h)), cores(2), beside)
	w.wantRows("overlapping", w.expected(windowed), equalRows)
}

// TestAheadFailsInTurn: what is wrong with the batch ahead shows when the one before is committed, and not at all when that
// fails itself.
func TestAheadFailsInTurn(t *testing.T) {
	for _, how := range []func(*Options){cores(1), func(o *Options) { beside(o); o.Cores = 3 }, throughBytes} {
		w := newWorld(t, simSeed(t))
		w.generate(180)
		var n atomic.Int64
		cut := &hooks{read: func() error {
			if n.Add(1) > 3 {
				return errNetwork
			}
			return nil
		}}
		if err := w.run(w.job(windowed, rowsMax(60), onePiece, hooked(cut)), how); !errors.Is(err, errNetwork) || w.order() != "P1 P2 C1" {
			t.Errorf("a network that fails behind batch 1: %v, %s", err, w.order())
		}
		w.mustRun(w.job(windowed, flushing, rowsMax(60)), how)
		w.wantRows("when the network is well", w.expected(windowed), equalRows)

		w = newWorld(t, simSeed(t))
		w.generate(180)
		other := errors.New("the disk is full")
		n.Store(0)
		cut.publish = func() error { return other }
		if err := w.run(w.job(windowed, rowsMax(60), onePiece, hooked(cut)), how); !errors.Is(err, other) || w.order() != "P1 P2" {
			t.Errorf("a sink that fails: %v, %s", err, w.order())
		}
		w.mustRun(w.job(windowed, flushing, rowsMax(60)), how)
		w.wantRows("when the disk has room", w.expected(windowed), equalRows)
		if got := w.order(); got != "P1 P2 C1 C2 P3 C3 P4 C4" {
			t.Errorf("the log says %s", got)
		}
	}
}

// TestDataStopsTwoBatches: data that stops a batch cancels the one ahead of it first, in the run that meets it and in one that
// finds both open; data of the batch ahead stops it when the one before is committed. The next run plans the same offsets.
func TestDataStopsTwoBatches(t *testing.T) {
	bad := func(batch int) *world {
		w := newWorld(t, simUsual)
		w.generate(60 * (batch - 1))
		w.append(manyKinds(40)...)
		w.generate(60)
		return w
	}
	w := bad(1)
	wantError[*BadDataError](t, w.run(w.job(stateless, rowsMax(60))), "kind")
	if got := w.order(); got != "P1 P2 X2 X1" || len(w.files()) > 0 {
		t.Errorf("a batch that makes too many directories: %s, files %d", got, len(w.files()))
	}
	wantError[*BadDataError](t, w.run(w.job(stateless, rowsMax(60))), "kind")
	if a, b := w.planned(1).Ranges, w.planned(3).Ranges; !slices.Equal(a, b) {
		t.Errorf("planned anew: %v, before %v", b, a)
	}

	w = bad(1) // found open: the process ends before it can cancel
	for at := 1; ; at++ {
		w.disk.StopAfter(at)
		err := w.run(w.job(stateless, rowsMax(60)))
		w.disk.Restart()
		if open := w.openAfter(err); open == 2 {
			break
		}
		w = bad(1)
	}
	wantError[*BadDataError](t, w.run(w.job(stateless, rowsMax(60))), "kind")
	if got := w.order(); got != "P1 P2 X2 X1" {
		t.Errorf("two open plans of which the first is bad: %s", got)
	}

	w = bad(2)
	wantError[*BadDataError](t, w.run(w.job(stateless, rowsMax(60))), "kind")
	if got := w.order(); got != "P1 P2 C1 P3 X3 X2" {
		t.Errorf("a bad batch behind a good one: %s", got)
	}
}

// openAfter is how many plans a run left open that was cut off.
func (w *world) openAfter(err error) int {
	w.t.Helper()
	if !errors.Is(err, storetest.ErrPower) {
		w.t.Fatalf("the run was not cut off: %v", err)
	}
	in, err := w.inspect()
	if err != nil {
		return 0
	}
	return len(in.History.Open)
}

// TestLossOfTwoOpenBatches gives up both open plans when records of the first are gone, and that of the second alone when only
// its are.
func TestLossOfTwoOpenBatches(t *testing.T) {
	for _, test := range []struct {
		name  string
		upTo  func(first, second offsets.Range) int64
		order string
	}{
		{"of the first", func(first, _ offsets.Range) int64 { return first.From + 3 }, "P1 P2 X2 X1 P3 C3"},
		{"of the second", func(_, second offsets.Range) int64 { return second.From + 3 }, "P1 P2 X2 X1 P3 C3"},
		{"of the second only", nil, "P1 P2 C1 X2 P3 C3"},
	} {
		w := newWorld(t, simSeed(t))
		w.generate(120)
		if err := w.run(w.job(stateless, rowsMax(60), hooked(&hooks{publish: failAt(1)}))); !errors.Is(err, errNetwork) {
			t.Fatal(err)
		}
		open := w.history().Open
		if len(open) != 2 {
			t.Fatalf("%d plans open", len(open))
		}
		first, second := open[0].Ranges[1], open[1].Ranges[1]
		lose := func(at int64) {
			w.source.DeleteBefore(simTopic, 1, at)
			w.lose(func(e simEvent) bool { return e.partition == 1 && e.at < at })
		}
		job := w.job(stateless, accepting("events"))
		if test.upTo != nil {
			lose(test.upTo(first, second))
			refused := w.run(w.job(stateless))
			var gone *offsets.RangeGoneError
			if !errors.As(refused, &gone) || len(w.history().Open) != 2 {
				t.Errorf("%s: a run that does not accept the loss: %v, %d plans open", test.name, refused, len(w.history().Open))
			}
			w.mustRun(job)
		} else { // it goes while the first is published
			job = w.job(stateless, accepting("events"), hooked(&hooks{publish: func() error {
				if at := second.From + 3; w.source != nil && !slices.Contains(w.warned, "lost") {
					w.warned = append(w.warned, "lost")
					w.source.DeleteBefore(simTopic, 1, at)
					w.lose(func(e simEvent) bool { return e.partition == 1 && e.at >= second.From && e.at < at })
				}
				return nil
			}}))
			w.mustRun(job)
		}
		if got := w.order(); got != test.order {
			t.Errorf("%s: %s, want %s", test.name, got, test.order)
		}
		w.wantRows(test.name, w.expected(stateless), equalRows)
	}
}

// TestStopWithABatchAhead cancels what is planned ahead; the next run plans it anew, with the records that were to be skipped.
func TestStopWithABatchAhead(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(180)
	skip := SkipRecord{simTopic, 1, 25} // in the second batch
	err := w.run(w.job(windowed, rowsMax(60), func(j *Job) { j.Skip = []SkipRecord{skip} }), stopAhead(1))
	if err != nil || w.order() != "P1 P2 C1 X2" {
		t.Fatalf("%v, %s", err, w.order())
	}
	if last := w.warned[len(w.warned)-1]; !strings.Contains(last, "skip events/1/25: the run ended before that record was planned") {
		t.Errorf("warned %q", w.warned)
	}
	if len(w.planned(2).Skip) != 1 {
		t.Errorf("batch 2 was planned with %v", w.planned(2).Skip)
	}
	w.mustRun(w.job(windowed, flushing, rowsMax(60)))
	w.wantRows("in the end", w.expected(windowed), equalRows)
	if a, b := w.planned(2).Ranges, w.planned(3).Ranges; !slices.Equal(a, b) {
		t.Errorf("planned anew: %v, before %v", b, a)
	}
}

// TestAheadKeepsToTheTrigger plans ahead only when the next trigger has come while a batch was at work.
func TestAheadKeepsToTheTrigger(t *testing.T) {
	for _, test := range []struct {
		takes time.Duration // to read each of three partitions
		order string
	}{
		{100 * time.Millisecond, "P1 C1 P2 C2 P3 C3"},
		{400 * time.Millisecond, "P1 P2 C1 C2 P3 C3"}, // batch 2 is read by the time its trigger comes
	} {
		w := newWorld(t, simUsual)
		w.generate(180)
		slow := &hooks{read: func() error {
			w.clock.now = w.clock.now.Add(test.takes)
			return nil
		}}
		w.mustRun(w.job(stateless, continuous, rowsMax(60), hooked(slow)), ticks(w, 5, nil))
		if got := w.order(); got != test.order {
			t.Errorf("reading takes 3 × %v: %s, want %s", test.takes, got, test.order)
		}
		w.wantRows("in the end", w.expected(stateless), equalRows)
	}
}

// TestNoBatchAhead lists the jobs whose plans wait for the commit before: what they read depends on how long that took, or on
// the time.
func TestNoBatchAhead(t *testing.T) {
	for name, job := range map[string]func(*Job){
		"a rate": func(j *Job) { j.Limits.Rate = 1_000_000 },
	} {
		w := newWorld(t, simSeed(t))
		w.generate(180)
		w.mustRun(w.job(stateless, rowsMax(60), job))
		if got := w.order(); got != "P1 C1 P2 C2 P3 C3" {
			t.Errorf("%s: %s", name, got)
		}
	}
	w := newWorld(t, simSeed(t)) // a table that is edited while a batch is at work
	w.generate(180)
	edit := &hooks{read: func() error { w.ads = "ad,campaign\na0,c7\n"; return nil }}
	w.mustRun(w.job(windowed, flushing, rowsMax(60), hooked(edit)))
	if got := w.order(); got != "P1 C1 P2 P3 C2 C3 P4 C4" {
		t.Errorf("an edited table: %s", got)
	}
	w = newWorld(t, simSeed(t)) // snapshots, behind which no plan may be open
	w.generate(300)
	w.mustRun(w.job(windowed, rowsMax(60)), func(o *Options) { o.snapshotEvery = 2 })
	if got := w.order(); got != "P1 P2 C1 C2 P3 P4 C3 C4 P5 C5" {
		t.Errorf("snapshots at every other commit: %s", got)
	}
	w = newWorld(t, simSeed(t)) // brokers that do not answer in time are asked again some batches later
	w.generate(180)
	surveys := 0
	slow := &hooks{partitions: func() error {
		if surveys++; surveys == 3 {
			return context.DeadlineExceeded
		}
		return nil
	}}
	w.mustRun(w.job(stateless, rowsMax(60), hooked(slow)))
	if got := w.order(); got != "P1 C1 P2 C2 P3 C3" {
		t.Errorf("a survey that takes too long: %s", got)
	}
}

// TestJournalOfTwoOpen: the journal's rules about plans that are open at a time.
func TestJournalOfTwoOpen(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(180)
	w.mustRun(w.job(windowed, rowsMax(60)))
	p1, p2, p3 := w.planned(1), w.planned(2), w.planned(3)
	gap := *p3
	gap.Batch = 2
	for _, test := range []struct {
		records []Record
		says    string
	}{
		{[]Record{p1, p2}, ""},
		{[]Record{p1, p2, &Cancelled{Batch: 2}, &Cancelled{Batch: 1}}, ""},
		{[]Record{p1, p2, &Cancelled{Batch: 1}}, "batch 1 is cancelled before batch 2, which was planned behind it"},
		{[]Record{p1, p2, p3}, "batch 3 is planned while batch 1 is open"},
		{[]Record{p1, &gap}, "batch 2 does not begin where batch 1, which is open, ends in events/0"},
	} {
		var entries []Entry
		for _, r := range test.records {
			entries = append(entries, Entry{Record: r})
		}
		if _, err := Fold(entries); (err == nil) != (test.says == "") || err != nil && !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: want %q", err, test.says)
		}
	}
}
