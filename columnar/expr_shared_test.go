package columnar

import (
	"slices"
	"testing"
)

// ranNodes counts the nodes below roots that computed something for the last batch.
func ranNodes(f *frame, roots ...*node) (n int) {
	for _, root := range roots {
		if root.ran == f.batchNo && !root.isConst() && root.expr.Op != "col" {
			n++
		}
		n += ranNodes(f, root.args...)
	}
	return n
}

func TestCommonExpressionsRunOnce(t *testing.T) {
	r := newRand(t)
	b := randomBatch(r, randomSchema, 100, 0.3)
	for b.Cols[randomSchema.Index("s2")].Valid == nil { // a branch that no row takes computes nothing
		b = randomBatch(r, randomSchema, 100, 0.3)
	}
	col := func(name string) *Expr { return Col(randomSchema, randomSchema.Index(name)) }
	lower := func() *Expr { return mustCall(t, "lower", col("s1")) }
	size := func() *Expr { return mustCall(t, "length", lower()) }
	for _, c := range []struct {
		name  string
		exprs []*Expr
		nodes int
	}{
		{"once", []*Expr{size()}, 2},
		{"in one expression", []*Expr{mustCall(t, "=", size(), size())}, 3},
		{"in two columns", []*Expr{size(), mustCall(t, "upper", lower()), mustCall(t, "isnull", size())}, 4},
		{"in a branch, computed before", []*Expr{size(), mustCall(t, "case", mustCall(t, "isnull", col("s2")), size(), bigint(0))}, 4},
		{"in branches of other rows", []*Expr{mustCall(t, "case", mustCall(t, "isnull", col("s2")), size(), mustCall(t, "neg", size()))}, 7},
	} {
		roots, f, err := compileAll(c.exprs, randomSchema)
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			rows := f.start(b)
			for _, root := range roots {
				if _, err := root.eval(f, rows); err != nil {
					t.Fatal(err)
				}
			}
			if got := ranNodes(f, roots...); got != c.nodes {
				t.Errorf("%s: %d nodes ran, want %d", c.name, got, c.nodes)
			}
		}
	}
}

// TestProjectSharesParts computes random expressions that have parts in common, in one projection and each for itself.
func TestProjectSharesParts(t *testing.T) {
	r := newRand(t)
	for i := 0; i < cases(800, 150) && !t.Failed(); i++ {
		m := treeMaker{r, Session{}}
		x, y := m.tree(m.anyType(), 2), m.tree(Type{Kind: Bool}, 2)
		exprs := []*Expr{x, m.call("case", y, x, m.tree(x.Type, 2)), m.call("isnull", x), m.call("and", y, m.call("isnotnull", x)), m.call("coalesce", m.leaf(x.Type), x), y}
		r.Shuffle(len(exprs), func(i, j int) { exprs[i], exprs[j] = exprs[j], exprs[i] })
		p, err := NewProject(everySchema, exprs, []string{"a", "b", "c", "d", "e", "f"})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			b := randomBatch(r, everySchema, 1+r.IntN(30), 0.3)
			if r.IntN(2) == 0 {
				randomSel(r, b)
			}
			checkProject(t, p, exprs, b)
		}
	}
}

func checkProject(t *testing.T, p *Project, exprs []*Expr, b *Batch) {
	t.Helper()
	got, err := p.Process(b)
	failed := false
	for i, e := range exprs {
		alone, err1 := Compile(e, b.Schema)
		if err1 != nil {
			t.Fatal(err1)
		}
		want, err1 := alone.Eval(b)
		if failed = failed || err1 != nil; failed || err != nil {
			continue
		}
		for _, r := range selected(b) {
			g, w := goValue(e.Type, valueAt(got.Cols[i], int(r))), goValue(e.Type, valueAt(want, int(r)))
			if !identical(g, w) {
				t.Fatalf("column %d of %v\n%s, row %d: %v, alone %v", i, exprs, e, r, g, w)
			}
		}
	}
	if failed != (err != nil) {
		t.Fatalf("%v: error %v; one fails alone: %t", exprs, err, failed)
	}
}

// TestCodesChangeNothing compares columns with codes, given and made, with the same columns without.
func TestCodesChangeNothing(t *testing.T) {
	r := newRand(t)
	s := NewSchema(Field{"s", Type{Kind: String}})
	for range cases(300, 60) {
		var pool []string
		for range 1 + r.IntN(300) {
			pool = append(pool, randomValue(r, String).S+string(rune('a'+r.IntN(30))))
		}
		v := NewBuilder(Type{Kind: String})
		for range r.IntN(600) {
			if r.IntN(4) == 0 {
				v.AppendNull()
			} else {
				v.AppendString(pool[r.IntN(len(pool))])
			}
		}
		b := &Batch{Schema: s, Rows: v.Vector().N, Cols: []*Vector{v.Vector()}}
		if r.IntN(3) == 0 {
			randomSel(r, b)
		}
		given := *b
		if e := (&textEncoder{}); r.IntN(2) == 0 {
			e.encode(b.Cols[0])
			given.Cols = []*Vector{&e.out}
		}
		var exprs []*Expr
		for range codesLeast {
			k := textLiteral(pool[r.IntN(len(pool))])
			exprs = append(exprs, mustCall(t, []string{"=", "<>", "<", "<=", ">", ">="}[r.IntN(6)], Col(s, 0), k), mustCall(t, "isdistinct", k, Col(s, 0)))
		}
		together, err := NewProject(s, exprs, slices.Repeat([]string{"x"}, len(exprs)))
		if err != nil {
			t.Fatal(err)
		}
		checkProject(t, together, exprs, &given)
		for _, e := range exprs {
			alone, err := NewProject(s, []*Expr{e}, []string{"x"})
			if err != nil {
				t.Fatal(err)
			}
			checkProject(t, alone, []*Expr{e}, &given)
			plain, _ := alone.Process(b)
			coded, _ := together.Process(&given)
			for _, row := range selected(b) {
				i := slices.Index(exprs, e)
				if g, w := goValue(e.Type, valueAt(coded.Cols[i], int(row))), goValue(e.Type, valueAt(plain.Cols[0], int(row))); g != w {
					t.Fatalf("%s, row %d: %v with codes, %v without", e, row, g, w)
				}
			}
		}
	}
}

func TestCodesAreMade(t *testing.T) {
	e := &textEncoder{}
	v := NewBuilder(Type{Kind: String})
	for i := range 300 {
		v.AppendString(string(rune('a' + i)))
	}
	many := v.Vector()
	if e.encode(many); e.out.coded() || e.rest != restBatches {
		t.Errorf("300 distinct strings have codes; rest %d", e.rest)
	}
	few := Take(&Batch{Schema: NewSchema(Field{"s", many.Type}), Rows: 300, Cols: []*Vector{many}}, []int32{5, 7, 5}).Cols[0]
	for range restBatches {
		if e.encode(few); e.out.coded() {
			t.Fatal("codes while it rests")
		}
	}
	if e.encode(few); !e.out.coded() || e.out.Dict.N != 2 || !slices.Equal(e.out.Codes, []byte{0, 1, 0}) {
		t.Errorf("codes %v of %d strings", e.out.Codes, e.dict.N)
	}
}
