package windows

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// input is a random stream within its bound, and the windows to put it in.
type input struct {
	window     Window
	disorder   int64
	partitions int
	events     []event // each partition's in the order of its offsets
	onBoundary int     // events at the very start of a window
}

// cases is how many cases a random test tries: all, or a few under -short.
func cases(all, few int) int {
	if testing.Short() {
		return few
	}
	return all
}

// randomInput draws an input of at most 40 events. No event is more than the disorder behind the latest one before it
// in its partition; many lie exactly that far behind, exactly at a boundary, or at the same time as others.
func randomInput(r *rand.Rand, w Window) input {
	in := input{
		window:     w,
		disorder:   r.Int64N(3) * r.Int64N(20),
		partitions: 1 + r.IntN(3),
	}
	newest := make([]int64, in.partitions)
	for i := range newest {
		newest[i] = r.Int64N(100) - 50
	}
	for range r.IntN(41) {
		e := event{partition: int32(r.IntN(in.partitions)), key: string(rune('a' + r.IntN(6))), value: r.NormFloat64() * 1000}
		e.nullKey, e.nullValue = r.IntN(10) == 0, r.IntN(10) == 0
		if e.nullKey {
			e.key = ""
		}
		e.ts = in.time(r, newest[e.partition])
		newest[e.partition] = max(newest[e.partition], e.ts)
		if onBoundary(in.window, e.ts) {
			in.onBoundary++
		}
		in.events = append(in.events, e)
	}
	return in
}

// randomTumbling is a tumbling window.
func randomTumbling(r *rand.Rand) Window {
	return Window{Kind: Tumbling, Size: 1 + r.Int64N(20), Offset: r.Int64N(41) - 20}
}

// randomWindow is of any kind but sessions, with a slide longer than the size now and then.
func randomWindow(r *rand.Rand) Window {
	w := randomTumbling(r)
	switch r.IntN(3) {
	case 0:
		w.Kind, w.Slide = Sliding, 1+r.Int64N(w.Size+2)
	case 1:
		w.Kind, w.Slide = Cumulative, 1+r.Int64N(6)
		w.Size = w.Slide * (1 + r.Int64N(5))
	}
	return w
}

// exactWindows is the definition: all windows that a time is in.
func exactWindows(w Window, ts int64) (all [][2]int64) {
	step := w.Size
	if w.Kind == Sliding {
		step = w.Slide
	}
	start, _ := exactWindow(Window{Size: step, Offset: w.Offset}, ts)
	for ; start+w.Size > ts; start -= step {
		if w.Kind != Cumulative {
			all = append(all, [2]int64{start, start + w.Size})
			continue
		}
		for end := start + w.Slide; end <= start+w.Size; end += w.Slide {
			if end > ts {
				all = append(all, [2]int64{start, end})
			}
		}
	}
	return all
}

// time draws a time that is at least newest − disorder.
func (in input) time(r *rand.Rand, newest int64) int64 {
	least := newest - in.disorder
	switch ts := least + r.Int64N(in.disorder+8); r.IntN(5) {
	case 0:
		return least
	case 1:
		return newest
	case 2, 3:
		all := exactWindows(in.window, ts)
		if len(all) == 0 {
			return ts
		}
		w := all[r.IntN(len(all))]
		if w[0] >= least {
			return w[0]
		}
		return w[1]
	default:
		return ts
	}
}

// cut splits the events into batches of random sizes, some of them empty, with the order of partitions against each
// other shuffled: only the order within a partition is given.
func (in input) cut(r *rand.Rand) [][]event {
	queues := make([][]event, in.partitions)
	for p := range queues {
		queues[p] = ofPartition(in.events, int32(p))
	}
	mean := 1 + r.IntN(20)
	var batches [][]event
	for left := len(in.events); left > 0; {
		var batch []event
		for p := range queues {
			n := min(r.IntN(mean+1), len(queues[p]))
			batch = append(batch, queues[p][:n]...)
			queues[p] = queues[p][n:]
			left -= n
		}
		batches = append(batches, batch)
	}
	return batches
}

// oracle is the definition of the result: every event in its window, window by window and key by key.
func (in input) oracle() map[string]*oracleRow {
	out := map[string]*oracleRow{}
	for _, e := range in.events {
		if e.nullKey {
			e.key = "NULL"
		}
		for _, w := range exactWindows(in.window, e.ts) {
			id := fmt.Sprint(w[0], " ", w[1], " ", e.key)
			row := out[id]
			if row == nil {
				row = &oracleRow{start: w[0], end: w[1], key: e.key, first: e.ts, max: math.NaN()}
				out[id] = row
			}
			row.add(e)
		}
	}
	return out
}

// onBoundary reports whether a window begins or ends at a time.
func onBoundary(w Window, ts int64) bool {
	return !slices.Equal(exactWindows(w, ts), exactWindows(w, ts-1))
}

type oracleRow struct {
	start, end, first int64
	key               string
	values            []float64
	max               float64
	rows              int64
}

func (o *oracleRow) add(e event) {
	o.rows++
	o.first = min(o.first, e.ts)
	if e.nullValue {
		return
	}
	o.values = append(o.values, e.value)
	if len(o.values) == 1 || e.value > o.max {
		o.max = e.value
	}
}

// check compares all but sum and mean exactly; these within n·ε·Σ|x|.
func (o *oracleRow) check(r outRow) error {
	var sum, size float64
	for _, v := range o.values {
		sum += v
		size += math.Abs(v)
	}
	n := float64(len(o.values))
	bound := n * 0x1p-52 * size
	exact := r.start == o.start && r.key == o.key && r.first == o.first && r.values == int64(n) && r.rows == o.rows
	switch {
	case !exact, n == 0 && !(math.IsNaN(r.sum) && math.IsNaN(r.avg) && math.IsNaN(r.max)):
	case n > 0 && !(r.max == o.max && math.Abs(r.sum-sum) <= bound && math.Abs(r.avg-sum/n) <= bound):
	default:
		return nil
	}
	return fmt.Errorf("got %v, want %+v", r, *o)
}

// TestCutsDoNotMatter: for input within the bound, however it is cut into batches and however many shards there are,
// exactly the windows that the watermark has passed come out, each once, as the oracle says; a flush gives the rest.
func TestCutsDoNotMatter(t *testing.T) {
	t.Parallel()
	const seed = 7
	inputs := cases(5000, 600)
	r := rand.New(rand.NewPCG(seed, 0))
	events, onBoundary, rows := 0, 0, 0
	for c := range inputs {
		in := randomInput(r, randomWindow(r))
		events, onBoundary = events+len(in.events), onBoundary+in.onBoundary
		shards := []int{1, 2, 8}[c%3]
		n, err := checkCut(t, in, in.cut(r), shards)
		if err != nil {
			t.Fatalf("seed %d case %d, %d shards, %+v: %v", seed, c, shards, in, err)
		}
		rows += n
	}
	share := 100 * float64(onBoundary) / float64(events)
	t.Logf("seed %d: %d cases, %d events, %.0f %% of them exactly on a boundary, %d rows", seed, inputs, events, share, rows)
	if share < 20 {
		t.Errorf("only %.1f %% of the events are on a boundary", share)
	}
}

func checkCut(t *testing.T, in input, batches [][]event, shards int) (rows int, err error) {
	p := newPipeline(t, in.window, in.disorder, in.partitions, shards)
	want := in.oracle()
	for i, batch := range batches {
		held, before := p.rowsHeld(), p.mark.Watermark
		closed := p.run(batch)
		if p.late != 0 || held+int64(len(batch)) != p.unassigned+p.left+p.rowsHeld() || p.mark.Watermark < before {
			return 0, fmt.Errorf("batch %d: %d late, rows %d + %d = %d + %d + %d, W %d -> %d", i, p.late,
				held, len(batch), p.unassigned, p.left, p.rowsHeld(), before, p.mark.Watermark)
		}
		if err := p.take(want, closed, p.mark.Watermark); err != nil {
			return 0, fmt.Errorf("batch %d: %w", i, err)
		}
		rows += len(closed)
	}
	flushed := p.flush()
	if p.rowsHeld() != 0 {
		return 0, fmt.Errorf("%d rows held behind the end", p.rowsHeld())
	}
	return rows + len(flushed), p.take(want, flushed, MaxWatermark)
}

// take removes the rows from what is wanted. Afterwards nothing wanted may be closed at the watermark.
func (p *pipeline) take(want map[string]*oracleRow, rows []outRow, watermark int64) error {
	for _, r := range rows {
		id := fmt.Sprint(r.start, " ", p.endOf(r), " ", r.key)
		o := want[id]
		if o == nil || o.end > watermark {
			return fmt.Errorf("W %d: row %v came twice or too early", watermark, r)
		}
		if err := o.check(r); err != nil {
			return err
		}
		delete(want, id)
	}
	// Without input to come, nothing that is closed may still be missing; with it, a closed window is complete.
	for _, o := range want {
		if o.end <= watermark {
			return fmt.Errorf("W %d: row %+v is missing", watermark, *o)
		}
	}
	return nil
}

// TestRestoredStateIsTheLiveOne: a snapshot, the deltas behind it and the watermark of each batch give the state, in
// any number of shards, and the restored job goes on to the same rows.
func TestRestoredStateIsTheLiveOne(t *testing.T) {
	t.Parallel()
	const seed = 8
	r := rand.New(rand.NewPCG(seed, 0))
	for c := range cases(400, 60) {
		in := randomInput(r, randomWindow(r))
		batches := in.cut(r)
		if err := checkRestore(t, r, in, batches); err != nil {
			t.Fatalf("seed %d case %d: %v", seed, c, err)
		}
	}
}

// kept is what the log keeps of a batch: its state block and the watermark after it.
type kept struct {
	block     []byte
	watermark int64
}

func checkRestore(t *testing.T, r *rand.Rand, in input, batches [][]event) error {
	live := newPipeline(t, in.window, in.disorder, in.partitions, []int{1, 2, 8}[r.IntN(3)])
	stop := r.IntN(len(batches) + 1)
	var chain []kept
	for _, batch := range batches[:stop] {
		live.run(batch)
		if r.IntN(6) == 0 {
			chain = []kept{{live.snapshot(), live.mark.Watermark}}
		} else {
			chain = append(chain, kept{live.delta(), live.mark.Watermark})
		}
	}
	restored := newPipeline(t, in.window, in.disorder, in.partitions, []int{1, 2, 8}[r.IntN(3)])
	restored.mark = live.mark
	restored.load(chain)
	if !bytes.Equal(restored.snapshot(), live.snapshot()) || restored.rowsHeld() != live.rowsHeld() {
		return fmt.Errorf("%d blocks from %d shards give another state in %d", len(chain), len(live.shards), len(restored.shards))
	}
	for i, batch := range batches[stop:] {
		if got, want := restored.run(batch), live.run(batch); !slices.EqualFunc(got, want, sameRow) {
			return fmt.Errorf("batch %d behind the restart: %v, want %v", i, got, want)
		}
	}
	if got, want := restored.flush(), live.flush(); !slices.EqualFunc(got, want, sameRow) {
		return fmt.Errorf("flush behind the restart: %v, want %v", got, want)
	}
	return nil
}

// load replays a chain in every shard, each its own run of key groups.
func (p *pipeline) load(chain []kept) {
	for s, shard := range p.shards {
		from, to := keyGroupsOf(s, len(p.shards))
		for _, k := range chain {
			p.must(shard.Load(k.block, from, to))
			shard.DropClosed(k.watermark)
		}
	}
}

func keyGroupsOf(shard, shards int) (from, to uint8) {
	var mine []uint8
	for g := range columnar.KeyGroupCount {
		if columnar.Shard(uint8(g), shards) == shard {
			mine = append(mine, uint8(g))
		}
	}
	return mine[0], mine[len(mine)-1]
}

// sameRow compares to the last bit: the order of merging is the same before and behind a restart.
func sameRow(a, b outRow) bool { return a.String() == b.String() }
