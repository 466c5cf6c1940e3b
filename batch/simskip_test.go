package batch

import (
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/store/storetest"
)

func skipping(texts ...string) func(*Job) {
	return func(j *Job) {
		for _, text := range texts {
			s, err := ParseSkip(text)
			if err != nil {
				panic(err)
			}
			j.Skip = append(j.Skip, s)
		}
	}
}

// TestSkipAfterABadRecord goes on behind a bad record that is left out by name, and names it in the log; the bad one behind
// it stops the job again.
func TestSkipAfterABadRecord(t *testing.T) {
	w := newWorld(t, simSeed(t))
	at := w.badEvents()
	first := fmt.Sprintf("events/1/%d", at)
	wantError[*BadDataError](t, w.run(w.job(windowed, flushing)), "--skip "+first)
	err := wantError[*BadDataError](t, w.run(w.job(windowed, flushing, skipping(first))), "--skip events/1/")
	var second, third int64
	if _, scanErr := fmt.Sscanf(err.Error(), "bad record at events/1 offset %d", &second); scanErr != nil {
		t.Fatal(scanErr)
	}
	job := func() *Job { return w.job(windowed, flushing, skipping(first, fmt.Sprintf("events/1/%d", second))) }
	err = wantError[*BadDataError](t, w.run(job()), "--skip events/2/")
	if _, scanErr := fmt.Sscanf(err.Error(), "bad record at events/2 offset %d", &third); scanErr != nil {
		t.Fatal(scanErr)
	}
	all := []string{first, fmt.Sprintf("events/1/%d", second), fmt.Sprintf("events/2/%d", third)}
	w.mustRun(w.job(windowed, flushing, skipping(all...), skipping(first))) // one of them named twice
	w.wantRows("with all left out", w.expected(windowed), equalRows)
	if p := w.reports[0]; p.NumRowsSkipped != 3 || p.NumRowsBad != 0 || p.NumInputRows != int64(len(w.events))+3 {
		t.Errorf("%d skipped, %d bad of %d records; want 3, 0 of %d", p.NumRowsSkipped, p.NumRowsBad, p.NumInputRows, len(w.events)+3)
	}
	if got := w.planned(4).Skip; fmt.Sprint(got) != fmt.Sprint(all) {
		t.Errorf("batch 4 is planned without %v, want without %v", got, all)
	}
	if len(w.warned) > 0 {
		t.Errorf("warned of %q", w.warned)
	}
}

// planned is the plan of a batch.
func (w *world) planned(batch int64) *Planned {
	w.t.Helper()
	in, err := w.inspect()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range in.Entries {
		if p, ok := e.Record.(*Planned); ok && p.Batch == batch {
			return p
		}
	}
	w.t.Fatalf("batch %d is not planned", batch)
	return nil
}

// TestSkipOfAnOpenBatch runs the open batch again without the records that its plan leaves out, whatever the next run says.
func TestSkipOfAnOpenBatch(t *testing.T) {
	seed := simSeed(t)
	for _, again := range [][]func(*Job){nil, {skipping("events/2/5")}} {
		w := newWorld(t, seed)
		w.generate(200)
		want := w.without(windowed, map[int32]int64{1: 7})
		w.leaveOpen(1, windowed, skipping("events/1/7"))
		err := w.run(w.job(windowed, append(again, flushing)...))
		if again != nil { // by then the open batch is committed with the record that this run wants left out
			wantError[*SkipError](t, err, "events/2/5", "committed already")
			w.mustRun(w.job(windowed, flushing))
		} else if err != nil {
			t.Fatal(err)
		}
		if !w.reports[0].Rerun || w.reports[0].NumRowsSkipped != 1 {
			t.Errorf("rerun %v, %d skipped; want the recorded skip", w.reports[0].Rerun, w.reports[0].NumRowsSkipped)
		}
		w.wantRows("in the end", want, equalRows)
	}
}

// without is what a query means for all events but one of each partition, by its offset.
func (w *world) without(q simQuery, offsets map[int32]int64) []simRow {
	all, seen := w.events, map[int32]int64{}
	defer func() { w.events = all }()
	w.events = slices.DeleteFunc(slices.Clone(all), func(e simEvent) bool {
		at, named := offsets[e.partition]
		seen[e.partition]++
		return named && at == seen[e.partition]-1
	})
	return w.expected(q)
}

// TestSkipLater leaves out a record that only a later batch of the run comes to, and warns when none does.
func TestSkipLater(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(200)
	want := w.without(stateless, map[int32]int64{0: 3, 1: 50})
	w.mustRun(w.job(stateless, rowsMax(30), skipping("events/1/50", "events/0/3")), stopAfter(1))
	if len(w.warned) != 1 || w.warned[0] != "skip events/1/50: the run ended before that record was planned; give it again" {
		t.Errorf("warned of %q", w.warned)
	}
	w.mustRun(w.job(stateless, rowsMax(30), skipping("events/1/50")))
	w.wantRows("in the end", want, equalRows)
	var skipped int64
	for _, p := range w.reports {
		skipped += p.NumRowsSkipped
	}
	if skipped != 2 {
		t.Errorf("%d records skipped, want 2", skipped)
	}
}

// TestSkipOfNoRecord refuses what no plan will read, and plans nothing.
func TestSkipOfNoRecord(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(200)
	w.mustRun(w.job(stateless, rowsMax(100)), stopAfter(1))
	n := w.records()
	for _, test := range []struct{ skip, want string }{
		{"views/0/1", `skip views/0/1: the job reads no topic "views"`},
		{"events/3/1", `skip events/3/1: topic "events" has no partition 3`},
		{"events/0/2", "skip events/0/2: that record is committed already, or lies before where the job begins: the next one of events/0 is at offset"},
		{"events/0/2000", "skip events/0/2000: there is no such record yet: events/0 ends at offset"},
		{fmt.Sprintf("events/0/%d", w.end(0)), fmt.Sprintf("there is no such record yet: events/0 ends at offset %d", w.end(0))},
	} {
		wantError[*SkipError](t, w.run(w.job(stateless, skipping(test.skip))), test.want)
	}
	if w.records() != n {
		t.Errorf("%d records in the log, want %d as before", w.records(), n)
	}
	for _, text := range []string{"", "events", "events/0", "events/a/1", "events/0/-1", "/0/1", "events/0/1/2", "events/4294967296/1"} {
		_, err := ParseSkip(text)
		wantError[*SkipError](t, err, "TOPIC/PARTITION/OFFSET")
	}
}

// end is where a partition of the world's topic ends.
func (w *world) end(partition int) int64 {
	w.t.Helper()
	states, err := w.source.Partitions(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	return states[partition].HighWatermark
}

// TestSkipCrashes has drivers die at every operation of the disk in turn while a record is left out. A driver that comes
// later may name the record again or, once its batch is planned, must not need to.
func TestSkipCrashes(t *testing.T) {
	t.Parallel()
	seed := simSeed(t)
	again := 0
	for i := range simLong(60) {
		w := newWorld(t, seed+uint64(i)<<16)
		w.generate(120)
		want := w.without(windowed, map[int32]int64{1: 12})
		w.appendRaw(1, nil)
		at := 1 + 3*i
		for crash := 0; ; crash++ {
			skip := []func(*Job){flushing, rowsMax(40), skipping("events/1/12")}
			if crash > 0 && w.skipPlanned() {
				skip, again = skip[:2], again+1
			}
			if crash < 3 {
				w.disk.StopAfter(at)
			}
			err := w.run(w.job(windowed, skip...))
			if err == nil {
				break
			}
			if !errors.Is(err, storetest.ErrPower) {
				t.Fatalf("schedule %d, crash %d at operation %d: %v", i, crash, at, err)
			}
			w.disk = w.disk.Crash(w.rng.Uint64())
			w.fs = w.disk
			w.wantPart(fmt.Sprintf("schedule %d, crash %d", i, crash), want)
			at = 1 + w.rng.IntN(60)
		}
		w.disk.Restart()
		w.wantRows(fmt.Sprintf("schedule %d", i), want, equalRows)
	}
	if again == 0 && !testing.Short() {
		t.Error("no crash came behind the plan that leaves the record out")
	}
	t.Logf("%d drivers began behind the plan that leaves the record out", again)
}

// skipPlanned reports whether some plan leaves a record out.
func (w *world) skipPlanned() bool {
	in, err := w.inspect()
	return err == nil && slices.ContainsFunc(in.Entries, func(e Entry) bool {
		p, ok := e.Record.(*Planned)
		return ok && len(p.Skip) > 0
	})
}
