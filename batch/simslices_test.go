package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// rounds counts the snapshots of a log that were taken in slices, and its commits with slices.
func (w *world) rounds() (rounds, slices int) { return roundsIn(w.entries()) }

// roundsOf is rounds of a checkpoint that may be elsewhere.
func (w *world) roundsOf(objects *storetest.Objects) (rounds, slices int) {
	w.t.Helper()
	in, err := Inspect(w.t.Context(), envWith(w, objects), w.retainJob(objects).Checkpoint)
	if err != nil {
		w.t.Fatal(err)
	}
	return roundsIn(in.Entries)
}

func roundsIn(entries []Entry) (rounds, slices int) {
	for _, e := range entries {
		c, ok := e.Record.(*Committed)
		if !ok {
			continue
		}
		if len(c.Slices) > 0 {
			slices++
		}
		if c.Base != nil && (len(c.Slices) > 0 || len(c.Base.States) > 0) {
			rounds++
		}
	}
	return rounds, slices
}

// snapshotEach2 has a snapshot be due behind every second commit.
func snapshotEach2(o *Options) { o.snapshotEvery = 2 }

// wantRounds wants so many snapshots in slices at least, where there is state that lasts.
func (w *world) wantRounds(q simQuery, least int) {
	w.t.Helper()
	if rounds, slices := w.rounds(); rounds < least && len(w.stateful()) > 5 {
		w.t.Errorf("%s: %d snapshots in slices, %d commits with slices", q.name, rounds, slices)
	}
}

// stateful are the commits that hold state.
func (w *world) stateful() (out []*Committed) {
	for _, e := range w.entries() {
		if c, ok := e.Record.(*Committed); ok && len(c.State) > 0 {
			out = append(out, c)
		}
	}
	return out
}

// TestStateInSlices: behind every batch of jobs of all kinds, in the middle of rounds, behind their snapshots, behind rounds that broke
// off and behind whole snapshots, with other numbers of shards in every life, the log has the state that the next batch ran on: each
// batch alone runs again to what it was.
func TestStateInSlices(t *testing.T) {
	seed := simSeed(t)
	replays, rounds, named, broken := 0, 0, 0, 0
	queries := []simQuery{windowed, twoWindows, fanOut, merged, whole, daily, late, lateSessions, visits, frames, changing, changingEarly, changingStays, changingHops, firsts, byAd}
	few := func() bool { return rounds < 20 || broken < 5 }
	for i := 0; i < simLong(6) || few() && i < 20; i++ { // how many rounds a seed breaks off is chance
		seed := seed + uint64(i)
		for _, q := range queries {
			w := newWorld(t, seed)
			w.fill(q, 300/q.weight())
			for left := w.tail() + 1; left > w.tail(); {
				left = w.tail()
				w.mustRun(w.job(q, rowsMax(12), shards(1+w.rng.IntN(4))), w.inSlices(1+w.rng.IntN(256)), snapshotEach2, cores(1+w.rng.IntN(3)), inline, stopAhead(3+w.rng.IntN(20)))
			}
			w.mustRun(w.job(q, flushing), w.inSlices(90), snapshotEach2)
			if !q.emit.Changelog && (q.oracle != nil || q.late != "") { // others know what the rows of these mean
				w.wantRows(q.name, w.expected(q), equalRows)
			}
			r, s := w.rounds()
			rounds, named, broken = rounds+r, named+s, broken+w.brokenRounds()
			for _, b := range committedBatches(w.entries()) {
				out, told, err := w.replay(w.job(q), func(o *ReplayOptions) { o.Batches = Selection{First: b.plan.Batch, Last: b.plan.Batch} })
				if err != nil || out.Differences > 0 || out.Rebuilt > 0 {
					t.Fatalf("seed %d, %s: batch %d: %+v, %v, %+v", seed, q.name, b.plan.Batch, out, err, told)
				}
				replays++
			}
		}
	}
	t.Logf("%d batches, %d snapshots in slices of %d commits, %d rounds that broke off", replays, rounds, named, broken)
	if few() {
		t.Error("too little happened")
	}
	prooftest.Figure(t, "snapshots in slices: each batch alone runs again on the state that the log has in front of it", "%d batches, %d snapshots of %d slices, %d rounds broken off, 0 differ", replays, rounds, named, broken)
}

// brokenRounds counts the whole snapshots behind slices.
func (w *world) brokenRounds() (n int) {
	sliced := false
	for _, e := range w.entries() {
		if c, ok := e.Record.(*Committed); ok {
			sliced = sliced || len(c.Slices) > 0
			if c.Base != nil {
				if sliced && len(c.Slices) == 0 && len(c.Base.States) == 0 {
					n++
				}
				sliced = false
			}
		}
	}
	return n
}

// TestRoundStepByStep is a round of four slices, with two that are due behind commits that read ahead, and the beginning of another one.
func TestRoundStepByStep(t *testing.T) {
	w := newWorld(t, 3)
	w.generate(200)
	w.mustRun(w.job(windowed, rowsMax(20)), w.inSlices(64), func(o *Options) { o.snapshotEvery = 4 })
	var got []string
	for _, e := range w.entries() {
		switch r := e.Record.(type) {
		case *Planned:
			got = append(got, fmt.Sprint("P", r.Batch))
		case *Committed:
			text := fmt.Sprint("C", r.Batch)
			if len(r.Slices) > 0 {
				text += fmt.Sprintf("[%d-%d]", r.Slices[0].Groups[0], r.Slices[0].Groups[1])
			}
			if r.Base != nil {
				text += fmt.Sprintf(" snapshot of %d", 1+len(r.Base.States))
			}
			got = append(got, text)
		}
	}
	want := "P1 P2 C1 P3 C2 P4 C3[0-63] P5 C4[64-127] P6 C5[128-191] C6[192-255] snapshot of 4 P7 P8 C7 P9 C8 P10 C9[0-63] C10[64-127]"
	if text := strings.Join(got, " "); text != want {
		t.Errorf("the log has\n%s, want\n%s", text, want)
	}
}

// TestRoundNamesWhatIsThere: whatever dies whenever, a record names no block that is not durable, and no block is there for good that
// none names: the next snapshots take all with them.
func TestRoundNamesWhatIsThere(t *testing.T) {
	seed, left := simSeed(t), 0
	for at := 1; ; at += simStep(3) {
		w := newWorld(t, seed)
		w.parts = 100
		w.disk.StopAfter(at)
		err := w.run(w.retainJob(nil, continuous, keeping), w.denseOptions(nil), w.inSlices(100), ticks(w, 14, w.tenMinutes))
		if err != nil && !errors.Is(err, storetest.ErrPower) {
			t.Fatalf("operation %d: %v", at, err)
		}
		w.disk.Restart()
		w.disk = w.disk.Crash(uint64(at))
		w.fs = w.disk
		what := fmt.Sprintf("operation %d", at)
		written, named := w.stateNamed(what)
		if slices.ContainsFunc(written, func(name string) bool { return !named[name] }) {
			left++
		}
		if err == nil {
			break
		}
		w.mustRun(w.retainJob(nil, continuous, retaining), w.denseOptions(nil), ticks(w, 60, w.tenMinutes))
		names, named := w.stateNamed(what)
		for _, name := range names {
			if !named[name] && slices.Contains(written, name) {
				t.Fatalf("%s: %s is still there, and nothing names it", what, name)
			}
		}
	}
	if left == 0 {
		t.Error("nothing was ever written in vain")
	}
}

// TestSliceOfAnotherBatch: a slice that was written for a batch which is cancelled then is not named by the one that takes its place.
func TestSliceOfAnotherBatch(t *testing.T) {
	w := newWorld(t, 3)
	w.rolled(time.Hour, 1000)
	w.generate(200)
	w.mustRun(w.job(windowed, rowsMax(20)), w.inSlices(64), snapshotEach2, stopAhead(3), func(o *Options) { o.inlineBlock = 64 })
	if got := w.order(); !strings.HasSuffix(got, "P4 C3 X4 P5 C5") {
		t.Fatalf("the log has %s", got)
	}
	w.stateNamed("behind a plan that was cancelled")
	if named := w.history().Last.Slices; len(named) > 0 {
		t.Errorf("batch 5 names slices of batch 4: %+v", named)
	}
	w.mustRun(w.job(windowed, flushing), w.inSlices(64))
	w.wantRows("in the end", w.expected(windowed), equalRows)
}

// stateNamed are the blocks of state that a checkpoint has, and those that its log names from the last snapshot on, which must all be
// there.
func (w *world) stateNamed(what string) (names []string, named map[string]bool) {
	w.t.Helper()
	names, named = w.checkpointNames(nil, statePrefix), map[string]bool{}
	in, err := w.inspect()
	if err != nil {
		var refused *RefusedError
		if errors.As(err, &refused) {
			return names, named // it has not begun
		}
		w.t.Fatal(err)
	}
	note := func(v VersionedState, needed bool) {
		for _, b := range v.Blocks {
			if b.Digest == "" {
				continue
			}
			name := stateBlobs(store.Blobs{}, v.Batch, b.Epoch).Under + b.Digest
			if named[name] = true; needed && !slices.Contains(names, name) {
				w.t.Fatalf("%s: batch %d names %s, which is not there", what, v.Batch, name)
			}
		}
	}
	last := lastSnapshot(in.Entries)
	for i, e := range in.Entries {
		c, ok := e.Record.(*Committed)
		if !ok {
			continue
		}
		note(versioned(c, nil), i >= last)
		if c.Base != nil {
			for _, v := range c.Base.States {
				note(v, i >= last)
			}
		}
	}
	return names, named
}

// TestRoundKeepsItsMemory: a slice on its way counts against the share of output, and is forgotten.
func TestRoundKeepsItsMemory(t *testing.T) {
	w := newWorld(t, 3)
	w.generate(200)
	var d *driver
	most := int64(0)
	slow := func(f func()) func() {
		most = max(most, d.s.worker.heap.used.Load())
		return f
	}
	w.mustRun(w.job(windowed, rowsMax(20)), w.inSlices(64), inline, func(o *Options) {
		o.snapshotEvery, o.inlineBlock = 2, 64
		o.beside = slow
		executor := o.executor
		o.executor = func(wk *worker, cores int) Executor {
			d = &driver{s: &session{worker: wk}}
			return executor(wk, cores)
		}
	})
	if left := d.s.worker.heap.used.Load(); most < 1000 || left != 0 {
		t.Errorf("%d bytes at most, %d in the end", most, left)
	}
}

// TestSliceSteps is how many parts of the key groups slices have.
func TestSliceSteps(t *testing.T) {
	for _, test := range []struct {
		what                   string
		done, bytes, all, most int
		want                   int
	}{
		{"a tenth", 0, 0, 1000, 100, 25},
		{"a whole", 0, 0, 1000, 1000, 256},
		{"more than a whole", 0, 0, 1000, 5000, 256},
		{"no crumb is left", 0, 0, 1000, 850, 256},
		{"never less than a 64th", 0, 0, 1 << 40, 100, 4},
		{"nothing is known", 0, 0, 0, 100, 256},
		{"what was said was twice as much", 128, 250, 1000, 100, 51},
		{"the rest", 250, 1000, 1000, 100, 6},
	} {
		r := &round{done: test.done, bytes: test.bytes}
		if got := r.step(test.all, test.most); got != test.want {
			t.Errorf("%s: %d, want %d", test.what, got, test.want)
		}
	}
}

// TestSliceParts: the slices of a round have every key group of every shard once, in few blocks.
func TestSliceParts(t *testing.T) {
	for _, shards := range []int{1, 2, 3, 8, 17, 256} {
		for _, cores := range []int{1, 2, 5} {
			for _, step := range []int{1, 4, 100, 256} {
				have := map[uint8]int{}
				for from := 0; from < 256; from += step {
					parts := partsOf(0, shards, cores, from, min(from+step, 256))
					for _, p := range parts {
						low, high := keyGroups(p.shard, shards)
						if p.groups[0] < low || p.groups[1] > high || p.groups[0] > p.groups[1] {
							t.Fatalf("%d shards: shard %d has %d to %d, not %v", shards, p.shard, low, high, p.groups)
						}
						for g := int(p.groups[0]); g <= int(p.groups[1]); g++ {
							have[uint8(g)]++
						}
					}
				}
				for g := range 256 {
					if have[uint8(g)] != 1 {
						t.Fatalf("%d shards on %d cores in steps of %d: key group %d is there %d times", shards, cores, step, g, have[uint8(g)])
					}
				}
			}
		}
	}
}

// TestNoRoundInShortRuns: runs of one batch each, as those of a timer are where little comes, have no batch that could name a slice. Their
// snapshots are whole ones, and as frequent as others: else the log would grow for good, and a start read all of it. A run that is
// stopped does not know which batch is its last: it takes twice as long.
func TestNoRoundInShortRuns(t *testing.T) {
	bytes := func(o *Options) { o.snapshotEvery, o.snapshotBytes = 100, 1 }
	for _, test := range []struct {
		what string
		job  func(*Job)
		run  []func(*Options)
		most int // commits from one snapshot to the next
	}{
		{"by number", rowsMax(1000), []func(*Options){snapshotEach(4)}, 4},
		{"by bytes", rowsMax(1000), []func(*Options){bytes}, 8},
		{"stopped behind a batch", continuous, []func(*Options){snapshotEach(4), stopAfter(1)}, 8},
	} {
		w := newWorld(t, 3)
		for range 30 {
			w.generate(10)
			w.mustRun(w.job(whole, test.job), append(test.run, w.inSlices(64))...)
		}
		if behind := w.longestBehind(); behind > test.most {
			t.Errorf("%s: %d commits without a snapshot, want %d at most", test.what, behind, test.most)
		}
		w.mustRun(w.job(whole, flushing))
		w.wantRows(test.what, w.expected(whole), equalRows)
	}
}

// TestRoundOnASchedule: a round that a long run of a schedule begins is given up where each of the runs behind it has one batch, which
// begins no slice.
func TestRoundOnASchedule(t *testing.T) {
	w := newWorld(t, 3)
	w.generate(100)
	w.mustRun(w.job(whole, onSchedule(t, "*/10 * * * *", "UTC"), rowsMax(12)), w.inSlices(20), snapshotEach(4), stopAt(w, simStart.Add(5*time.Hour), func(time.Time) { w.generate(3) }))
	if _, slices := w.rounds(); slices == 0 {
		t.Fatal("no round began")
	}
	if behind := w.longestBehind(); behind > 14 {
		t.Errorf("%d commits without a snapshot, want 14 at most: a round of 13 slices, and the commit that it begins behind", behind)
	}
	w.mustRun(w.job(whole, flushing))
	w.wantRows("in the end", w.expected(whole), equalRows)
}

// TestBrokenRounds: behind a round that broke off the snapshot is a whole one. Runs that are shorter than a round would else begin one each,
// and never end it.
func TestBrokenRounds(t *testing.T) {
	w := newWorld(t, 3)
	w.generate(500)
	bytes := func(o *Options) { o.snapshotEvery, o.snapshotBytes = 1000, 1 }
	for left := w.tail() + 1; left > w.tail(); {
		left = w.tail()
		w.mustRun(w.job(whole, rowsMax(12)), bytes, w.inSlices(20), stopAhead(5))
	}
	if broken := w.brokenRounds(); broken < 3 {
		t.Errorf("%d rounds broke off, want 3 at least", broken)
	}
	if behind := w.longestBehind(); behind > 10 {
		t.Errorf("%d commits without a snapshot, want 10 at most: two runs", behind)
	}
}

// longestBehind is the most commits in a row that a start would have to read.
func (w *world) longestBehind() (most int) {
	n := 0
	for _, e := range w.entries() {
		if c, ok := e.Record.(*Committed); ok {
			if n++; c.Base != nil {
				n = 0
			}
			most = max(most, n)
		}
	}
	return most
}

// TestSlicesFail: a slice that cannot be written ends the run, and is not named.
func TestSlicesFail(t *testing.T) {
	w := newWorld(t, 3)
	w.generate(200)
	var cancel func()
	ctx := func(f func()) func() {
		cancel() // the store gives up
		return f
	}
	err := w.runUntil(&cancel, w.job(windowed, rowsMax(20)), w.inSlices(64), func(o *Options) { o.snapshotEvery, o.inlineBlock, o.beside = 2, 64, ctx })
	if !errors.Is(err, context.Canceled) {
		t.Errorf("the run ended with %v", err)
	}
	if _, named := w.rounds(); named > 0 {
		t.Errorf("%d commits name slices", named)
	}
	w.mustRun(w.job(windowed, flushing))
	w.wantRows("behind it", w.expected(windowed), equalRows)
}

// runUntil is run with a context that cancel ends.
func (w *world) runUntil(cancel *func(), job *Job, change ...func(*Options)) error {
	ctx, stop := context.WithCancel(context.Background())
	defer stop()
	*cancel = stop
	o := Options{Job: job, Cores: 1, Version: "sim", Env: w.env(), Resolve: w.resolve, Earlier: w.earlier, executor: newStepped}
	for _, c := range change {
		c(&o)
	}
	return Run(ctx, o)
}

// TestSlicesLeaveNoTrace: a job writes the same files with snapshots in slices and without.
func TestSlicesLeaveNoTrace(t *testing.T) {
	var files map[string][]byte
	for _, parts := range []int{0, 30, 256} {
		w := newWorld(t, 8)
		w.fill(visits, 200)
		options := []func(*Options){snapshotEach2}
		if parts > 0 {
			options = append(options, w.inSlices(parts))
		}
		w.mustRun(w.job(visits, flushing, rowsMax(15)), options...)
		if files != nil && !maps.EqualFunc(files, w.files(), bytes.Equal) {
			t.Errorf("other files with slices of %d parts", parts)
		}
		files = w.files()
	}
}
