package batch

import (
	"bytes"
	"fmt"
	"maps"
	"math/rand/v2"
	"path"
	"slices"
	"testing"
)

// life is one way to get to the end of the input.
type life struct {
	name string
	run  func(*world, simQuery)
	// like names an earlier life with the same plans: doubles are equal to the bit, and with files also all bytes.
	like  string
	files bool
	// shards says that the number of shards differs: rows come to a second exchange in another order.
	shards bool
}

func smallBatches(change ...func(*Options)) func(*world, simQuery) {
	return func(w *world, q simQuery) { w.mustRun(w.job(q, flushing, rowsMax(90)), change...) }
}

func smallBatchesOn(n int) func(*world, simQuery) {
	return func(w *world, q simQuery) {
		w.mustRun(w.job(q, flushing, rowsMax(90), shards(n)))
		used := map[int]bool{}
		for name := range w.files() {
			var batch, shard int
			if _, err := fmt.Sscanf(path.Base(name), "sim-b%d-s%d-", &batch, &shard); err != nil || shard >= n {
				w.t.Errorf("file %s of a job with %d shards: %v", name, n, err)
			}
			used[shard] = true
		}
		if q.name == stateless.name && len(used) < min(n, 3) { // three partitions make three tasks of a batch
			w.t.Errorf("%d of %d shards have files: %v", len(used), n, used)
		}
	}
}

var lives = []life{
	{name: "one batch", run: func(w *world, q simQuery) { w.mustRun(w.job(q, flushing)) }},
	{name: "one batch through bytes", like: "one batch", files: true, run: func(w *world, q simQuery) { w.mustRun(w.job(q, flushing), throughBytes) }},
	{name: "one batch, 8 cores", like: "one batch", files: true, run: func(w *world, q simQuery) { w.mustRun(w.job(q, flushing), cores(8)) }},
	{name: "small batches", run: smallBatches()},
	{name: "small batches, 2 cores", like: "small batches", files: true, run: smallBatches(cores(2))},
	{name: "small batches, 8 cores", like: "small batches", files: true, run: smallBatches(cores(8))},
	{name: "small batches through bytes", like: "small batches", files: true, run: smallBatches(throughBytes)},
	{name: "small fetches", like: "small batches", files: true, run: func(w *world, q simQuery) {
		w.source.RunMax = 3
		w.mustRun(w.job(q, flushing, rowsMax(90)))
	}},
	{name: "small batches, rows kept in a file", like: "small batches", files: true, run: func(w *world, q simQuery) {
		var all []*poisoned
		w.mustRun(w.job(q, flushing, rowsMax(90)), cores(2), keepAside(func() *poisoned {
			all = append(all, &poisoned{})
			return all[len(all)-1]
		}))
		if kept := all[0].given + all[1].given; kept == 0 || all[0].resets+all[1].resets < 3 {
			w.t.Errorf("%d bytes were kept in files, which were emptied %d and %d times", kept, all[0].resets, all[1].resets)
		}
	}},
	{name: "filters looked at while decoding", like: "small batches", files: true, run: func(w *world, q simQuery) {
		w.mustRun(w.job(q, flushing, rowsMax(90), pushAll))
	}},
	{name: "stopped and resumed", like: "small batches", files: true, run: func(w *world, q simQuery) { w.inPieces(q, stopAfter, func() int { return 2 }) }},
	{name: "one at a time", like: "small batches", files: true, run: smallBatches(alone)},
	{name: "ahead on cores", like: "small batches", files: true, run: smallBatches(cores(4), beside)},
	{name: "stopped with a batch ahead", like: "small batches", shards: true, run: func(w *world, q simQuery) { w.inPieces(q, stopAhead, func() int { return 2 }) }},
	{name: "1 shard", like: "small batches", shards: true, run: smallBatchesOn(1)},
	{name: "8 shards", like: "small batches", shards: true, run: smallBatchesOn(8)},
	{name: "other shards every time", like: "small batches", shards: true, run: func(w *world, q simQuery) {
		w.inPieces(q, stopAfter, func() int { return []int{1, 2, 3, 8, 256}[w.rng.IntN(5)] })
	}},
	{name: "snapshots in slices", like: "small batches", files: true, run: func(w *world, q simQuery) {
		smallBatches(w.inSlices(64), snapshotEach2, cores(2))(w, q)
		w.wantRounds(q, 1)
	}},
	{name: "slices beside on cores", like: "small batches", files: true, run: func(w *world, q simQuery) {
		smallBatches(w.inSlices(64), snapshotEach2, cores(4), beside, func(o *Options) { o.beside = besideDriver })(w, q)
	}},
	{name: "slices, other shards every time", like: "small batches", shards: true, run: func(w *world, q simQuery) {
		slices := w.inSlices(128)
		w.inPieces(q, func(int) func(*Options) {
			return func(o *Options) { stopAhead(4)(o); slices(o); snapshotEach2(o) }
		}, func() int { return []int{1, 2, 3, 8, 256}[w.rng.IntN(5)] })
		w.wantRounds(q, 1)
	}},
	{name: "random cuts", run: (*world).randomCuts},
	{name: "random cuts again", run: (*world).randomCuts},
}

// inPieces stops after two batches and starts again, until the end.
func (w *world) inPieces(q simQuery, stop func(n int) func(*Options), shardsNow func() int) {
	for w.tail() > 0 {
		w.mustRun(w.job(q, rowsMax(90), shards(shardsNow())), stop(2))
	}
	w.mustRun(w.job(q, rowsMax(90), flushing, shards(shardsNow())))
}

// tail is how many records the job has not committed.
func (w *world) tail() int64 {
	if w.drivers == 0 {
		return int64(len(w.events) + len(w.dead))
	}
	return int64(len(w.events)+len(w.dead)) - w.history().Records
}

func (w *world) randomCuts(q simQuery) {
	for w.tail() > 0 {
		w.mustRun(w.job(q, rowsMax(1+w.rng.Int64N(400)), shards(1+w.rng.IntN(5))), stopAhead(1+w.rng.IntN(3)), cores(1+w.rng.IntN(3)))
	}
	w.mustRun(w.job(q, flushing))
}

// TestOneResultSeveralLives runs the same records in every way that must not matter.
func TestOneResultSeveralLives(t *testing.T) {
	seed, events := simSeed(t), 1000
	if testing.Short() {
		events = 500
	}
	for _, q := range []simQuery{stateless, windowed, twoWindows, fanOut, merged, whole, daily, unnested, aside, late, lateSessions, visits, frames, mapped} {
		t.Run(q.name, func(t *testing.T) {
			t.Parallel()
			worlds := map[string]*world{}
			for i, l := range lives {
				w := newWorld(t, seed)
				w.fill(q, events/q.weight())
				if l.like == "" {
					w.rng = rand.New(rand.NewPCG(seed, 100+uint64(i)))
				}
				l.run(w, q)
				w.wantRows(l.name, w.expected(q), equalRows)
				w.wantLike(l, q, worlds[l.like])
				w.wantBalance(l.name)
				w.wantVerified(l.name, w.job(q), false)
				worlds[l.name] = w
				t.Logf("%-28s %4d rows in %3d files, %2d runs, %2d batches", l.name, len(w.rows()), len(w.files()), w.drivers, len(w.reports))
			}
		})
	}
}

func (w *world) wantLike(l life, q simQuery, other *world) {
	w.t.Helper()
	if other == nil {
		return
	}
	equal := exactRows
	if l.shards && q.name != windowed.name {
		equal = equalRows
	}
	w.wantRows(l.name+" against "+l.like, other.rows(), equal)
	if l.files && !maps.EqualFunc(w.files(), other.files(), bytes.Equal) {
		w.t.Errorf("%s: files differ from those of %s: %q and %q", l.name, l.like, slices.Sorted(maps.Keys(w.files())), slices.Sorted(maps.Keys(other.files())))
	}
}

// wantBalance checks the row accounting over all batches of the world: records in = records of the topic, and what
// went into an operator came out or has a reason.
func (w *world) wantBalance(what string) {
	w.t.Helper()
	sums := map[string]Edge{}
	for _, p := range w.reports {
		for _, e := range p.Edges {
			s := sums[e.Operator]
			s.Add(e.RowCounts)
			s.HeldAfter = e.HeldAfter
			sums[e.Operator] = s
		}
	}
	if in := sums["decode events"].In + sums["decode more"].In; in != int64(len(w.events)+len(w.dead)) {
		w.t.Errorf("%s: %d records decoded, the topics have %d", what, in, len(w.events)+len(w.dead))
	}
	for name, e := range sums {
		if e.In+e.Added != e.Out+e.Dropped()+e.HeldAfter {
			w.t.Errorf("%s: operator %s: %+v does not add up", what, name, e)
		}
	}
}
