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

	from, middle, to int64
	front            front
	limit            int // parts that the next front may be made of; 0: any number
	back             groups
	late             []latePart // groups that came for parts of the front
	lateRows         int
	frontFree        int64 // bytes, see frontGrowth

	run run // scratch
}

// latePart is groups of one namespace of the front that its part does not know of.
type latePart struct {
	namespace int64
	groups    *columnar.Batch
	keys      []uint32
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
	r := &Ranges{table: t, from: math.MinInt64, middle: math.MinInt64, to: math.MinInt64, frontFree: frontFree}
	t.ranges = r
	return r
}

// start makes room for the first run.
func (r *Ranges) start() {
	r.back = newGroups(r.table.shape)
	r.front.accs, r.run.accs = r.newAccs(), r.newAccs()
}

func (r *Ranges) started() bool { return r.run.accs != nil }

func (r *Ranges) newAccs() *columnar.Accumulators {
	return columnar.NewAccumulators(r.table.shape.In, r.table.shape.Spec.Aggs)
}

// Final returns the groups of the namespaces in [from, to) as finished rows (Spec.FinalSchema), ordered by their keys; name
// stands for the namespace in all of them. The batch belongs to the caller. After an error the table must not be used any
// more.
func (r *Ranges) Final(from, to, name int64) (*columnar.Batch, error) {
	out := columnar.NewRowsBuilder(r.table.final)
	if _, err := r.AppendFinal(out, from, to, name); err != nil {
		return nil, err
	}
	return out.Batch(), nil
}

// AppendFinal appends what Final returns to rows of Spec.FinalSchema. It returns their number.
func (r *Ranges) AppendFinal(out *columnar.RowsBuilder, from, to, name int64) (rows int, err error) {
	if !r.started() {
		r.start()
	}
	if err := r.move(from, to); err != nil {
		return 0, fmt.Errorf("merge groups: %w", err)
	}
	run := &r.run
	r.list()
	n, keys := len(run.keys), r.table.keys.index
	out.AppendConstant(0, name, n)
	for i := range keys.Columns() {
		if !out.Append(1+i, keys.Column(i), run.signedKeys(), n) {
			return 0, r.tooLong(1 + i)
		}
	}
	return n, r.appendResults(out, 1+keys.Columns(), name)
}

// tooLong is the error of a column of results.
func (r *Ranges) tooLong(col int) error {
	return fmt.Errorf("column %q holds more than %d bytes of text in one shard: use more shards", r.table.final.Fields[col].Name, math.MaxInt32)
}

// appendResults appends the results of r.run to the columns from col on.
func (r *Ranges) appendResults(out *columnar.RowsBuilder, col int, name int64) error {
	run := &r.run
	tooLong, err := -1, error(nil)
	if len(r.late) == 0 {
		tooLong, err = run.accs.AppendJoin(out, col, r.back.accs, run.backs, r.front.accs, run.fronts)
	} else {
		if err := r.merge(); err != nil {
			return fmt.Errorf("merge groups: %w", err)
		}
		tooLong, err = run.accs.AppendFinal(out, col)
	}
	switch {
	case err != nil:
		return fmt.Errorf("finish groups: %w", r.table.nameGroup(err, name, run.keys))
	case tooLong >= 0:
		return r.tooLong(col + tooLong)
	}
	return nil
}

// move makes front and back those of [from, to).
func (r *Ranges) move(from, to int64) error {
	if from >= r.to || r.lateRows > max(lateFree, len(r.front.heads)) {
		r.forget(from)
	}
	if from > r.middle {
		if err := r.turn(from, to); err != nil {
			return err
		}
	}
	r.pass(from)
	return r.grow(to)
}

// turn makes the front anew, of as many namespaces in [from, to) as memory allows. The back holds those behind it.
func (r *Ranges) turn(from, to int64) error {
	names := r.table.between(from, to)
	if r.limit == 0 || r.limit > len(names) {
		r.limit = len(names)
	}
	r.late, r.lateRows = nil, 0
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
	r.back.reset()
	r.from, r.middle, r.to = from, to, to
	if r.limit < len(names) {
		r.middle, r.to = names[r.limit], names[r.limit]
	}
	r.limit *= 2
	return nil
}

// forget drops front and back.
func (r *Ranges) forget(from int64) {
	r.late, r.lateRows = nil, 0
	r.front.reset()
	r.back.reset()
	r.from, r.middle, r.to = from, from, from
}

// grow merges the namespaces up to to into the back.
func (r *Ranges) grow(to int64) error {
	for _, name := range r.table.between(r.to, to) {
		s := r.table.spaces[name]
		r.run.groups = r.back.number(r.run.groups, s.keys, r.table.keys.index.Len())
		if err := r.back.accs.Absorb(s.accs, r.run.all(s.len()), r.run.groups); err != nil {
			return r.nameKey(err, s.keys)
		}
	}
	r.to = max(r.to, to)
	return nil
}

// newFront makes the front of these namespaces. It gives up, and reports false, when that takes too much memory.
func (r *Ranges) newFront(names []int64) (small bool, err error) {
	r.front.reset()
	had := r.front.accs.SizeBytes() // the memory of an older front
	if had > r.frontMax(r.sizeOf(names)) {
		r.freshFront()
		had = 0
	}
	held := int64(0)
	for i := len(names) - 1; i >= 0; i-- {
		s := r.table.spaces[names[i]]
		if err := r.front.add(s, &r.run); err != nil {
			return false, r.nameKey(err, s.keys)
		}
		held += s.accs.SizeBytes()
		if r.front.accs.SizeBytes() > max(r.frontMax(held), had) && len(names) > 1 {
			r.freshFront()
			return false, nil
		}
	}
	r.front.begin()
	return true, nil
}

// frontMax is how much memory a front may take that is made of so much.
func (r *Ranges) frontMax(held int64) int64 { return max(frontGrowth*held, r.frontFree) }

func (r *Ranges) sizeOf(names []int64) (size int64) {
	for _, name := range names {
		size += r.table.spaces[name].accs.SizeBytes()
	}
	return size
}

// freshFront lets go of the memory of the front.
func (r *Ranges) freshFront() {
	r.front.reset()
	r.front.accs = r.newAccs()
}

// pass drops the parts of the front before from, and what came late for them.
func (r *Ranges) pass(from int64) {
	r.front.pass(from)
	r.from = max(r.from, from)
	r.late = slices.DeleteFunc(r.late, func(l latePart) bool {
		if l.namespace < from {
			r.lateRows -= l.groups.Rows
		}
		return l.namespace < from
	})
}

// add is told by the table of half-aggregated groups of a namespace, with their keys, before it merges them.
func (r *Ranges) add(namespace int64, partial *columnar.Batch, keys []uint32) error {
	switch {
	case namespace < r.from || namespace >= r.to:
		return nil
	case namespace >= r.middle:
		r.run.groups = r.back.number(r.run.groups, keys, r.table.keys.index.Len())
		return r.back.accs.Merge(partial, r.table.shape.keys(), r.run.groups)
	}
	groups := columnar.Take(partial, partial.Sel)
	r.late, r.lateRows = append(r.late, latePart{namespace, groups, slices.Clone(keys)}), r.lateRows+groups.Rows
	return nil
}

// list makes r.run the keys of the run in order, with their groups of front and back. Where they are a good part of all keys, it goes
// through these.
func (r *Ranges) list() {
	k, run := r.table.keys, &r.run
	if total := k.index.Len(); len(r.late) == 0 && total <= sweepShare*max(len(r.front.heads), len(r.back.keys)) {
		k.rankAll()
		run.sweep(k.sorted, &r.front, &r.back)
		return
	}
	run.begin(k)
	run.want(r.front.heads)
	run.want(r.back.keys)
	for _, l := range r.late {
		run.want(l.keys)
	}
	run.order(k)
	run.fronts = r.front.ofKeys(run.fronts[:0], run.keys)
	run.backs = run.of(run.backs, r.back.keys)
}

// sweepShare is how many keys there may be for each key of a run that is found by a look at all of them.
const sweepShare = 4

// merge makes the groups of r.run.
func (r *Ranges) merge() error {
	run := &r.run
	run.accs.Reset()
	if err := run.accs.Join(r.back.accs, run.backs, r.front.accs, run.fronts); err != nil {
		return r.nameKey(err, run.keys)
	}
	for _, l := range r.late {
		if err := run.accs.Merge(l.groups, r.table.shape.keys(), run.places(l.keys)); err != nil {
			return err
		}
	}
	return nil
}

// nameKey adds a key to an error about groups of it.
func (r *Ranges) nameKey(err error, keys []uint32) error {
	cols, failed := r.table.keys.take(keys)
	if failed != nil {
		return err
	}
	return columnar.NameRow(err, &columnar.Batch{Schema: r.table.keys.schema, Cols: cols, Rows: len(keys)}, len(cols))
}

// sizeBytes is about the memory held beside the table.
func (r *Ranges) sizeBytes() int64 {
	if !r.started() {
		return 0
	}
	size := r.back.sizeBytes() + r.run.sizeBytes() + r.front.sizeBytes()
	for _, l := range r.late {
		size += batchBytes(l.groups) + 4*int64(cap(l.keys))
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
