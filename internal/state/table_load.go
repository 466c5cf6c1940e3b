package state

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// numbered is a layer of which the keys have numbers.
type numbered struct {
	layer
	numbers []uint32
	keys    int // there are then
}

// load makes the table, which is empty, that of the groups of layers, each of which is there once. While the keys of one layer are
// given their numbers, the groups of the one before are folded in: no two of the steps that each runs at a time touch the same.
func (t *Table) load(layers []layer, each func(n int, f func(i int) error) error) error {
	t.expect(layers)
	var now, before numbered
	for i := 0; i <= len(layers); i++ {
		if now.layer = (layer{}); i < len(layers) {
			now.layer = layers[i]
			layers[i].rows = nil // memory for what comes
		}
		err := each(2, func(step int) error {
			if step == 0 {
				return t.number(&now)
			}
			return t.loadNumbered(&before)
		})
		if err != nil {
			return err
		}
		now, before = before, now
	}
	for _, s := range t.spaces {
		s.touched = make([]byte, s.len())
		t.keys.use(s.keys)
		t.resize(s)
	}
	return nil
}

// expect makes room for groups that are about to be loaded: growing with them would copy each several times. There are at least as many
// keys as the namespace with the most of them has.
func (t *Table) expect(layers []layer) {
	groups, most := map[int64]int{}, 0
	for _, l := range layers {
		names := l.rows.Cols[0].I64[:l.rows.Rows]
		for from := 0; from < len(names); {
			end := from + 1
			for end < len(names) && names[end] == names[from] {
				end++
			}
			groups[names[from]] += end - from
			from = end
		}
	}
	for _, n := range groups {
		most = max(most, n)
	}
	t.keys.reserve(most)
	for namespace, n := range groups {
		if n >= compactAbove {
			t.space(namespace).reserve(n, most)
		}
	}
}

// number gives the keys of a layer their numbers.
func (t *Table) number(n *numbered) error {
	if n.rows == nil {
		return nil
	}
	var err error
	n.numbers, err = t.keys.index.AppendNumbers(n.numbers[:0], n.rows, t.keys.cols)
	t.keys.index.Spread()
	n.keys = t.keys.index.Len()
	return err
}

// loadNumbered folds the groups of a layer in.
func (t *Table) loadNumbered(n *numbered) error {
	if n.rows == nil {
		return nil
	}
	t.keys.file(n.numbers, n.groups, n.keys)
	t.pickRows(n.rows, n.numbers)
	from := 0
	for _, s := range t.pick.spaces {
		end := from + s.picked
		part := *n.rows
		part.Sel = t.pick.rows[from:end]
		if err := t.loadInto(s, &part, t.pick.keys[from:end], n.keys); err != nil {
			return fmt.Errorf("groups of namespace %d: %w", s.start, err)
		}
		from, s.picked = end, 0
	}
	return nil
}

// loadInto folds groups of one namespace in, of which the keys are known, of total.
func (t *Table) loadInto(s *space, part *columnar.Batch, keys []uint32, total int) error {
	rows := sumRows(part)
	s.rows, t.rows = s.rows+rows, t.rows+rows
	had := s.len()
	t.pick.groups = s.number(t.pick.groups, keys, total)
	return t.fold(s, part, had)
}
