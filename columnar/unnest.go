package columnar

import "fmt"

// Unnest makes one row for each element of an array, or for each entry of a map, with columns of the row it stands in; the
// elements keep their order. Rows whose array is empty or NULL are dropped and counted, or with left set
// kept with NULLs, as in a left join.
type Unnest struct {
	schema     *Schema
	column     int
	keep       []int // columns of the input that stay
	ordinality bool
	left       bool

	frame    frame
	pairs    pairs // row and element of each result; −1 is none
	ordinals []int64
	buffers  []*Vector
	offsets  []int64
	out      Batch
	counts   RowCounts
}

// NewUnnest unnests a column of in. The result has the columns keep of in and behind them the element, or the key and the
// value, and with ordinality set the position from 1, a bigint. names are those of the new columns. The list itself is
// best not kept: every one of its elements would have a copy of all of them.
func NewUnnest(in *Schema, column int, keep []int, names []string, ordinality, left bool) (*Unnest, error) {
	f := in.Fields[column]
	if f.Type.Kind.Storage() != StoredList {
		return nil, fmt.Errorf("column %q is %s; only arrays and maps have elements to unnest", f.Name, f.Type.Article())
	}
	var types []Type
	for _, part := range f.Type.nested.fields {
		types = append(types, part.Type)
	}
	if ordinality {
		types = append(types, Type{Kind: Int64})
	}
	if len(names) != len(types) {
		return nil, fmt.Errorf("unnesting %s gives %d columns, not %d", f.Type.Article(), len(types), len(names))
	}
	u := &Unnest{schema: &Schema{}, column: column, keep: keep, ordinality: ordinality, left: left}
	for _, k := range keep {
		u.schema.Fields = append(u.schema.Fields, in.Fields[k])
	}
	for i, t := range types {
		u.schema.Fields = append(u.schema.Fields, Field{Name: names[i], Type: t})
	}
	for _, f := range u.schema.Fields {
		u.buffers = append(u.buffers, &Vector{Type: f.Type})
	}
	u.out = Batch{Schema: u.schema, Cols: u.buffers}
	return u, nil
}

// Schema describes the unnested rows.
func (u *Unnest) Schema() *Schema { return u.schema }

// Counts implements [Operator]: elements of a row beyond its first are added rows, rows without any are no match.
func (u *Unnest) Counts() RowCounts { return takeCounts(&u.counts) }

// Process unnests the selected rows of in. The result has no selection.
func (u *Unnest) Process(in *Batch) (*Batch, error) {
	rows := in.Sel
	if rows == nil {
		rows = u.frame.identity(in.Rows)
	}
	list := in.Cols[u.column]
	empty := u.pair(list, rows)
	for i, k := range u.keep {
		if err := checkPartsSize(u.schema.Fields[i].Name, in.Cols[k], u.pairs.left); err != nil {
			return nil, fmt.Errorf("unnest %d rows: %w", len(rows), err)
		}
		u.buffers[i].gather(in.Cols[k], u.pairs.left, false)
	}
	for i, kid := range list.Kids {
		u.buffers[len(u.keep)+i].gather(kid, u.pairs.right, u.left)
	}
	if u.ordinality {
		u.setOrdinals(u.buffers[len(u.buffers)-1])
	}
	u.out.Rows, u.out.Origin, u.out.Env, u.out.Offsets = len(u.pairs.left), in.Origin, in.Env, nil
	if in.Offsets != nil {
		u.offsets = u.offsets[:0]
		for _, r := range u.pairs.left {
			u.offsets = append(u.offsets, in.Offsets[r])
		}
		u.out.Offsets = u.offsets
	}
	u.count(len(rows), empty)
	return &u.out, nil
}

// pair lists the rows with their elements, and returns the number of rows without any.
func (u *Unnest) pair(list *Vector, rows []int32) (empty int) {
	p := pairs{u.pairs.left[:0], u.pairs.right[:0]}
	ordinals := u.ordinals[:0]
	for _, r := range rows {
		from, to := list.Off[r], list.Off[r+1]
		if from == to || isNullAt(list.Valid, r) {
			empty++
			if u.left {
				p.left, p.right, ordinals = append(p.left, r), append(p.right, -1), append(ordinals, 0)
			}
			continue
		}
		for e := from; e < to; e++ {
			p.left, p.right, ordinals = append(p.left, r), append(p.right, e), append(ordinals, int64(e-from)+1)
		}
	}
	u.pairs, u.ordinals = p, ordinals
	return empty
}

// setOrdinals makes v the positions, NULL where there is no element.
func (u *Unnest) setOrdinals(v *Vector) {
	v.N, v.I64, v.Valid = len(u.ordinals), u.ordinals, nil
	if u.left {
		v.Valid = packBits(v.Valid, v.N, func(i int) bool { return u.ordinals[i] > 0 })
	}
}

func (u *Unnest) count(in, empty int) {
	out := len(u.pairs.left)
	dropped := empty
	if u.left {
		dropped = 0
	}
	u.counts.Add(RowCounts{In: int64(in), Out: int64(out), NoMatch: int64(dropped), Added: int64(out - (in - dropped))})
}
