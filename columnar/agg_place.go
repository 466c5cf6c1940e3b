package columnar

// GroupPart is some groups of one of several accumulators, with the rows at which their states are to stand.
type GroupPart struct {
	Accs   *Accumulators
	Groups []int32
	Rows   []int32 // one for each of Groups
}

// PartialColumns gathers half-aggregated groups of many accumulators of the same aggregates, each at the row that its owner
// wants. It keeps its memory from one gathering to the next.
type PartialColumns struct {
	folds [][]*Vector
	out   []*Vector
}

// Gather returns the state columns of n rows: the rows of all parts are 0 to n−1, each there once. They are canonical, as
// copies by [Take] are, and valid until the next call; of no rows there are none. Aggregates that keep more than a few numbers take a longer way, which
// joins what their parts give by concat.
func (p *PartialColumns) Gather(parts []GroupPart, n int, concat func(*Schema, []*Batch) (*Batch, error)) ([]*Vector, error) {
	p.out = p.out[:0]
	if n == 0 {
		return p.out, nil
	}
	for i := range parts[0].Accs.folds {
		for len(p.folds) <= i {
			p.folds = append(p.folds, nil)
		}
		if p.place(i, parts, n) {
			p.out = append(p.out, p.folds[i]...)
			continue
		}
		cols, err := joinParts(i, parts, n, concat)
		if err != nil {
			return nil, err
		}
		p.out = append(p.out, cols...)
	}
	return p.out, nil
}

// SizeBytes is the memory held.
func (p *PartialColumns) SizeBytes() int64 {
	var size int64
	for _, cols := range p.folds {
		for _, v := range cols {
			size += v.sizeBytes()
		}
	}
	return size
}

// placer is an [aggState] that writes its states straight to where they belong.
type placer interface {
	// place writes the states of groups to rows of dst, which are long enough and without NULL but where there is nothing but
	// NULL. False says that it cannot; then dst holds anything.
	place(dst []*Vector, groups, rows []int32) bool
}

// place gathers the i-th aggregate. It reports false where that takes the longer way.
func (p *PartialColumns) place(i int, parts []GroupPart, n int) bool {
	first, ok := parts[0].Accs.folds[i].state.(placer)
	if !ok {
		return false
	}
	if p.folds[i] == nil {
		for _, f := range first.(aggState).columns() {
			p.folds[i] = append(p.folds[i], &Vector{Type: f.Type})
		}
	}
	for _, v := range p.folds[i] {
		if !v.remake(n) {
			return false
		}
	}
	for _, part := range parts {
		if !part.Accs.folds[i].state.(placer).place(p.folds[i], part.Groups, part.Rows) {
			return false
		}
	}
	return true
}

// remake makes v one of n rows of which all values are to be written; of text, all are NULL.
func (v *Vector) remake(n int) bool {
	v.N, v.Valid = n, nil
	switch v.Type.Kind.Storage() {
	case StoredI32:
		v.I32 = resized(v.I32, n)
	case StoredI64:
		v.I64 = resized(v.I64, n)
	case StoredF64:
		v.F64 = resized(v.F64, n)
	case StoredWide:
		v.Wide = resized(v.Wide, n)
	case StoredBytes:
		v.Off, v.Data = extended(v.Off[:0], n+1), withSlack(v.Data[:0])
		if n > 0 {
			v.Valid = make([]byte, bitmapBytes(n))
		}
	default:
		return false
	}
	return true
}

// setNull makes a row NULL, of which the value is zero already.
func (v *Vector) setNull(row int32) {
	if v.Valid == nil {
		v.Valid = allValid(nil, v.N)
	}
	v.Valid[row>>3] &^= 1 << (row & 7)
}

// placeNulls makes the rows NULL whose groups have no value.
func (p *presence) placeNulls(v *Vector, groups, rows []int32) {
	for i, g := range groups {
		if p.seen[g] == 0 {
			v.setNull(rows[i])
		}
	}
}

// joinParts is the longer way: what each part gives, one behind the other, then in the order of the rows.
func joinParts(i int, parts []GroupPart, n int, concat func(*Schema, []*Batch) (*Batch, error)) ([]*Vector, error) {
	schema := NewSchema(parts[0].Accs.folds[i].state.columns()...)
	from, at := make([]int32, n), int32(0)
	var halves []*Batch
	for _, part := range parts {
		if len(part.Groups) == 0 {
			continue
		}
		state := part.Accs.folds[i].state
		halves = append(halves, &Batch{Schema: schema, Cols: state.partial(nil, part.Groups), Rows: len(part.Groups)})
		for _, row := range part.Rows {
			from[row] = at
			at++
		}
	}
	all, err := concat(schema, halves)
	if err != nil {
		return nil, err
	}
	return Take(all, from).Cols, nil
}

func (c *counts) place(dst []*Vector, groups, rows []int32) bool {
	placeValues(dst[0].I64, c.n, groups, rows)
	return true
}

func placeValues[T any](dst, src []T, groups, rows []int32) {
	rows = rows[:len(groups)]
	for i, g := range groups {
		dst[rows[i]] = src[g]
	}
}

// place writes the normal forms, where two doubles are enough for each.
func (s *doubleSums) place(dst []*Vector, groups, rows []int32) bool {
	rows = rows[:len(groups)]
	highs, lows, bad := dst[0].F64, dst[1].F64, 0.0
	for i, g := range groups {
		high, low := twoSum(s.high[g], s.low[g])
		highs[rows[i]], lows[rows[i]] = high, low
		bad += low - low // NaN for what is not finite
	}
	return bad == 0
}

func (s *doubleSum) place(dst []*Vector, groups, rows []int32) bool {
	s.placeNulls(dst[0], groups, rows)
	return s.doubleSums.place(dst, groups, rows)
}

func (s *doubleAvg) place(dst []*Vector, groups, rows []int32) bool {
	return s.counts.place(dst[3:], groups, rows) && s.doubleSums.place(dst, groups, rows)
}

func (s *intSum) place(dst []*Vector, groups, rows []int32) bool {
	rows = rows[:len(groups)]
	above, below := dst[0].I64, dst[1].I64
	for i, g := range groups {
		halves := s.signed[g]
		above[rows[i]], below[rows[i]] = halves[0], halves[1]
		if halves == [2]int64{} && !s.has(int(g)) {
			dst[0].setNull(rows[i])
		}
	}
	return true
}

func (s *intAvg) place(dst []*Vector, groups, rows []int32) bool {
	placeValues(dst[0].I64, s.low, groups, rows)
	placeValues(dst[1].I64, s.high, groups, rows)
	return s.counts.place(dst[2:], groups, rows)
}

func (e *extreme) place(dst []*Vector, groups, rows []int32) bool {
	switch b := e.best.(type) {
	case *bestInt:
		return b.place(dst[0], groups, rows)
	case *bestDouble:
		b.placeNulls(dst[0], groups, rows)
		placeValues(dst[0].F64, b.vals, groups, rows)
		return true
	}
	return false
}

func (b *bestInt) place(dst *Vector, groups, rows []int32) bool {
	switch dst.Type.Kind.Storage() {
	case StoredI32:
		for i, g := range groups {
			dst.I32[rows[i]] = int32(b.vals[g])
		}
	case StoredI64:
		placeValues(dst.I64, b.vals, groups, rows)
	default:
		return false
	}
	b.placeNulls(dst, groups, rows)
	return true
}
