package state

import (
	"slices"

	"github.com/millrace/millrace/columnar"
)

// front is the part of a run that only ever shrinks. Its groups lie one part behind the other, that of the last namespace
// first.
type front struct {
	accs  *columnar.Accumulators
	parts []part   // the first namespace last
	keys  []uint32 // by group
	next  []int32  // by group: the same key in the next part that has it; −1 = none
	first []int32  // by key: its group in the first part that has it; −1 = none
	heads []uint32 // the keys that have one
}

// part is the groups of a namespace: begin to end−1.
type part struct {
	namespace  int64
	begin, end int
}

// reset forgets all groups.
func (f *front) reset() {
	for _, key := range f.keys {
		f.first[key] = -1
	}
	f.parts, f.keys, f.next, f.heads = f.parts[:0], f.keys[:0], f.next[:0], f.heads[:0]
	f.accs.Reset()
}

// add makes the part of a namespace that comes before all that are there: of each key what the namespace has and what the next
// part with the key has, together.
func (f *front) add(s *space, scratch *run) error {
	begin := len(f.keys)
	f.parts = append(f.parts, part{s.start, begin, begin + s.len()})
	f.keys = append(f.keys, s.keys...)
	for i, key := range s.keys {
		for int(key) >= len(f.first) {
			f.first = append(f.first, -1)
		}
		f.next, f.first[key] = append(f.next, f.first[key]), int32(begin+i)
	}
	return f.accs.Join(s.accs, scratch.all(s.len()), f.accs, f.next[begin:])
}

// begin lists the keys when all parts are there.
func (f *front) begin() {
	for g, key := range f.keys {
		if f.next[g] < 0 {
			f.heads = append(f.heads, key)
		}
	}
}

// pass drops the parts before a namespace: the next part of their keys comes first then.
func (f *front) pass(from int64) {
	ended := false
	for n := len(f.parts) - 1; n >= 0 && f.parts[n].namespace < from; n-- {
		p := f.parts[n]
		for g := p.begin; g < p.end; g++ {
			f.first[f.keys[g]] = f.next[g]
			ended = ended || f.next[g] < 0
		}
		f.parts, f.keys, f.next = f.parts[:n], f.keys[:p.begin], f.next[:p.begin]
	}
	if ended {
		f.heads = slices.DeleteFunc(f.heads, func(key uint32) bool { return f.first[key] < 0 })
	}
}

// ofKeys lists the groups of keys in the first part that has them, −1 for none.
func (f *front) ofKeys(dst []int32, keys []uint32) []int32 {
	for _, key := range keys {
		if int(key) < len(f.first) {
			dst = append(dst, f.first[key])
		} else {
			dst = append(dst, -1)
		}
	}
	return dst
}

func (f *front) sizeBytes() int64 {
	return f.accs.SizeBytes() + 4*int64(cap(f.keys)+cap(f.next)+cap(f.first)+cap(f.heads)) + 24*int64(cap(f.parts))
}

// run is the groups of one run, in the order of their keys.
type run struct {
	accs   *columnar.Accumulators
	keys   []uint32
	place  []int32  // by key: 1 + its group; 0 = none
	groups []uint32 // scratch, also of others
	iota   []int32  // 0, 1, 2, …
	fronts []int32  // by group: which of the front is part of it; −1 = none
	backs  []int32  // the same of the back
	rows   []int32  // scratch
}

// begin forgets the run before.
func (r *run) begin(k *keys) {
	r.leave()
	if n := k.index.Len(); len(r.place) < n {
		r.place = append(r.place, make([]int32, n-len(r.place))...)
	}
}

// leave forgets the keys.
func (r *run) leave() {
	for _, key := range r.keys {
		if int(key) < len(r.place) {
			r.place[key] = 0
		}
	}
	r.keys = r.keys[:0]
}

// sweep lists those of all keys, which are in order, that front or back have.
func (r *run) sweep(sorted []uint32, f *front, b *groups) {
	r.leave()
	keys := slices.Grow(r.keys, len(sorted))[:len(sorted)]
	fronts, backs := slices.Grow(r.fronts[:0], len(sorted))[:len(sorted)], slices.Grow(r.backs[:0], len(sorted))[:len(sorted)]
	n := 0
	for _, key := range sorted {
		first, back := int32(-1), b.find(key)
		if int(key) < len(f.first) {
			first = f.first[key]
		}
		keys[n], fronts[n], backs[n] = key, first, back
		if first >= 0 || back >= 0 {
			n++
		}
	}
	r.keys, r.fronts, r.backs = keys[:n], fronts[:n], backs[:n]
}

// want adds keys that are not there.
func (r *run) want(keys []uint32) {
	for _, key := range keys {
		if r.place[key] == 0 {
			r.keys = append(r.keys, key)
			r.place[key] = 1
		}
	}
}

// order makes a group for each key.
func (r *run) order(k *keys) {
	r.rows = k.order(r.rows[:0], r.keys)
	for i, at := range r.rows {
		r.rows[i] = int32(r.keys[at])
	}
	for i, key := range r.rows {
		r.keys[i] = uint32(key)
	}
	for i, key := range r.keys {
		r.place[key] = int32(i) + 1
	}
}

// places are the groups of keys. They are valid until the next call.
func (r *run) places(keys []uint32) []uint32 {
	r.groups = r.groups[:0]
	for _, key := range keys {
		r.groups = append(r.groups, uint32(r.place[key]-1))
	}
	return r.groups
}

// signedKeys is keys, as rows are listed. They are valid until the next call.
func (r *run) signedKeys() []int32 {
	r.rows = r.rows[:0]
	for _, key := range r.keys {
		r.rows = append(r.rows, int32(key))
	}
	return r.rows
}

// of lists which of the groups of some keys stands where in the run, −1 where none does.
func (r *run) of(dst []int32, keys []uint32) []int32 {
	dst = slices.Grow(dst[:0], len(r.keys))[:len(r.keys)]
	for i := range dst {
		dst[i] = -1
	}
	for g, key := range keys {
		dst[r.place[key]-1] = int32(g)
	}
	return dst
}

// all lists 0 to n−1.
func (r *run) all(n int) []int32 {
	for len(r.iota) < n {
		r.iota = append(r.iota, int32(len(r.iota)))
	}
	return r.iota[:n]
}

func (r *run) sizeBytes() int64 {
	return r.accs.SizeBytes() + 4*int64(cap(r.keys)+cap(r.place)+cap(r.groups)+cap(r.iota)+cap(r.rows)+cap(r.fronts)+cap(r.backs))
}
