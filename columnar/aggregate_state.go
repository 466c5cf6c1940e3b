package columnar

import (
	"fmt"
	"math"
)

// accumulator is the state of one aggregate: flat slices with one entry for each group. Integers, dates, times and
// booleans are all held as int64.
type accumulator struct {
	agg  Agg
	kind Kind   // of the state column
	text string // for messages

	seen []byte // 1 once a value that is not NULL came; not for counts
	i64  []int64
	f64  []float64
	str  stringState

	cols [2]Vector // buffers of the result columns
}

// scratch holds the rows of one column that are not NULL, with their groups and their values.
type scratch struct {
	rows   []int32
	groups []uint32
	i64    []int64
	f64    []float64
}

func (s *scratch) sizeBytes() int64 {
	return int64(cap(s.rows)+cap(s.groups))*4 + int64(cap(s.i64)+cap(s.f64))*8
}

func newAccumulator(in *Schema, a Agg) *accumulator {
	out, _ := a.Out()
	acc := &accumulator{agg: a, kind: out.Kind, text: string(a.Func)}
	if a.Func != CountStar {
		acc.text = fmt.Sprintf("%s(%s)", a.Func, in.Fields[a.Arg].Name)
	}
	if a.Name != "" {
		acc.text += " AS " + a.Name
	}
	return acc
}

// width is the number of state columns.
func (a *accumulator) width() int {
	if a.agg.Func == Avg {
		return 2
	}
	return 1
}

func (a *accumulator) isCount() bool { return a.agg.Func == Count || a.agg.Func == CountStar }

// extend makes room for n groups.
func (a *accumulator) extend(n int) {
	if !a.isCount() {
		a.seen = extended(a.seen, n)
	}
	switch a.kind {
	case Float64:
		a.f64 = extended(a.f64, n)
	case String, Binary:
		a.str.extend(n)
	default:
		a.i64 = extended(a.i64, n)
	}
	if a.agg.Func == Avg {
		a.i64 = extended(a.i64, n)
	}
}

// add folds the rows of the argument column in; arg is nil for count(*).
func (a *accumulator) add(s *scratch, arg *Vector, rows []int32, groups []uint32) error {
	if a.agg.Func == CountStar {
		a.countRows(groups)
		return nil
	}
	rows, groups = s.live(arg, rows, groups)
	switch {
	case a.agg.Func == Count:
		a.countRows(groups)
	case a.agg.Func == Avg:
		a.sumFloats(s.floats(arg, rows), groups)
		a.countRows(groups)
	default:
		return a.fold(s, arg, rows, groups)
	}
	return nil
}

// merge folds rows of the state columns in.
func (a *accumulator) merge(s *scratch, state []*Vector, rows []int32, groups []uint32) error {
	if a.agg.Func == Avg {
		live, liveGroups := s.live(state[1], rows, groups)
		if err := a.addInts(s.ints(state[1], live), live, liveGroups); err != nil {
			return err
		}
	}
	rows, groups = s.live(state[0], rows, groups)
	switch {
	case a.isCount():
		return a.addInts(s.ints(state[0], rows), rows, groups)
	case a.agg.Func == Avg:
		a.sumFloats(s.floats(state[0], rows), groups)
		return nil
	}
	return a.fold(s, state[0], rows, groups)
}

// fold applies sum, min or max, whose state has the form of a value.
func (a *accumulator) fold(s *scratch, v *Vector, rows []int32, groups []uint32) error {
	switch {
	case a.kind == String:
		a.pickStrings(v, rows, groups)
	case a.kind == Float64 && a.agg.Func == Sum:
		a.sumFloats(s.floats(v, rows), groups)
	case a.kind == Float64:
		a.pickFloats(s.floats(v, rows), groups)
	case a.agg.Func == Sum:
		for _, g := range groups {
			a.seen[g] = 1
		}
		return a.addInts(s.ints(v, rows), rows, groups)
	default:
		a.pickInts(s.ints(v, rows), groups)
	}
	return nil
}

// live drops the rows at which v is NULL.
func (s *scratch) live(v *Vector, rows []int32, groups []uint32) ([]int32, []uint32) {
	if v.Valid == nil {
		return rows, groups
	}
	s.rows, s.groups = s.rows[:0], s.groups[:0]
	for i, r := range rows {
		if !isNullAt(v.Valid, r) {
			s.rows = append(s.rows, r)
			s.groups = append(s.groups, groups[i])
		}
	}
	return s.rows, s.groups
}

// ints gathers a column that is stored as integers.
func (s *scratch) ints(v *Vector, rows []int32) []int64 {
	s.i64 = resized(s.i64, len(rows))
	switch v.Type.Kind {
	case Bool:
		for i, r := range rows {
			s.i64[i] = int64(v.Bits[r>>3] >> (r & 7) & 1)
		}
	case Int32, Date:
		for i, r := range rows {
			s.i64[i] = int64(v.I32[r])
		}
	default:
		for i, r := range rows {
			s.i64[i] = v.I64[r]
		}
	}
	return s.i64
}

// floats gathers a numeric column.
func (s *scratch) floats(v *Vector, rows []int32) []float64 {
	s.f64 = resized(s.f64, len(rows))
	if v.Type.Kind == Float64 {
		for i, r := range rows {
			s.f64[i] = v.F64[r]
		}
		return s.f64
	}
	for i, x := range s.ints(v, rows) {
		s.f64[i] = float64(x)
	}
	return s.f64
}

func (a *accumulator) countRows(groups []uint32) {
	for _, g := range groups {
		a.i64[g]++
	}
}

// addInts adds with a check for overflow.
func (a *accumulator) addInts(vals []int64, rows []int32, groups []uint32) error {
	for i, g := range groups {
		x, y := a.i64[g], vals[i]
		sum := x + y
		if (x^sum)&(y^sum) < 0 {
			return &RowError{Row: int(rows[i]), Reason: outOfRange, Expr: a.text}
		}
		a.i64[g] = sum
	}
	return nil
}

func (a *accumulator) sumFloats(vals []float64, groups []uint32) {
	for i, g := range groups {
		a.f64[g] += vals[i]
		a.seen[g] = 1
	}
}

func (a *accumulator) pickInts(vals []int64, groups []uint32) {
	largest := a.agg.Func == Max
	for i, g := range groups {
		if x := vals[i]; a.seen[g] == 0 || x != a.i64[g] && x > a.i64[g] == largest {
			a.i64[g] = x
			a.seen[g] = 1
		}
	}
}

// pickFloats orders as [orderKey]. What it keeps is canonical: −0 and 0 are equal, and which of them came first must not
// show.
func (a *accumulator) pickFloats(vals []float64, groups []uint32) {
	largest := a.agg.Func == Max
	for i, g := range groups {
		x, y := orderKey(vals[i]), orderKey(a.f64[g])
		if a.seen[g] == 0 || x != y && x > y == largest {
			a.f64[g] = math.Float64frombits(canonicalBits(vals[i]))
			a.seen[g] = 1
		}
	}
}

func (a *accumulator) pickStrings(v *Vector, rows []int32, groups []uint32) {
	largest := a.agg.Func == Max
	for i, g := range groups {
		x := v.Str(int(rows[i]))
		if a.seen[g] == 0 || a.str.better(g, x, largest) {
			a.str.set(g, x)
			a.seen[g] = 1
		}
	}
}

func (a *accumulator) reset() {
	a.seen, a.i64, a.f64 = a.seen[:0], a.i64[:0], a.f64[:0]
	a.str.reset()
}

func (a *accumulator) sizeBytes() int64 {
	results := int64(cap(a.cols[0].Valid)+cap(a.cols[0].Bits)) + int64(cap(a.cols[0].I32))*4 + int64(cap(a.cols[1].F64))*8
	return results + int64(cap(a.seen)) + int64(cap(a.i64)+cap(a.f64))*8 + a.str.sizeBytes()
}
