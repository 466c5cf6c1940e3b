package columnar

import (
	"math"
	"slices"
)

// RowFilter is what a [JSONDecoder] needs to leave out rows that a [Filter] behind it drops anyway. It leaves a row out only
// when that is certain, and its event time is one to go by; every other row it hands out, so that the filter stays where it is.
type RowFilter struct {
	Where []*Expr // over the decoder's columns, each a [CheapTest]; a row for which one is FALSE or NULL may be left out
	Time  int     // the column with the event time, −1 = none
}

// CheapTest reports whether a decoder can look at e, a condition over a row of fields, while it has the record at hand: a
// string that is one of a few literals or none of them, an integer, a boolean, a date or a time compared with literals, or
// whether a value is NULL; also with NOT. Columns of metadata are not among them.
func CheapTest(e *Expr, fields []DecodeField) bool {
	t, ok := cheapTest(e)
	if !ok || t.of >= len(fields) {
		return false
	}
	_, meta := Metadata(fields[t.of].Name)
	return !meta
}

// SureOfEveryRow reports whether e, over rows of the schema in, has a value for every row whatever is in it, so that it does
// not matter whether a row is looked at.
func SureOfEveryRow(e *Expr, in *Schema) bool {
	n, err := compileNode(e, in)
	return err == nil && !n.fails && !n.dependsOnPlan() && len(e.Zones()) == 0
}

// dependsOnPlan reports whether something in the expression is computed with what the plan says, which is there or not.
func (n *node) dependsOnPlan() bool {
	return n.once || n.expr.Op == "now" || slices.ContainsFunc(n.args, (*node).dependsOnPlan)
}

// mostLiterals is how long a list may be that is compared with one by one.
const mostLiterals = 8

// rowTest is one condition of a [RowFilter].
type rowTest struct {
	of     int // the position of the column
	column *decodeColumn
	kind   rowTestKind
	not    bool // holds where the test does not, of values that are not NULL
	known  bool // the condition is FALSE for NULL, so that NOT of it is another one than not
	least  int64
	most   int64
	words  []int64
	texts  []literalText
	short  bool
}

type rowTestKind uint8

const (
	testNull  rowTestKind = iota // NULL
	testText                     // one of texts
	testRange                    // least to most
	testWords                    // one of words
	testTrue                     // a boolean
	testShort                    // one text of one to eight bytes, of a straight column
)

// literalText is a string to compare with, and its beginning.
type literalText struct {
	beginning
	text string
}

// cheapTest compiles a condition.
func cheapTest(e *Expr) (t rowTest, ok bool) {
	switch e.Op {
	case "not":
		t, ok = cheapTest(e.Args[0])
		t.not = !t.not
		return t, ok && !t.known
	case "isnull", "isnotnull":
		return rowTest{of: e.Args[0].Col, kind: testNull, not: e.Op == "isnotnull"}, e.Args[0].Op == "col" && !e.Args[0].Type.IsNested()
	case "col":
		return rowTest{of: e.Col, kind: testTrue}, e.Type.Kind == Bool
	case "istrue", "isfalse":
		return rowTest{of: e.Args[0].Col, kind: testTrue, not: e.Op == "isfalse", known: true}, e.Args[0].Op == "col"
	case "in":
		return listTest(e.Args[0], e.Args[1:])
	}
	c, is := comparisons[e.Op]
	switch {
	case !is:
		return t, false
	case e.Args[1].Op == "const":
		return comparisonTest(c, e.Args[0], e.Args[1])
	}
	return comparisonTest(c.swapped(), e.Args[1], e.Args[0])
}

// uncast is the column below a cast of a smaller integer to a bigint, with which it compares the same.
func uncast(e *Expr) *Expr {
	if e.Op == "cast" && e.Type.Kind == Int64 && e.Args[0].Type.Integer() {
		return e.Args[0]
	}
	return e
}

// comparisonTest compares a column with a literal.
func comparisonTest(c comparison, column, literal *Expr) (rowTest, bool) {
	if c.op == '=' {
		t, ok := listTest(column, []*Expr{literal})
		t.not = t.not != c.invert
		return t, ok
	}
	column = uncast(column)
	t := rowTest{of: column.Col, kind: testRange, not: c.invert, least: math.MinInt64, most: math.MaxInt64}
	switch k := literal.Value.I; {
	case column.Op != "col" || literal.Op != "const" || literal.Value.Null || !isWord(column.Type):
		return t, false
	case c.op == '<' && k == math.MinInt64 || c.op == '>' && k == math.MaxInt64:
		return t, false // nothing is; whoever writes that need not be fast
	case c.op == '<':
		t.most = k - 1
	default:
		t.least = k + 1
	}
	return t, true
}

// isWord reports whether values of the type are integers that compare as such.
func isWord(t Type) bool {
	storage := t.Kind.Storage()
	return storage == StoredI32 || storage == StoredI64
}

// listTest is whether a column is one of some literals.
func listTest(column *Expr, list []*Expr) (rowTest, bool) {
	typ := column.Type
	column = uncast(column)
	t := rowTest{of: column.Col}
	if column.Op != "col" || len(list) > mostLiterals {
		return t, false
	}
	for _, a := range list {
		switch {
		case a.Op != "const" || a.Value.Null || a.Type != typ:
			return t, false
		case a.Type.Kind == String:
			t.kind = testText
			t.texts = append(t.texts, literalText{beginningOf([]byte(a.Value.S)), a.Value.S})
		case a.Type.Kind == Bool:
			return rowTest{of: t.of, kind: testTrue, not: a.Value.I == 0}, len(list) == 1
		case isWord(a.Type):
			t.kind = testWords
			t.words = append(t.words, a.Value.I)
		default:
			return t, false
		}
	}
	return t, true
}
