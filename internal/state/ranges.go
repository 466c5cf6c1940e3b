package state

import (
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Ranges merges the groups of a table over runs of namespaces [from, to) whose bounds never go down from call to call:
// what sliding and cumulative windows are made of. A run costs about its result, not the number of its namespaces: each
// namespace is merged twice in its life, however many runs it is in. It is the two-stack queue of Tangwongsan and others
// (Low-Latency Sliding-Window Aggregation, 2017), kept by key:
//
//	from             middle              to
//	├── front ────────┼── back ───────────┤
//
// The back is one table of all groups in it. The front has a part for each namespace, with the groups of its keys merged from
// there up to the middle. So a run is the back and, for each key, its part that comes first. When from passes the middle, all
// that is held becomes the front.
//
// What is kept here follows from the table and is no part of its blocks.
type Ranges struct {
	table *Table
	shape Shape            // without the namespace
	in    *columnar.Schema // of half-aggregated groups without it

	from, middle, to int64
	front            []part // ascending; those before from are gone
	gone             int    // parts of the front that are gone
	limit            int    // parts that the next front may be made of; 0: any number
	back             *columnar.HashAggregate
	late             []latePart // groups that came for parts of the front
	lateRows         int
	frontFree        int64 // bytes, see frontGrowth

	sum *columnar.HashAggregate // scratch: of one run
}

// part is the groups of a namespace of the front. next says where the same key comes next.
type part struct {
	namespace int64
	groups    *columnar.Batch
	next      []place
	first     []int32 // the rows whose key is in no part before
}

type place struct{ part, row int32 }

// latePart is groups of one namespace of the front that its part does not know of.
type latePart struct {
	namespace int64
	groups    *columnar.Batch
}

// How far the front may grow in memory over what its namespaces hold: sets and lists grow with every namespace that is merged
// in. It is made of fewer namespaces then. A front of up to frontFree bytes is always fine.
const (
	frontGrowth = 4
	frontFree   = 1 << 20
)

// lateFree is how many groups may come late until the front is made anew, even if it is small.
const lateFree = 1024

// NewRanges returns the runs of the table, which tells it from now on what is merged.
func NewRanges(t *Table) *Ranges {
	shape := Shape{In: t.shape.In, Spec: t.shape.Spec}
	shape.Spec.Keys = shape.Spec.Keys[1:]
	r := &Ranges{table: t, shape: shape, in: shape.Spec.PartialSchema(shape.In), frontFree: frontFree}
	r.back, r.sum = columnar.NewHashAggregate(shape.In, shape.Spec), columnar.NewHashAggregate(shape.In, shape.Spec)
	r.forget(math.MinInt64)
	t.ranges = r
	return r
}

// Final returns the groups of the namespaces in [from, to) as finished rows (Spec.FinalSchema), ordered by their keys; name
// stands for the namespace in all of them. The batch belongs to the caller. After an error the table must not be used any
// more.
func (r *Ranges) Final(from, to, name int64) (*columnar.Batch, error) {
	groups, err := r.run(from, to)
	if err != nil {
		return nil, fmt.Errorf("merge groups: %w", err)
	}
	final, err := groups.Final()
	if err != nil {
		return nil, fmt.Errorf("finish groups: %w", err)
	}
	sorted := columnar.Take(final, columnar.SortRows(final, firstColumns(r.shape.keys())))
	out := &columnar.Batch{Schema: r.table.shape.Spec.FinalSchema(r.table.shape.In), Rows: sorted.Rows}
	names := &columnar.Vector{Type: out.Schema.Fields[0].Type, N: sorted.Rows, I64: make([]int64, sorted.Rows)}
	for i := range names.I64 {
		names.I64[i] = name
	}
	out.Cols = append(append(out.Cols, names), sorted.Cols...)
	return out, nil
}

// run returns the groups of [from, to). They are valid until the next call.
func (r *Ranges) run(from, to int64) (*columnar.HashAggregate, error) {
	if err := r.move(from, to); err != nil {
		return nil, err
	}
	if len(r.front) == 0 && len(r.late) == 0 {
		return r.back, nil
	}
	r.sum.Reset()
	for i := range r.front {
		p := &r.front[i]
		if len(p.first) == 0 {
			continue
		}
		slices.Sort(p.first) // a selection ascends
		rows := *p.groups
		rows.Sel = p.first
		if err := r.sum.Merge(&rows); err != nil {
			return nil, err
		}
	}
	for _, l := range r.late {
		if err := r.sum.Merge(l.groups); err != nil {
			return nil, err
		}
	}
	return r.sum, r.sum.Merge(r.back.Partial())
}

// move makes front and back those of [from, to).
func (r *Ranges) move(from, to int64) error {
	if from >= r.to || r.lateRows > max(lateFree, r.firstRows()) {
		r.forget(from)
	}
	if from > r.middle {
		if err := r.turn(from, to); err != nil {
			return err
		}
	}
	r.passFront(from)
	return r.grow(to)
}

// turn makes the front anew, of as many namespaces in [from, to) as memory allows. The back holds those behind it.
func (r *Ranges) turn(from, to int64) error {
	names := r.table.between(from, to)
	if r.limit == 0 || r.limit > len(names) {
		r.limit = len(names)
	}
	for {
		small, err := r.newFront(names[:r.limit])
		if err != nil {
			return err
		}
		if small {
			break
		}
		r.limit = (r.limit + 1) / 2
	}
	r.back.Reset()
	r.from, r.middle, r.to = from, to, to
	if r.limit < len(names) {
		r.middle, r.to = names[r.limit], names[r.limit]
	}
	r.limit *= 2
	return nil
}

// forget drops front and back.
func (r *Ranges) forget(from int64) {
	r.front, r.late, r.lateRows = nil, nil, 0
	r.back.Reset()
	r.from, r.middle, r.to = from, from, from
}

// grow merges the namespaces up to to into the back.
func (r *Ranges) grow(to int64) error {
	for _, name := range r.table.between(r.to, to) {
		if err := r.back.Merge(r.groups(name)); err != nil {
			return err
		}
	}
	r.to = max(r.to, to)
	return nil
}

// groups is those of a namespace, without its name. The batch is valid until the table changes.
func (r *Ranges) groups(name int64) *columnar.Batch {
	return r.withoutName(r.table.spaces[name].groups.Partial())
}

func (r *Ranges) withoutName(b *columnar.Batch) *columnar.Batch {
	out := *b
	out.Schema, out.Cols = r.in, b.Cols[1:]
	return &out
}

// newFront makes the front of these namespaces. It gives up, and reports false, when that takes too much memory.
func (r *Ranges) newFront(names []int64) (small bool, err error) {
	r.front, r.gone, r.late, r.lateRows = make([]part, len(names)), 0, nil, 0
	var latest []place // by the number of a group: its first part yet
	held, taken := int64(0), int64(0)
	r.sum.Reset()
	for i := len(names) - 1; i >= 0; i-- {
		groups := r.groups(names[i])
		r.sum.MarkClean()
		if err := r.sum.Merge(groups); err != nil {
			return false, err
		}
		p := part{namespace: names[i], groups: r.sum.Dirty()}
		for row, g := range r.sum.Touched() {
			if int(g) == len(latest) { // numbers are given in order
				latest = append(latest, place{part: -1})
			}
			p.next = append(p.next, latest[g])
			latest[g] = place{int32(i), int32(row)}
		}
		r.front[i] = p
		held, taken = held+batchBytes(groups), taken+batchBytes(p.groups)
		if taken > max(frontGrowth*held, r.frontFree) && len(names) > 1 {
			return false, nil
		}
	}
	for _, at := range latest {
		r.front[at.part].first = append(r.front[at.part].first, at.row)
	}
	return true, nil
}

// passFront drops the parts before from: the next part of their keys comes first then.
func (r *Ranges) passFront(from int64) {
	n := 0
	for ; n < len(r.front) && r.front[n].namespace < from; n++ {
		p := &r.front[n]
		for _, row := range p.first {
			if next := p.next[row]; next.part >= 0 {
				to := &r.front[int(next.part)-r.gone]
				to.first = append(to.first, next.row)
			}
		}
	}
	r.front, r.gone, r.from = r.front[n:], r.gone+n, max(r.from, from)
	r.late = slices.DeleteFunc(r.late, func(l latePart) bool {
		if l.namespace < from {
			r.lateRows -= l.groups.Rows
		}
		return l.namespace < from
	})
}

// add is told by the table of half-aggregated groups, with the namespace in front, before it merges them.
func (r *Ranges) add(namespace int64, partial *columnar.Batch) error {
	switch {
	case namespace < r.from || namespace >= r.to:
		return nil
	case namespace >= r.middle:
		return r.back.Merge(r.withoutName(partial))
	}
	groups := columnar.Take(r.withoutName(partial), partial.Sel)
	r.late, r.lateRows = append(r.late, latePart{namespace, groups}), r.lateRows+groups.Rows
	return nil
}

// firstRows is the number of keys in the front.
func (r *Ranges) firstRows() (n int) {
	for i := range r.front {
		n += len(r.front[i].first)
	}
	return n
}

// sizeBytes is about the memory held beside the table.
func (r *Ranges) sizeBytes() int64 {
	size := r.back.SizeBytes() + r.sum.SizeBytes()
	for i := range r.front {
		p := &r.front[i]
		size += batchBytes(p.groups) + 8*int64(cap(p.next)) + 4*int64(cap(p.first))
	}
	for _, l := range r.late {
		size += batchBytes(l.groups)
	}
	return size
}

// batchBytes is the memory of the values of a batch.
func batchBytes(b *columnar.Batch) (size int64) {
	for _, v := range b.Cols {
		size += vectorBytes(v)
	}
	return size
}

func vectorBytes(v *columnar.Vector) int64 {
	size := int64(len(v.Valid) + len(v.Bits) + len(v.Data) + 4*(len(v.I32)+len(v.Off)) + 8*(len(v.I64)+len(v.F64)) + 16*len(v.Wide))
	for _, kid := range v.Kids {
		size += vectorBytes(kid)
	}
	return size
}
