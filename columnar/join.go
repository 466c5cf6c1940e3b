package columnar

import (
	"fmt"
	"math"
)

// HashJoin joins each row with the rows of a static table that have equal keys; NULL equals nothing. The output has the
// columns of the input, then those of the table. In an inner join rows without a match are dropped and counted; in a
// left join they get NULLs. Rows that match several table rows come out once for each, in the order of the table.
type HashJoin struct {
	right  *JoinTable
	schema *Schema
	in     *Schema
	left   bool
	keys   []int     // of the input
	index  *keyTable // of the table, for this join
	refs   bool      // see EmitReferences

	frame   frame
	live    []int32
	numbers []uint32
	found   []int32
	pairs   pairs
	buffers []*Vector
	offsets []int64
	out     Batch
	counts  RowCounts
}

// pairs are the rows of a result: left[i] with right[i]; −1 is a row of NULLs.
type pairs struct{ left, right []int32 }

// NewHashJoin indexes a copy of table. leftKeys are columns of in, rightKeys the columns of table that must be equal to
// them, of the same types. With left set it is a left join.
func NewHashJoin(in *Schema, table *Batch, leftKeys, rightKeys []int, left bool) (*HashJoin, error) {
	if err := checkJoinKeys(in, table.Schema, leftKeys, rightKeys); err != nil {
		return nil, err
	}
	return NewJoinTable(table, rightKeys).Join(in, leftKeys, left)
}

// Join makes a join with the table, as [NewHashJoin] does.
func (t *JoinTable) Join(in *Schema, leftKeys []int, left bool) (*HashJoin, error) {
	if err := checkJoinKeys(in, t.table.Schema, leftKeys, t.keys); err != nil {
		return nil, err
	}
	schema := &Schema{Fields: append(append([]Field{}, in.Fields...), t.table.Schema.Fields...)}
	j := &HashJoin{right: t, schema: schema, in: in, left: left, keys: leftKeys, index: t.index.reader()}
	for _, f := range schema.Fields {
		j.buffers = append(j.buffers, &Vector{Type: f.Type})
	}
	j.out = Batch{Schema: schema, Cols: make([]*Vector, len(schema.Fields))}
	j.found = make([]int32, 0, 1)
	return j, nil
}

// EmitReferences makes the table's columns of strings come out as references, see [Vector.Values]: for a chain whose next operators
// take them.
func (j *HashJoin) EmitReferences() { j.refs = true }

// longest is the length of the longest string of a column, 0 for other types.
func longest(v *Vector) (n int) {
	if v.Type.Kind.Storage() == StoredBytes {
		for i := range v.N {
			n = max(n, int(v.Off[i+1]-v.Off[i]))
		}
	}
	return n
}

func checkJoinKeys(in, table *Schema, leftKeys, rightKeys []int) error {
	if len(leftKeys) != len(rightKeys) || len(leftKeys) == 0 {
		return fmt.Errorf("a join needs as many key columns on the left as on the right, not %d and %d", len(leftKeys), len(rightKeys))
	}
	for i, l := range leftKeys {
		if a, b := in.Fields[l], table.Fields[rightKeys[i]]; a.Type != b.Type {
			return fmt.Errorf("join %q of type %s with %q of type %s: the types must be equal", a.Name, a.Type, b.Name, b.Type)
		} else if err := a.Type.CheckKey(); err != nil {
			return fmt.Errorf("join %q with %q: %w", a.Name, b.Name, err)
		}
	}
	return nil
}

// withoutNull appends the rows that are NULL in none of the columns.
func withoutNull(dst []int32, b *Batch, cols []int, rows []int32) []int32 {
	dst = append(dst, rows...)
	for _, c := range cols {
		if valid := b.Cols[c].Valid; valid != nil {
			dst = appendWhere(dst[:0], valid, dst)
		}
	}
	return dst
}

// Schema describes the joined rows.
func (j *HashJoin) Schema() *Schema { return j.schema }

// Counts implements [Operator].
func (j *HashJoin) Counts() RowCounts { return takeCounts(&j.counts) }

// Process joins the selected rows of in. Where no key of the table has several rows, the columns of in pass through
// uncopied.
func (j *HashJoin) Process(in *Batch) (*Batch, error) {
	rows := in.Sel
	if rows == nil {
		rows = j.frame.identity(in.Rows)
	}
	j.live = withoutNull(j.live[:0], in, j.keys, rows)
	j.index.bind(in, j.keys, j.live)
	j.numbers, j.found = j.index.lookup(j.numbers, j.found, j.live)
	join := j.lookUp
	if j.right.multi {
		join = j.expand
	}
	if err := join(in, rows); err != nil {
		return nil, fmt.Errorf("join %d rows: %w", len(rows), err)
	}
	j.count(len(rows), j.out.Len())
	return &j.out, nil
}

// count adds one batch to the accounting: matches of a row beyond its first are added rows.
func (j *HashJoin) count(in, out int) {
	kept := in
	if !j.left {
		kept = len(j.found)
	}
	j.counts.Add(RowCounts{In: int64(in), Out: int64(out), NoMatch: int64(in - kept), Added: int64(out - kept)})
}

// lookUp is the join for at most one match: the table's columns are gathered beside those of in.
func (j *HashJoin) lookUp(in *Batch, _ []int32) error {
	j.out.Rows, j.out.Origin, j.out.Offsets, j.out.Sel, j.out.Env = in.Rows, in.Origin, in.Offsets, in.Sel, in.Env
	if !j.left && len(j.found) < in.Rows {
		j.out.Sel = j.found
	}
	right := resized(j.pairs.right, in.Rows)
	for i := range right {
		right[i] = -1
	}
	for i, r := range j.found {
		right[r] = j.right.rows[j.numbers[i]]
	}
	j.pairs.right = right
	copy(j.out.Cols, in.Cols)
	for c := range j.right.table.Cols {
		if err := j.takeColumn(len(in.Cols), c, len(j.found)); err != nil {
			return err
		}
	}
	copy(j.out.Cols[len(in.Cols):], j.buffers[len(in.Cols):])
	return nil
}

// takeColumn sets the buffer of the table's c-th column, which comes behind at columns of the input, to the rows that
// pairs names, of which matched are of the table.
func (j *HashJoin) takeColumn(at, c, matched int) error {
	v, right := j.right.table.Cols[c], j.pairs.right
	at += c
	plainText := v.Type.Kind.Storage() == StoredBytes
	if !plainText || int64(matched)*int64(j.right.longest[c]) > math.MaxInt32 {
		if err := checkPartsSize(j.schema.Fields[at].Name, v, right); err != nil {
			return err
		}
	}
	if plainText && j.refs {
		j.buffers[at].gatherReferences(v, right, j.left)
	} else {
		j.buffers[at].gather(v, right, j.left)
	}
	return nil
}

// expand is the join for any number of matches: all columns are gathered.
func (j *HashJoin) expand(in *Batch, rows []int32) error {
	if n := j.pairCount(len(rows)); n > maxElements {
		return fmt.Errorf("they have %d matches, more than %d: read fewer rows at a time", n, maxElements)
	}
	j.pairs = j.match(rows)
	for c, v := range in.Cols {
		if err := checkPartsSize(j.schema.Fields[c].Name, v, j.pairs.left); err != nil {
			return err
		}
		j.buffers[c].gather(v, j.pairs.left, false)
	}
	for c := range j.right.table.Cols {
		if err := j.takeColumn(len(in.Cols), c, len(j.pairs.right)); err != nil {
			return err
		}
	}
	copy(j.out.Cols, j.buffers)
	j.out.Rows, j.out.Sel, j.out.Origin, j.out.Offsets, j.out.Env = len(j.pairs.left), nil, in.Origin, nil, in.Env
	if in.Offsets != nil {
		j.offsets = resized(j.offsets, len(j.pairs.left))
		for i, r := range j.pairs.left {
			j.offsets[i] = in.Offsets[r]
		}
		j.out.Offsets = j.offsets
	}
	return nil
}

// pairCount is at most how many rows come out for so many rows.
func (j *HashJoin) pairCount(rows int) int {
	n := rows
	for _, k := range j.numbers[:len(j.found)] {
		n += int(j.right.start[k+1] - j.right.start[k])
	}
	return n
}

// match lists the pairs in the order of rows, and of the table within a row.
func (j *HashJoin) match(rows []int32) pairs {
	p := pairs{j.pairs.left[:0], j.pairs.right[:0]}
	next := 0 // in found, which is a part of rows in the same order
	for _, r := range rows {
		if next == len(j.found) || j.found[next] != r {
			if j.left {
				p.left, p.right = append(p.left, r), append(p.right, -1)
			}
			continue
		}
		k := j.numbers[next]
		next++
		for _, t := range j.right.rows[j.right.start[k]:j.right.start[k+1]] {
			p.left, p.right = append(p.left, r), append(p.right, t)
		}
	}
	return p
}

// gather sets v to the rows of src, reusing v's memory; −1 is NULL where absent is set, else it does not count.
func (v *Vector) gather(src *Vector, rows []int32, absent bool) {
	v.startGather(src, rows, absent)
	if src.Values != nil {
		v.Values, v.I32 = src.Values, gatherValues(v.I32, src.I32, rows)
		return
	}
	switch v.Type.Kind.Storage() {
	case StoredBits:
		v.Bits = resized(v.Bits, bitmapBytes(v.N))
		clear(v.Bits)
		for i, r := range rows {
			v.Bits[i>>3] |= bit(r >= 0 && src.Bool(int(max(r, 0)))) << (i & 7)
		}
	case StoredI32:
		v.I32 = gatherValues(v.I32, src.I32, rows)
	case StoredI64:
		v.I64 = gatherValues(v.I64, src.I64, rows)
	case StoredF64:
		v.F64 = gatherValues(v.F64, src.F64, rows)
	case StoredWide:
		v.Wide = gatherValues(v.Wide, src.Wide, rows)
	case StoredBytes:
		v.gatherStrings(src, rows)
	case StoredList, StoredStruct:
		v.interleave([]*Vector{src}, place{rows: rows})
	}
}

// startGather sets everything but the values.
func (v *Vector) startGather(src *Vector, rows []int32, absent bool) {
	v.N, v.Values = len(rows), nil
	if src.Valid == nil && !absent {
		v.Valid = nil
	} else {
		v.gatherValid(src, rows)
	}
}

// gatherReferences sets v to a column of references, the rows themselves, of src. v keeps rows.
func (v *Vector) gatherReferences(src *Vector, rows []int32, absent bool) {
	v.startGather(src, rows, absent)
	v.Values, v.I32 = src, rows
}

func (v *Vector) gatherValid(src *Vector, rows []int32) {
	buf := resized(v.Valid[:0], bitmapBytes(len(rows)))
	clear(buf)
	for i, r := range rows {
		buf[i>>3] |= bit(r >= 0 && !isNullAt(src.Valid, max(r, 0))) << (i & 7)
	}
	v.Valid = buf
}

func gatherValues[T any](dst, src []T, rows []int32) []T {
	dst = resized(dst, len(rows))
	for i, r := range rows {
		if r >= 0 {
			dst[i] = src[r]
		}
	}
	return dst
}

func (v *Vector) gatherStrings(src *Vector, rows []int32) {
	v.Off, v.Data = resized(v.Off, len(rows)+1), v.Data[:0]
	for i, r := range rows {
		v.Off[i] = int32(len(v.Data))
		if r >= 0 && !isNullAt(src.Valid, r) {
			v.Data = appendRow(v.Data, src, r)
		}
	}
	v.Off[len(rows)] = int32(len(v.Data))
	v.Data = withSlack(v.Data)
}
