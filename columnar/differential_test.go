package columnar

import (
	"errors"
	"flag"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/duckdbtest"
)

const (
	pairRows    = 8
	pairPerText = 20   // expressions in one query
	pairRound   = 2500 // cases over one table
	pairNulls   = 0.3
)

// TestDifferential computes the same random typed expressions over the same random rows by the kernels, by the interpreter
// a value at a time, and by DuckDB. Asked for by its name (go test -run Differential -v) it runs 100,000 cases, else a few.
func TestDifferential(t *testing.T) {
	seed := testSeed()
	total := cases(pairRound, pairRound/5)
	if strings.Contains(flag.Lookup("test.run").Value.String(), "Differential") {
		total = 100_000
	}
	t.Run("interpreter", func(t *testing.T) {
		(&pairTest{T: t, depths: map[int]int{}}).run(seed, total, (*pairTest).interpret)
	})
	t.Run("DuckDB", func(t *testing.T) {
		duckdbtest.Need(t)
		(&pairTest{T: t, depths: map[int]int{}, rules: map[string]int{}}).run(seed, total, (*pairTest).ask)
	})
}

// pairTest counts what the rounds find.
type pairTest struct {
	*testing.T
	values, nulls, errors, differ int
	depths                        map[int]int
	rules                         map[string]int // values that differ by a rule
}

func (d *pairTest) run(seed uint64, total int, check func(d *pairTest, b *Batch, setup []string, list []pairCase)) {
	d.Logf("rerun with -seed %d", seed)
	for n := 0; n < total && !d.Failed(); n += pairRound {
		r := rand.New(rand.NewPCG(seed, uint64(n)))
		b, setup := pairTable(r)
		list := make([]pairCase, min(pairRound, total-n))
		for i := range list {
			kind := "bixsdt"[r.IntN(6)]
			list[i] = pairCase{kind: kind, spelledExpr: spelled(r, kind, 4+r.IntN(3))}
			d.depths[list[i].depth]++
		}
		check(d, b, setup, list)
	}
	d.report(total)
}

// pairCase is an expression with the values of the kernels, by row.
type pairCase struct {
	spelledExpr
	kind byte
	got  [pairRows]any
	bad  [pairRows]bool // the row has no value: an error
}

// pairTable is a random table here, and the statements that make it in DuckDB.
func pairTable(r *rand.Rand) (*Batch, []string) {
	b := &Batch{Schema: pairSchema, Rows: pairRows}
	cols := make([]*Builder, len(pairSchema.Fields))
	for i, f := range pairSchema.Fields {
		cols[i] = NewBuilder(f.Type)
	}
	setup := []string{"SET integer_division=true", "SET ieee_floating_point_ops=false", "SET disabled_optimizers='expression_rewriter'", "CREATE TABLE r (" + pairTypes + ")"}
	for range pairRows {
		var texts []string
		for i, f := range pairSchema.Fields {
			v := pairValue(r, f.Name[0], pairNulls)
			cols[i].appendValue(v)
			texts = append(texts, duckLiteral(f.Name[0], v))
		}
		setup = append(setup, "INSERT INTO r VALUES ("+strings.Join(texts, ", ")+")")
	}
	for _, c := range cols {
		b.Cols = append(b.Cols, c.Vector())
	}
	return b, setup
}

// appendValue appends a literal of a kind that is not nested.
func (b *Builder) appendValue(v Value) {
	switch {
	case v.Null:
		b.AppendNull()
	case b.vec.Type.Kind == Bool:
		b.AppendBool(v.I != 0)
	case b.vec.Type.Kind == Float64:
		b.AppendFloat64(v.F)
	case b.vec.Type.Kind == String:
		b.AppendString(v.S)
	case b.vec.Type.Kind == Date:
		b.AppendInt32(int32(v.I))
	default:
		b.AppendInt64(v.I)
	}
}

// interpret holds the kernels against the interpreter, over all rows or some of them.
func (d *pairTest) interpret(b *Batch, _ []string, list []pairCase) {
	r := rand.New(rand.NewPCG(1, uint64(len(list))))
	for i := range list {
		if b.Sel = nil; i%4 == 0 {
			randomSel(r, b)
		}
		want, bad := interpretRows(list[i].Expr, b)
		checkRows(d.T, list[i].Expr, b, want, bad)
		d.values += b.Len()
		d.errors += len(bad)
		for _, v := range want {
			if v == nil {
				d.nulls++
			}
		}
	}
}

// ask holds the kernels against DuckDB. There each value is wrapped in TRY, so an error is NULL.
func (d *pairTest) ask(b *Batch, setup []string, list []pairCase) {
	var queries []string
	for from := 0; from < len(list); from += pairPerText {
		var texts []string
		for i := from; i < min(from+pairPerText, len(list)); i++ {
			list[i].compute(d.T, b)
			texts = append(texts, "(TRY("+list[i].duck+"))::VARCHAR")
		}
		queries = append(queries, "SELECT "+strings.Join(texts, ", ")+" FROM r")
	}
	for q, a := range duckdbtest.Many(d.T, setup, queries) {
		if a.Error != "" || len(a.Rows) != pairRows {
			d.Errorf("DuckDB: %s\n%s", a.Error, queries[q])
			continue
		}
		for i := q * pairPerText; i < min((q+1)*pairPerText, len(list)); i++ {
			for row := range pairRows {
				d.compare(&list[i], row, a.Rows[row][i-q*pairPerText])
			}
		}
	}
}

// compute fills got and bad: all rows at once, and one by one where some row has no value.
func (c *pairCase) compute(t *testing.T, b *Batch) {
	prog, err := Compile(c.Expr, b.Schema)
	if err != nil {
		t.Fatal(err)
	}
	if v, err := prog.Eval(b); err == nil {
		for i := range pairRows {
			c.got[i] = goValue(v.Type, valueAt(v, i))
		}
		return
	}
	for i := range pairRows {
		one := *b
		one.Sel = []int32{int32(i)}
		v, err := prog.Eval(&one)
		if row := (*RowError)(nil); err != nil && !errors.As(err, &row) {
			t.Fatal(err)
		}
		if c.bad[i] = err != nil; !c.bad[i] {
			c.got[i] = goValue(v.Type, valueAt(v, i))
		}
	}
}

// compare takes a difference for one of two rules: AND, OR, CASE, COALESCE and IN leave out what they do not need, each
// system in its own way, as DuckDB does beside a constant that is NULL, so an error in it shows in one and not in the other; and doubles beyond the range are Infinity
// here and an error in DuckDB.
func (d *pairTest) compare(c *pairCase, row int, theirs *string) {
	d.values++
	if c.bad[row] {
		d.errors++
	}
	if c.got[row] == nil {
		d.nulls++
	}
	switch {
	case sameAsText(c.kind, c.got[row], theirs):
	case c.lazy && (c.bad[row] || theirs == nil):
		d.rules["a part that need not be computed"]++
	case c.grows && theirs == nil:
		d.rules["doubles beyond the range"]++
	default:
		text := "NULL"
		if theirs != nil {
			text = *theirs
		}
		if d.differ++; d.differ <= 10 {
			d.Errorf("row %d: %v here (error: %t), %s in DuckDB\n%s\n%s", row, c.got[row], c.bad[row], text, c.Expr, c.duck)
		}
	}
}

// sameAsText compares a value with DuckDB's text of it; nil is NULL.
func sameAsText(kind byte, v any, text *string) bool {
	if v == nil || text == nil {
		return v == nil && text == nil
	}
	switch kind {
	case 'b':
		return *text == strconv.FormatBool(v.(bool))
	case 'i':
		return *text == strconv.FormatInt(v.(int64), 10)
	case 'x':
		f, err := strconv.ParseFloat(*text, 64)
		return err == nil && compareAny(f, v) == 0
	case 'd':
		at, err := time.Parse(time.DateOnly, *text)
		return err == nil && at.Unix() == v.(int64)*86400
	case 't':
		at, err := time.Parse(time.DateTime, *text)
		return err == nil && at.UnixMicro() == v.(int64)
	}
	return *text == v.(string)
}

// report prints what was tried, and refuses a test that says too little.
func (d *pairTest) report(cases int) {
	median, half := 0, 0
	for k := 1; 2*half < cases && k < 20; k++ {
		median, half = k, half+d.depths[k]
	}
	d.Logf("%d cases, %d values, %d %% NULL, %d without a value, median depth %d", cases, d.values, 100*d.nulls/max(d.values, 1), d.errors, median)
	allowed := 0
	for rule, n := range d.rules {
		d.Logf("allowed: %d values: %s", n, rule)
		allowed += n
	}
	if median < 4 || 100*d.nulls < 20*d.values || 100*allowed > d.values {
		d.Error("too shallow, too few NULLs, or too many differences by rule to call it a test")
	}
	if d.differ > 0 {
		d.Errorf("%d values differ", d.differ)
	}
}
