package columnar

import (
	"cmp"
	"fmt"
	"math"
	"math/big"
	"slices"
	"strings"
)

// The oracle of the aggregates: rows as Go values, aggregates by their definition, with big numbers. Values are nil,
// bool, int64, float64 and string.

// cell is row i of a vector as a Go value.
func cell(v *Vector, i int) any {
	if v.IsNull(i) {
		return nil
	}
	switch v.Type.Kind {
	case Bool:
		return v.Bool(i)
	case Int8, Int16, Int32, Date:
		return int64(v.I32[i])
	case Float32, Float64:
		return v.F64[i] + 0
	case String, Binary:
		return string(v.Str(i))
	}
	return v.I64[i]
}

// compareCells orders values of one type; NULL is below everything, NaN above all numbers.
func compareCells(a, b any) int {
	if a == nil || b == nil {
		return cmp.Compare(bit(a != nil), bit(b != nil))
	}
	switch x := a.(type) {
	case bool:
		return cmp.Compare(bit(x), bit(b.(bool)))
	case int64:
		return cmp.Compare(x, b.(int64))
	case float64:
		y := b.(float64)
		if x != x || y != y {
			return cmp.Compare(bit(x != x), bit(y != y))
		}
		return cmp.Compare(x, y)
	}
	return strings.Compare(a.(string), b.(string))
}

// aggOracle groups rows by their printed keys.
type aggOracle struct {
	spec   AggSpec
	order  []string
	groups map[string][][]any
}

func newAggOracle(spec AggSpec) *aggOracle {
	return &aggOracle{spec: spec, groups: map[string][][]any{}}
}

func (o *aggOracle) add(b *Batch) {
	for _, r := range selected(b) {
		row := make([]any, len(b.Cols))
		for c, v := range b.Cols {
			row[c] = cell(v, int(r))
		}
		key := o.key(row)
		if o.groups[key] == nil {
			o.order = append(o.order, key)
		}
		o.groups[key] = append(o.groups[key], row)
	}
}

func (o *aggOracle) key(row []any) string {
	var key strings.Builder
	for _, k := range o.spec.Keys {
		fmt.Fprintf(&key, "%T %v|", row[k], row[k])
	}
	return key.String()
}

// result is the finished row of a group.
func (o *aggOracle) result(key string) []any {
	rows := o.groups[key]
	var out []any
	for _, k := range o.spec.Keys {
		out = append(out, rows[0][k])
	}
	for _, a := range o.spec.Aggs {
		out = append(out, aggregateCells(a, rows))
	}
	return out
}

// overflows reports whether some result is an error.
func (o *aggOracle) overflows() bool {
	return slices.ContainsFunc(o.order, func(key string) bool { return slices.Contains(o.result(key), any(errOverflow{})) })
}

// errOverflow stands for a result that is an error.
type errOverflow struct{}

func aggregateCells(a Agg, rows [][]any) any {
	rows = rowsThatCount(a, rows)
	if a.Func == CountStar || a.Func == Count {
		return int64(len(rows))
	}
	if len(rows) == 0 {
		return nil
	}
	vals := make([]any, len(rows))
	for i, row := range rows {
		vals[i] = row[a.Arg]
	}
	switch a.Func {
	case Min, BoolAnd:
		return slices.MinFunc(vals, compareCells)
	case Max, BoolOr:
		return slices.MaxFunc(vals, compareCells)
	case ArgMin, ArgMax:
		return argCells(a, rows)
	case Sum:
		return sumCells(vals)
	case Avg:
		return avgCells(vals)
	}
	return varianceCells(a.Func, vals)
}

// rowsThatCount drops what FILTER, NULL and DISTINCT leave out.
func rowsThatCount(a Agg, rows [][]any) [][]any {
	var out [][]any
	for _, row := range rows {
		counts := a.Where == 0 || row[a.Where-1] == true
		if a.Func != CountStar {
			counts = counts && row[a.Arg] != nil
		}
		for _, m := range a.More {
			counts = counts && row[m.Col] != nil
		}
		if counts {
			out = append(out, row)
		}
	}
	return out
}

func argCells(a Agg, rows [][]any) any {
	sign := 1
	if a.Func == ArgMax {
		sign = -1
	}
	best := slices.MinFunc(rows, func(x, y []any) int {
		return sign * cmp.Or(compareCells(x[a.More[0].Col], y[a.More[0].Col]), compareCells(x[a.Arg], y[a.Arg]))
	})
	return best[a.Arg]
}

// exactBits is more precision than any sum of doubles or of their squares needs.
const exactBits = 8192

func exactFloat(x float64) *big.Float { return new(big.Float).SetPrec(exactBits).SetFloat64(x) }

func sumCells(vals []any) any {
	if _, ok := vals[0].(int64); ok {
		above, below := sumInts(vals)
		if !above.IsInt64() || !below.IsInt64() {
			return errOverflow{}
		}
		return above.Int64() + below.Int64()
	}
	f, _ := sumDoubles(vals)
	return f
}

// sumInts adds up the values that are not negative, and the others.
func sumInts(vals []any) (above, below *big.Int) {
	above, below = new(big.Int), new(big.Int)
	for _, v := range vals {
		if x := v.(int64); x < 0 {
			below.Add(below, big.NewInt(x))
		} else {
			above.Add(above, big.NewInt(x))
		}
	}
	return above, below
}

// sumDoubles is the rounded sum, and the exact one where it is finite.
func sumDoubles(vals []any) (float64, *big.Float) {
	sum, special := exactFloat(0), 0.0
	for _, v := range vals {
		if f := v.(float64); f-f != 0 {
			special += f
		} else {
			sum.Add(sum, exactFloat(f))
		}
	}
	if special != 0 {
		return special, nil
	}
	f, _ := sum.Float64()
	return f + 0, sum
}

func avgCells(vals []any) any {
	n := float64(len(vals))
	if _, ok := vals[0].(int64); ok {
		above, below := sumInts(vals)
		f, _ := new(big.Float).SetInt(above.Add(above, below)).Float64()
		return f / n
	}
	f, _ := sumDoubles(vals)
	return f / n
}

func varianceCells(fn AggFunc, vals []any) any {
	n := len(vals)
	others := n - 1
	if fn == VarPop || fn == StddevPop {
		others = n
	}
	if others == 0 {
		return nil
	}
	rounded, sum := sumDoubles(vals)
	if sum == nil {
		return rounded - rounded // NaN
	}
	squares := exactFloat(0)
	for _, v := range vals {
		x := exactFloat(v.(float64))
		squares.Add(squares, x.Mul(x, x))
	}
	squares.Mul(squares, exactFloat(float64(n)))
	squares.Sub(squares, sum.Mul(sum, sum))
	squares.Quo(squares, exactFloat(float64(n)*float64(others)))
	if fn == StddevPop || fn == StddevSamp {
		squares.Sqrt(squares)
	}
	f, _ := squares.Float64()
	return f
}

// sameCell reports whether two results are the same bit by bit; there is one NaN.
func sameCell(a, b any) bool {
	x, ok1 := a.(float64)
	y, ok2 := b.(float64)
	if ok1 && ok2 {
		return math.Float64bits(x) == math.Float64bits(y) || x != x && y != y
	}
	return a == b
}
