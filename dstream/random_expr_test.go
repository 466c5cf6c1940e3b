package dstream

import (
	"math/rand/v2"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// This file makes the expressions and the rows of random jobs.

func (j *jobMaker) aggregate() Expr {
	var e Expr
	switch j.rng.IntN(7) {
	case 0:
		e = Count()
	case 1:
		e = CountOf(j.text(1))
	case 2:
		e = Min(j.text(1))
	case 3:
		e = Max(j.column(columnar.Timestamp))
	case 4:
		e = CountDistinct(j.text(1))
	case 5:
		e = Fn([]string{"first", "last"}[j.rng.IntN(2)], j.text(1))
		if j.bounded { // a group without a window may have no time
			e.OrderBy = []Order{{Expr: j.number(1), Desc: j.rng.IntN(2) == 0}}
		}
	default:
		e = Sum(j.number(1))
	}
	if j.rng.IntN(4) == 0 {
		e = e.Where(j.predicate(1))
	}
	if e.Name == "sum" {
		e = e.Add(Count())
	}
	return e
}

func ref(c Column) Expr { return Expr{Kind: ColumnRef, Qualifier: c.Qualifier, Name: c.Name} }

// column is any column of the kind, or field of one, or a literal where there is none. It may be ambiguous.
func (j *jobMaker) column(k columnar.Kind) Expr {
	var fit []Expr
	for _, c := range j.s.Columns() {
		switch {
		case strings.HasPrefix(c.Name, "_"):
		case c.Type.Kind == k:
			fit = append(fit, ref(c))
		case c.Type.Kind == columnar.Struct:
			fit = append(fit, fieldsOf(ref(c), c.Type, k)...)
		}
	}
	if len(fit) == 0 {
		if k == columnar.String {
			return Str("x")
		}
		return literal(k, columnar.Value{I: 1})
	}
	return fit[j.rng.IntN(len(fit))]
}

// fieldsOf are the fields of the kind in a struct, and in structs in it.
func fieldsOf(e Expr, t columnar.Type, k columnar.Kind) []Expr {
	var out []Expr
	for _, f := range t.Fields() {
		field := Expr{Kind: FieldExpr, Name: f.Name, Args: []Expr{e}}
		if f.Type.Kind == k {
			out = append(out, field)
		}
		if f.Type.Kind == columnar.Struct {
			out = append(out, fieldsOf(field, f.Type, k)...)
		}
	}
	return out
}

func (j *jobMaker) number(depth int) Expr {
	switch n := j.rng.IntN(6); {
	case depth > 0 && n == 0:
		return j.number(depth - 1).Add(j.number(depth - 1))
	case depth > 0 && n == 1:
		return j.number(depth - 1).Mul(Int(j.rng.Int64N(3)))
	case n == 2:
		return Int(j.rng.Int64N(5))
	}
	return j.column(columnar.Int64)
}

func (j *jobMaker) text(depth int) Expr {
	switch n := j.rng.IntN(5); {
	case depth > 0 && n == 0:
		return Fn("concat", j.text(depth-1), j.text(depth-1))
	case depth > 0 && n == 1:
		return Fn("upper", j.text(depth-1))
	case n == 2 && depth > 1:
		return Str("y")
	}
	return j.column(columnar.String)
}

func (j *jobMaker) predicate(depth int) Expr {
	switch n := j.rng.IntN(6); {
	case depth > 0 && n < 2:
		return j.predicate(depth - 1).And(j.predicate(depth - 1))
	case depth > 0 && n == 2:
		return j.predicate(depth - 1).Or(j.predicate(depth - 1))
	case n == 3:
		return j.text(1).IsNull()
	case n == 4:
		return j.text(1).Gt(Str("X"))
	}
	return j.number(1).Gt(j.number(1))
}

// data fills the relations with few distinct values, so that joins and groups meet.
func (j *jobMaker) data() dataset {
	j.rng = rand.New(rand.NewPCG(j.seed, 3))
	d := dataset{}
	for _, r := range jobRelations {
		g := NewGraph()
		if err := addRelation(g, r); err != nil {
			panic(err)
		}
		name, schema := g.relations[0].name(), g.relations[0].schema()
		for range j.rng.IntN(25) {
			row := map[string]value{}
			for _, f := range schema.Fields {
				row[f.Name] = j.value(f.Type)
			}
			d[name] = append(d[name], row)
		}
	}
	return d
}

func (j *jobMaker) value(t columnar.Type) value {
	switch {
	case t.Kind == columnar.Timestamp:
		return value{i: j.rng.Int64N(20) - 8}
	case j.rng.IntN(6) == 0:
		return value{null: true}
	case t.Kind == columnar.String:
		return value{s: string(rune('x' + j.rng.IntN(3)))}
	case t.Kind == columnar.Array:
		out := &list{}
		for range j.rng.IntN(4) {
			out.values = append(out.values, j.value(t.Elem()))
		}
		return value{list: out}
	case t.Kind == columnar.Struct:
		out := &list{}
		for _, f := range t.Fields() {
			out.values, out.names = append(out.values, j.value(f.Type)), append(out.names, f.Name)
		}
		return value{list: out}
	}
	return value{i: j.rng.Int64N(4)}
}
