package state

import (
	"fmt"
	"math"

	"github.com/millrace/millrace/columnar"
)

// Sessions holds the live sessions of one shard: for each key, the runs of rows that lie at most a gap apart. It is used by
// one goroutine.
//
// Spec.Aggs of its shape ends with the least and the greatest time of the rows and their count. The namespace of a partial
// group that is merged means nothing, as long as its rows all lie in one session; in the groups that come out it is the
// start of the session.
type Sessions struct {
	shape   Shape
	gap     int64
	partial *columnar.Schema
	keyCols []int // of partial: the keys without the namespace
	times   int   // of partial: the least time; behind it the greatest, then the count

	keys      *columnar.KeyIndex
	byKey     []keyed
	lists     [][]int32 // of keys with several sessions: these, by time
	freeLists []int32
	slots     []session
	accs      *columnar.Accumulators // by slot
	queue     endQueue
	dirty     []uint32 // keys that changed since the last block
	filedAs   []uint8  // by key, as far as slices have asked: its key group

	live, liveKeys int
	rows           int64 // that went into the live sessions
	swept, moved   int   // for tests: entries that sweeps went through, rows of sessions that became part of others

	watch  *ChangingSessions // nil: results come out once
	due    endQueue          // sessions that have not come out, and some that have
	before []*columnar.Batch // see Watch

	finish *columnar.Accumulators // scratch of Close
	merging
}

// keyed is what a key has.
type keyed struct {
	at      int32 // slot of its only session, noSession, or ^position in lists
	waiting int32 // scratch of Merge: the last of its rows that wait for the sweep; noRow for none
	dirty   bool
}

// session is a run of rows of one key in [first, last].
type session struct {
	first, last int64
	rows        int64
	key         uint32
	gone        bool // closed, or part of another session
	due         bool // there is an entry in the queue of results that come out
}

const (
	noSession = math.MinInt32
	noRow     = -1
)

// merging is the scratch of Merge, by selected row where it is not said.
type merging struct {
	groups   []uint32 // the slot that the row goes to
	next     []int32  // the row of the same key that waits too
	waiting  []uint32 // keys with waiting rows
	order    []int32  // the waiting rows of a key, by time
	list     []int32  // the new sessions of a key
	only     [1]int32 // the session of a key
	absorbed []int32  // slots whose sessions became part of others
	into     []uint32 // these
}

// hiddenTimes is how many aggregates stand behind those of the query: least and greatest time, and the count.
const hiddenTimes = 3

// NewSessions returns an empty table of sessions with the gap in microseconds, > 0.
func NewSessions(shape Shape, gap int64) *Sessions {
	aggs := shape.Spec.Aggs[:len(shape.Spec.Aggs)-hiddenTimes]
	s := &Sessions{shape: shape, gap: gap, partial: shape.Spec.PartialSchema(shape.In),
		accs: columnar.NewAccumulators(shape.In, aggs), finish: columnar.NewAccumulators(shape.In, aggs)}
	s.times = len(s.partial.Fields) - hiddenTimes
	for i := 1; i < shape.keys(); i++ {
		s.keyCols = append(s.keyCols, i)
	}
	s.keys = columnar.NewKeyIndex(s.keyTypes())
	return s
}

func (s *Sessions) keyTypes() (types []columnar.Type) {
	for _, i := range s.keyCols {
		types = append(types, s.partial.Fields[i].Type)
	}
	return types
}

// end is the first moment at which no row merges any more that is not later than a gap behind the last one.
func (s *Sessions) end(last int64) int64 { return addGap(last, s.gap) }

// addGap is a + gap, at most math.MaxInt64.
func addGap(a, gap int64) int64 {
	if a > math.MaxInt64-gap {
		return math.MaxInt64
	}
	return a + gap
}

// Merge folds a batch of partial groups (Spec.PartialSchema) into the sessions: sessions that come to lie within a gap
// become one. It keeps nothing of the batch, and the order of calls leaves no trace. After an error the table must not be
// used any more.
//
// The cost is that of the rows, and of the other sessions of those keys that have several.
func (s *Sessions) Merge(partial *columnar.Batch) error {
	if err := checkGroups(s.partial, partial); err != nil {
		return fmt.Errorf("merge sessions: %w", err)
	}
	if err := s.merge(partial); err != nil {
		return fmt.Errorf("merge sessions: %w", err)
	}
	return nil
}

func (s *Sessions) merge(b *columnar.Batch) error {
	numbers, err := s.keys.Number(b, s.keyCols)
	if err != nil {
		return err
	}
	for len(s.byKey) < s.keys.Len() {
		s.byKey = append(s.byKey, keyed{at: noSession, waiting: noRow})
	}
	if s.watch != nil {
		if err := s.remember(numbers); err != nil {
			return err
		}
	}
	s.place(b, numbers)
	for _, key := range s.waiting {
		s.sweep(b, key)
	}
	s.accs.Grow(len(s.slots))
	if err := s.accs.Merge(b, s.shape.keys(), s.groups); err != nil {
		return err
	}
	return s.absorb()
}

// place finds the slots of rows whose key has no session, or only one, and they touch it. The others wait.
func (s *Sessions) place(b *columnar.Batch, numbers []uint32) {
	n := len(numbers)
	if cap(s.groups) < n {
		s.groups, s.next = make([]uint32, n), make([]int32, n)
	}
	s.groups, s.next, s.waiting = s.groups[:n], s.next[:n], s.waiting[:0]
	firsts, lasts, counts := b.Cols[s.times].I64, b.Cols[s.times+1].I64, b.Cols[s.times+2].I64
	for i, key := range numbers {
		row := rowAt(b, i)
		k := &s.byKey[key]
		s.touch(k, key)
		switch {
		case k.at == noSession:
			k.at = s.open(key, firsts[row], lasts[row])
			s.liveKeys++
		case k.at >= 0 && s.extend(&s.slots[k.at], firsts[row], lasts[row]):
			s.reopen(k.at)
		default:
			s.wait(k, key, int32(i))
			continue
		}
		s.put(i, k.at, counts[row])
	}
}

// touch notes that a key changes.
func (s *Sessions) touch(k *keyed, key uint32) {
	if !k.dirty {
		k.dirty = true
		s.dirty = append(s.dirty, key)
	}
}

// open makes a session.
func (s *Sessions) open(key uint32, first, last int64) int32 {
	slot := int32(len(s.slots))
	s.slots = append(s.slots, session{first: first, last: last, key: key})
	s.queue.push(s.end(last), slot)
	if s.watch != nil {
		s.comeOut(slot)
	}
	s.live++
	return slot
}

// extend adds [first, last] to a session if they are at most a gap apart.
func (s *Sessions) extend(o *session, first, last int64) bool {
	if first > s.end(o.last) || o.first > s.end(last) {
		return false
	}
	o.first, o.last = min(o.first, first), max(o.last, last)
	return true
}

// reopen waits for the end of a session that grew and may have come out before.
func (s *Sessions) reopen(slot int32) {
	if s.watch != nil {
		s.comeOut(slot)
	}
}

// put sends the i-th row of the batch to a slot.
func (s *Sessions) put(i int, slot int32, rows int64) {
	s.groups[i] = uint32(slot)
	s.slots[slot].rows += rows
	s.rows += rows
}

func (s *Sessions) wait(k *keyed, key uint32, i int32) {
	if k.waiting == noRow {
		s.waiting = append(s.waiting, key)
	}
	s.next[i], k.waiting = k.waiting, i
}

// absorb folds the sessions that became part of others into these.
func (s *Sessions) absorb() error {
	if len(s.absorbed) == 0 {
		return nil
	}
	parts, err := s.batchOf(s.absorbed)
	if err == nil {
		err = s.accs.Merge(parts, s.shape.keys(), s.into)
	}
	s.absorbed, s.into = s.absorbed[:0], s.into[:0]
	return err
}

// Len is the number of live sessions.
func (s *Sessions) Len() int { return s.live }

// Rows is the number of rows that went into the live sessions.
func (s *Sessions) Rows() int64 { return s.rows }

// SizeBytes is about the memory that the sessions take.
func (s *Sessions) SizeBytes() int64 {
	const slotBytes, keyBytes, entryBytes = 32, 12, 16
	size := s.keys.SizeBytes() + s.accs.SizeBytes() + s.finish.SizeBytes()
	size += slotBytes*int64(cap(s.slots)) + keyBytes*int64(cap(s.byKey)) + entryBytes*int64(cap(s.queue)+cap(s.due))
	size += 4*int64(cap(s.groups)+cap(s.next)+cap(s.dirty)+cap(s.list)+cap(s.order)) + int64(cap(s.filedAs))
	for _, l := range s.lists {
		size += 4 * int64(cap(l))
	}
	return size
}
