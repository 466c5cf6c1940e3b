package state

import (
	"slices"

	"github.com/millrace/millrace/columnar"
)

// picked lists the rows of a batch by the namespace they belong to.
type picked struct {
	spaces []*space // those with rows, each with the number of them
	of     []int32  // by selected row: which of them
	rows   []int32  // physical rows, those of the first space in front
	keys   []uint32 // of rows
	groups []uint32 // scratch of merging one namespace
}

func (t *Table) pickRows(b *columnar.Batch, numbers []uint32) {
	p := &t.pick
	n, names := b.Len(), b.Cols[0].I64
	p.spaces, p.of = p.spaces[:0], slices.Grow(p.of[:0], n)[:n]
	var s *space
	for i := range n {
		if name := names[rowAt(b, i)]; s == nil || s.start != name {
			if s = t.space(name); s.picked == 0 {
				s.at = int32(len(p.spaces))
				p.spaces = append(p.spaces, s)
			}
		}
		s.picked++
		p.of[i] = s.at
	}
	end := 0
	for _, s := range p.spaces {
		s.next, end = end, end+s.picked
	}
	p.rows, p.keys = slices.Grow(p.rows[:0], n)[:n], slices.Grow(p.keys[:0], n)[:n]
	for i, at := range p.of {
		s := p.spaces[at]
		p.rows[s.next], p.keys[s.next] = rowAt(b, i), numbers[i]
		s.next++
	}
}

func (p *picked) sizeBytes() int64 {
	return int64(cap(p.rows)+cap(p.keys)+cap(p.groups)+cap(p.of))*4 + int64(cap(p.spaces))*8
}

// spare keeps emptied namespaces for the next ones.
type spare struct {
	spaces []*space
	size   int64
}

// What is kept takes at most spareFree bytes, or a share of what the table holds; two namespaces are always kept.
const (
	spareFree  = 1 << 20
	spareShare = 8
)

func (p *spare) take() *space {
	n := len(p.spaces) - 1
	if n < 0 {
		return nil
	}
	s := p.spaces[n]
	p.spaces, p.size = p.spaces[:n], p.size-s.size
	s.size = 0
	return s
}

// put keeps a namespace that was dropped from a table of so many bytes.
func (p *spare) put(s *space, held int64) {
	if len(p.spaces) >= 2 && p.size+s.size > max(spareFree, held/spareShare) {
		return
	}
	s.markClean()
	s.groups.reset()
	s.touched, s.rows = s.touched[:0], 0
	s.size = s.sizeBytes()
	p.spaces, p.size = append(p.spaces, s), p.size+s.size
}
