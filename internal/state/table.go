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
	states  *columnar.Schema // the same without the keys
	final   *columnar.Schema // of finished groups
	results *columnar.Schema // the same without the keys
	keys    *keys            // of all groups
	spaces  map[int64]*space
	names   names // of the namespaces held
	spare   spare
	rows    int64 // that went into all groups held
	size    int64 // bytes of all groups held
	ranges  *Ranges
	writer  *blockWriter // nil until there is a block

	pick    picked                     // scratch of Merge
	watched func(namespace int64) bool // see Watch
	dirty   []int64                    // namespaces with groups that changed since the last block
}

// space holds the groups of one namespace. Accumulators for each make closing a window as cheap as dropping them.
type space struct {
	start int64
	groups
	rows    int64             // that went into the groups
	size    int64             // bytes, as counted in the table
	touched []byte            // by group: 1 = it changed since the last block
	changed []int32           // groups that changed since the last block
	before  []*columnar.Batch // see Watch
	at      int32             // scratch of Merge: which of the namespaces of the batch this is
	picked  int               // scratch of Merge: rows of the batch that belong here
	next    int               // scratch of Merge: where the next of them goes
}

// NewTable returns an empty table.
func NewTable(shape Shape) *Table {
	partial, final, n := shape.Spec.PartialSchema(shape.In), shape.Spec.FinalSchema(shape.In), shape.keys()
	return &Table{shape: shape, partial: partial, states: columnar.NewSchema(partial.Fields[n:]...), final: final,
		results: columnar.NewSchema(final.Fields[n:]...), keys: newKeys(partial, n), spaces: map[int64]*space{}}
}

// Merge folds a batch of partial groups (Spec.PartialSchema) into the table. It keeps nothing of the batch. After an
// error, such as the overflow of a sum, the table must not be used any more.
func (t *Table) Merge(partial *columnar.Batch) error {
	if err := checkGroups(t.partial, partial); err != nil {
		return fmt.Errorf("merge groups: %w", err)
	}
	numbers, err := t.keys.number(partial)
	if err != nil {
		return fmt.Errorf("merge groups: %w", err)
	}
	t.pickRows(partial, numbers)
	from := 0
	for _, s := range t.pick.spaces {
		end := from + s.picked
		part := *partial
		part.Sel = t.pick.rows[from:end]
		if err := t.merge(s, &part, t.pick.keys[from:end]); err != nil {
			return fmt.Errorf("merge groups of namespace %d: %w", s.start, err)
		}
		from, s.picked = end, 0
	}
	return nil
}

// merge folds rows of one namespace in, of which the keys are known.
func (t *Table) merge(s *space, part *columnar.Batch, keys []uint32) error {
	if t.watched != nil && t.watched(s.start) {
		if err := t.keep(s, keys); err != nil {
			return err
		}
	}
	rows := sumRows(part)
	s.rows, t.rows = s.rows+rows, t.rows+rows
	if t.ranges != nil {
		if err := t.ranges.add(s.start, part, keys); err != nil {
			return err
		}
	}
	had := s.len()
	t.pick.groups = s.number(t.pick.groups, keys, t.keys.index.Len())
	t.keys.use(s.keys[had:])
	t.touch(s, t.pick.groups)
	err := t.fold(s, part, had)
	t.resize(s)
	return err
}

// fold folds rows of one namespace into t.pick.groups. It had fewer groups before these were found.
func (t *Table) fold(s *space, part *columnar.Batch, had int) error {
	if s.len() == had+len(t.pick.groups) { // every row is a group
		return s.accs.Load(had, part, t.shape.keys())
	}
	return s.accs.Merge(part, t.shape.keys(), t.pick.groups)
}

// resize counts the memory of a namespace anew.
func (t *Table) resize(s *space) {
	size := s.sizeBytes()
	s.size, t.size = size, t.size+size-s.size
}

// touch notes that groups change.
func (t *Table) touch(s *space, groups []uint32) {
	if len(s.changed) == 0 {
		t.dirty = append(t.dirty, s.start)
	}
	had := len(s.touched)
	s.touched = append(s.touched, make([]byte, s.len()-had)...)
	if had == 0 && s.len() == len(groups) { // every one is new
		for g := range s.touched {
			s.touched[g] = 1
			s.changed = append(s.changed, int32(g))
		}
		return
	}
	for _, g := range groups {
		if s.touched[g] == 0 {
			s.touched[g] = 1
			s.changed = append(s.changed, int32(g))
		}
	}
}

func (s *space) sizeBytes() int64 {
	return s.groups.sizeBytes() + int64(cap(s.touched)) + 4*int64(cap(s.changed))
}

// space returns the namespace, made empty if it is not held.
func (t *Table) space(start int64) *space {
	if s := t.spaces[start]; s != nil {
		return s
	}
	s := t.spare.take()
	if s == nil {
		s = &space{groups: newGroups(t.shape)}
	}
	s.start = start
	t.spaces[start] = s
	t.names.add(start)
	return s
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
	return s.len(), s.rows
}

// FinalSchema is that of finished rows.
func (t *Table) FinalSchema() *columnar.Schema { return t.final }

// Rows is the number of rows that went into all groups held.
func (t *Table) Rows() int64 { return t.rows }

// SizeBytes is about the memory that the groups take.
func (t *Table) SizeBytes() int64 {
	if t.keys.index.Len() == 0 { // what an empty table takes is no state
		return 0
	}
	size := t.size + t.keys.sizeBytes() + t.spare.size + t.pick.sizeBytes() + t.writer.sizeBytes()
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
	return Concat(t.final, sorted)
}

// Finished returns the groups of a namespace that is held as finished rows (Spec.FinalSchema), ordered by all keys. The
// batch belongs to the caller.
func (t *Table) Finished(namespace int64) (*columnar.Batch, error) {
	s := t.spaces[namespace]
	states, err := s.accs.Final(nil, nil, 0)
	if err != nil {
		return nil, fmt.Errorf("finish groups: %w", t.nameGroup(err, namespace, s.keys))
	}
	order := t.keys.inOrder(s.keys)
	cols, err := t.named(namespace, at(s.keys, order))
	if err != nil {
		return nil, fmt.Errorf("finish groups: %w", err)
	}
	sorted := columnar.Take(&columnar.Batch{Cols: states, Rows: s.len()}, order)
	return &columnar.Batch{Schema: t.final, Cols: append(cols, sorted.Cols...), Rows: len(order)}, nil
}

// named is the key columns of groups in a namespace, a copy.
func (t *Table) named(namespace int64, keys []uint32) ([]*columnar.Vector, error) {
	cols, err := t.keys.take(keys)
	return append([]*columnar.Vector{constant(t.partial.Fields[0].Type, namespace, len(keys))}, cols...), err
}

// nameGroup adds the keys of a group to an error about it: the row of the error counts keys.
func (t *Table) nameGroup(err error, namespace int64, keys []uint32) error {
	cols, failed := t.named(namespace, keys)
	if failed != nil {
		return err
	}
	return columnar.NameRow(err, &columnar.Batch{Schema: t.partial, Cols: cols, Rows: len(keys)}, t.shape.keys())
}

// constant is a column of one value.
func constant(typ columnar.Type, x int64, n int) *columnar.Vector {
	v := &columnar.Vector{Type: typ, N: n, I64: make([]int64, n)}
	for i := range v.I64 {
		v.I64[i] = x
	}
	return v
}

// at are the values at some positions.
func at[T any, I int32 | uint32](values []T, positions []I) []T {
	out := make([]T, len(positions))
	for i, p := range positions {
		out[i] = values[p]
	}
	return out
}

// DropFirst forgets the n least namespaces. It returns the number of rows that went into their groups.
func (t *Table) DropFirst(n int) (rows int64) {
	for _, start := range t.names.list()[:n] {
		s := t.spaces[start]
		rows += s.rows
		t.rows, t.size = t.rows-s.rows, t.size-s.size
		t.keys.release(s.keys)
		delete(t.spaces, start)
		t.spare.put(s, t.size)
	}
	t.names.dropFirst(n)
	if t.keys.wasteful() {
		t.renumber()
	}
	return rows
}

// renumber forgets the keys that no group has any more.
func (t *Table) renumber() {
	became := t.keys.renumber()
	for _, s := range t.spaces {
		s.renumber(became)
	}
	if t.ranges != nil && t.ranges.started() {
		t.ranges.forget(t.ranges.from)
	}
}
