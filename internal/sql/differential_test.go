package sql_test

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/internal/sql/sqltest"
)

// The differential test: random typed expressions over a random table, computed here and by DuckDB. There each value is
// wrapped in TRY, so an error is NULL; here rows are computed one by one where a batch has an error, and an error counts
// as NULL. What may differ is a rule, see allowedRules.

const (
	diffRows    = 24
	diffPerText = 10 // expressions in one DuckDB query
)

const diffTypes = `b1 boolean, b2 boolean, i1 bigint, i2 bigint, x1 double, x2 double, p1 decimal(10,2), p2 decimal(10,2),
	s1 string, s2 string, d1 date, d2 date, t1 timestamp, t2 timestamp`

// diffSetup makes DuckDB divide as we do, and compute expressions as they are written: its rewriter turns 5 < n + 1 into
// 4 < n, and then an overflow, which has to be an error, is none.
var diffSetup = []string{"SET integer_division=true", "SET ieee_floating_point_ops=false", "SET disabled_optimizers='expression_rewriter'", "SET order_by_non_integer_literal=true"}

// diffSeed is the seed of a test, printed; MILLRACE_SEED sets it.
func diffSeed(t *testing.T) *rand.Rand {
	seed := uint64(20261125)
	if text := os.Getenv("MILLRACE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("MILLRACE_SEED: %v", err)
		}
	}
	t.Logf("run it again with MILLRACE_SEED=%d", seed)
	return rand.New(rand.NewPCG(seed, 2))
}

// diffCount is how many random cases run: a part of n under -short, many times n with MILLRACE_LONG.
func diffCount(n int) int {
	switch {
	case os.Getenv("MILLRACE_LONG") != "":
		return 20 * n
	case testing.Short():
		return n / 20
	}
	return n
}

// randomTable fills a table here, and returns the statements that fill the same in DuckDB. A quarter of the values is
// NULL. The last so many constants of each kind, the largest, are left out.
func randomTable(t *testing.T, r *rand.Rand, without int) (*sqltest.Database, []string) {
	t.Helper()
	db := &sqltest.Database{}
	if err := db.Exec("CREATE TABLE r (" + diffTypes + ")"); err != nil {
		t.Fatal(err)
	}
	duck := []string{"CREATE TABLE r (" + strings.ReplaceAll(diffTypes, "string", "varchar") + ")"}
	for range diffRows {
		var ours, theirs []string
		for _, k := range []byte("bbiixxppssddtt") {
			v := constants[k][r.IntN(len(constants[k])-without)]
			if r.IntN(4) == 0 {
				v = spelled{ours: "NULL", duck: "NULL"}
			}
			ours, theirs = append(ours, v.ours), append(theirs, v.duck)
		}
		if err := db.Exec("INSERT INTO r VALUES (" + strings.Join(ours, ", ") + ")"); err != nil {
			t.Fatal(err)
		}
		duck = append(duck, "INSERT INTO r VALUES ("+strings.Join(theirs, ", ")+")")
	}
	return db, duck
}

func TestDifferentialExpressions(t *testing.T) {
	t.Parallel()
	duckdbtest.Need(t)
	r := diffSeed(t)
	total, rounds := diffCount(50_000), 10
	d := &differential{depths: map[int]int{}, rules: map[string]int{}}
	var asking sync.WaitGroup
	for range rounds {
		db, setup := randomTable(t, r, 0)
		cases := computed(t, r, db, total/rounds)
		asking.Go(func() { d.round(t, append(slices.Clone(diffSetup), setup...), cases) }) // DuckDB works on it meanwhile
	}
	asking.Wait()
	d.report(t)
}

// differential counts what the rounds find.
type differential struct {
	turn                                sync.Mutex
	expressions, values, nulls, refused int
	depths                              map[int]int
	rules                               map[string]int // differences by the rule that allows them
	failed                              int
}

type diffCase struct {
	spelled
	kind byte
	ours []string // values, one a row; NULL for an error
	lost []bool   // by row: an error here
	duck []string
}

// computed are random expressions, evaluated here.
func computed(t *testing.T, r *rand.Rand, db *sqltest.Database, n int) []diffCase {
	rows, err := db.Batch("r")
	if err != nil {
		t.Fatal(err)
	}
	cases := make([]diffCase, n)
	for i := range cases {
		k := kinds[r.IntN(len(kinds))]
		cases[i] = diffCase{kind: k, spelled: randomExpr(r, k, 3+r.IntN(4))}
		cases[i].compute(t, r, db, rows)
	}
	return cases
}

// round asks DuckDB for the same and compares. Rounds run side by side; only one asks or compares at a time.
func (d *differential) round(t *testing.T, setup []string, cases []diffCase) {
	d.turn.Lock()
	defer d.turn.Unlock()
	var queries []string
	for _, c := range slices.Collect(slices.Chunk(cases, diffPerText)) {
		queries = append(queries, duckText(c))
	}
	d.answers(t, cases, setup, queries)
	for i := range cases {
		d.compare(t, &cases[i])
	}
}

// duckText is one query for several expressions; the rows come in the order of the table.
func duckText(cases []diffCase) string {
	list := make([]string, len(cases))
	for i, c := range cases {
		list[i] = fmt.Sprintf("(TRY(%s))::VARCHAR", c.spelled.duck)
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM r"
}

// answers asks for all cases; where a query of several has an error, each is asked for alone.
func (d *differential) answers(t *testing.T, cases []diffCase, setup, queries []string) {
	again := []int{}
	for q, a := range duckdbtest.Many(t, setup, queries) {
		from := q * diffPerText
		until := min(from+diffPerText, len(cases))
		for i := from; i < until; i++ {
			if a.Error != "" {
				again = append(again, i)
				continue
			}
			cases[i].duck = column(a.Rows, i-from)
		}
	}
	var alone []string
	for _, i := range again {
		alone = append(alone, duckText(cases[i:i+1]))
	}
	if len(alone) == 0 {
		return
	}
	for k, a := range duckdbtest.Many(t, setup, alone) {
		if c := &cases[again[k]]; a.Error != "" {
			d.refused++
			if !strings.Contains(a.Error, "Out of Range") && !strings.Contains(a.Error, "Conversion") && !strings.Contains(a.Error, "INTERNAL") {
				d.fail(t, c, "DuckDB refuses it: "+a.Error)
			}
		} else {
			c.duck = column(a.Rows, 0)
		}
	}
}

func column(rows [][]*string, c int) []string {
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = "NULL"
		if row[c] != nil {
			out[i] = *row[c]
		}
	}
	return out
}

// compute evaluates an expression over the whole batch, row by row, and in random cuts; the three must agree, errors
// included.
func (c *diffCase) compute(t *testing.T, r *rand.Rand, db *sqltest.Database, rows *columnar.Batch) {
	p, err := db.Compile("SELECT " + c.spelled.ours + " AS x FROM r")
	if err != nil {
		t.Fatalf("%s: %v", c.spelled.ours, err)
	}
	in := sqltest.Columns(rows, p.In)
	c.rowByRow(t, p, in)
	want := present(c.ours, c.lost)
	whole, err := p.Rows(in)
	if (err != nil) != slices.Contains(c.lost, true) {
		t.Errorf("%s: in one batch the error is %v, row by row %v", c.spelled.ours, err, c.lost)
	} else if got := texts(t, whole); err == nil && !slices.Equal(got, want) {
		t.Errorf("%s: in one batch\n%v\nrow by row\n%v", c.spelled.ours, got, want)
	}
	var cuts []*sqltest.Result
	want = nil
	for from := 0; from < rows.Rows; {
		until := from + 1 + r.IntN(rows.Rows-from)
		cut, err := p.Rows(selected(in, from, until))
		if (err != nil) != slices.Contains(c.lost[from:until], true) {
			t.Errorf("%s: rows %d to %d alone: %v", c.spelled.ours, from, until, err)
		}
		if err == nil {
			cuts, want = append(cuts, cut), append(want, c.ours[from:until]...)
		}
		from = until
	}
	if got := texts(t, cuts...); !slices.Equal(got, want) {
		t.Errorf("%s: in cuts\n%v\nrow by row\n%v", c.spelled.ours, got, want)
	}
}

// rowByRow fills ours and lost.
func (c *diffCase) rowByRow(t *testing.T, p *sqltest.Projection, in *columnar.Batch) {
	var single []*sqltest.Result
	for i := range in.Rows {
		one, err := p.Rows(selected(in, i, i+1))
		c.lost = append(c.lost, err != nil)
		if err == nil {
			single = append(single, one)
		}
	}
	got := texts(t, single...)
	for _, lost := range c.lost {
		if lost {
			c.ours = append(c.ours, "NULL")
			continue
		}
		c.ours, got = append(c.ours, got[0]), got[1:]
	}
}

// present leaves out the rows that have an error.
func present(values []string, lost []bool) []string {
	var out []string
	for i, v := range values {
		if !lost[i] {
			out = append(out, v)
		}
	}
	return out
}

// selected is a batch that selects the rows from, …, until−1.
func selected(in *columnar.Batch, from, until int) *columnar.Batch {
	part := *in
	part.Sel = []int32{}
	for i := from; i < until; i++ {
		part.Sel = append(part.Sel, int32(i))
	}
	return &part
}

// texts are the values of the only column of the results.
func texts(t *testing.T, results ...*sqltest.Result) []string {
	t.Helper()
	var batches []*columnar.Batch
	for _, res := range results {
		if res != nil && res.Rows != nil {
			batches = append(batches, res.Rows)
		}
	}
	if len(batches) == 0 {
		return nil
	}
	rows, err := (&sqltest.Result{Schema: results[0].Schema, Rows: columnar.Concat(batches)}).Text()
	if err != nil {
		t.Fatal(err)
	}
	out := make([]string, len(rows))
	for i, row := range rows {
		out[i] = row[0]
	}
	return out
}

func (d *differential) compare(t *testing.T, c *diffCase) {
	d.expressions++
	d.depths[c.depth]++
	for i, theirs := range c.duck {
		mine := c.ours[i]
		d.values++
		if mine == "NULL" {
			d.nulls++
		}
		if equalValues(c.kind, mine, theirs) {
			continue
		}
		if rule := allowed(c, i, theirs); rule != "" {
			d.rules[rule]++
			continue
		}
		d.fail(t, c, fmt.Sprintf("row %d: %s here (error: %t), %s in DuckDB", i, mine, c.lost[i], theirs))
		return
	}
}

// fail shows the first few.
func (d *differential) fail(t *testing.T, c *diffCase, what string) {
	if d.failed++; d.failed <= 20 {
		t.Errorf("%s\n  %s\n  DuckDB: %s", what, c.spelled.ours, c.spelled.duck)
	}
}

// equalValues compares texts of one kind: doubles within 1e-13, decimals as numbers.
func equalValues(kind byte, a, b string) bool {
	if a == b || a == "NULL" || b == "NULL" {
		return a == b
	}
	switch kind {
	case 'x':
		x, err1 := strconv.ParseFloat(a, 64)
		y, err2 := strconv.ParseFloat(strings.Replace(b, "-nan", "nan", 1), 64)
		return err1 == nil && err2 == nil && (x == y || x != x && y != y || math.Abs(x-y) <= 1e-13*math.Max(math.Abs(x), math.Abs(y)))
	case 'p':
		x, ok1 := new(big.Rat).SetString(a)
		y, ok2 := new(big.Rat).SetString(b)
		return ok1 && ok2 && x.Cmp(y) == 0
	}
	return false
}

// allowed names the rule by which a value may differ, "" when none does. The rules:
//
//   - a part that need not be computed: AND, OR, CASE, COALESCE and IN leave out what they do not need, each system in its
//     own way, so an error in it shows in one and not in the other;
//   - a division by zero is an error here and NULL in DuckDB, which shows where a function above has a result for NULL;
//   - so does an operand beside a constant NULL: NULL + CAST(1e300 AS bigint) is NULL in DuckDB, which does not compute the
//     operand, and an error here;
//   - doubles beyond the range are Infinity here and an error in DuckDB;
//   - DuckDB computes decimals of 18 digits in 64 bits, and refuses what does not fit there.
func allowed(c *diffCase, row int, theirs string) string {
	text := c.spelled.ours
	lazy := strings.Contains(text, " AND ") || strings.Contains(text, " OR ") || strings.Contains(text, "CASE ") || strings.Contains(text, "coalesce(") || strings.Contains(text, " IN (")
	switch {
	case lazy && c.lost[row] != (theirs == "NULL") && (c.lost[row] || theirs == "NULL"):
		return "a part that need not be computed"
	case c.lost[row] && acceptsNull(text) && (strings.Contains(text, " / ") || strings.Contains(text, " % ")):
		return "a division by zero is NULL in DuckDB"
	case c.lost[row] && acceptsNull(text) && c.folds:
		return "an operand beside a constant NULL is not computed in DuckDB"
	case theirs == "NULL" && strings.Contains(text, "x") && hugeDouble(c.ours[row]):
		return "doubles beyond the range are Infinity here, an error in DuckDB"
	case theirs == "NULL" && usesDecimals(text):
		return "DuckDB computes decimals in 64 bits"
	}
	return ""
}

// acceptsNull reports whether a function in the text has a result for NULL, so that a NULL below it is not its own.
func acceptsNull(text string) bool {
	return strings.Contains(text, " DISTINCT FROM ") || strings.Contains(text, "greatest(") || strings.Contains(text, "least(") || strings.Contains(text, " IS ")
}

func hugeDouble(text string) bool { return strings.Contains(text, "Infinity") || text == "NaN" }

func usesDecimals(text string) bool {
	return strings.Contains(text, "decimal(") || strings.Contains(text, "p1") || strings.Contains(text, "p2")
}

func (d *differential) report(t *testing.T) {
	depth, half := 0, 0
	for k := 1; half < d.expressions/2 && k < 20; k++ {
		depth, half = k, half+d.depths[k]
	}
	t.Logf("%d expressions, %d values, %d %% NULL, median depth %d; DuckDB has no answer to %d", d.expressions, d.values, 100*d.nulls/max(d.values, 1), depth, d.refused)
	allowed := 0
	for rule, n := range d.rules {
		t.Logf("allowed: %d values: %s", n, rule)
		allowed += n
	}
	if d.failed > 0 {
		t.Errorf("%d expressions differ", d.failed)
	}
	if depth < 4 || 100*d.nulls < 20*d.values {
		t.Error("the expressions are too shallow, or have too few NULLs")
	}
	if 100*allowed > 3*d.values || 100*d.refused > 5*d.expressions {
		t.Errorf("%d of %d values differ by rule, %d expressions have no answer: too many to call it a test", allowed, d.values, d.refused)
	}
}
