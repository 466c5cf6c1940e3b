package columnar

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestAggregateCalls runs testdata/aggregates. The input is a call as in SQL, e.g. sum(n), count(distinct name) filter
// (ok), string_agg(name, ', ' order by n desc nulls first), over the columns that the next lines declare and fill:
//
//	n bigint, name string
//	1 'a'
//	2 null
//
// The output is the result of all rows as one group, and its type. With "resolve" it is the canonical text of the
// aggregate. first and last go by the first timestamp column. Both are computed twice, from all rows at once, and from
// single rows that are merged as half-aggregated groups, the last row first.
func TestAggregateCalls(t *testing.T) {
	datadriven.Walk(t, "testdata/aggregates", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			out, err := runAggregate(t, d.Cmd, strings.Split(d.Input, "\n"))
			if err != nil {
				return "error: " + err.Error() + "\n"
			}
			return out + "\n"
		})
	})
}

func runAggregate(t *testing.T, cmd string, lines []string) (string, error) {
	s, err := parseColumns(lines[1])
	if err != nil {
		return "", err
	}
	bound, err := resolveText(s, lines[0])
	if err != nil || cmd == "resolve" {
		return fmt.Sprint(bound), err
	}
	b, err := parseRows(s, lines[2:])
	if err != nil {
		return "", err
	}
	project, agg, err := lowerAgg(s, bound)
	if err != nil {
		return "", err
	}
	in, err := project.Process(b)
	if err != nil {
		return "", err
	}
	return finishBoth(t, in, agg)
}

// lowerAgg puts the expressions of an aggregate into columns.
func lowerAgg(s *Schema, bound *BoundAgg) (*Project, Agg, error) {
	exprs := append(bound.Exprs(), Const(Type{Kind: Bool}, Value{}))
	names := make([]string, len(exprs))
	for i, e := range exprs {
		names[i] = e.describe()
	}
	project, err := NewProject(s, exprs, names)
	next := -1
	agg := bound.Agg("", func(*Expr) int {
		next++
		return next
	})
	return project, agg, err
}

func finishBoth(t *testing.T, in *Batch, a Agg) (string, error) {
	spec := AggSpec{Aggs: []Agg{a}}
	whole, single := NewHashAggregate(in.Schema, spec), NewHashAggregate(in.Schema, spec)
	if err := whole.Add(in); err != nil {
		return "", err
	}
	for i := in.Rows - 1; i >= 0; i-- {
		row := *in
		row.Sel = []int32{int32(i)}
		part := NewHashAggregate(in.Schema, spec)
		if err := errors.Join(part.Add(&row), single.Merge(throughBytes(t, part.Partial()))); err != nil {
			return "", err
		}
	}
	got, err := whole.Final()
	if err != nil {
		return "", err
	}
	again, err := single.Final()
	if err != nil {
		return "", err
	}
	if got.Rows == 0 {
		return "no group", nil
	}
	text := valueText(got.Cols[0])
	if other := valueText(again.Cols[0]); other != text {
		t.Errorf("%s: all rows at once give %s, merged they give %s", a, text, other)
	}
	return text + " " + got.Cols[0].Type.String(), nil
}

func valueText(v *Vector) string { return rowText(v, 0) }

// rowText is a value as SQL, arrays in brackets.
func rowText(v *Vector, i int) string {
	if v.IsNull(i) || v.Type.Kind != Array {
		return valueAt(v, i).literal(v.Type)
	}
	var parts []string
	for e := v.Off[i]; e < v.Off[i+1]; e++ {
		parts = append(parts, rowText(v.Kids[0], int(e)))
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// resolveText parses a call and resolves it.
func resolveText(s *Schema, text string) (*BoundAgg, error) {
	call := AggCall{}
	if i := s.typeIndex(Timestamp); i >= 0 {
		call.Time = Col(s, i)
	}
	text, filter, filtered := strings.Cut(text, " filter (")
	if filtered {
		e, err := argument(s, strings.TrimSuffix(filter, ")"))
		if err != nil {
			return nil, err
		}
		call.Filter = e
	}
	name, inside, _ := strings.Cut(strings.TrimSuffix(text, ")"), "(")
	call.Name = name
	inside, order, _ := strings.Cut(inside, " order by ")
	inside, call.Distinct = strings.CutPrefix(inside, "distinct ")
	if inside == "*" {
		call.Star, inside = true, ""
	}
	for _, a := range splitOutsideQuotes(inside) {
		e, err := argument(s, a)
		if err != nil {
			return nil, err
		}
		call.Args = append(call.Args, e)
	}
	for _, k := range splitOutsideQuotes(order) {
		k, first := strings.CutSuffix(k, " nulls first")
		k, desc := strings.CutSuffix(k, " desc")
		e, err := argument(s, k)
		if err != nil {
			return nil, err
		}
		call.OrderBy = append(call.OrderBy, AggKey{Expr: e, Desc: desc, NullsFirst: first})
	}
	return Session{}.ResolveAgg(call)
}

func (s *Schema) typeIndex(k Kind) int {
	for i, f := range s.Fields {
		if f.Type.Kind == k {
			return i
		}
	}
	return -1
}

// splitOutsideQuotes splits at commas, or, in rows, at spaces.
func splitOutsideQuotes(text string) []string { return splitText(text, ',') }

func splitText(text string, at rune) (out []string) {
	quoted, brackets := false, 0
	parts := strings.FieldsFunc(text, func(c rune) bool {
		switch c {
		case '\'':
			quoted = !quoted
		case '(', '[', '<':
			brackets++
		case ')', ']', '>':
			brackets--
		}
		return c == at && !quoted && brackets == 0
	})
	for _, p := range parts {
		out = append(out, strings.TrimSpace(p))
	}
	return out
}

// argument is a column or a constant.
func argument(s *Schema, text string) (*Expr, error) {
	if i := s.Index(text); i >= 0 {
		return Col(s, i), nil
	}
	if f, err := strconv.ParseFloat(text, 64); err == nil && strings.ContainsAny(text, ".e") {
		return Const(Type{Kind: Float64}, Value{F: f, S: text}), nil
	}
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return Const(Type{Kind: Int64}, Value{I: n}), nil
	}
	switch {
	case text == "null":
		return Const(Type{Kind: Null}, Value{Null: true}), nil
	case text == "true" || text == "false":
		return Const(Type{Kind: Bool}, Value{I: int64(bit(text == "true"))}), nil
	case strings.HasPrefix(text, "'"):
		return Const(Type{Kind: String}, Value{S: strings.Trim(text, "'")}), nil
	}
	return nil, fmt.Errorf("the test has no column %q", text)
}

// columnType is a type by its SQL name.
func columnType(name string) (Type, error) {
	var precision, scale int
	if n, _ := fmt.Sscanf(name, "decimal(%d,%d)", &precision, &scale); n == 2 {
		return DecimalOf(precision, scale), nil
	}
	if inside, ok := strings.CutPrefix(name, "array<"); ok {
		elem, err := columnType(strings.TrimSuffix(inside, ">"))
		return ArrayOf(elem), err
	}
	var k Kind
	err := k.UnmarshalText([]byte(name))
	return Type{Kind: k}, err
}

func parseColumns(line string) (*Schema, error) {
	s := &Schema{}
	for _, f := range splitOutsideQuotes(line) {
		name, typ, _ := strings.Cut(f, " ")
		t, err := columnType(typ)
		if err != nil {
			return nil, err
		}
		s.Fields = append(s.Fields, Field{name, t})
	}
	return s, nil
}

// parseRows reads the columns' values as constants that are cast to the column's type.
func parseRows(s *Schema, lines []string) (*Batch, error) {
	b := &Batch{Schema: s, Rows: len(lines)}
	for c, f := range s.Fields {
		var parts []*Batch
		one := NewSchema(f)
		for _, line := range lines {
			v, err := constantColumn(splitText(line, ' ')[c], f.Type)
			if err != nil {
				return nil, err
			}
			parts = append(parts, &Batch{Schema: one, Rows: 1, Cols: []*Vector{v}})
		}
		if len(parts) == 0 {
			parts = append(parts, EmptyBatch(one))
		}
		b.Cols = append(b.Cols, Concat(parts).Cols[0])
	}
	return b, nil
}

func constantColumn(text string, t Type) (*Vector, error) {
	e, err := argument(&Schema{}, text)
	if err == nil {
		e, err = Cast(e, t)
	}
	if err != nil {
		return nil, err
	}
	prog, err := Compile(e, &Schema{})
	if err != nil {
		return nil, err
	}
	v, err := prog.Eval(&Batch{Schema: &Schema{}, Rows: 1})
	if err != nil {
		return nil, err
	}
	return takeVector(v, []int32{0}), nil
}
