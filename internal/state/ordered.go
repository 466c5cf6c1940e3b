package state

import "github.com/millrace/millrace/columnar"

// ordered are parts whose rows, one part behind the other, are in the order of a block: those of shards, and of chunks. So no
// more of them need be copied at a time than a chunk.
type ordered struct {
	parts []*columnar.Batch
	index [keyGroups + 1]uint32
}

// inOrder is false when rows lie in another order, or two are of the same group.
func inOrder(keys int, parts []*columnar.Batch) (*ordered, bool) {
	out := &ordered{parts: parts}
	var groups []uint8
	var before *columnar.Batch // the last row of the part before
	last := -1                 // its key group
	for _, p := range parts {
		if p.Sel != nil {
			return nil, false
		}
		if p.Rows == 0 {
			continue
		}
		groups = columnar.KeyGroups(p, firstColumns(keys)[1:], groups)
		if int(groups[0]) < last || int(groups[0]) == last && !ascend(before, columnar.Take(p, []int32{0}), keys) {
			return nil, false
		}
		compare := columnar.CompareRows(p, firstColumns(keys))
		out.index[int(groups[0])+1]++
		for i := 1; i < p.Rows; i++ {
			if groups[i] < groups[i-1] || groups[i] == groups[i-1] && compare(int32(i-1), int32(i)) >= 0 {
				return nil, false
			}
			out.index[int(groups[i])+1]++
		}
		before, last = columnar.Take(p, []int32{int32(p.Rows - 1)}), int(groups[p.Rows-1])
	}
	for g := range keyGroups {
		out.index[g+1] += out.index[g]
	}
	return out, true
}

// ascend reports whether the row of a is in front of that of b.
func ascend(a, b *columnar.Batch, keys int) bool {
	return columnar.CompareRows(columnar.Concat([]*columnar.Batch{a, b}), firstColumns(keys))(0, 1) < 0
}

// block writes all rows.
func (o *ordered) block(keys int) ([]byte, error) {
	return assemble(nil, keys, &o.index, func(block []byte, from, to int) ([]byte, error) {
		rows, err := Concat(o.parts[0].Schema, o.between(from, to))
		if err != nil {
			return nil, err
		}
		return columnar.AppendIPC(block, rows, 0, rows.Rows)
	})
}

// between are the rows from..to−1.
func (o *ordered) between(from, to int) (out []*columnar.Batch) {
	begin := 0
	for _, p := range o.parts {
		end := begin + p.Rows
		if low, high := max(from, begin), min(to, end); low < high {
			if high-low < p.Rows {
				p = columnar.Take(p, rowRun(low-begin, high-begin))
			}
			out = append(out, p)
		}
		begin = end
	}
	return out
}
