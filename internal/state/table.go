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

// Table holds the groups of one shard, by namespace. It is used by one goroutine.
type Table struct {
	shape   Shape
	partial *columnar.Schema // of batches merged and of blocks
	spaces  map[int64]*space
	order   []int64 // the namespaces held, ascending
	spare   []*columnar.HashAggregate

	touched []*space                   // scratch of Merge
	watched func(namespace int64) bool // see Watch
	dirty   []int64                    // namespaces with groups that changed since the last block
}

// space holds the groups of one namespace. A hash table for each makes closing a window as cheap as dropping it.
type space struct {
	start  int64
	groups *columnar.HashAggregate
	rows   int64             // that went into the groups
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
		if !s.dirty {
			t.dirty = append(t.dirty, s.start)
		}
		if err := s.merge(&part); err != nil {
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

func (s *space) merge(part *columnar.Batch) error {
	s.rows += sumRows(part)
	s.dirty = true
	s.picked = s.picked[:0]
	return s.groups.Merge(part)
}

// space returns the namespace, made empty if it is not held.
func (t *Table) space(start int64) *space {
	if s := t.spaces[start]; s != nil {
		return s
	}
	s := &space{start: start, groups: t.fresh()}
	t.spaces[start] = s
	i, _ := slices.BinarySearch(t.order, start)
	t.order = slices.Insert(t.order, i, start)
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
func (t *Table) Namespaces() []int64 { return t.order }

// Held returns the number of groups of a namespace and of the rows that went into them.
func (t *Table) Held(namespace int64) (groups int, rows int64) {
	s := t.spaces[namespace]
	if s == nil {
		return 0, 0
	}
	return s.groups.Groups(), s.rows
}

// Rows is the number of rows that went into all groups held.
func (t *Table) Rows() int64 {
	var rows int64
	for _, s := range t.spaces {
		rows += s.rows
	}
	return rows
}

// SizeBytes is about the memory that the groups take.
func (t *Table) SizeBytes() int64 {
	var size int64
	for _, s := range t.spaces {
		size += s.groups.SizeBytes() + 4*int64(cap(s.picked))
	}
	for _, groups := range t.spare {
		size += groups.SizeBytes()
	}
	return size
}

// RemoveFirst takes the n least namespaces out of the table and returns their groups as finished rows
// (Spec.FinalSchema), ordered by all keys, the namespace first. The batch belongs to the caller. An error is about a
// result that its type cannot hold; nothing is taken out then.
func (t *Table) RemoveFirst(n int) (*columnar.Batch, error) {
	sorted := make([]*columnar.Batch, 0, n)
	for _, start := range t.order[:n] {
		final, err := t.Finished(start)
		if err != nil {
			return nil, err
		}
		sorted = append(sorted, final)
	}
	t.DropFirst(n)
	return concat(t.shape.Spec.FinalSchema(t.shape.In), sorted)
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

// DropFirst takes the n least namespaces out of the table.
func (t *Table) DropFirst(n int) {
	for _, start := range t.order[:n] {
		if len(t.spare) < spareTables {
			groups := t.spaces[start].groups
			groups.Reset()
			t.spare = append(t.spare, groups)
		}
		delete(t.spaces, start)
	}
	t.order = slices.Delete(t.order, 0, n)
}

// Snapshot returns a block of all groups held.
func (t *Table) Snapshot() ([]byte, error) {
	parts := make([]*columnar.Batch, 0, len(t.order))
	for _, start := range t.order {
		parts = append(parts, t.spaces[start].groups.Partial())
	}
	return t.block(parts)
}

// Delta returns a block of the groups that changed since the last block and are still held.
func (t *Table) Delta() ([]byte, error) {
	var parts []*columnar.Batch
	for _, start := range t.order {
		if s := t.spaces[start]; s.dirty {
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
