package state

import "github.com/millrace/millrace/columnar"

// groups are half-aggregated groups with different keys, which are known by their numbers. Groups are numbered themselves, in
// the order in which they came.
//
// They are found in an array by key where that takes no more memory than a hash table of them would: where they have a good part of
// all keys, as the cells of a window mostly do.
type groups struct {
	keys  []uint32 // by group
	dense []uint32 // by key, of as many keys as were needed: 1 + its group; 0 = none; nil where slots are used
	slots []uint64 // an open-addressing table: 1 + key, then the group; 0 = empty; a power of two, or none where dense is used
	accs  *columnar.Accumulators
}

// slotsMin is the least number of slots.
const slotsMin = 8

// denseShare is how many keys there may be for each group in an array by key.
const denseShare = 4

func newGroups(shape Shape) groups {
	return groups{slots: make([]uint64, slotsMin), accs: columnar.NewAccumulators(shape.In, shape.Spec.Aggs)}
}

func (g *groups) len() int { return len(g.keys) }

// slotsFor is how many slots n groups need.
func slotsFor(n int) int {
	slots := slotsMin
	for slots < 2*n {
		slots *= 2
	}
	return slots
}

// slotOf is where the search for a key begins: the upper bits of a product, in which all bits of the key have a part.
func slotOf(key uint32, slots int) int {
	return int(uint64(key*0x9e3779b1) * uint64(slots) >> 32)
}

// find returns the group of a key, −1 for none.
func (g *groups) find(key uint32) int32 {
	if g.dense != nil {
		if int(key) < len(g.dense) {
			return int32(g.dense[key]) - 1
		}
		return -1
	}
	for at := slotOf(key, len(g.slots)); g.slots[at] != 0; at = (at + 1) & (len(g.slots) - 1) {
		if uint32(g.slots[at]>>32) == key+1 {
			return int32(uint32(g.slots[at]))
		}
	}
	return -1
}

// number finds the groups of keys, of which there are total, and makes those that are not there, with room in the accumulators.
func (g *groups) number(dst, keys []uint32, total int) []uint32 {
	dst = dst[:0]
	if g.choose(len(keys), total); g.dense != nil {
		dst = g.numberDense(dst, keys)
	} else {
		dst = g.numberHashed(dst, keys)
	}
	g.accs.Grow(len(g.keys))
	return dst
}

// choose finds the way for more keys.
func (g *groups) choose(more, total int) {
	switch fits := total <= denseShare*max(len(g.keys), more); {
	case fits && len(g.dense) < total:
		g.fillDense(total)
	case !fits && len(g.dense) < total && g.dense != nil:
		g.dense = nil
		g.fill(slotsFor(len(g.keys)))
	}
}

func (g *groups) numberDense(dst, keys []uint32) []uint32 {
	dense := g.dense
	for _, key := range keys {
		n := dense[key]
		if n == 0 {
			g.keys = append(g.keys, key)
			n = uint32(len(g.keys))
			dense[key] = n
		}
		dst = append(dst, n-1)
	}
	return dst
}

func (g *groups) numberHashed(dst, keys []uint32) []uint32 {
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
	return dst
}

// reserve makes room for n groups, of which there are none yet, of total keys.
func (g *groups) reserve(n, total int) {
	g.keys = make([]uint32, 0, n)
	if total <= denseShare*n {
		g.fillDense(total)
	} else {
		g.slots = make([]uint64, slotsFor(n))
	}
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

// fillDense makes the array anew, for some more keys than there are.
func (g *groups) fillDense(total int) {
	g.slots = nil
	g.dense = make([]uint32, total+total/4)
	for group, key := range g.keys {
		g.dense[key] = uint32(group) + 1
	}
}

// renumber gives the keys other numbers, which are below those that there were.
func (g *groups) renumber(became []uint32) {
	for _, key := range g.keys {
		if g.dense != nil {
			g.dense[key] = 0
		}
	}
	for i, key := range g.keys {
		g.keys[i] = became[key]
	}
	if g.dense == nil {
		g.fill(len(g.slots))
		return
	}
	for group, key := range g.keys {
		g.dense[key] = uint32(group) + 1
	}
}

// reset forgets all groups. It costs about as much as they were many, and keeps the memory that they took.
func (g *groups) reset() {
	switch {
	case g.dense == nil && len(g.slots) > 16*max(len(g.keys), slotsMin):
		g.slots = make([]uint64, slotsMin)
	case g.dense == nil:
		clear(g.slots)
	case len(g.dense) > 16*max(len(g.keys), slotsMin):
		g.dense, g.slots = nil, make([]uint64, slotsMin)
	default:
		for _, key := range g.keys {
			g.dense[key] = 0
		}
	}
	g.keys = g.keys[:0]
	g.accs.Reset()
}

// sizeBytes is the memory held.
func (g *groups) sizeBytes() int64 {
	return g.accs.SizeBytes() + int64(cap(g.keys)+cap(g.dense))*4 + int64(cap(g.slots))*8
}
