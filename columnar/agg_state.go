package columnar

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
)

// aggState is the state of one aggregate for all groups, which are numbered from 0 on. It is chosen once, by the types of
// the arguments; calls are for whole batches.
type aggState interface {
	// columns are the half-aggregated form: the names are suffixes to the name of the aggregate.
	columns() []Field
	// extend makes room for n groups.
	extend(n int)
	// add folds rows of the arguments in.
	add(in *aggInput) error
	// merge folds rows of the state columns in.
	merge(in *aggInput) error
	// partial appends the state columns of the groups, or of all when groups is nil. Columns of all groups may alias the
	// state until its next call.
	partial(dst []*Vector, groups []int32) []*Vector
	// final is the result for all groups. It may alias the state until its next call.
	final() (*Vector, error)
	// reset forgets all groups and keeps the memory.
	reset()
	// sizeBytes is the memory held.
	sizeBytes() int64
}

// newAggState returns the state of an aggregate that has a result type.
func newAggState(a Agg) aggState {
	kind := aggKinds[a.Func]
	if !a.Distinct {
		return kind.state(a)
	}
	inner := a
	inner.Distinct = false
	return newDistinct(a, kind.state(inner), kind.nulls)
}

// aggFold is one aggregate of a [HashAggregate].
type aggFold struct {
	in    *Schema
	agg   Agg
	args  []int // the input columns of add
	where int   // the column that must be TRUE, −1 for none
	state aggState
	width int // columns of the half-aggregated form

	inRecords recordState // state, while its numbers are in records; else nil
	lane      int         // the first of its words there
}

func newAggFold(in *Schema, a Agg) aggFold {
	f := aggFold{in: in, agg: a, where: a.Where - 1, state: newAggState(a)}
	if a.Func != CountStar {
		f.args = append(f.args, a.Arg)
	}
	for _, m := range a.More {
		f.args = append(f.args, m.Col)
	}
	for _, o := range a.Order {
		if o.Col != a.Arg {
			f.args = append(f.args, o.Col)
		}
	}
	f.width = len(f.state.columns())
	return f
}

// describe is the aggregate for messages: "sum(delay) AS total". A name that the query did not give it is one that says the same.
func (a Agg) describe(in *Schema) string {
	text := string(a.Func)
	if a.Func != CountStar {
		arg := in.Fields[a.Arg].Name
		text = a.Func.of(a.Distinct, bare(arg))
		if rest, same := strings.CutPrefix(a.Name, a.Func.of(a.Distinct, arg)); same {
			return text + rest
		}
	}
	if a.Name != "" {
		text += " AS " + a.Name
	}
	return text
}

func (f AggFunc) of(distinct bool, arg string) string {
	return fmt.Sprintf("%s(%s%s)", f, suffix(distinct, "DISTINCT "), arg)
}

// bare is a text without the parentheses around all of it.
func bare(text string) string {
	depth := 0
	for i, c := range text {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 && i < len(text)-1 {
			return text
		}
	}
	return strings.TrimSuffix(strings.TrimPrefix(text, "("), ")")
}

// wider says how to write a sum or a mean that does not fit its type; "" where there is no wider one.
func (a Agg) wider(in *Schema) string {
	if a.Func != Sum && a.Func != Avg {
		return ""
	}
	cast := func(t string) string { return a.Func.of(a.Distinct, "CAST("+bare(in.Fields[a.Arg].Name)+" AS "+t+")") }
	switch {
	case a.In.Integer():
		return "write " + cast("DECIMAL(38, 0)") + ", or AS DOUBLE"
	case a.In.Kind == Decimal:
		return "write " + cast("DOUBLE")
	}
	return ""
}

// explain names the aggregate in an error of its state.
func (f *aggFold) explain(err error) error {
	var row *RowError
	if errors.As(err, &row) {
		row.Expr, row.Instead, row.Shared = f.agg.describe(f.in), f.agg.wider(f.in), true
		return err
	}
	return fmt.Errorf("%s: %w", f.agg.describe(f.in), err)
}

// inGroup names the group in an error about one of its values.
func (h *HashAggregate) inGroup(err error, group int) error {
	var row *RowError
	if !errors.As(err, &row) || len(h.keys.cols) == 0 {
		return err
	}
	keys := make([]string, len(h.keys.cols))
	for i := range h.keys.cols {
		v := h.keys.cols[i].own.Vector()
		keys[i] = h.final.Fields[i].Name + " = " + valueAt(v, group).literal(v.Type)
	}
	return fmt.Errorf("group %s: %w", strings.Join(keys, ", "), err)
}

// aggInput is the rows that go into a state, with the groups that they belong to.
type aggInput struct {
	cols   []*Vector
	rows   []int32  // physical rows of cols
	groups []uint32 // one for each of rows
	failed uint32   // the group that an error is about
	*scratch
}

// start makes in one of these rows and no columns yet.
func (in *aggInput) start(rows []int32, groups []uint32, s *scratch) *aggInput {
	*in = aggInput{cols: in.cols[:0], rows: rows, groups: groups, scratch: s}
	return in
}

// fault is an error about the i-th row.
func (in *aggInput) fault(i int, reason string) error {
	in.failed = in.groups[i]
	return &RowError{Row: int(in.rows[i]), Reason: reason}
}

// scratch holds the rows of an input that count, with their groups, and the values of a column at them.
type scratch struct {
	live   []int32
	member []uint32
	i64    []int64
	f64    []float64
}

func (s *scratch) sizeBytes() int64 {
	return int64(cap(s.live)+cap(s.member))*4 + int64(cap(s.i64)+cap(s.f64))*8
}

// dropNulls leaves the rows at which v is not NULL.
func (in *aggInput) dropNulls(v *Vector) {
	if v.Valid == nil {
		return
	}
	live, member := in.live[:0], in.member[:0]
	for i, r := range in.rows {
		if !isNullAt(v.Valid, r) {
			live = append(live, r)
			member = append(member, in.groups[i])
		}
	}
	in.keep(live, member)
}

// keepTrue leaves the rows at which v is TRUE.
func (in *aggInput) keepTrue(v *Vector) {
	live, member := in.live[:0], in.member[:0]
	for i, r := range in.rows {
		if v.Bits[r>>3]>>(r&7)&1 != 0 && !isNullAt(v.Valid, r) {
			live = append(live, r)
			member = append(member, in.groups[i])
		}
	}
	in.keep(live, member)
}

// filter leaves the rows for which on holds, called with their numbers and groups.
func (in *aggInput) filter(on func(i int, g uint32) bool) {
	live, member := in.live[:0], in.member[:0]
	for i, r := range in.rows {
		if g := in.groups[i]; on(i, g) {
			live = append(live, r)
			member = append(member, g)
		}
	}
	in.keep(live, member)
}

// keep makes rows that were gathered in the memory of the scratch the rows of the input. They may have been read from
// there: gathering never writes ahead of its reading.
func (in *aggInput) keep(live []int32, member []uint32) {
	in.live, in.member = live, member
	in.rows, in.groups = live, member
}

// hasNull reports whether v is NULL at one of the rows.
func (in *aggInput) hasNull(v *Vector) bool {
	for _, r := range in.rows {
		if isNullAt(v.Valid, r) {
			return true
		}
	}
	return false
}

// damaged is the error of half-aggregated rows that no aggregate writes.
func damaged(what string) error { return errors.New("damaged half-aggregated rows: " + what) }

// ints gathers a column that is stored as integers or bits.
func (in *aggInput) ints(v *Vector) []int64 {
	dst := resized(in.i64, len(in.rows))
	in.i64 = dst
	switch v.Type.Kind.Storage() {
	case StoredBits:
		for i, r := range in.rows {
			dst[i] = int64(v.Bits[r>>3] >> (r & 7) & 1)
		}
	case StoredI32:
		for i, r := range in.rows {
			dst[i] = int64(v.I32[r])
		}
	default:
		for i, r := range in.rows {
			dst[i] = v.I64[r]
		}
	}
	return dst
}

// doubles gathers a column of doubles or floats.
func (in *aggInput) doubles(v *Vector) []float64 {
	dst := resized(in.f64, len(in.rows))
	in.f64 = dst
	for i, r := range in.rows {
		dst[i] = v.F64[r]
	}
	return dst
}

// presence says which groups have a value.
type presence struct {
	seen  []byte // 1 once a value that is not NULL came
	valid []byte // buffer of the bitmap
}

func (p *presence) extend(n int) { p.seen = extended(p.seen, n) }

func (p *presence) mark(groups []uint32) {
	for _, g := range groups {
		p.seen[g] = 1
	}
}

// validity is nil when every group has a value.
func (p *presence) validity() []byte {
	if bytes.IndexByte(p.seen, 0) < 0 {
		return nil
	}
	p.valid = packBits(p.valid, len(p.seen), func(i int) bool { return p.seen[i] != 0 })
	return p.valid
}

func (p *presence) reset() { p.seen = p.seen[:0] }

func (p *presence) sizeBytes() int64 { return int64(cap(p.seen) + cap(p.valid)) }

func packBits(dst []byte, n int, on func(i int) bool) []byte {
	dst = resized(dst, bitmapBytes(n))
	clear(dst)
	for i := range n {
		dst[i>>3] |= bit(on(i)) << (i & 7)
	}
	return dst
}

// ofGroups is the column of all groups, or a copy of it for some.
func ofGroups(v *Vector, groups []int32) *Vector {
	if groups == nil {
		return v
	}
	return takeVector(v, groups)
}

// listed is the groups, or all of them when they are nil.
func listed(groups []int32, all int) []int32 {
	if groups == nil {
		return (&frame{}).identity(all)
	}
	return groups
}

// ownBuilder is an empty builder for a column of the groups: one that is used again for all, a new one for some, since
// that column belongs to the caller.
func ownBuilder(shared *Builder, groups []int32) *Builder {
	if groups != nil {
		return NewBuilder(shared.vec.Type)
	}
	shared.Reset()
	return shared
}

// int64Column is a column of type bigint, or of another one that is stored so.
func int64Column(t Kind, vals []int64, valid []byte) *Vector {
	return &Vector{Type: Type{Kind: t}, N: len(vals), I64: vals, Valid: valid}
}

func float64Column(vals []float64, valid []byte) *Vector {
	return &Vector{Type: Type{Kind: Float64}, N: len(vals), F64: vals, Valid: valid}
}
