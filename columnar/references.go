package columnar

// A column of strings may be one of references: see [Vector.Values]. A join makes such columns out of those of its table, so
// that what groups by them hashes a number and no text is copied. They never leave the operators of one chain:
// operators that take them say so by [TakesReferences], every other place gets plain columns from a [Flattener].

// TakesReferences reports whether Process of the operator takes batches with columns of references.
func TakesReferences(op Operator) bool {
	switch op.(type) {
	case *Filter, *Project, *HashJoin:
		return true
	}
	return false
}

// Flattener turns columns of references into plain ones. It reuses its memory and is used by one goroutine.
type Flattener struct {
	flat []*Vector // by column; nil where none was needed yet
	out  Batch
	all  []int32
}

// Flat returns b, or, where it has columns of references, a batch with plain columns in their place, in which rows outside the
// selection are undefined. It is valid until the next call.
func (f *Flattener) Flat(b *Batch) *Batch {
	if !b.hasReferences() {
		return b
	}
	rows := f.rows(b)
	cols := f.out.Cols[:0]
	for i, v := range b.Cols {
		cols = append(cols, f.column(i, v, rows))
	}
	f.out = *b
	f.out.Cols = cols
	return &f.out
}

// rows are the rows of b that count.
func (f *Flattener) rows(b *Batch) []int32 {
	if b.Sel != nil {
		return b.Sel
	}
	f.all = counting(f.all, b.Rows)
	return f.all[:b.Rows]
}

// column is v, or its strings at the rows, in memory for the i-th column.
func (f *Flattener) column(i int, v *Vector, rows []int32) *Vector {
	if v.Values == nil {
		return v
	}
	for len(f.flat) <= i {
		f.flat = append(f.flat, nil)
	}
	if f.flat[i] == nil {
		f.flat[i] = &Vector{}
	}
	f.flat[i].flatten(v, rows)
	return f.flat[i]
}

func (f *Flattener) sizeBytes() int64 {
	size := int64(cap(f.all)) * 4
	for _, v := range f.flat {
		if v != nil {
			size += v.sizeBytes()
		}
	}
	return size
}

func (b *Batch) hasReferences() bool {
	for _, v := range b.Cols {
		if v.Values != nil {
			return true
		}
	}
	return false
}

// plain is b, or one with plain columns in place of those of references.
func (b *Batch) plain() *Batch { return new(Flattener).Flat(b) }

// flatten sets v to the strings of src, a column of references, at the rows, which ascend. The others become empty. v's memory
// is used again.
func (v *Vector) flatten(src *Vector, rows []int32) {
	v.Type, v.N, v.Valid = src.Type, src.N, src.Valid
	v.Off, v.Data = resized(v.Off, src.N+1), v.Data[:0]
	out := stringOut{v: v}
	for _, r := range rows {
		out.row(r)
		if !isNullAt(src.Valid, r) {
			v.Data = appendRow(v.Data, src.Values, src.I32[r])
		}
	}
	out.done()
}
