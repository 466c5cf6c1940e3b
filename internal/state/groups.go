package state

import "github.com/millrace/millrace/columnar"

// groups are half-aggregated groups with different keys, which are known by their numbers. Groups are numbered themselves, in
// the order in which they came.
type groups struct {
	keys  []uint32 // by group
	slots []uint64 // an open-addressing table: 1 + key, then the group; 0 = empty; a power of two
	accs  *columnar.Accumulators
}

// slotsMin is the least number of slots.
const slotsMin = 8

func newGroups(shape Shape) groups {
	return groups{slots: make([]uint64, slotsMin), accs: columnar.NewAccumulators(shape.In, shape.Spec.Aggs)}
}

func (g *groups) len() int { return len(g.keys) }

// slotOf is where the search for a key begins: the upper bits of a product, in which all bits of the key have a part.
func slotOf(key uint32, slots int) int {
	return int(uint64(key*0x9e3779b1) * uint64(slots) >> 32)
}

// find returns the group of a key, −1 for none.
func (g *groups) find(key uint32) int32 {
	for at := slotOf(key, len(g.slots)); g.slots[at] != 0; at = (at + 1) & (len(g.slots) - 1) {
		if uint32(g.slots[at]>>32) == key+1 {
			return int32(uint32(g.slots[at]))
		}
	}
	return -1
}

// number finds the groups of keys and makes those that are not there, with room in the accumulators.
func (g *groups) number(dst []uint32, keys []uint32) []uint32 {
	dst = dst[:0]
	for _, key := range keys {
		at := slotOf(key, len(g.slots))
		for g.slots[at] != 0 && uint32(g.slots[at]>>32) != key+1 {
			at = (at + 1) & (len(g.slots) - 1)
		}
		if g.slots[at] != 0 {
			dst = append(dst, uint32(g.slots[at]))
			continue
		}
		dst = append(dst, uint32(len(g.keys)))
		g.slots[at] = uint64(key+1)<<32 | uint64(len(g.keys))
		if g.keys = append(g.keys, key); 2*len(g.keys) > len(g.slots) {
			g.fill(2 * len(g.slots))
		}
	}
	g.accs.Grow(len(g.keys))
	return dst
}

// reserve makes room for n groups, of which there are none yet.
func (g *groups) reserve(n int) {
	slots := slotsMin
	for slots < 2*n {
		slots *= 2
	}
	g.slots, g.keys = make([]uint64, slots), make([]uint32, 0, n)
	g.accs.Grow(n)
	g.accs.Reset() // which keeps the memory
}

// fill makes the slots anew.
func (g *groups) fill(slots int) {
	g.slots = make([]uint64, slots)
	for group, key := range g.keys {
		at := slotOf(key, slots)
		for g.slots[at] != 0 {
			at = (at + 1) & (slots - 1)
		}
		g.slots[at] = uint64(key+1)<<32 | uint64(group)
	}
}

// renumber gives the keys other numbers.
func (g *groups) renumber(became []uint32) {
	for i, key := range g.keys {
		g.keys[i] = became[key]
	}
	g.fill(len(g.slots))
}

// reset forgets all groups. It costs about as much as they were many, and keeps the memory that they took.
func (g *groups) reset() {
	if len(g.slots) > 16*max(len(g.keys), slotsMin) {
		g.slots = make([]uint64, slotsMin)
	}
	clear(g.slots)
	g.keys = g.keys[:0]
	g.accs.Reset()
}

// sizeBytes is the memory held.
func (g *groups) sizeBytes() int64 {
	return g.accs.SizeBytes() + int64(cap(g.keys))*4 + int64(cap(g.slots))*8
}
