package state

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Shape says what the groups of a table look like: the aggregation Spec over rows of schema In. Spec.Keys[0] is the
// namespace, a timestamp or bigint; the other keys choose the key group. The last aggregate is a count(*) of the rows
// in the group.
type Shape struct {
	In   *columnar.Schema // of the rows before they were aggregated
	Spec columnar.AggSpec
}

// keys is the number of key columns, which come first in the partial and the final schema.
func (s Shape) keys() int { return len(s.Spec.Keys) }

// Table holds the groups of one shard, by namespace. It is used by one goroutine. Its calls cost what they touch, however
// many namespaces are held beside.
type Table struct {
	shape   Shape
	partial *columnar.Schema // of batches merged and of blocks
	spaces  map[int64]*space
	names   names // of the namespaces held
	spare   []*columnar.HashAggregate
	rows    int64 // that went into all groups held
	size    int64 // bytes of all groups held
	ranges  *Ranges

	touched []*space                   // scratch of Merge
	watched func(namespace int64) bool // see Watch
	dirty   []int64                    // namespaces with groups that changed since the last block
}

// space holds the groups of one namespace. A hash table for each makes closing a window as cheap as dropping it.
type space struct {
	start  int64
	groups *columnar.HashAggregate
	rows   int64             // that went into the groups
	size   int64             // bytes, as counted in the table
	dirty  bool              // some group changed since the last block
	picked []int32           // scratch of Merge: the rows of the batch that belong here
	before []*columnar.Batch // see Watch
}

// spareTables is how many emptied hash tables are kept for the next namespaces.
const spareTables = 2

// NewTable returns an empty table.
func NewTable(shape Shape) *Table {
	return &Table{shape: shape, partial: shape.Spec.PartialSchema(shape.In), spaces: map[int64]*space{}}
}

// Merge folds a batch of partial groups (Spec.PartialSchema) into the table. It keeps nothing of the batch. After an
// error, such as the overflow of a sum, the table must not be used any more.
func (t *Table) Merge(partial *columnar.Batch) error {
	if err := checkGroups(t.partial, partial); err != nil {
		return fmt.Errorf("merge groups: %w", err)
	}
	t.pick(partial)
	for _, s := range t.touched {
		part := *partial
		part.Sel = s.picked
		if t.watched != nil && t.watched(s.start) {
			s.keep(&part)
		}
		if err := t.merge(s, &part); err != nil {
			return fmt.Errorf("merge groups of namespace %d: %w", s.start, err)
		}
	}
	return nil
}

// pick lists the rows of the batch by the namespace they belong to, in t.touched and the picked rows of each.
func (t *Table) pick(b *columnar.Batch) {
	t.touched = t.touched[:0]
	names := b.Cols[0].I64
	var s *space
	for i := range b.Len() {
		row := rowAt(b, i)
		if s == nil || s.start != names[row] {
			s = t.space(names[row])
		}
		if len(s.picked) == 0 {
			t.touched = append(t.touched, s)
		}
		s.picked = append(s.picked, row)
	}
}

func (t *Table) merge(s *space, part *columnar.Batch) error {
	rows := sumRows(part)
	s.rows, t.rows = s.rows+rows, t.rows+rows
	if !s.dirty {
		s.dirty, t.dirty = true, append(t.dirty, s.start)
	}
	if t.ranges != nil {
		if err := t.ranges.add(s.start, part); err != nil {
			return err
		}
	}
	s.picked = s.picked[:0]
	err := s.groups.Merge(part)
	t.resize(s)
	return err
}

func (t *Table) resize(s *space) {
	size := s.groups.SizeBytes() + 4*int64(cap(s.picked))
	s.size, t.size = size, t.size+size-s.size
}

// space returns the namespace, made empty if it is not held.
func (t *Table) space(start int64) *space {
	if s := t.spaces[start]; s != nil {
		return s
	}
	s := &space{start: start, groups: t.fresh()}
	t.spaces[start] = s
	t.names.add(start)
	return s
}

func (t *Table) fresh() *columnar.HashAggregate {
	if n := len(t.spare); n > 0 {
		h := t.spare[n-1]
		t.spare = t.spare[:n-1]
		return h
	}
	return columnar.NewHashAggregate(t.shape.In, t.shape.Spec)
}

// Namespaces lists the namespaces held, ascending. The slice belongs to the table until its next change.
func (t *Table) Namespaces() []int64 { return t.names.list() }

// between lists the namespaces held in [from, to), ascending.
func (t *Table) between(from, to int64) []int64 {
	all := t.names.list()
	first, _ := slices.BinarySearch(all, from)
	end, _ := slices.BinarySearch(all, to)
	return all[first:end]
}

// Held returns the number of groups of a namespace and of the rows that went into them.
func (t *Table) Held(namespace int64) (groups int, rows int64) {
	s := t.spaces[namespace]
	if s == nil {
		return 0, 0
	}
	return s.groups.Groups(), s.rows
}

// Rows is the number of rows that went into all groups held.
func (t *Table) Rows() int64 { return t.rows }

// SizeBytes is about the memory that the groups take.
func (t *Table) SizeBytes() int64 {
	size := t.size
	for _, groups := range t.spare {
		size += groups.SizeBytes()
	}
	if t.ranges != nil {
		size += t.ranges.sizeBytes()
	}
	return size
}

// RemoveFirst takes the n least namespaces out of the table and returns their groups as finished rows
// (Spec.FinalSchema), ordered by all keys, the namespace first. The batch belongs to the caller. An error is about a
// result that its type cannot hold; nothing is taken out then.
func (t *Table) RemoveFirst(n int) (*columnar.Batch, error) {
	sorted := make([]*columnar.Batch, 0, n)
	for _, start := range t.names.list()[:n] {
		final, err := t.Finished(start)
		if err != nil {
			return nil, err
		}
		sorted = append(sorted, final)
	}
	t.DropFirst(n)
	return Concat(t.shape.Spec.FinalSchema(t.shape.In), sorted)
}

// Finished returns the groups of a namespace that is held as finished rows (Spec.FinalSchema), ordered by all keys. The
// batch belongs to the caller.
func (t *Table) Finished(namespace int64) (*columnar.Batch, error) {
	final, err := t.spaces[namespace].groups.Final()
	if err != nil {
		return nil, fmt.Errorf("finish groups: %w", err)
	}
	return columnar.Take(final, columnar.SortRows(final, firstColumns(t.shape.keys()))), nil
}

// DropFirst forgets the n least namespaces. It returns the number of rows that went into their groups.
func (t *Table) DropFirst(n int) (rows int64) {
	for _, start := range t.names.list()[:n] {
		s := t.spaces[start]
		rows += s.rows
		t.rows, t.size = t.rows-s.rows, t.size-s.size
		if len(t.spare) < spareTables {
			s.groups.Reset()
			t.spare = append(t.spare, s.groups)
		}
		delete(t.spaces, start)
	}
	t.names.dropFirst(n)
	return rows
}

// Snapshot returns a block of all groups held.
func (t *Table) Snapshot() ([]byte, error) {
	parts := make([]*columnar.Batch, 0, len(t.spaces))
	for _, start := range t.names.list() {
		parts = append(parts, t.spaces[start].groups.Partial())
	}
	return t.block(parts)
}

// Delta returns a block of the groups that changed since the last block and are still held.
func (t *Table) Delta() ([]byte, error) {
	var parts []*columnar.Batch
	slices.Sort(t.dirty)
	t.dirty = slices.Compact(t.dirty) // one that came again after it was dropped is there twice
	for _, namespace := range t.dirty {
		if s := t.spaces[namespace]; s != nil && s.dirty {
			parts = append(parts, s.groups.Dirty())
		}
	}
	return t.block(parts)
}

func (t *Table) block(parts []*columnar.Batch) ([]byte, error) {
	block, err := encode(t.partial, t.shape.keys(), parts)
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	t.markClean()
	return block, nil
}

func (t *Table) markClean() {
	for _, namespace := range t.dirty {
		if s := t.spaces[namespace]; s != nil && s.dirty {
			s.groups.MarkClean()
			s.dirty, s.before = false, nil
		}
	}
	t.dirty = t.dirty[:0]
}

// names are the names of namespaces in order. Most come in order, and leave from the front.
type names struct {
	sorted []int64
	later  []int64 // not among the sorted yet, each once
}

func (n *names) add(name int64) {
	if last := len(n.sorted) - 1; last < 0 || n.sorted[last] < name {
		n.sorted = append(n.sorted, name)
		return
	}
	n.later = append(n.later, name)
}

// list is the names in order. Those that came since the last call are merged in from the end.
func (n *names) list() []int64 {
	if len(n.later) == 0 {
		return n.sorted
	}
	slices.Sort(n.later)
	from, to := len(n.sorted)-1, len(n.sorted)+len(n.later)-1
	n.sorted = append(n.sorted, n.later...)
	for i := len(n.later) - 1; i >= 0; to-- {
		if from >= 0 && n.sorted[from] > n.later[i] {
			n.sorted[to] = n.sorted[from]
			from--
			continue
		}
		n.sorted[to] = n.later[i]
		i--
	}
	n.later = n.later[:0]
	return n.sorted
}

// dropFirst leaves the room at the front to the next time that the slice grows.
func (n *names) dropFirst(count int) { n.sorted = n.list()[count:] }
