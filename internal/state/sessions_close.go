package state

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// ClosedSessions is what [Sessions.Close] takes out.
type ClosedSessions struct {
	Final *columnar.Batch // the sessions as finished rows (Spec.FinalSchema), by start, then by the other keys
	Rows  int64           // that went into them

	Late     *columnar.Batch // sessions that had ended already: the keys without the namespace, then least and greatest time; nil for none
	LateRows int64           // that would have gone into them
}

// Close takes the sessions that end before the watermark out of the table, all of them at the end of time
// (math.MaxInt64). Those that end before late, which is the watermark that was there before their rows came, are late. The
// batches belong to the caller. An error is about a result that its type cannot hold.
func (s *Sessions) Close(late, watermark int64) (ClosedSessions, error) {
	var closed ClosedSessions
	var done, missed []int32
	for _, slot := range s.take(max(late, watermark)) {
		o := &s.slots[slot]
		s.rows -= o.rows
		if s.end(o.last) < late {
			missed = append(missed, slot)
			closed.LateRows += o.rows
		} else {
			done = append(done, slot)
			closed.Rows += o.rows
		}
	}
	var err error
	if closed.Late, err = s.missed(missed); err != nil {
		return closed, fmt.Errorf("list late sessions: %w", err)
	}
	if closed.Final, err = s.final(done); err != nil {
		return closed, fmt.Errorf("finish sessions: %w", err)
	}
	return closed, nil
}

// take removes the sessions that end before w from their keys, and lists their slots.
func (s *Sessions) take(w int64) []int32 {
	var out []int32
	for len(s.queue) > 0 && (s.queue[0].end < w || w == math.MaxInt64) {
		slot := s.queue[0].slot
		if !s.isFirst(&s.queue) {
			continue
		}
		s.queue.pop()
		s.detach(slot)
		out = append(out, slot)
	}
	return out
}

// isFirst reports whether the first entry of a queue stands where it belongs. If not it is put there, or taken out.
func (s *Sessions) isFirst(q *endQueue) bool {
	first := (*q)[0]
	o := &s.slots[first.slot]
	if o.gone {
		q.pop()
		return false
	}
	if end := s.end(o.last); end != first.end {
		q.settle(ending{end, first.slot})
		return false
	}
	return true
}

// First returns the session that closes first, [start, end). There is none when held is false.
func (s *Sessions) First() (start, end int64, held bool) {
	for len(s.queue) > 0 {
		if s.isFirst(&s.queue) {
			o := &s.slots[s.queue[0].slot]
			return o.first, s.queue[0].end, true
		}
	}
	return 0, 0, false
}

// detach takes the first session of a key away from it.
func (s *Sessions) detach(slot int32) {
	o := &s.slots[slot]
	o.gone = true
	s.live--
	k := &s.byKey[o.key]
	if k.at == slot {
		k.at = noSession
		s.liveKeys--
		return
	}
	list := s.lists[^k.at][1:]
	s.lists[^k.at] = list
	if len(list) == 1 {
		only := list[0]
		s.dropList(k)
		k.at = only
	}
}

// missed describes late sessions, nil for none.
func (s *Sessions) missed(slots []int32) (*columnar.Batch, error) {
	if len(slots) == 0 {
		return nil, nil
	}
	return s.describe(slots)
}

// describe is keys, first and last time of sessions. The batch belongs to the caller.
func (s *Sessions) describe(slots []int32) (*columnar.Batch, error) {
	out := &columnar.Batch{Schema: &columnar.Schema{}, Rows: len(slots)}
	numbers := make([]int32, len(slots))
	first, last := make([]int64, len(slots)), make([]int64, len(slots))
	for i, slot := range slots {
		o := &s.slots[slot]
		numbers[i], first[i], last[i] = int32(o.key), o.first, o.last
	}
	var err error
	if out.Cols, err = s.keys.Take(numbers); err != nil {
		return nil, err
	}
	out.Cols = append(out.Cols, s.times64(first), s.times64(last))
	out.Schema.Fields = append(slices.Clone(s.partial.Fields[1:s.shape.keys()]), s.partial.Fields[s.times:s.times+2]...)
	return out, nil
}

func (s *Sessions) times64(v []int64) *columnar.Vector {
	return &columnar.Vector{Type: s.partial.Fields[0].Type, N: len(v), I64: v}
}

// keyBatch is all keys, by number.
func (s *Sessions) keyBatch() *columnar.Batch {
	b := &columnar.Batch{Schema: &columnar.Schema{Fields: s.partial.Fields[1:s.shape.keys()]}, Rows: s.keys.Len()}
	for i := range s.keyCols {
		b.Cols = append(b.Cols, s.keys.Column(i))
	}
	return b
}

// batchOf is sessions as partial groups. The batch belongs to the caller.
func (s *Sessions) batchOf(slots []int32) (*columnar.Batch, error) {
	d, err := s.describe(slots)
	if err != nil {
		return nil, err
	}
	keys := len(s.keyCols)
	rows := &columnar.Vector{Type: s.partial.Fields[s.times+2].Type, N: len(slots), I64: make([]int64, len(slots))}
	for i, slot := range slots {
		rows.I64[i] = s.slots[slot].rows
	}
	b := &columnar.Batch{Schema: s.partial, Rows: len(slots)}
	b.Cols = append(append(b.Cols, d.Cols[keys]), d.Cols[:keys]...)
	b.Cols = s.accs.Partial(b.Cols, slots)
	b.Cols = append(b.Cols, d.Cols[keys], d.Cols[keys+1], rows)
	return b, nil
}

// final is sessions as finished rows, sorted.
func (s *Sessions) final(slots []int32) (*columnar.Batch, error) {
	s.sort(slots)
	partial, err := s.batchOf(slots)
	if err != nil {
		return nil, err
	}
	return s.finished(partial)
}

// finished turns partial groups into rows of their own.
func (s *Sessions) finished(partial *columnar.Batch) (*columnar.Batch, error) {
	schema := s.shape.Spec.FinalSchema(s.shape.In)
	if partial.Rows == 0 {
		return columnar.EmptyBatch(schema), nil
	}
	keys := s.shape.keys()
	s.finish.Reset()
	s.finish.Grow(partial.Rows)
	if err := s.finish.Merge(partial, keys, groupRun(partial.Rows)); err != nil {
		return nil, err
	}
	cols, err := s.finish.Final(append([]*columnar.Vector{}, partial.Cols[:keys]...), partial, keys)
	if err != nil {
		return nil, err
	}
	out := &columnar.Batch{Schema: schema, Cols: append(cols, partial.Cols[s.times:]...), Rows: partial.Rows}
	return columnar.Take(out, rowRun(0, partial.Rows)), nil
}

// sort orders slots by the start of their sessions, then by key.
func (s *Sessions) sort(slots []int32) {
	type place struct {
		first int64
		slot  int32
	}
	places := make([]place, len(slots))
	for i, slot := range slots {
		places[i] = place{s.slots[slot].first, slot}
	}
	keys := s.keyBatch()
	compare := columnar.CompareRows(keys, firstColumns(len(keys.Cols)))
	slices.SortFunc(places, func(x, y place) int {
		if x.first != y.first {
			return cmp.Compare(x.first, y.first)
		}
		return compare(int32(s.slots[x.slot].key), int32(s.slots[y.slot].key))
	})
	for i, p := range places {
		slots[i] = p.slot
	}
}

// groupRun lists the groups 0..n−1.
func groupRun(n int) []uint32 {
	groups := make([]uint32, n)
	for i := range groups {
		groups[i] = uint32(i)
	}
	return groups
}

// FirstStart is the least start of a live session; there is none when held is false. It looks at all of them.
func (s *Sessions) FirstStart() (start int64, held bool) {
	for i := range s.slots {
		if o := &s.slots[i]; !o.gone && (!held || o.first < start) {
			start, held = o.first, true
		}
	}
	return start, held
}
