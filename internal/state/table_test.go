package state

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
)

func typed(k columnar.Kind) columnar.Type { return columnar.Type{Kind: k} }

// testShape groups rows (window, name, flag) by all three and keeps sum(n), avg(n), max(name) and the count of rows.
func testShape() Shape {
	in := columnar.NewSchema(
		columnar.Field{Name: "n", Type: typed(columnar.Int64)},
		columnar.Field{Name: "name", Type: typed(columnar.String)},
		columnar.Field{Name: "code", Type: typed(columnar.Int32)},
		columnar.Field{Name: "window_start", Type: typed(columnar.Timestamp)},
	)
	return Shape{In: in, Spec: columnar.AggSpec{Keys: []int{3, 1, 2}, Aggs: []columnar.Agg{
		{Func: columnar.Sum, Arg: 0, In: typed(columnar.Int64), Name: "sum"},
		{Func: columnar.Avg, Arg: 0, In: typed(columnar.Int64), Name: "avg"},
		{Func: columnar.Max, Arg: 1, In: typed(columnar.String), Name: "max"},
		{Func: columnar.CountStar, Arg: -1, Name: "_rows"},
	}}}
}

// row is a row of testShape's input; NULLs where the pointer is nil.
type row struct {
	n      *int64
	name   *string
	code   int32
	window int64
}

func inputBatch(rows []row) *columnar.Batch {
	shape := testShape()
	b := columnar.EmptyBatch(shape.In)
	b.Rows = len(rows)
	for i, v := range b.Cols {
		v.N = len(rows)
		if i < 2 {
			v.Valid = make([]byte, (len(rows)+7)/8)
		}
	}
	for i, r := range rows {
		b.Cols[0].I64 = append(b.Cols[0].I64, orZero(r.n))
		b.Cols[1].Data = append(b.Cols[1].Data, orZero(r.name)...)
		b.Cols[1].Off = append(b.Cols[1].Off, int32(len(b.Cols[1].Data)))
		b.Cols[2].I32 = append(b.Cols[2].I32, r.code)
		b.Cols[3].I64 = append(b.Cols[3].I64, r.window)
		setValid(b.Cols[0], i, r.n != nil)
		setValid(b.Cols[1], i, r.name != nil)
	}
	b.Cols[1].Data = slices.Grow(b.Cols[1].Data, columnar.Slack)
	return b
}

func orZero[T any](p *T) (zero T) {
	if p == nil {
		return zero
	}
	return *p
}

func setValid(v *columnar.Vector, i int, valid bool) {
	if valid {
		v.Valid[i>>3] |= 1 << (i & 7)
	}
}

func partialOf(t testing.TB, rows []row) *columnar.Batch {
	t.Helper()
	shape := testShape()
	h := columnar.NewHashAggregate(shape.In, shape.Spec)
	if err := h.Add(inputBatch(rows)); err != nil {
		t.Fatal(err)
	}
	return h.Partial()
}

func randomRows(r *rand.Rand, n int) []row {
	rows := make([]row, n)
	for i := range rows {
		number, name := r.Int64N(2000)-1000, strings.Repeat("k", r.IntN(4))+fmt.Sprint(r.IntN(12))
		rows[i] = row{n: &number, name: &name, code: r.Int32N(3), window: (r.Int64N(5) - 2) * 10}
		if r.IntN(3) == 0 {
			rows[i].code = r.Int32N(1000) // so many that some share key group and name
		}
		if r.IntN(8) == 0 {
			rows[i].n = nil
		}
		if r.IntN(8) == 0 {
			rows[i].name = nil
		}
	}
	return rows
}

func mergeRows(t testing.TB, table *Table, rows []row) {
	t.Helper()
	if err := table.Merge(partialOf(t, rows)); err != nil {
		t.Fatal(err)
	}
}

func snapshot(t testing.TB, table *Table) []byte {
	t.Helper()
	block, err := table.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	return block
}

func delta(t testing.TB, table *Table) []byte {
	t.Helper()
	block, err := table.Delta()
	if err != nil {
		t.Fatal(err)
	}
	return block
}

func load(t testing.TB, from, to uint8, blocks ...[]byte) *Table {
	t.Helper()
	l := NewLoader(testShape())
	for _, b := range blocks {
		if err := l.Load(b, from, to); err != nil {
			t.Fatal(err)
		}
	}
	table, err := l.Table(inTurn)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

// shardRun is the run of key groups that shard s of n holds.
func shardRun(s, n int) (from, to uint8) {
	first, last := -1, -1
	for g := range keyGroups {
		if columnar.Shard(uint8(g), n) == s {
			if first < 0 {
				first = g
			}
			last = g
		}
	}
	return uint8(first), uint8(last)
}

// TestBlocksLeaveNoTrace: the same rows in any order, in batches of any size, over any number of shards give the same
// bytes.
func TestBlocksLeaveNoTrace(t *testing.T) {
	const seed = 3
	r := rand.New(rand.NewPCG(seed, 0))
	for c := range 60 {
		rows := randomRows(r, r.IntN(120))
		whole := NewTable(testShape())
		mergeRows(t, whole, rows)
		want := snapshot(t, whole)
		for _, shards := range []int{1, 2, 8} {
			r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
			blocks := shardedBlocks(t, r, rows, shards)
			r.Shuffle(len(blocks), func(i, j int) { blocks[i], blocks[j] = blocks[j], blocks[i] })
			got, err := MergeBlocks(blocks)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("seed %d case %d: %d shards give another block", seed, c, shards)
			}
		}
	}
}

// TestEqualDoublesGiveEqualBlocks: the two zeros are one key and one least value, and so are all NaNs, whichever came
// first.
func TestEqualDoublesGiveEqualBlocks(t *testing.T) {
	double, bigint := typed(columnar.Float64), typed(columnar.Int64)
	in := columnar.NewSchema(columnar.Field{Name: "w", Type: bigint}, columnar.Field{Name: "x", Type: double})
	least := Shape{In: in, Spec: columnar.AggSpec{Keys: []int{0}, Aggs: []columnar.Agg{
		{Func: columnar.Min, Arg: 1, In: double, Name: "min"}, {Func: columnar.CountStar, Arg: -1, Name: "_rows"}}}}
	keyed := Shape{In: in, Spec: columnar.AggSpec{Keys: []int{0, 1}, Aggs: least.Spec.Aggs[1:]}}
	block := func(shape Shape, xs []float64) []byte {
		b := &columnar.Batch{Schema: in, Rows: len(xs), Cols: []*columnar.Vector{
			{Type: bigint, N: len(xs), I64: make([]int64, len(xs))}, {Type: double, N: len(xs), F64: xs}}}
		h, table := columnar.NewHashAggregate(in, shape.Spec), NewTable(shape)
		if err := errors.Join(h.Add(b), table.Merge(h.Partial())); err != nil {
			t.Fatal(err)
		}
		return snapshot(t, table)
	}
	minus, otherNaN := math.Copysign(0, -1), math.Float64frombits(math.Float64bits(math.NaN())|1<<40)
	for _, xs := range [][]float64{{0, minus}, {math.NaN(), otherNaN}} {
		for name, shape := range map[string]Shape{"key": keyed, "least": least} {
			first, second := block(shape, xs), block(shape, []float64{xs[1], xs[0]})
			if !bytes.Equal(first, second) {
				t.Errorf("%s of %v: the order shows in the block", name, xs)
			}
		}
	}
}

// shardedBlocks merges the rows in batches of random sizes into tables of their shards.
func shardedBlocks(t *testing.T, r *rand.Rand, rows []row, shards int) [][]byte {
	tables := make([]*Table, shards)
	for s := range tables {
		tables[s] = NewTable(testShape())
	}
	for len(rows) > 0 {
		n := 1 + r.IntN(len(rows))
		partial := partialOf(t, rows[:n])
		rows = rows[n:]
		groups := columnar.KeyGroups(partial, []int{1, 2}, nil)
		for s, table := range tables {
			part := *partial
			part.Sel = []int32{}
			for i, g := range groups {
				if columnar.Shard(g, shards) == s {
					part.Sel = append(part.Sel, int32(i))
				}
			}
			if err := table.Merge(&part); err != nil {
				t.Fatal(err)
			}
		}
	}
	blocks := make([][]byte, shards)
	for s, table := range tables {
		blocks[s] = snapshot(t, table)
	}
	return blocks
}

// TestDeltasReplaySnapshots: a snapshot and the deltas behind it give the table, whole and in runs of key groups.
func TestDeltasReplaySnapshots(t *testing.T) {
	const seed = 4
	r := rand.New(rand.NewPCG(seed, 0))
	for c := range 40 {
		table := NewTable(testShape())
		mergeRows(t, table, randomRows(r, r.IntN(60)))
		chain := [][]byte{snapshot(t, table)}
		for range r.IntN(12) {
			mergeRows(t, table, randomRows(r, r.IntN(20)))
			chain = append(chain, delta(t, table))
		}
		want := snapshot(t, table)
		for _, shards := range []int{1, 2, 8} {
			var blocks [][]byte
			for s := range shards {
				from, to := shardRun(s, shards)
				restored := load(t, from, to, chain...)
				if changed := delta(t, restored); len(changed) != lengthsAt {
					t.Fatalf("seed %d case %d: a restored table counts groups as changed", seed, c)
				}
				blocks = append(blocks, snapshot(t, restored))
			}
			got, err := MergeBlocks(blocks)
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Fatalf("seed %d case %d: %d blocks replayed in %d shards give another state", seed, c, len(chain), shards)
			}
		}
	}
}

// TestLoaderCompacts replays so many deltas that layers are joined on the way, with windows closing between them.
func TestLoaderCompacts(t *testing.T) {
	const seed = 5
	r := rand.New(rand.NewPCG(seed, 0))
	table, l := NewTable(testShape()), NewLoader(testShape())
	most := 0
	for i := range 300 {
		mergeRows(t, table, atWindow(randomRows(r, 40), int64(i/10)*10))
		if i%10 == 9 && i < 290 {
			if _, err := table.RemoveFirst(1); err != nil {
				t.Fatal(err)
			}
		}
		if err := l.Load(delta(t, table), 0, 255); err != nil {
			t.Fatal(err)
		}
		l.Drop(func(start int64) bool { return start < table.Namespaces()[0] }, true)
		most = max(most, l.rows)
	}
	if most > 2*compactAbove {
		t.Errorf("the loader held %d rows", most)
	}
	restored, err := l.Table(inTurn)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(snapshot(t, restored), snapshot(t, table)) {
		t.Errorf("seed %d: the deltas give another state", seed)
	}
}

func atWindow(rows []row, window int64) []row {
	for i := range rows {
		rows[i].window = window
	}
	return rows
}

func TestDeltaHoldsWhatChanged(t *testing.T) {
	one, a, b := int64(1), "a", "b"
	table := NewTable(testShape())
	mergeRows(t, table, []row{{n: &one, name: &a, window: 0}, {n: &one, name: &b, window: 0}, {n: &one, name: &b, window: 10}})
	if got := load(t, 0, 255, delta(t, table)).Rows(); got != 3 {
		t.Errorf("the first delta holds %d rows, want 3", got)
	}
	mergeRows(t, table, []row{{n: &one, name: &b, window: 0}})
	if got := load(t, 0, 255, delta(t, table)).Rows(); got != 2 {
		t.Errorf("the delta of one group holds %d rows, want 2", got)
	}
	mergeRows(t, table, []row{{n: &one, name: &b, window: 0}})
	snapshot(t, table)
	if got := load(t, 0, 255, delta(t, table)).Rows(); got != 0 {
		t.Errorf("the delta behind a snapshot holds %d rows", got)
	}
	mergeRows(t, table, []row{{n: &one, name: &b, window: 0}, {n: &one, name: &b, window: 10}})
	if _, err := table.RemoveFirst(1); err != nil {
		t.Fatal(err)
	}
	if got := load(t, 0, 255, delta(t, table)).Namespaces(); !slices.Equal(got, []int64{10}) {
		t.Errorf("the delta holds namespaces %v, want 10 alone", got)
	}
}

// TestReusedTablesAreEmpty: a namespace that gets the hash table of a closed one starts from nothing.
func TestReusedTablesAreEmpty(t *testing.T) {
	one, a := int64(1), "a"
	table := NewTable(testShape())
	for window := range int64(5) {
		mergeRows(t, table, []row{{n: &one, name: &a, window: window}})
		if groups, rows := table.Held(window); groups != 1 || rows != 1 {
			t.Fatalf("window %d holds %d groups of %d rows", window, groups, rows)
		}
		final, err := table.RemoveFirst(1)
		if err != nil || final.Rows != 1 || final.Cols[3].I64[0] != 1 {
			t.Fatalf("window %d closed with %d rows, sum %d (%v)", window, final.Rows, final.Cols[3].I64[0], err)
		}
		if table.Rows() != 0 || len(table.Namespaces()) != 0 {
			t.Fatalf("window %d is still held", window)
		}
	}
}

func TestMergeRefuses(t *testing.T) {
	shape := testShape()
	wrong := columnar.EmptyBatch(shape.In)
	if err := NewTable(shape).Merge(wrong); err == nil || !strings.Contains(err.Error(), "the job needs") {
		t.Errorf("a batch with other columns: %v", err)
	}
	one, a := int64(1), "a"
	partial := partialOf(t, []row{{n: &one, name: &a}})
	partial.Cols[0].Valid = []byte{0}
	if err := NewTable(shape).Merge(partial); err == nil || !strings.Contains(err.Error(), "without a window") {
		t.Errorf("a NULL window: %v", err)
	}
}

// TestTooMuchText: offsets into a column's text are 32 bits wide. The parts share their memory.
func TestTooMuchText(t *testing.T) {
	shape := testShape()
	part := columnar.EmptyBatch(shape.In)
	part.Cols[1].Data = make([]byte, 40<<20)
	_, err := Concat(shape.In, slices.Repeat([]*columnar.Batch{part}, 60))
	if err == nil || !strings.Contains(err.Error(), `column "name" holds 2516582400 bytes of text in one shard`) {
		t.Errorf("got %v", err)
	}
}

// TestDropsActOnBlocksBeforeThem: what is closed may open again, with new rows alone.
func TestDropsActOnBlocksBeforeThem(t *testing.T) {
	one, a, b := int64(1), "a", "b"
	block := func(rows ...row) []byte {
		table := NewTable(testShape())
		mergeRows(t, table, rows)
		return delta(t, table)
	}
	first := block(row{n: &one, name: &a, window: 10}, row{n: &one, name: &b, window: 10}, row{n: &one, name: &a, window: 20})
	again := block(row{n: &one, name: &a, window: 10}, row{n: &one, name: &a, window: 10})
	until := func(end int64) func(int64) bool { return func(start int64) bool { return start < end } }
	for _, covers := range []bool{false, true} {
		for _, compact := range []bool{false, true} {
			l := NewLoader(testShape())
			load := func(block []byte, end int64, covers bool) {
				if err := l.Load(block, 0, 255); err != nil {
					t.Fatal(err)
				}
				l.Drop(until(end), covers)
				if compact {
					if err := l.compact(); err != nil {
						t.Fatal(err)
					}
				}
			}
			load(first, 5, true)
			load(block(), 15, covers)
			load(again, 0, false)
			load(block(), 3, true)
			table, err := l.Table(inTurn)
			if err != nil {
				t.Fatal(err)
			}
			tenGroups, tenRows := table.Held(10)
			if _, twenty := table.Held(20); tenGroups != 1 || tenRows != 2 || twenty != 1 {
				t.Errorf("%d groups of %d rows in the window that opened again, %d rows in the other; want 1, 2 and 1", tenGroups, tenRows, twenty)
			}
		}
	}
}
