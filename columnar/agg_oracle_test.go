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
// bool, int64, float64, string, decimalCell, intervalCell and, for arrays and structs, []any.

type (
	decimalCell  Int128
	intervalCell Int128
)

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
	case Decimal:
		return decimalCell(v.Wide[i])
	case Interval:
		return intervalCell(v.Wide[i])
	case Struct:
		return cells(v.Kids, i)
	case Array:
		out := []any{}
		for e := v.Off[i]; e < v.Off[i+1]; e++ {
			out = append(out, cell(v.Kids[0], int(e)))
		}
		return out
	}
	return v.I64[i]
}

func cells(cols []*Vector, i int) []any {
	out := make([]any, len(cols))
	for c, v := range cols {
		out[c] = cell(v, i)
	}
	return out
}

// compareCells orders values of one type; NULL, which only parts of values are, is above everything, NaN above all
// numbers.
func compareCells(a, b any) int {
	if a == nil || b == nil {
		return cmp.Compare(bit(a == nil), bit(b == nil))
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
	case decimalCell:
		return bigOf(Int128(x)).Cmp(bigOf(Int128(b.(decimalCell))))
	case intervalCell:
		return x.length().Cmp(b.(intervalCell).length())
	case []any:
		return slices.CompareFunc(x, b.([]any), compareCells)
	}
	return strings.Compare(a.(string), b.(string))
}

// length is in microseconds, with months of 30 days.
func (v intervalCell) length() *big.Int {
	months, days, micros := Int128(v).Interval()
	out := big.NewInt(int64(months)*30 + int64(days))
	return out.Add(out.Mul(out, big.NewInt(24*3600*1_000_000)), big.NewInt(micros))
}

// canonicalCell has one form for intervals that are equal.
func canonicalCell(a any) any {
	switch x := a.(type) {
	case intervalCell:
		return intervalCell(canonicalInterval(Int128(x)))
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = canonicalCell(x[i])
		}
		return out
	}
	return a
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
		row := cells(b.Cols, int(r))
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
	isOverflow := func(v any) bool { return v == errOverflow{} }
	return slices.ContainsFunc(o.order, func(key string) bool { return slices.ContainsFunc(o.result(key), isOverflow) })
}

// errOverflow stands for a result that is an error.
type errOverflow struct{}

func aggregateCells(a Agg, rows [][]any) any {
	rows = rowsThatCount(a, rows)
	if a.Distinct {
		rows = distinctRows(a, rows)
	}
	switch a.Func {
	case CountStar, Count:
		return int64(len(rows))
	case ApproxCountDistinct: // few values are counted exactly
		return int64(len(distinctRows(a, rows)))
	}
	if len(rows) == 0 {
		return nil
	}
	vals := make([]any, len(rows))
	for i, row := range rows {
		vals[i] = row[a.Arg]
	}
	switch a.Func {
	case StringAgg, ArrayAgg:
		return listCells(a, rows)
	case Mode, QuantileDisc, QuantileCont, ApproxQuantile:
		return rankCells(a, vals)
	case Min, BoolAnd:
		return canonicalCell(slices.MinFunc(vals, compareCells))
	case Max, BoolOr:
		return canonicalCell(slices.MaxFunc(vals, compareCells))
	case ArgMin, ArgMax:
		return canonicalCell(argCells(a, rows))
	case Sum:
		return sumCells(vals)
	case Avg:
		return avgCells(a.In, vals)
	}
	return varianceCells(a.Func, vals)
}

// rowsThatCount drops what FILTER, NULL and DISTINCT leave out.
func rowsThatCount(a Agg, rows [][]any) [][]any {
	var out [][]any
	for _, row := range rows {
		counts := a.Where == 0 || row[a.Where-1] == true
		if a.Func != CountStar && a.Func != ArrayAgg {
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

// rankCells picks from the values in order.
func rankCells(a Agg, vals []any) any {
	vals = slices.Clone(vals)
	slices.SortStableFunc(vals, compareCells)
	if a.Func == Mode {
		return canonicalCell(modeCell(vals))
	}
	f, n := a.Params[0].Value.F, float64(len(vals))
	if a.Func == QuantileDisc {
		i := slices.IndexFunc(vals, func(v any) bool {
			notAbove, _ := slices.BinarySearchFunc(vals, v, func(x, v any) int { return compareCells(x, v)*2 - 1 }) // behind equals
			return float64(notAbove) >= f*n
		})
		return canonicalCell(vals[i])
	}
	at := f * (n - 1)
	low := vals[int(at)].(float64)
	if a.Func == ApproxQuantile {
		return bucketValue(bucketOf(low))
	}
	high := vals[int(math.Ceil(at))].(float64)
	return between(low, high, at-math.Floor(at)) + 0
}

func modeCell(vals []any) any {
	best, most := any(nil), 0
	for i := 0; i < len(vals); {
		n := 1
		for i+n < len(vals) && compareCells(vals[i], vals[i+n]) == 0 {
			n++
		}
		if n > most {
			best, most = vals[i], n
		}
		i += n
	}
	return best
}

func distinctRows(a Agg, rows [][]any) [][]any {
	rows = slices.Clone(rows)
	compare := func(x, y []any) int { return compareCells(x[a.Arg], y[a.Arg]) }
	slices.SortStableFunc(rows, compare)
	rows = slices.CompactFunc(rows, func(x, y []any) bool { return compare(x, y) == 0 })
	for i, row := range rows { // a sum of intervals shows in which form they are
		rows[i] = slices.Clone(row)
		rows[i][a.Arg] = canonicalCell(row[a.Arg])
	}
	return rows
}

func listCells(a Agg, rows [][]any) any {
	rows = slices.Clone(rows)
	slices.SortFunc(rows, func(x, y []any) int {
		for _, o := range a.Order {
			if c := o.compare(x[o.Col], y[o.Col]); c != 0 {
				return c
			}
		}
		return compareCells(x[a.Arg], y[a.Arg])
	})
	var texts []string
	list := []any{}
	for _, row := range rows {
		list = append(list, canonicalCell(row[a.Arg]))
		texts = append(texts, fmt.Sprint(row[a.Arg]))
	}
	if a.Func == StringAgg {
		return strings.Join(texts, a.Params[0].Value.S)
	}
	return list
}

// compare orders by one key; NULL, which is the greatest value, may have been moved.
func (o AggOrder) compare(x, y any) int {
	c := compareCells(x, y)
	switch {
	case x == nil || y == nil:
		if o.NullsFirst {
			return -c
		}
	case o.Desc:
		return -c
	}
	return c
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
	switch vals[0].(type) {
	case float64:
		f, _ := sumDoubles(vals)
		return f
	case intervalCell:
		return sumIntervals(vals)
	case decimalCell:
		above, below := sumInts(vals)
		if !fitsDecimal(above) || !fitsDecimal(below) {
			return errOverflow{}
		}
		return decimalCell(int128Of(above.Add(above, below)))
	}
	above, below := sumInts(vals)
	if !above.IsInt64() || !below.IsInt64() {
		return errOverflow{}
	}
	return above.Int64() + below.Int64()
}

// sumInts adds up the integers or decimals that are not negative, and the others.
func sumInts(vals []any) (above, below *big.Int) {
	above, below = new(big.Int), new(big.Int)
	for _, v := range vals {
		x := new(big.Int)
		if d, ok := v.(decimalCell); ok {
			x = bigOf(Int128(d))
		} else {
			x.SetInt64(v.(int64))
		}
		if x.Sign() < 0 {
			below.Add(below, x)
		} else {
			above.Add(above, x)
		}
	}
	return above, below
}

var tenTo38 = new(big.Int).Exp(big.NewInt(10), big.NewInt(38), nil)

func fitsDecimal(x *big.Int) bool { return x.CmpAbs(tenTo38) < 0 }

func int128Of(x *big.Int) Int128 {
	low := new(big.Int).And(x, new(big.Int).SetUint64(math.MaxUint64))
	return Int128{Lo: low.Uint64(), Hi: new(big.Int).Rsh(x, 64).Int64()}
}

func sumIntervals(vals []any) any {
	parts := [3][]any{}
	for _, v := range vals {
		months, days, micros := Int128(v.(intervalCell)).Interval()
		for i, x := range []int64{int64(months), int64(days), micros} {
			parts[i] = append(parts[i], x)
		}
	}
	var sums [3]int64
	for i, limit := range []int64{math.MaxInt32, math.MaxInt32, math.MaxInt64} {
		above, below := sumInts(parts[i])
		if above.Cmp(big.NewInt(limit)) > 0 || below.Cmp(big.NewInt(-limit-1)) < 0 {
			return errOverflow{}
		}
		sums[i] = above.Int64() + below.Int64()
	}
	return intervalCell(MakeInterval(int32(sums[0]), int32(sums[1]), sums[2]))
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

func avgCells(in Type, vals []any) any {
	n := float64(len(vals))
	switch vals[0].(type) {
	case float64:
		f, _ := sumDoubles(vals)
		return f / n
	case decimalCell:
		return avgDecimals(int(in.Scale), vals)
	}
	above, below := sumInts(vals)
	f, _ := new(big.Float).SetInt(above.Add(above, below)).Float64()
	return f / n
}

// avgDecimals brings all to the scale of the mean first.
func avgDecimals(scale int, vals []any) any {
	up := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(max(6-scale, 0))), nil)
	for _, v := range vals {
		if x := bigOf(Int128(v.(decimalCell))); !fitsDecimal(x.Mul(x, up)) {
			return errOverflow{}
		}
	}
	above, below := sumInts(vals)
	if !fitsDecimal(above) || !fitsDecimal(below) {
		return errOverflow{}
	}
	sum := above.Add(above, below)
	// (2 × sum + n) / 2n, cut, of the magnitude
	n := big.NewInt(int64(len(vals)))
	twice := new(big.Int).Abs(sum)
	twice.Add(twice.Mul(twice, up).Lsh(twice, 1), n)
	mean := twice.Quo(twice, n.Lsh(n, 1))
	if sum.Sign() < 0 {
		mean.Neg(mean)
	}
	return decimalCell(int128Of(mean))
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
	switch x := a.(type) {
	case float64:
		y, ok := b.(float64)
		return ok && (math.Float64bits(x) == math.Float64bits(y) || x != x && y != y)
	case []any:
		y, ok := b.([]any)
		return ok && slices.EqualFunc(x, y, sameCell)
	}
	return a == b
}
