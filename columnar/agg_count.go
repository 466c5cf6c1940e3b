package columnar

import "slices"

// counts is the state of count(*) and count.
type counts struct {
	n   []int64
	all bool // NULLs count too

	valid []byte // buffer of validity
}

func newCounts(a Agg) aggState { return &counts{all: a.Func == CountStar} }

func (c *counts) columns() []Field { return []Field{{Type: Type{Kind: Int64}}} }

func (c *counts) extend(n int) { c.n = extended(c.n, n) }

func (c *counts) add(in *aggInput) error {
	if !c.all {
		in.dropNulls(in.cols[0])
	}
	c.addRows(in.groups)
	return nil
}

func (c *counts) addRows(groups []uint32) {
	for _, g := range groups {
		c.n[g]++
	}
}

func (c *counts) merge(in *aggInput) error { return c.mergeColumn(in, in.cols[0]) }

// mergeColumn adds counts up. They are those of rows that were, so that no sum of them overflows; those in a damaged
// checkpoint may.
func (c *counts) mergeColumn(in *aggInput, v *Vector) error {
	var bad int64
	own, counts, groups := c.n, v.I64, in.groups[:len(in.rows)]
	for i, r := range in.rows {
		g, more := groups[i], counts[r]
		sum := own[g] + more
		own[g] = sum
		bad |= sum | more
	}
	if bad < 0 || v.Valid != nil && in.hasNull(v) {
		return damaged("a count below 0")
	}
	return nil
}

func (c *counts) column() *Vector { return int64Column(Int64, c.n, nil) }

func (c *counts) partial(dst []*Vector, groups []int32) []*Vector {
	return append(dst, ofGroups(c.column(), groups))
}

func (c *counts) final() (*Vector, error) { return c.column(), nil }

// validity marks the groups that have a value, for results that are NULL without one.
func (c *counts) validity() []byte {
	if !slices.Contains(c.n, 0) {
		return nil
	}
	c.valid = packBits(c.valid, len(c.n), func(i int) bool { return c.n[i] != 0 })
	return c.valid
}

func (c *counts) reset() { c.n = c.n[:0] }

func (c *counts) sizeBytes() int64 { return int64(cap(c.n))*8 + int64(cap(c.valid)) }
