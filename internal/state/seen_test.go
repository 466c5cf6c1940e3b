package state

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// seenShape is rows (n, name, ts), deduplicated by name.
func seenShape() Shape {
	in := columnar.NewSchema(columnar.Field{Name: "n", Type: typed(columnar.Int64)}, columnar.Field{Name: "name", Type: typed(columnar.String)},
		columnar.Field{Name: "ts", Type: typed(columnar.Timestamp)})
	return Shape{In: in, Spec: columnar.AggSpec{Keys: []int{2, 1}, Aggs: []columnar.Agg{{Func: columnar.CountStar, Arg: -1, Name: "_rows"}}}}
}

func seenRows(rows []visit) *columnar.Batch {
	shape := seenShape()
	cols := make([]*columnar.Builder, len(shape.In.Fields))
	for i, f := range shape.In.Fields {
		cols[i] = columnar.NewBuilder(f.Type)
	}
	for _, v := range rows {
		cols[0].AppendInt64(v.n)
		if v.key < 0 {
			cols[1].AppendNull()
		} else {
			cols[1].AppendString(fmt.Sprint("key", v.key))
		}
		cols[2].AppendInt64(v.ts)
	}
	b := &columnar.Batch{Schema: shape.In, Rows: len(rows)}
	for _, c := range cols {
		b.Cols = append(b.Cols, c.Vector())
	}
	return b
}

// seenOracle remembers every kept row for ever.
type seenOracle struct {
	span int64
	kept []visit
}

func (o *seenOracle) keep(rows []visit) []int64 {
	sorted := slices.Clone(rows)
	slices.SortStableFunc(sorted, func(a, b visit) int { return compareInts(a.ts, b.ts) })
	var out []int64
	for _, v := range sorted {
		near := func(k visit) bool {
			d := v.ts - k.ts
			return k.key == v.key && -o.span < d && d < o.span
		}
		if !slices.ContainsFunc(o.kept, near) {
			o.kept, out = append(o.kept, v), append(out, v.n)
		}
	}
	return out
}

func compareInts(a, b int64) int {
	switch {
	case a < b:
		return -1
	case a > b:
		return 1
	}
	return 0
}

// seenLife takes one memory through batches, and now and then through a crash: it is then read from its blocks.
type seenLife struct {
	t      *testing.T
	r      *rand.Rand
	span   int64
	seen   *Seen
	oracle seenOracle
	mark   int64

	blocks [][]byte
	marks  []int64 // the watermark behind each block
	n      int64
	edges  int // rows exactly the span away from a kept one
}

func (l *seenLife) batch() {
	rows := make([]visit, l.r.IntN(6))
	for i := range rows {
		l.n++
		rows[i] = visit{ts: l.mark + l.r.Int64N(3*l.span+2), n: l.n, key: l.r.IntN(4) - 1}
		for _, k := range l.oracle.kept {
			if k.key == rows[i].key && (k.ts-rows[i].ts == l.span || rows[i].ts-k.ts == l.span) {
				l.edges++
			}
		}
	}
	b := seenRows(rows)
	picked, err := l.seen.Keep(b)
	if err != nil {
		l.t.Fatal(err)
	}
	var got []int64
	for _, row := range picked {
		got = append(got, b.Cols[0].I64[row])
	}
	if want := l.oracle.keep(rows); !slices.Equal(got, want) {
		l.t.Fatalf("span %d, watermark %d, rows %v: kept %v, not %v", l.span, l.mark, rows, got, want)
	}
	l.mark += l.r.Int64N(l.span + 1)
	l.seen.Expire(l.mark)
}

func (l *seenLife) save() {
	take := l.seen.Delta
	if len(l.blocks) == 0 || l.r.IntN(4) == 0 {
		take, l.blocks, l.marks = l.seen.Snapshot, nil, nil
	}
	block, err := take()
	if err != nil {
		l.t.Fatal(err)
	}
	l.blocks, l.marks = append(l.blocks, block), append(l.marks, l.mark)
}

func (l *seenLife) crash() {
	loader := NewSeenLoader(seenShape(), l.span)
	for i, block := range l.blocks {
		if err := loader.Load(block, 0, 255); err != nil {
			l.t.Fatal(err)
		}
		loader.Drop(l.marks[i])
	}
	before := l.seen.Len()
	var err error
	if l.seen, err = loader.Seen(); err != nil {
		l.t.Fatal(err)
	}
	l.seen.Expire(l.mark)
	if l.seen.Len() != before {
		l.t.Fatalf("%d rows remembered before the crash, %d behind it", before, l.seen.Len())
	}
}

// TestSeenAgainstOracle compares with a memory that forgets nothing.
func TestSeenAgainstOracle(t *testing.T) {
	const seed, lives = 20261126, 1000
	r := rand.New(rand.NewPCG(seed, 1))
	edges, crashes := 0, 0
	for range lives {
		l := &seenLife{t: t, r: r, span: 1 + r.Int64N(9), mark: r.Int64N(100) - 50}
		l.seen, l.oracle.span = NewSeen(seenShape(), l.span), l.span
		for range 1 + r.IntN(12) {
			l.batch()
			l.save()
			if r.IntN(3) == 0 {
				l.crash()
				crashes++
			}
		}
		edges += l.edges
	}
	t.Logf("seed %d: %d lives, %d crashes, %d rows exactly the span away from a kept one", seed, lives, crashes, edges)
	if edges < lives/2 {
		t.Errorf("only %d rows at the edge of the span", edges)
	}
}

// TestSeenForgets shows that memory follows the rows that still matter, not those that came.
func TestSeenForgets(t *testing.T) {
	s := NewSeen(seenShape(), 10)
	for i := range 400 {
		var rows []visit
		for k := range 100 {
			rows = append(rows, visit{ts: int64(20 * i), key: 1000*i + k})
		}
		if _, err := s.Keep(seenRows(rows)); err != nil {
			t.Fatal(err)
		}
		s.Expire(int64(20 * i))
		if _, err := s.Delta(); err != nil {
			t.Fatal(err)
		}
	}
	if s.Len() > 200 || s.keys.Len() > 3000 {
		t.Errorf("%d rows of %d keys are remembered of the last 200 that matter", s.Len(), s.keys.Len())
	}
}

// TestSeenAtTheEnds shows that times at the ends of the range do not wrap.
func TestSeenAtTheEnds(t *testing.T) {
	s := NewSeen(seenShape(), 10)
	rows := seenRows([]visit{{ts: math.MinInt64, n: 1}, {ts: math.MinInt64 + 9, n: 2}, {ts: math.MaxInt64 - 9, n: 3}, {ts: math.MaxInt64, n: 4}})
	got, err := s.Keep(rows)
	if err != nil || !slices.Equal(got, []int32{0, 2}) {
		t.Fatalf("kept %v, %v", got, err)
	}
	s.Expire(math.MaxInt64 - 1)
	if s.Len() != 1 {
		t.Errorf("%d rows remembered, not the last one", s.Len())
	}
	if s.Expire(math.MaxInt64); s.Len() != 0 {
		t.Errorf("%d rows remembered behind the end of time", s.Len())
	}
}

// TestSeenLoaderRefuses takes blocks that say what no memory can.
func TestSeenLoaderRefuses(t *testing.T) {
	wide := NewSeen(seenShape(), 5)
	if _, err := wide.Keep(seenRows([]visit{{ts: 0}, {ts: 5}})); err != nil {
		t.Fatal(err)
	}
	block, err := wide.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	l := NewSeenLoader(seenShape(), 10)
	if err := l.Load(block, 0, 255); err != nil {
		t.Fatal(err)
	}
	if _, err := l.Seen(); err == nil {
		t.Error("rows five apart were taken for a span of ten")
	}
}
