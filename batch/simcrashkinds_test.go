package batch

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store/storetest"
)

// crashes is a story of lives that end at some operation of the disk: first at the one given, then at any of the first
// most. It ends when run says that all is done.
func (w *world) crashes(what string, at, most int, run func(life int) (done bool, err error)) {
	w.t.Helper()
	for life := 0; ; life++ {
		if life < 4 {
			w.disk.StopAfter(at)
		}
		done, err := run(life)
		switch {
		case errors.Is(err, storetest.ErrPower):
			w.disk = w.disk.Crash(w.rng.Uint64())
			w.fs = w.disk
			at = 1 + w.rng.IntN(most)
			continue
		case err != nil:
			w.t.Fatalf("%s, life %d: %v", what, life, err)
		}
		w.disk.Restart()
		if done {
			return
		}
	}
}

// TestTriggerCrashes has lives of every kind of trigger, some of which stop in an orderly way, between crashes.
func TestTriggerCrashes(t *testing.T) {
	t.Parallel()
	seed, kinds := simSeed(t), map[string]int{}
	for i := range simLong(40) {
		w := newWorld(t, seed+uint64(i)<<16)
		w.generate(120)
		want := w.expected(windowed)
		flush := false
		w.crashes(fmt.Sprintf("schedule %d", i), 1+5*i, 90, func(life int) (bool, error) {
			job := w.job(windowed, rowsMax(40), shards(1+w.rng.IntN(3)))
			end := w.clock.now.Add(25 * time.Minute)
			switch kind := w.rng.IntN(5); {
			case flush: // it may have come so far already
			case kind < 2:
				onSchedule(t, "*/10 * * * *", "UTC")(job)
				err := w.run(job, stopAt(w, end, nil))
				kinds["cron"]++
				return false, err
			case kind < 4:
				job.Trigger = Trigger{Every: 10 * time.Second}
				err := w.run(job, stopAt(w, w.clock.now.Add(time.Minute), nil))
				kinds["continuous"]++
				return false, err
			}
			flush = true
			flushing(job)
			kinds["available now"]++
			return true, w.run(job)
		})
		w.wantRows(fmt.Sprintf("schedule %d", i), want, equalRows)
		w.wantHistory(fmt.Sprintf("schedule %d", i))
	}
	t.Logf("lives by trigger: %v", kinds)
	if len(kinds) != 3 && !testing.Short() {
		t.Errorf("lives by trigger: %v", kinds)
	}
}

// TestStopAboveCrashes stops at a batch with too many bad records, however often drivers die before they can say so, and
// nothing of it is ever visible.
func TestStopAboveCrashes(t *testing.T) {
	seed := simSeed(t)
	strict := func(j *Job) { j.StopAbove = 0.2 }
	for i := range simLong(30) {
		w := newWorld(t, seed+uint64(i)<<16)
		w.generate(60)
		for p := range int32(3) {
			for range 10 {
				w.appendRaw(p, []byte("no JSON"))
			}
		}
		w.generate(60)
		want := w.expected(windowed)
		w.crashes(fmt.Sprintf("schedule %d", i), 1+4*i, 60, func(int) (bool, error) {
			err := w.run(w.job(windowed, flushing, rowsMax(40), skipBad, strict))
			var bad *BadDataError
			if errors.As(err, &bad) && !errors.Is(err, storetest.ErrPower) {
				wantText(t, err, "are bad (", "more than on_bad_record.stop_above: 20% allows")
				return true, nil
			}
			return false, err
		})
		h := w.history()
		for name := range w.files() {
			if stopped := fmt.Sprintf("-b%012d-", h.NextBatch-1); strings.Contains(name, stopped) {
				t.Errorf("schedule %d: file %s of the batch that was stopped", i, name)
			}
		}
		w.mustRun(w.job(windowed, flushing, rowsMax(40), skipBad))
		w.wantRows(fmt.Sprintf("schedule %d", i), want, equalRows)
	}
}

// joined writes the campaign of each event, by the rules of a zone at the time of its plan.
var joined = simQuery{name: "joined", stream: func(g *dstream.Graph) *dstream.Stream {
	return views(g).Select(col("campaign"), col("n"))
}}

// TestZoneCrashes has every life come with other rules of a time zone: the rows of a batch follow the rules that its plan
// names, whichever life writes them.
func TestZoneCrashes(t *testing.T) {
	seed, reruns := simSeed(t), 0
	for i := range simLong(30) {
		w := newWorld(t, seed+uint64(i)<<16)
		w.generate(120)
		total := int64(countKind(w.events, "view"))
		digests := map[string]int64{} // hours by digest
		w.crashes(fmt.Sprintf("schedule %d", i), 1+4*i, 70, func(life int) (bool, error) {
			hours := int64(1 + life%9)
			return true, w.run(w.job(joined, flushing, rowsMax(40), campaignsByZone), zoneRules(t, hours))
		})
		in, err := w.inspect()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range in.Entries {
			if p, ok := e.Record.(*Planned); ok {
				z := zoneOf(w, p)
				digests[p.Zones["Mars/Base"]] = z
			}
		}
		rows := int64(0)
		for name, data := range w.files() {
			var batch int64
			if _, err := fmt.Sscanf(name, "sim-b%d-", &batch); err != nil {
				t.Fatal(err)
			}
			got, err := parquetRows(name, data)
			if err != nil {
				t.Fatal(err)
			}
			rows += int64(len(got))
			want := fmt.Sprintf("campaign=c%d-", digests[w.planned(batch).Zones["Mars/Base"]])
			for _, r := range got {
				if !strings.HasPrefix(r.text, want) {
					t.Fatalf("schedule %d: batch %d has the row %s, want %s…", i, batch, r.text, want)
				}
			}
		}
		if rows != total {
			t.Errorf("schedule %d: %d rows, want %d", i, rows, total)
		}
		for _, p := range w.reports {
			if p.Rerun {
				reruns++
			}
		}
	}
	t.Logf("%d batches were run again", reruns)
	if reruns == 0 && !testing.Short() {
		t.Error("no batch was run again")
	}
}

// zoneOf is how many hours ahead the zone is that a plan names.
func zoneOf(w *world, p *Planned) int64 {
	w.t.Helper()
	data, err := w.disk.ReadFile(simCheckpoint + "/blobs/" + p.Zones["Mars/Base"])
	if err != nil {
		w.t.Fatal(err)
	}
	hours := int64(0)
	for i := range 8 {
		hours |= int64(data[9+i]) << (8 * i)
	}
	return hours / 3_600_000_000
}
