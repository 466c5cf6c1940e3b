package columnar

import (
	"errors"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
)

var seedFlag = flag.Uint64("seed", 0, "seed of the random tests; 0 takes one that stays the same, or with MILLRACE_LONG=1 a new one")

// testSeed is the seed of a random test. It stays the same unless a long run is asked for, so that a failure of `make test`
// tells of a change and not of chance.
func testSeed() uint64 {
	switch {
	case *seedFlag != 0:
		return *seedFlag
	case os.Getenv("MILLRACE_LONG") != "":
		return rand.Uint64()
	}
	return 20261126
}

// newRand returns a generator whose seed the test prints when it fails.
func newRand(t testing.TB) *rand.Rand {
	seed := testSeed()
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
	ss := []string{"", "a", "b", "view", "purchase", "Ärger", "12", " 7 ", "-1", "1.5", "true", "f", "2024-02-29", "2023-02-29", "2024-02-29 12:30:05", "NaN", "abcdefgh", "abcdefghi",
		"1 day", "P1Y2M", "-2:30", "1 mon -2 days", "1.5 hours ago", "2024-03-31 02:30:00", "2024-10-27 02:30:00", "2024-03-10T02:30:00-05:00",
		"0.005", "99999999999999999999999999999999999999", "-99.995", "[1,2,3]", `["x",null,"1.5"]`, "[]", `{"a":7,"b":"\u00e4"}`, `{"7":1}`, `[[true,false],null]`, `[{"k":"2024-02-29","v":1.5}]`, "[1,", "null"}
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

type treeMaker struct {
	*rand.Rand
	session Session
}

func (m treeMaker) must(e *Expr, err error) *Expr {
	if err != nil {
		panic(err)
	}
	return e
}

func (m treeMaker) call(name string, args ...*Expr) *Expr {
	return m.must(m.session.Call(name, args...))
}

// anyType is the type of a column, the plain ones more often.
func (m treeMaker) anyType() Type {
	fields := everySchema.Fields
	if m.IntN(2) == 0 {
		fields = randomSchema.Fields
	}
	return fields[m.IntN(len(fields))].Type
}

func (m treeMaker) kind(ks ...Kind) Type { return Type{Kind: ks[m.IntN(len(ks))]} }

func (m treeMaker) pick(names ...string) string { return names[m.IntN(len(names))] }

func (m treeMaker) literal(t Type) *Expr {
	if m.IntN(5) == 0 {
		return Const(t, Value{Null: true})
	}
	if t.Kind == String && m.IntN(4) == 0 {
		return Const(t, Value{S: wordyText(m.Rand)})
	}
	b := NewBuilder(t)
	appendRandomValue(m.Rand, b, 0.2)
	return Const(t, valueAt(b.Vector(), 0))
}

func (m treeMaker) leaf(t Type) *Expr {
	if m.IntN(3) == 0 {
		return m.literal(t)
	}
	for {
		if c := m.IntN(len(everySchema.Fields)); everySchema.Fields[c].Type == t {
			return Col(everySchema, c)
		}
	}
}

// tree makes a random expression of type t.
func (m treeMaker) tree(t Type, depth int) *Expr {
	if depth == 0 || m.IntN(6) == 0 {
		return m.leaf(t)
	}
	boolean := Type{Kind: Bool}
	switch m.IntN(8) {
	case 0:
		return m.call("case", m.tree(boolean, depth-1), m.tree(t, depth-1), m.tree(boolean, depth-1), m.tree(t, depth-1), m.tree(t, depth-1))
	case 1:
		return m.call("coalesce", m.tree(t, depth-1), m.tree(t, depth-1))
	case 2:
		return m.call("nullif", m.tree(t, depth-1), m.tree(t, depth-1))
	case 3, 4:
		if from := m.anyType(); from != t {
			if _, ok := castable(from, t); ok {
				if t.Kind == Interval { // the oracle knows the texts of columns only
					return m.cast(m.leaf(from), t)
				}
				return m.cast(m.tree(from, depth-1), t)
			}
		}
	}
	return m.function(t, depth-1)
}

func (m treeMaker) cast(e *Expr, t Type) *Expr {
	if m.IntN(2) == 0 {
		return m.must(m.session.TryCast(e, t))
	}
	return m.must(m.session.Cast(e, t))
}

func (m treeMaker) function(t Type, d int) *Expr {
	double, text := Type{Kind: Float64}, Type{Kind: String}
	switch t.Kind {
	case Bool:
		return m.boolean(d)
	case Int64:
		return m.bigint(d)
	case Float64:
		if m.IntN(3) == 0 {
			return m.call(m.pick("neg", "abs", "floor", "ceil", "round"), m.tree(double, d))
		}
		return m.call(m.pick("+", "-", "*", "/", "%"), m.tree(double, d), m.tree(m.kind(Int8, Int32, Int64, Float32, Float64), d))
	case Decimal:
		return m.cast(m.decimal(d), t)
	case String:
		if m.IntN(2) == 0 {
			return m.call(m.pick("lower", "upper"), m.tree(text, d))
		}
		return m.call("||", m.tree(text, d), m.tree(text, d))
	case Interval:
		return m.interval(d)
	case Date, Timestamp, LocalTimestamp:
		return m.time(t, d)
	}
	return m.leaf(t)
}

func (m treeMaker) bigint(d int) *Expr {
	bigint, at := Type{Kind: Int64}, Type{Kind: Timestamp}
	switch m.IntN(5) {
	case 0:
		return m.call(m.pick("neg", "abs"), m.tree(bigint, d))
	case 1:
		return Session{}.mustCall(m.pick("hour", "minute", "second", "year", "month", "day"), m.tree(at, d))
	case 2:
		return m.call("length", m.tree(Type{Kind: String}, d))
	case 3:
		return m.call("-", m.tree(Type{Kind: Date}, d), m.tree(Type{Kind: Date}, d))
	}
	return m.call(m.pick("+", "-", "*", "/", "%"), m.tree(bigint, d), m.tree(m.kind(Int8, Int16, Int32, Int64), d))
}

// mustCall is for functions whose oracle knows UTC only.
func (s Session) mustCall(name string, args ...*Expr) *Expr {
	e, err := s.Call(name, args...)
	if err != nil {
		panic(err)
	}
	return e
}

// decimal makes an exact number of some type.
func (m treeMaker) decimal(d int) *Expr {
	types := []Type{DecimalOf(4, 2), DecimalOf(38, 0), DecimalOf(18, 6), {Kind: Int16}, {Kind: Int64}}
	x := m.tree(types[m.IntN(3)], d)
	if m.IntN(5) == 0 {
		return m.call("neg", x)
	}
	if m.IntN(6) == 0 {
		return m.call(m.pick("+", "-", "%"), x, m.tree(DecimalOf(38, 38), d))
	}
	return m.call(m.pick("+", "-", "*", "%"), x, m.tree(types[m.IntN(len(types))], d))
}

func (m treeMaker) boolean(d int) *Expr {
	boolean := Type{Kind: Bool}
	switch m.IntN(8) {
	case 0:
		return m.call(m.pick("and", "or"), m.tree(boolean, d), m.tree(boolean, d))
	case 1:
		return m.call("not", m.tree(boolean, d))
	case 2:
		return m.call(m.pick("isnull", "isnotnull"), m.tree(m.anyType(), d))
	case 3:
		return m.call(m.pick("istrue", "isnottrue", "isfalse", "isnotfalse", "isunknown", "isnotunknown"), m.tree(boolean, d))
	case 4:
		return m.in(d)
	case 5:
		return m.equals(d)
	}
	t := m.anyType()
	if t.hasMap() {
		return m.call(m.pick("=", "<>", "isdistinct"), m.tree(t, d), m.tree(t, d))
	}
	if t.Kind == Decimal && m.IntN(2) == 0 {
		return m.call(m.pick("=", "<>", "<", "<=", ">", ">="), m.tree(t, d), m.decimal(d))
	}
	return m.call(m.pick("=", "<>", "<", "<=", ">", ">=", "isdistinct", "isnotdistinct"), m.tree(t, d), m.tree(t, d))
}

func (m treeMaker) in(d int) *Expr {
	t := m.anyType()
	args := []*Expr{m.tree(t, d)}
	for range 1 + m.IntN(4) {
		if m.IntN(6) == 0 {
			args = append(args, m.tree(t, d))
		} else {
			args = append(args, m.literal(t))
		}
	}
	return m.call("in", args...)
}

// equals compares one expression with several literals.
func (m treeMaker) equals(d int) *Expr {
	x := m.tree(m.anyType(), d)
	e := m.call("=", x, m.literal(x.Type))
	for range 2 + m.IntN(4) {
		if next := m.call("=", x, m.literal(x.Type)); m.IntN(2) == 0 {
			e = m.call("or", e, next)
		} else {
			e = m.call("or", next, e)
		}
	}
	return e
}

func (m treeMaker) interval(d int) *Expr {
	t := Type{Kind: Interval}
	switch m.IntN(4) {
	case 0:
		at := m.kind(Timestamp, LocalTimestamp)
		return m.call("-", m.tree(at, d), m.tree(at, d))
	case 1:
		return m.call(m.pick("*", "/"), m.tree(t, d), m.tree(m.kind(Int8, Int64, Float64), d))
	case 2:
		return m.call("neg", m.tree(t, d))
	}
	return m.call(m.pick("+", "-"), m.tree(t, d), m.tree(t, d))
}

func (m treeMaker) time(t Type, d int) *Expr {
	interval := func(v int64) *Expr { return Const(Type{Kind: Interval}, Value{I: v}) }
	switch {
	case t.Kind == Date && m.IntN(2) == 0:
		return Session{}.mustCall("date", m.tree(Type{Kind: Timestamp}, d))
	case t.Kind == Date:
		return m.call(m.pick("+", "-"), m.tree(t, d), m.tree(m.kind(Int16, Int64), d))
	case t.Kind == Timestamp && m.IntN(4) == 0:
		return Session{}.mustCall("date_trunc", Const(Type{Kind: String}, Value{S: m.pick("second", "minute", "hour", "DAY", "week", "month", "quarter", "years")}), m.tree(t, d))
	case t.Kind == Timestamp && m.IntN(3) == 0:
		return m.call("tumble_start", m.tree(t, d), interval(1+m.Int64N(1e11)), interval(m.Int64N(2e11)-1e11))
	}
	by := m.tree(Type{Kind: Interval}, d)
	if m.IntN(2) == 0 {
		by = interval(m.Int64N(2e13) - 1e13)
	}
	if m.IntN(4) == 0 {
		return m.call("+", by, m.tree(t, d))
	}
	return m.call(m.pick("+", "-"), m.tree(t, d), by)
}

// TestRandomTrees holds the kernels against the interpreter.
func TestRandomTrees(t *testing.T) {
	r := newRand(t)
	trees := cases(5000, 1500)
	sizes := []int{0, 1, 7, 8, 9, 20, 70}
	var failing, rows int
	for i := 0; i < trees && !t.Failed(); i++ {
		b := randomBatch(r, everySchema, sizes[r.IntN(len(sizes))], 0.3)
		if r.IntN(4) == 0 {
			wordyColumns(r, b)
		}
		if r.IntN(2) == 0 {
			randomSel(r, b)
		}
		m := treeMaker{r, Session{Zone: []string{"", "Europe/Berlin", "America/New_York"}[r.IntN(3)]}}
		e := m.tree(m.anyType(), 1+r.IntN(4))
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
	want, bad := interpretRows(e, b)
	checkRows(t, e, b, want, bad)
	return len(bad) > 0
}

// interpretRows are the values of the selected rows, and the errors.
func interpretRows(e *Expr, b *Batch) (want map[int32]any, bad map[int32]error) {
	want, bad = map[int32]any{}, map[int32]error{}
	for _, r := range selected(b) {
		v, err := interpret(e, rowOf(b, int(r)))
		if want[r] = v; err != nil {
			bad[r] = err
		}
	}
	return want, bad
}

// checkRows compares the kernels with what the interpreter gives.
func checkRows(t *testing.T, e *Expr, b *Batch, want map[int32]any, bad map[int32]error) {
	t.Helper()
	prog, err := Compile(e, b.Schema)
	if err != nil {
		t.Fatalf("%s: %v", e, err)
	}
	for range 2 { // the second time with used buffers
		got, err := prog.Eval(b)
		if err != nil || len(bad) > 0 {
			checkRowError(t, e, bad, err)
			continue
		}
		for r, w := range want {
			if g := goValue(got.Type, valueAt(got, int(r))); !sameValue(g, w) {
				t.Fatalf("%s\n%s\nrow %d %v: got %v, want %v", e.describe(), e, r, rowOf(b, int(r)), g, w)
			}
		}
	}
	if e.Type.Kind == Bool && len(bad) == 0 {
		checkSelect(t, prog, e, b, want)
	}
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
