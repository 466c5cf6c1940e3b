package columnar

import (
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random tests; 0 takes a new one")

// newRand returns a generator whose seed the test prints when it fails.
func newRand(t testing.TB) *rand.Rand {
	seed := *seedFlag
	if seed == 0 {
		seed = rand.Uint64()
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("rerun with -seed %d", seed)
		}
	})
	return rand.New(rand.NewPCG(seed, 1))
}

// cases is how many cases a random test tries: all, or a few under -short.
func cases(all, few int) int {
	if testing.Short() {
		return few
	}
	return all
}

var randomSchema = NewSchema(
	Field{"b1", Type{Kind: Bool}}, Field{"b2", Type{Kind: Bool}},
	Field{"i1", Type{Kind: Int32}}, Field{"i2", Type{Kind: Int32}},
	Field{"l1", Type{Kind: Int64}}, Field{"l2", Type{Kind: Int64}},
	Field{"f1", Type{Kind: Float64}}, Field{"f2", Type{Kind: Float64}},
	Field{"s1", Type{Kind: String}}, Field{"s2", Type{Kind: String}},
	Field{"d1", Type{Kind: Date}}, Field{"t1", Type{Kind: Timestamp}}, Field{"t2", Type{Kind: Timestamp}})

var randomKinds = []Kind{Bool, Int32, Int64, Float64, String, Date, Timestamp}

// randomValue takes a mix of edge cases and ordinary values.
func randomValue(r *rand.Rand, k Kind) Value {
	pick := func(vs ...int64) Value { return Value{I: vs[r.IntN(len(vs))]} }
	switch k {
	case Bool:
		return pick(0, 1)
	case Int8:
		return pick(0, 1, -1, 2, 7, math.MaxInt8, math.MinInt8, r.Int64N(256)-128)
	case Int16:
		return pick(0, 1, -1, 2, 7, math.MaxInt16, math.MinInt16, r.Int64N(1000))
	case Int32:
		return pick(0, 1, -1, 2, 3, 7, -40, math.MaxInt32, math.MinInt32, r.Int64N(100))
	case Int64:
		return pick(0, 1, -1, 2, 3, 7, -40, 1<<32, 3e9, math.MaxInt64, math.MinInt64, r.Int64N(100))
	case Float32:
		return Value{F: float64(float32(randomValue(r, Float64).F))}
	case Float64:
		fs := []float64{0, math.Copysign(0, -1), 1, -1, 0.5, 2.5, -3.5, 1e-5, 1e15, 123456789, 1e300, math.Inf(1), math.Inf(-1), math.NaN(), r.NormFloat64()}
		return Value{F: fs[r.IntN(len(fs))]}
	case Date:
		return pick(0, -1, 1, 19000, 19783, -1000, 11016, r.Int64N(30000)-10000)
	case Timestamp, LocalTimestamp:
		return pick(0, -1, 1, 1_700_000_000_000_000, 951_782_400_000_000, -86_400_000_000, r.Int64N(4e15)-2e15)
	}
	ss := []string{"", "a", "b", "view", "purchase", "Ärger", "12", " 7 ", "-1", "1.5", "true", "f", "2024-02-29", "2023-02-29", "2024-02-29 12:30:05", "NaN", "abcdefgh", "abcdefghi"}
	return Value{S: ss[r.IntN(len(ss))]}
}

// randomVector has undefined values at its NULLs, as decoders may leave them.
func randomVector(r *rand.Rand, t Type, rows int, nulls float64) *Vector {
	b := NewBuilder(t)
	for range rows {
		appendRandomValue(r, b, nulls)
	}
	v := b.Vector()
	if nulls > 0 {
		v.Valid = make([]byte, bitmapBytes(rows))
		for i := range rows {
			setBitTo(v.Valid, i, r.Float64() >= nulls)
		}
	}
	return v
}

func randomBatch(r *rand.Rand, s *Schema, rows int, nulls float64) *Batch {
	b := &Batch{Schema: s, Rows: rows}
	for _, f := range s.Fields {
		share := nulls
		if r.IntN(4) == 0 {
			share = 0
		}
		b.Cols = append(b.Cols, randomVector(r, f.Type, rows, share))
	}
	return b
}

// randomSel selects about half of the rows.
func randomSel(r *rand.Rand, b *Batch) {
	b.Sel = []int32{}
	for i := range b.Rows {
		if r.IntN(2) == 0 {
			b.Sel = append(b.Sel, int32(i))
		}
	}
}

func rowOf(b *Batch, i int) []any {
	row := make([]any, len(b.Cols))
	for c, v := range b.Cols {
		row[c] = goValue(v.Type, valueAt(v, i))
	}
	return row
}

func selected(b *Batch) []int32 {
	if b.Sel != nil {
		return b.Sel
	}
	return (&frame{}).identity(b.Rows)
}

type treeMaker struct{ *rand.Rand }

func (m treeMaker) must(e *Expr, err error) *Expr {
	if err != nil {
		panic(err)
	}
	return e
}

func (m treeMaker) leaf(k Kind) *Expr {
	if m.IntN(3) == 0 {
		v := randomValue(m.Rand, k)
		v.Null = m.IntN(5) == 0
		return Const(Type{Kind: k}, v)
	}
	for {
		if c := m.IntN(len(randomSchema.Fields)); randomSchema.Fields[c].Type.Kind == k {
			return Col(randomSchema, c)
		}
	}
}

// tree makes a random expression of kind k.
func (m treeMaker) tree(k Kind, depth int) *Expr {
	if depth == 0 || m.IntN(6) == 0 {
		return m.leaf(k)
	}
	switch m.IntN(8) {
	case 0:
		return m.must(Call("case", m.tree(Bool, depth-1), m.tree(k, depth-1), m.tree(Bool, depth-1), m.tree(k, depth-1), m.tree(k, depth-1)))
	case 1:
		return m.must(Call("coalesce", m.tree(k, depth-1), m.tree(k, depth-1)))
	case 2:
		return m.must(Call("nullif", m.tree(k, depth-1), m.tree(k, depth-1)))
	case 3:
		from := randomKinds[m.IntN(len(randomKinds))]
		if castKernels[castPair{from, k}] != nil {
			return m.must(Cast(m.tree(from, depth-1), Type{Kind: k}))
		}
	}
	return m.function(k, depth-1)
}

func (m treeMaker) pick(names ...string) string { return names[m.IntN(len(names))] }

func (m treeMaker) function(k Kind, d int) *Expr {
	switch k {
	case Bool:
		return m.boolean(d)
	case Int64:
		switch m.IntN(4) {
		case 0:
			return m.must(Call(m.pick("neg", "abs"), m.tree(Int64, d)))
		case 1:
			return m.must(Call(m.pick("hour", "minute", "second", "year", "month", "day"), m.tree(Timestamp, d)))
		case 2:
			return m.must(Call("length", m.tree(String, d)))
		}
		return m.must(Call(m.pick("+", "-", "*", "/", "%"), m.tree(Int64, d), m.tree(m.kind(Int32, Int64), d)))
	case Float64:
		if m.IntN(3) == 0 {
			return m.must(Call(m.pick("neg", "abs", "floor", "ceil", "round"), m.tree(Float64, d)))
		}
		return m.must(Call(m.pick("+", "-", "*", "/", "%"), m.tree(Float64, d), m.tree(m.kind(Int32, Int64, Float64), d)))
	case String:
		if m.IntN(2) == 0 {
			return m.must(Call(m.pick("lower", "upper"), m.tree(String, d)))
		}
		return m.must(Call("||", m.tree(String, d), m.tree(String, d)))
	case Date:
		return m.must(Call("date", m.tree(Timestamp, d)))
	case Timestamp:
		return m.time(d)
	}
	return m.leaf(k)
}

func (m treeMaker) kind(ks ...Kind) Kind { return ks[m.IntN(len(ks))] }

func (m treeMaker) boolean(d int) *Expr {
	switch m.IntN(4) {
	case 0:
		return m.must(Call(m.pick("and", "or"), m.tree(Bool, d), m.tree(Bool, d)))
	case 1:
		return m.must(Call("not", m.tree(Bool, d)))
	case 2:
		return m.must(Call(m.pick("isnull", "isnotnull"), m.tree(randomKinds[m.IntN(len(randomKinds))], d)))
	}
	k := randomKinds[m.IntN(len(randomKinds))]
	return m.must(Call(m.pick("=", "<>", "<", "<=", ">", ">="), m.tree(k, d), m.tree(k, d)))
}

func (m treeMaker) time(d int) *Expr {
	interval := func(v int64) *Expr { return Const(Type{Kind: Interval}, Value{I: v}) }
	switch m.IntN(3) {
	case 0:
		return m.must(Call("date_trunc", Const(Type{Kind: String}, Value{S: m.pick("second", "minute", "hour", "DAY", "week", "month", "quarter", "years")}), m.tree(Timestamp, d)))
	case 1:
		return m.must(Call("tumble_start", m.tree(Timestamp, d), interval(1+m.Int64N(1e11)), interval(m.Int64N(2e11)-1e11)))
	}
	return m.must(Call(m.pick("+", "-"), m.tree(Timestamp, d), interval(m.Int64N(2e13)-1e13)))
}

// TestRandomTrees holds the kernels against the interpreter.
func TestRandomTrees(t *testing.T) {
	r := newRand(t)
	trees := cases(20_000, 3000)
	sizes := []int{0, 1, 7, 8, 9, 20, 70}
	var failing, rows int
	for i := 0; i < trees && !t.Failed(); i++ {
		b := randomBatch(r, randomSchema, sizes[r.IntN(len(sizes))], 0.3)
		if r.IntN(2) == 0 {
			randomSel(r, b)
		}
		e := treeMaker{r}.tree(randomKinds[r.IntN(len(randomKinds))], 1+r.IntN(4))
		if checkTree(t, e, b) {
			failing++
		}
		rows += b.Len()
	}
	t.Logf("%d trees, %d rows, %d with a row error", trees, rows, failing)
	if failing < trees/50 || failing > trees/2 {
		t.Errorf("%d of %d trees have a row error, want some but not most", failing, trees)
	}
}

// checkTree reports whether e fails on b, after checking that interpreter and kernels agree.
func checkTree(t *testing.T, e *Expr, b *Batch) bool {
	t.Helper()
	prog, err := Compile(e, b.Schema)
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	want := map[int32]any{}
	bad := map[int32]error{}
	for _, r := range selected(b) {
		v, err := interpret(e, rowOf(b, int(r)))
		if want[r] = v; err != nil {
			bad[r] = err
		}
	}
	for range 2 { // the second time with used buffers
		got, err := prog.Eval(b)
		if err != nil || len(bad) > 0 {
			checkRowError(t, e, bad, err)
			continue
		}
		for r, w := range want {
			if g := goValue(got.Type, valueAt(got, int(r))); !sameValue(g, w) {
				t.Errorf("%s\nrow %d %v: got %v, want %v", e.describe(), r, rowOf(b, int(r)), g, w)
			}
		}
	}
	if e.Type.Kind == Bool && len(bad) == 0 {
		checkSelect(t, prog, e, b, want)
	}
	return len(bad) > 0
}

func sameValue(a, b any) bool { return identical(a, b) }

func checkRowError(t *testing.T, e *Expr, bad map[int32]error, err error) {
	t.Helper()
	var row *RowError
	if !errors.As(err, &row) {
		t.Errorf("%s: got error %v, want a RowError at one of %v", e.describe(), err, bad)
		return
	}
	want, ok := bad[int32(row.Row)]
	if !ok {
		t.Errorf("%s: got error %v at row %d, want one of %v", e.describe(), err, row.Row, bad)
	} else if slices.Contains([]string{zeroDivision, outOfRange, tsOutOfRange}, want.Error()) && row.Reason != want.Error() {
		t.Errorf("%s: got reason %q, want %q", e.describe(), row.Reason, want)
	}
}

func checkSelect(t *testing.T, prog *Program, e *Expr, b *Batch, want map[int32]any) {
	t.Helper()
	var rows []int32
	for _, r := range selected(b) {
		if want[r] == true {
			rows = append(rows, r)
		}
	}
	got, err := prog.Select(b, []int32{77})
	if err != nil || !slices.Equal(got[1:], rows) {
		t.Errorf("select %s: got %v %v, want %v", e.describe(), got, err, rows)
	}
}
