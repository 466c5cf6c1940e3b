package columnar

import (
	"fmt"
	"strings"
)

// AggFunc is the name of an aggregate function.
type AggFunc string

// The aggregate functions. NULL arguments are skipped; [CountStar] counts rows. Over no rows that are not NULL, all
// but the counts give NULL.
const (
	CountStar AggFunc = "count(*)"
	Count     AggFunc = "count"
	Sum       AggFunc = "sum" // of integers: bigint, overflow is an error; of doubles: double
	Min       AggFunc = "min"
	Max       AggFunc = "max"
	Avg       AggFunc = "avg" // always double
)

// Agg is one aggregate of a group-by: Func over column Arg of the input (−1 for count(*)), named Name in the result.
type Agg struct {
	Func AggFunc
	Arg  int
	In   Type // type of the argument column; the zero Type for count(*)
	Name string
}

// Out is the type of the result. The error names the function and the argument type it does not take.
func (a Agg) Out() (Type, error) {
	switch a.Func {
	case CountStar, Count:
		return Type{Kind: Int64}, nil
	case Avg:
		if a.In.Numeric() {
			return Type{Kind: Float64}, nil
		}
	case Sum:
		switch a.In.Kind {
		case Int32, Int64:
			return Type{Kind: Int64}, nil
		case Float64:
			return a.In, nil
		}
	case Min, Max:
		switch a.In.Kind {
		case Bool, Int32, Int64, Float64, String, Date, Timestamp:
			return a.In, nil
		}
	}
	return Type{}, fmt.Errorf("%s(%s) does not exist", a.Func, a.In)
}

// String is the canonical text, part of the job hash.
func (a Agg) String() string { return fmt.Sprintf("%s(#%d:%s) AS %q", a.Func, a.Arg, a.In, a.Name) }

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
// the key columns of in, then the state columns of each aggregate: bigint for the counts; the result type for sum,
// min and max; a double sum and a bigint count for avg.
func (s AggSpec) PartialSchema(in *Schema) *Schema {
	out := s.keySchema(in)
	for _, a := range s.Aggs {
		out.Fields = append(out.Fields, a.field())
		if a.Func == Avg {
			out.Fields = append(out.Fields, Field{Name: a.Name + " count", Type: Type{Kind: Int64}})
		}
	}
	return out
}

// FinalSchema is the schema of finished groups: the key columns, then one column for each aggregate.
func (s AggSpec) FinalSchema(in *Schema) *Schema {
	out := s.keySchema(in)
	for _, a := range s.Aggs {
		out.Fields = append(out.Fields, a.field())
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

// field is the column of the result.
func (a Agg) field() Field {
	t, _ := a.Out()
	return Field{Name: a.Name, Type: t}
}
