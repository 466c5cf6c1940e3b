package state

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// sessionShape groups rows (ts, n, name) by name into sessions, with sum(n) and array_agg(n).
func sessionShape() Shape {
	ts, number := typed(columnar.Timestamp), typed(columnar.Int64)
	in := columnar.NewSchema(columnar.Field{Name: "ts", Type: ts}, columnar.Field{Name: "n", Type: number},
		columnar.Field{Name: "name", Type: typed(columnar.String)}, columnar.Field{Name: "window_start", Type: ts})
	return Shape{In: in, Spec: columnar.AggSpec{Keys: []int{3, 2}, Aggs: []columnar.Agg{
		{Func: columnar.Sum, Arg: 1, In: number, Name: "sum"},
		{Func: columnar.ArrayAgg, Arg: 1, In: number, Name: "all", Order: []columnar.AggOrder{{Col: 1, Type: number}}},
		{Func: columnar.Min, Arg: 0, In: ts, Name: "_first"},
		{Func: columnar.Max, Arg: 0, In: ts, Name: "_last"},
		{Func: columnar.CountStar, Arg: -1, Name: "_rows"},
	}}}
}

// visit is a row; a key below 0 is NULL.
type visit struct {
	ts, n int64
	key   int
}

// visits turns rows into half-aggregated cells: rows of one key in [k·gap, (k+1)·gap), which are always in one session.
func visits(t testing.TB, rows []visit, gap int64) *columnar.Batch {
	t.Helper()
	shape := sessionShape()
	cols := make([]*columnar.Builder, len(shape.In.Fields))
	for i, f := range shape.In.Fields {
		cols[i] = columnar.NewBuilder(f.Type)
	}
	for _, v := range rows {
		cols[0].AppendInt64(v.ts)
		cols[1].AppendInt64(v.n)
		if v.key < 0 {
			cols[2].AppendNull()
		} else {
			cols[2].AppendString(fmt.Sprint("key", v.key))
		}
		cell := v.ts / gap
		if v.ts%gap < 0 {
			cell--
		}
		cols[3].AppendInt64(cell)
	}
	b := &columnar.Batch{Schema: shape.In, Rows: len(rows)}
	for _, c := range cols {
		b.Cols = append(b.Cols, c.Vector())
	}
	h := columnar.NewHashAggregate(shape.In, shape.Spec)
	if err := h.Add(b); err != nil {
		t.Fatal(err)
	}
	return columnar.Concat([]*columnar.Batch{h.Partial()})
}

// sessionOracle is the definition: rows of a key, by time, are one session while none is more than a gap behind the one
// before it.
type sessionOracle struct {
	gap  int64
	live []visit
}

func (o *sessionOracle) runs() [][]visit {
	slices.SortFunc(o.live, func(a, b visit) int { return cmp.Or(cmp.Compare(a.key, b.key), cmp.Compare(a.ts, b.ts)) })
	var out [][]visit
	for i, v := range o.live {
		if i == 0 || o.live[i-1].key != v.key || uint64(v.ts)-uint64(o.live[i-1].ts) > uint64(o.gap) {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], v)
	}
	return out
}

// close takes sessions out, as lines of text, and counts the rows that are late.
func (o *sessionOracle) close(late, watermark int64) (closed []string, lateRows int64) {
	var live []visit
	for _, run := range o.runs() {
		switch end := run[len(run)-1].ts + o.gap; {
		case end < late:
			lateRows += int64(len(run))
		case end < watermark:
			closed = append(closed, o.show(run))
		default:
			live = append(live, run...)
		}
	}
	o.live = live
	slices.Sort(closed)
	return closed, lateRows
}

func (o *sessionOracle) show(run []visit) string {
	sum, all := int64(0), []int64{}
	for _, v := range run {
		sum, all = sum+v.n, append(all, v.n)
	}
	slices.Sort(all)
	return fmt.Sprint(run[0].ts, " ", run[0].key, " ", sum, " ", all, " ", run[len(run)-1].ts, " ", len(run))
}

// showSessions checks the order of finished rows and turns them into lines.
func showSessions(t *testing.T, b *columnar.Batch) []string {
	t.Helper()
	var out []string
	if !slices.Equal(columnar.SortRows(b, []int{0, 1}), rowRun(0, b.Rows)) {
		t.Fatal("sessions come out in disorder")
	}
	for i := range b.Rows {
		key := -1
		if !b.Cols[1].IsNull(i) {
			fmt.Sscanf(string(b.Cols[1].Str(i)), "key%d", &key)
		}
		list := b.Cols[3]
		all := list.Kids[0].I64[list.Off[i]:list.Off[i+1]]
		if b.Cols[0].I64[i] != b.Cols[4].I64[i] {
			t.Fatalf("a session starts at %d, its first row is at %d", b.Cols[0].I64[i], b.Cols[4].I64[i])
		}
		out = append(out, fmt.Sprint(b.Cols[0].I64[i], " ", key, " ", b.Cols[2].I64[i], " ", all, " ", b.Cols[5].I64[i], " ", b.Cols[6].I64[i]))
	}
	slices.Sort(out)
	return out
}

// sessionLife is a table of sessions beside its oracle, and the blocks that it has left.
type sessionLife struct {
	t      *testing.T
	r      *rand.Rand
	gap    int64
	table  *Sessions
	oracle sessionOracle
	w      int64
	chain  [][]byte // blocks, and behind each the watermark
	marks  []int64

	onGap, late, closed int
}

// batch merges random rows, closes, checks, and keeps a block.
func (l *sessionLife) batch() error {
	before := l.w
	rows := l.rows()
	l.oracle.live = append(l.oracle.live, rows...)
	held := l.table.Rows()
	for len(rows) > 0 {
		n := 1 + l.r.IntN(len(rows))
		if err := l.table.Merge(visits(l.t, rows[:n], l.gap)); err != nil {
			return err
		}
		held, rows = held+int64(n), rows[n:]
	}
	l.w += l.r.Int64N(2 * l.gap)
	if l.r.IntN(20) == 0 {
		l.w = math.MaxInt64
	}
	want, wantLate := l.oracle.close(before, l.w)
	got, err := l.table.Close(before, l.w)
	if err != nil {
		return err
	}
	l.late, l.closed = l.late+int(wantLate), l.closed+len(want)
	if lines := showSessions(l.t, got.Final); !slices.Equal(lines, want) || got.LateRows != wantLate {
		return fmt.Errorf("W %d -> %d: closed\n%q\n%d late, want\n%q\n%d late", before, l.w, lines, got.LateRows, want, wantLate)
	}
	if held != got.Rows+got.LateRows+l.table.Rows() || l.table.Rows() != int64(len(l.oracle.live)) {
		return fmt.Errorf("%d rows are %d closed, %d late and %d held; the oracle holds %d", held, got.Rows, got.LateRows, l.table.Rows(), len(l.oracle.live))
	}
	if err := l.checkFirst(); err != nil {
		return err
	}
	if l.w == math.MaxInt64 { // a flush leaves nothing that older blocks may speak of
		l.w, l.chain, l.marks = before, nil, nil
	}
	l.keep()
	return nil
}

func (l *sessionLife) rows() []visit {
	rows := make([]visit, l.r.IntN(12))
	for i := range rows {
		rows[i] = visit{ts: l.w + l.r.Int64N(6*l.gap) - 3*l.gap, n: l.r.Int64N(100), key: l.r.IntN(4) - 1}
		if at := len(l.oracle.live); at > 0 && l.r.IntN(2) == 0 { // a gap from another row of the key, give or take one
			o := l.oracle.live[l.r.IntN(at)]
			rows[i].key, rows[i].ts = o.key, o.ts+[]int64{l.gap, -l.gap}[l.r.IntN(2)]+l.r.Int64N(3)-1
			l.onGap++
		}
	}
	return rows
}

func (l *sessionLife) checkFirst() error {
	_, end, held := l.table.First()
	runs := l.oracle.runs()
	if held != (len(runs) > 0) || l.table.Len() != len(runs) {
		return fmt.Errorf("%d sessions, the first ends at %d (%v); the oracle holds %d", l.table.Len(), end, held, len(runs))
	}
	for _, run := range runs {
		if e := run[len(run)-1].ts + l.gap; e < end {
			return fmt.Errorf("the first session to close ends at %d, not %d", e, end)
		}
	}
	return nil
}

// keep takes a delta, or a snapshot, which must be the block of a table that was made of the live rows at once.
func (l *sessionLife) keep() {
	if len(l.chain) > 0 && l.r.IntN(4) > 0 {
		block, err := l.table.Delta()
		l.must(err)
		l.chain, l.marks = append(l.chain, block), append(l.marks, l.w)
		return
	}
	l.chain, l.marks = [][]byte{l.snapshot()}, []int64{l.w}
	fresh := NewSessions(sessionShape(), l.gap)
	l.must(fresh.Merge(visits(l.t, l.oracle.live, l.gap)))
	block, err := fresh.Snapshot()
	l.must(err)
	if !bytes.Equal(block, l.chain[0]) {
		l.t.Fatal("equal sessions give different blocks")
	}
}

func (l *sessionLife) snapshot() []byte {
	block, err := l.table.Snapshot()
	l.must(err)
	return block
}

// restart loads the chain in two halves of the key groups, and joins their blocks: they are that of the live table, which
// goes on from them.
func (l *sessionLife) restart() error {
	var halves [][]byte
	for _, run := range [][2]uint8{{0, 99}, {100, 255}} {
		block, err := l.load(run[0], run[1]).Snapshot()
		l.must(err)
		halves = append(halves, block)
	}
	joined, err := MergeBlocks(halves)
	l.must(err)
	if !bytes.Equal(joined, l.snapshot()) {
		return errors.New("the chain of blocks gives other sessions")
	}
	l.table = l.load(0, 255)
	return nil
}

func (l *sessionLife) load(from, to uint8) *Sessions {
	loader := NewSessionLoader(sessionShape(), l.gap)
	for i, block := range l.chain {
		l.must(loader.Load(block, from, to))
		loader.Drop(l.marks[i])
	}
	s, err := loader.Sessions()
	l.must(err)
	return s
}

func (l *sessionLife) must(err error) {
	l.t.Helper()
	if err != nil {
		l.t.Fatal(err)
	}
}

// TestSessionsAgainstOracle runs random batches through a table that is restarted now and then.
func TestSessionsAgainstOracle(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, 0))
	onGap, late, closed := 0, 0, 0
	lives := 400
	if testing.Short() {
		lives = 100
	}
	for c := range lives {
		l := &sessionLife{t: t, r: r, gap: 1 + r.Int64N(12)}
		l.w = r.Int64N(60) - 30
		l.table, l.oracle.gap = NewSessions(sessionShape(), l.gap), l.gap
		for b := range 1 + r.IntN(12) {
			if err := l.batch(); err != nil {
				t.Fatalf("seed %d case %d batch %d, gap %d: %v", seed, c, b, l.gap, err)
			}
			if r.IntN(3) == 0 {
				if err := l.restart(); err != nil {
					t.Fatalf("seed %d case %d batch %d, gap %d: %v", seed, c, b, l.gap, err)
				}
			}
		}
		onGap, late, closed = onGap+l.onGap, late+l.late, closed+l.closed
	}
	t.Logf("seed %d: %d lives, %d sessions closed, %d rows late, %d about a gap from another row", seed, lives, closed, late, onGap)
	if closed < 3*lives || late < lives || onGap < 3*lives {
		t.Error("too little happened")
	}
}

// TestMergeStorm: whatever merges with what, a batch costs about as much as its rows and the sessions of its keys. First
// many sessions of one key become one in a single batch; then pairs of sessions, pairs of these, and so on.
func TestMergeStorm(t *testing.T) {
	const gap, n = 10, 1 << 16
	r := rand.New(rand.NewPCG(12, 0))
	s := NewSessions(sessionShape(), gap)
	// bridge merges a row into every step-th of the places between sessions that are 2·gap apart, in random order.
	bridge := func(first, step int64) (swept, moved int) {
		var rows []visit
		for at := first; at < n*2*gap; at += step {
			rows = append(rows, visit{ts: at, n: 1})
		}
		r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		swept, moved = s.swept, s.moved
		if err := s.Merge(visits(t, rows, gap)); err != nil {
			t.Fatal(err)
		}
		return s.swept - swept, s.moved - moved
	}
	bridge(0, 2*gap)
	if s.Len() != n {
		t.Fatalf("%d sessions, want %d", s.Len(), n)
	}
	if swept, moved := bridge(gap, 2*gap); s.Len() != 1 || swept > 4*n || moved > 2*n {
		t.Errorf("to make one of %d sessions, of which %d are left, sweeps went through %d entries and %d rows moved", n, s.Len(), swept, moved)
	}
	s = NewSessions(sessionShape(), gap)
	bridge(0, 2*gap)
	swept, moved, rounds := 0, 0, 0
	for width := int64(2); s.Len() > 1; width *= 2 { // sessions, and the place behind each, in gaps
		before := s.Len()
		a, b := bridge((width-1)*gap, 2*width*gap)
		if swept, moved, rounds = swept+a, moved+b, rounds+1; s.Len() != before/2 {
			t.Fatalf("round %d leaves %d of %d sessions", rounds, s.Len(), before)
		}
	}
	if swept > 8*n || moved > rounds*n {
		t.Errorf("in %d rounds sweeps went through %d entries and %d rows moved, of %d sessions", rounds, swept, moved, n)
	}
	end, before := int64(n*2*gap), s.moved
	for at := end; at < end+200*gap; at += 2 * gap { // the large one takes small ones in, one after the other
		for _, ts := range []int64{at, at - gap} {
			if err := s.Merge(visits(t, []visit{{ts: ts}}, gap)); err != nil {
				t.Fatal(err)
			}
		}
	}
	if s.Len() != 1 || s.moved-before > 100 {
		t.Errorf("%d rows moved for 100 of them that came", s.moved-before)
	}
	t.Logf("%d sessions become one in %d rounds, with %d entries swept and %d rows moved", n, rounds, swept, moved)
}

// TestSessionsForgetWhatIsGone: the table does not grow with sessions and keys that are gone, and what lives on stays right.
func TestSessionsForgetWhatIsGone(t *testing.T) {
	const gap, perRound = 10, 3000
	s, kept := NewSessions(sessionShape(), gap), sessionOracle{gap: gap}
	for round := range int64(8) {
		w := round * 100
		rows := []visit{{ts: w, n: round, key: -1}, {ts: w + 100, key: -1}} // a session that goes on from round to round
		for i := range perRound {
			rows = append(rows, visit{ts: w + int64(i%50), n: 1, key: int(round)*perRound + i})
		}
		for at := w; at < w+100; at += gap {
			rows = append(rows, visit{ts: at, key: -1})
		}
		kept.live = append(kept.live, rows...)
		if err := s.Merge(visits(t, rows, gap)); err != nil {
			t.Fatal(err)
		}
		want, _ := kept.close(w, w+99)
		closed, err := s.Close(w, w+99)
		if err != nil {
			t.Fatal(err)
		}
		if got := showSessions(t, closed.Final); !slices.Equal(got, want) || len(got) != perRound {
			t.Fatalf("round %d: %d sessions, want %d", round, len(got), len(want))
		}
		if _, err := s.Delta(); err != nil {
			t.Fatal(err)
		}
		if len(s.slots) > perRound+minWaste || s.keys.Len() > perRound+minWaste || s.Len() != 1 {
			t.Fatalf("round %d: room for %d sessions and %d keys with %d left", round, len(s.slots), s.keys.Len(), s.Len())
		}
	}
}

// TestSessionsOfOneBegin: of sessions that begin at the same moment, side by side in a block, a watermark drops those that have ended.
func TestSessionsOfOneBegin(t *testing.T) {
	const keys, gap = 1000, 10
	var rows []visit
	for key := range keys {
		rows = append(rows, visit{0, 1, key})
		for ts := int64(5); key%2 == 0 && ts < 100; ts += 5 {
			rows = append(rows, visit{ts, 1, key})
		}
	}
	table := NewSessions(sessionShape(), gap)
	must(t, table.Merge(visits(t, rows, gap)))
	block, err := table.Snapshot()
	must(t, err)
	l := NewSessionLoader(sessionShape(), gap)
	must(t, l.Load(block, 0, 255))
	l.Drop(50)
	held, err := l.Sessions()
	must(t, err)
	if held.Len() != keys/2 {
		t.Errorf("%d sessions are held, want %d", held.Len(), keys/2)
	}
}
