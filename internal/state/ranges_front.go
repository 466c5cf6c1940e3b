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
	from  []int32  // scratch
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

// add makes the part of a namespace that comes before all that are there.
func (f *front) add(s *space, scratch *run) error {
	begin := len(f.keys)
	f.parts = append(f.parts, part{s.start, begin, begin + s.len()})
	f.keys = append(f.keys, s.keys...)
	f.accs.Grow(len(f.keys))
	f.from, scratch.groups = f.from[:0], scratch.groups[:0]
	for i, key := range s.keys {
		for int(key) >= len(f.first) {
			f.first = append(f.first, -1)
		}
		next := f.first[key]
		if next >= 0 {
			f.from, scratch.groups = append(f.from, next), append(scratch.groups, uint32(begin+i))
		}
		f.next, f.first[key] = append(f.next, next), int32(begin+i)
	}
	if err := f.accs.Absorb(f.accs, f.from, scratch.groups); err != nil {
		return err
	}
	scratch.groups = scratch.groups[:0]
	for i := range s.keys {
		scratch.groups = append(scratch.groups, uint32(begin+i))
	}
	return f.accs.Absorb(s.accs, scratch.all(s.len()), scratch.groups)
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

// firsts are the groups of the heads. They are valid until the next call.
func (f *front) firsts() []int32 {
	f.from = f.from[:0]
	for _, key := range f.heads {
		f.from = append(f.from, f.first[key])
	}
	return f.from
}

func (f *front) sizeBytes() int64 {
	return f.accs.SizeBytes() + 4*int64(cap(f.keys)+cap(f.next)+cap(f.first)+cap(f.heads)+cap(f.from)) + 24*int64(cap(f.parts))
}

// run is the groups of one run, in the order of their keys.
type run struct {
	accs   *columnar.Accumulators
	keys   []uint32
	place  []int32  // by key: 1 + its group; 0 = none
	groups []uint32 // scratch, also of others
	iota   []int32  // 0, 1, 2, …
}

// begin forgets the run before.
func (r *run) begin(k *keys) {
	for _, key := range r.keys {
		r.place[key] = 0
	}
	r.keys = r.keys[:0]
	if n := k.index.Len(); len(r.place) < n {
		r.place = append(r.place, make([]int32, n-len(r.place))...)
	}
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
	r.keys = at(r.keys, k.inOrder(r.keys))
	for i, key := range r.keys {
		r.place[key] = int32(i) + 1
	}
	r.accs.Reset()
	r.accs.Grow(len(r.keys))
}

// places are the groups of keys. They are valid until the next call.
func (r *run) places(keys []uint32) []uint32 {
	r.groups = r.groups[:0]
	for _, key := range keys {
		r.groups = append(r.groups, uint32(r.place[key]-1))
	}
	return r.groups
}

func (r *run) absorb(o *columnar.Accumulators, from []int32, keys []uint32) error {
	return r.accs.Absorb(o, from, r.places(keys))
}

// all lists 0 to n−1.
func (r *run) all(n int) []int32 {
	for len(r.iota) < n {
		r.iota = append(r.iota, int32(len(r.iota)))
	}
	return r.iota[:n]
}

func (r *run) sizeBytes() int64 {
	return r.accs.SizeBytes() + 4*int64(cap(r.keys)+cap(r.place)+cap(r.groups)+cap(r.iota))
}
