package columnar

import (
	"fmt"
	"strings"
)

// AggFunc is the name of an aggregate function. What each computes stands in [AggregateFunctions].
type AggFunc string

// The aggregate functions. NULL arguments are skipped, but by [CountStar], which counts rows, and [ArrayAgg]. Over no
// rows that count, the counts give 0 and all others NULL.
const (
	CountStar AggFunc = "count(*)"
	Count     AggFunc = "count"
	Sum       AggFunc = "sum"
	Min       AggFunc = "min"
	Max       AggFunc = "max"
	Avg       AggFunc = "avg"
	BoolAnd   AggFunc = "bool_and"
	BoolOr    AggFunc = "bool_or"
	ArgMin    AggFunc = "arg_min" // More: the key
	ArgMax    AggFunc = "arg_max" // More: the key

	StddevSamp AggFunc = "stddev_samp" // of doubles, as the following
	StddevPop  AggFunc = "stddev_pop"
	VarSamp    AggFunc = "var_samp"
	VarPop     AggFunc = "var_pop"

	StringAgg AggFunc = "string_agg" // Params: the separator
	ArrayAgg  AggFunc = "array_agg"  // NULL is a value

	ApproxCountDistinct AggFunc = "approx_count_distinct"
	ApproxQuantile      AggFunc = "approx_quantile" // Params: the fraction, as for the following
	QuantileCont        AggFunc = "quantile_cont"
	QuantileDisc        AggFunc = "quantile_disc"
	Mode                AggFunc = "mode"
)

// Agg is one aggregate of a group-by: Func over column Arg of the input (−1 for count(*)), named Name in the result.
// [Session.ResolveAgg] makes one from a call in a query.
type Agg struct {
	Func AggFunc
	Arg  int
	In   Type // type of the argument column; the zero Type for count(*)
	Name string

	Distinct bool       // each different value counts once
	More     []AggArg   // further argument columns: the key of arg_min and arg_max
	Order    []AggOrder // the order inside string_agg and array_agg; rows that are equal in it are ordered by the value
	Params   []AggParam // constants: the separator of string_agg, the fraction of a quantile
	Where    int        // 1 + position of a boolean column that must be TRUE for a row to count; 0 = none
}

// AggArg is a further argument column.
type AggArg struct {
	Col  int
	Type Type
}

// AggOrder is a column that values inside an aggregate are ordered by.
type AggOrder struct {
	Col        int
	Type       Type
	Desc       bool
	NullsFirst bool
}

// AggParam is a constant argument.
type AggParam struct {
	Type  Type
	Value Value
}

// Out is the type of the result. The error names the function and the argument types it does not take.
func (a Agg) Out() (Type, error) {
	if kind := aggKinds[a.Func]; kind != nil && (!a.Distinct || kind.takesDistinct(a)) {
		if t := kind.out(a); t.Kind != Invalid {
			return t, nil
		}
	}
	types := []string{a.In.String()}
	for _, m := range a.More {
		types = append(types, m.Type.String())
	}
	return Type{}, fmt.Errorf("%s(%s%s) does not exist", a.Func, suffix(a.Distinct, "DISTINCT "), strings.Join(types, ", "))
}

// String is the canonical text, part of the job hash.
func (a Agg) String() string {
	args := aggText{distinct: a.Distinct}
	args.add(fmt.Sprintf("#%d:%s", a.Arg, a.In))
	for _, m := range a.More {
		args.add(fmt.Sprintf("#%d:%s", m.Col, m.Type))
	}
	for _, p := range a.Params {
		args.add(p.Value.text(p.Type))
	}
	for _, o := range a.Order {
		args.orderBy(fmt.Sprintf("#%d:%s", o.Col, o.Type), o.Desc, o.NullsFirst)
	}
	where := ""
	if a.Where > 0 {
		where = fmt.Sprintf("#%d:boolean", a.Where-1)
	}
	return args.text(a.Func, where) + fmt.Sprintf(" AS %q", a.Name)
}

// aggText builds the canonical text of an aggregate, whose columns are either numbered or still expressions.
type aggText struct {
	distinct    bool
	args, order []string
}

func (t *aggText) add(arg string) { t.args = append(t.args, arg) }

func (t *aggText) orderBy(key string, desc, nullsFirst bool) {
	t.order = append(t.order, key+suffix(desc, " desc")+suffix(nullsFirst, " nulls first"))
}

func (t *aggText) text(fn AggFunc, where string) string {
	inside := suffix(t.distinct, "distinct ") + strings.Join(t.args, ", ")
	if len(t.order) > 0 {
		inside += " order by " + strings.Join(t.order, ", ")
	}
	return fmt.Sprintf("%s(%s)", fn, inside) + suffix(where != "", " where "+where)
}

// AggSpec is a group-by: the key columns of the input and the aggregates.
type AggSpec struct {
	Keys []int // positions in the input; none: all rows are one group
	Aggs []Agg
}

// String is the canonical text, part of the job hash.
func (s AggSpec) String() string {
	parts := make([]string, len(s.Aggs))
	for i, a := range s.Aggs {
		parts[i] = a.String()
	}
	return fmt.Sprintf("by %v: %s", s.Keys, strings.Join(parts, ", "))
}

// PartialSchema is the schema of half-aggregated groups, which travel through exchanges and stand in checkpoints:
// the key columns of in, then the state columns of each aggregate. Every aggregate of s must have a result type
// ([Agg.Out]).
func (s AggSpec) PartialSchema(in *Schema) *Schema {
	out := s.keySchema(in)
	for _, a := range s.Aggs {
		for _, f := range newAggState(a).columns() {
			out.Fields = append(out.Fields, Field{Name: a.Name + f.Name, Type: f.Type})
		}
	}
	return out
}

// FinalSchema is the schema of finished groups: the key columns, then one column for each aggregate.
func (s AggSpec) FinalSchema(in *Schema) *Schema {
	out := s.keySchema(in)
	for _, a := range s.Aggs {
		t, _ := a.Out()
		out.Fields = append(out.Fields, Field{Name: a.Name, Type: t})
	}
	return out
}

func (s AggSpec) keySchema(in *Schema) *Schema {
	out := &Schema{}
	for _, k := range s.Keys {
		out.Fields = append(out.Fields, in.Fields[k])
	}
	return out
}
