package batch

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store/storetest"
)

// denseWorld has a job with state in blobs that took a snapshot every third of an hour, for hours, in several lives and with several
// numbers of shards.
func denseWorld(t *testing.T, objects *storetest.Objects, batches, parts int) *world {
	w := newWorld(t, 11)
	w.parts = parts
	for life := range 3 {
		w.mustRun(w.retainJob(objects, continuous, keeping, shards(1+life%2)), w.denseOptions(objects), ticks(w, batches, w.tenMinutes))
	}
	return w
}

func (w *world) denseOptions(objects *storetest.Objects) func(*Options) {
	return func(o *Options) {
		w.retainOptions(objects)(o)
		o.snapshotEvery = 2
	}
}

// tenMinutes go by in which a few records come.
func (w *world) tenMinutes(int) {
	w.clock.now = w.clock.now.Add(10 * time.Minute)
	w.generate(8)
}

// snapshotsOf are, of the log, the commits that carry a snapshot, and those of them whose state is kept.
func (w *world) snapshotsOf(objects *storetest.Objects) (all, kept []*Committed) {
	w.t.Helper()
	in, err := Inspect(w.t.Context(), envWith(w, objects), w.retainJob(objects).Checkpoint)
	if err != nil {
		w.t.Fatal(err)
	}
	r := &replayer{state: map[string]bool{}}
	for _, name := range w.checkpointNames(objects, statePrefix) {
		r.state[name] = true
	}
	for _, e := range in.Entries {
		if c, ok := e.Record.(*Committed); ok && c.Base != nil && inBlobs(c) {
			all = append(all, c)
			if r.snapshotThere(c) {
				kept = append(kept, c)
			}
		}
	}
	return all, kept
}

// wantReplayed replays batches from some that are kept on, one by one, and returns how many began where no snapshot is kept, and
// how many batches were read only for state.
func (w *world) wantReplayed(what string, objects *storetest.Objects, firsts int) (between, rebuilt int) {
	w.t.Helper()
	in, err := Inspect(w.t.Context(), envWith(w, objects), w.retainJob(objects).Checkpoint)
	if err != nil {
		w.t.Fatal(err)
	}
	all := committedBatches(in.Entries)
	for range firsts {
		first := all[w.rng.IntN(len(all))].plan.Batch
		out, err := Replay(w.t.Context(), ReplayOptions{Job: w.retainJob(objects), Resolve: w.resolve, Cores: 1, Env: envWith(w, objects),
			Batches: Selection{First: first, Last: first + w.rng.Int64N(12)}})
		if err != nil || out.Differences > 0 || out.First != first {
			w.t.Fatalf("%s: replay from batch %d: %+v, %v", what, first, out, err)
		}
		if rebuilt += out.Rebuilt; out.Rebuilt > 0 {
			between++
		}
	}
	return between, rebuilt
}

// TestThin keeps one snapshot an hour and the last two. What lies between is replayed to the same rows all the same: batches are read
// again for their state, across lives with other numbers of shards.
func TestThin(t *testing.T) {
	var all, kept []*Committed
	hours, between, rebuilt := 0, 0, 0
	for i, objects := range []*storetest.Objects{nil, {}, nil, {}} {
		w := denseWorld(t, objects, 16, i/2*128)
		if rounds, _ := w.roundsOf(objects); (rounds > 5) != (i > 1) {
			t.Errorf("%d snapshots in slices", rounds)
		}
		all, kept = w.snapshotsOf(objects)
		hours = int(time.Duration(all[len(all)-1].At-all[0].At) * time.Microsecond / time.Hour)
		if len(all) < 20-6*(i/2) || len(kept) > hours+3 || len(kept) < hours/2 {
			t.Errorf("of %d snapshots in %d hours %d are kept", len(all), hours, len(kept))
		}
		if !slices.Equal(kept[len(kept)-2:], all[len(all)-2:]) {
			t.Error("the last two snapshots are not kept")
		}
		if notes := len(w.checkpointNames(objects, snapshotsPrefix)); notes < len(kept) || notes > len(kept)+2 {
			t.Errorf("%d snapshots are noted, %d kept", notes, len(kept))
		}
		n, read := w.wantReplayed("dense", objects, 12)
		between, rebuilt = between+n, rebuilt+read
		w.wantRetained("dense", objects)
	}
	if between < 12 {
		t.Errorf("%d of 48 replays began where no snapshot is kept", between)
	}
	prooftest.Figure(t, "retain: one snapshot an hour and the last two", "%d of %d snapshots kept in %d hours; 48 replays, %d from between, %d batches read only for state, 0 differ",
		len(kept), len(all), hours, between, rebuilt)
}

// TestThinKafkaGone: where the batch that leads to a state is gone, the replay says from which batch on it can be done.
func TestThinKafkaGone(t *testing.T) {
	w := denseWorld(t, nil, 16, 0)
	_, kept := w.snapshotsOf(nil)
	i := slices.IndexFunc(kept[:len(kept)-1], func(c *Committed) bool { return kept[slices.Index(kept, c)+1].Batch > c.Batch+4 })
	first := kept[i+1].Batch - 1
	for _, p := range committedBatches(w.entries()) {
		if p.plan.Batch == first {
			for _, r := range p.plan.Ranges {
				w.source.DeleteBefore(r.Topic, r.Partition, r.From)
			}
		}
	}
	_, _, err := w.replay(w.retainJob(nil), func(o *ReplayOptions) { o.Batches = Selection{First: first, Last: first} })
	wantError[*RefusedError](t, err, "which leads to it, cannot run again", "choose later batches")
	v, err := Verify(t.Context(), VerifyOptions{Job: w.retainJob(nil), Resolve: w.resolve, Cores: 1, Env: w.env(), Deep: true})
	if err != nil || len(v.Findings) > 0 || v.Replayed == nil || v.Replayed.First != kept[i+1].Batch+1 {
		t.Errorf("verify --deep: %+v, %v", v, err)
	}
}

// TestHourly: whatever is removed, and whenever, what is kept does not change but for the newest.
func TestHourly(t *testing.T) {
	seed := simSeed(t)
	rng := rand.New(rand.NewPCG(seed, 3))
	dropped := 0
	for run := range 500 {
		var whole, thin []LogStart // the same notes, of which nothing is removed, and all that may be
		at := rng.Int64N(1e12)
		for batch := int64(1); batch < 60; batch++ {
			at += rng.Int64N(int64(100*time.Minute/time.Microsecond)) * rng.Int64N(2)
			s := LogStart{Batch: batch, At: at}
			whole, thin = append(whole, s), append(thin, s)
			if rng.IntN(3) == 0 {
				continue // the driver died before it removed anything
			}
			gone, _ := thinned(thin, time.Hour, nil)
			for _, g := range gone[:rng.IntN(len(gone)+1)] {
				thin = slices.DeleteFunc(thin, func(s LogStart) bool { return s == g })
				dropped++
			}
			if n := rng.IntN(10); n < len(thin)-3 && hourly(thin, time.Hour)[n] {
				begin := thin[n]
				thin = thin[n:]
				whole = whole[slices.Index(whole, begin):]
			}
			want, got := kept(whole), kept(thin)
			if !slices.Equal(want, got) {
				t.Fatalf("run %d: of all %v are kept, of those that are left %v", run, want, got)
			}
		}
	}
	t.Logf("%d removed", dropped)
}

func kept(starts []LogStart) (out []LogStart) {
	dropped, _ := thinned(starts, time.Hour, nil)
	for _, s := range starts {
		if !slices.Contains(dropped, s) {
			out = append(out, s)
		}
	}
	return out
}

// TestThinned is what is removed: the blocks from a snapshot that is not kept up to the next one, and of the newest two nothing.
func TestThinned(t *testing.T) {
	var starts []LogStart
	var states []string
	for i, minute := range []int64{0, 20, 40, 65, 70, 75} {
		starts = append(starts, LogStart{Batch: int64(10 * (i + 1)), At: minute * 60_000_000})
		for b := 10 * (i + 1); b < 10*(i+2); b += 5 {
			states = append(states, fmt.Sprintf("%s%012d-%010d-digest", statePrefix, b, 1))
		}
	}
	dropped, gone := thinned(starts, time.Hour, states)
	if want := starts[1:3]; !slices.Equal(dropped, want) {
		t.Errorf("%v are not kept, want %v", dropped, want)
	}
	if want := states[2:6]; !slices.Equal(gone, want) {
		t.Errorf("blocks %v are removed, want %v", gone, want)
	}
}

// TestBeginning is where a log begins when it is pruned.
func TestBeginning(t *testing.T) {
	const day = 24
	year := 365 * day
	for _, test := range []struct {
		what   string
		retain int   // hours
		at     []int // of snapshots, in hours
		want   int   // which of them; -1: nothing is pruned
	}{
		{"nothing is noted", 2, nil, -1},
		{"the newest is never chosen", 2, []int{100}, -1},
		{"younger than retained", 3, []int{0, 1, 2}, -1},
		{"as old as retained", 2, []int{0, 1, 2}, 0},
		{"the latest that is older", 2, []int{0, 1, 2, 3, 4}, 2},
		{"a clock a year ahead", 7 * day, []int{0, 48, 96, 97, 97 + year}, -1},
		{"and an hour later", 7 * day, []int{0, 48, 96, 97, 97 + year, 98 + year}, -1},
		{"it counts as a day", 2 * day, []int{0, 12, 24, 24 + year}, 0},
		{"of two hours as one", 2, []int{0, 1, year}, 0},
		{"one that is not kept", 2, []int{0, 1, 1, 2, 3}, 1},
		{"a daily job", 7 * day, []int{0, 24, 48, 72, 96, 120, 144, 168, 192}, 1},
		{"a weekly one keeps a week of runs", 7 * day, []int{0, 7 * day, 14 * day, 21 * day}, -1},
		{"a clock that stands still after a jump", 2, []int{0, 1, year, year, year, year}, 0},
	} {
		var starts []LogStart
		for i, h := range test.at {
			starts = append(starts, LogStart{Batch: int64(i + 1), At: int64(h) * 3_600_000_000})
		}
		got := -1
		if b := beginning(starts, time.Hour, time.Duration(test.retain)*time.Hour); b != nil {
			got = slices.Index(starts, *b)
		}
		if got != test.want {
			t.Errorf("%s: %d of %s, want %d", test.what, got, fmt.Sprint(test.at), test.want)
		}
	}
}

// TestThinReopened replays over a flush that was taken back, whose state is not kept, to the rows that were written then.
func TestThinReopened(t *testing.T) {
	for _, q := range []simQuery{firsts, windowed} {
		w := newWorld(t, 5)
		dense := func(change ...func(*Job)) *Job {
			return w.job(q, append(change, func(j *Job) { j.Retain = 1000 * time.Hour })...)
		}
		for life := range 3 {
			w.mustRun(dense(continuous), w.denseOptions(nil), reopen, ticks(w, 14, w.tenMinutes))
			if life < 2 {
				w.generate(10)
				w.mustRun(dense(flushing), w.denseOptions(nil))
			}
		}
		_, kept := w.snapshotsOf(nil)
		all := committedBatches(w.entries())
		rebuilt := 0
		for range 12 {
			first := all[w.rng.IntN(len(all))].plan.Batch
			out, told, err := w.replay(dense(), func(o *ReplayOptions) { o.Batches = Selection{First: first, Last: first + 30} })
			if err != nil || out.Differences > 0 {
				t.Fatalf("%s: replay from batch %d: %+v, %v, %+v", q.name, first, out, err, told)
			}
			rebuilt += out.Rebuilt
		}
		reopened := slices.ContainsFunc(w.entries(), func(e Entry) bool { _, ok := e.Record.(*Reopened); return ok })
		if rebuilt == 0 || !reopened || len(kept) == 0 {
			t.Errorf("%s: %d batches read for state, reopened %t, %d snapshots kept", q.name, rebuilt, reopened, len(kept))
		}
	}
}
