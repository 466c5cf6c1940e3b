package state

import (
	"math"

	"github.com/millrace/millrace/columnar"
)

// ChangingSessions says which sessions have come out as results, where results may change: those that had ended before a
// watermark, or with Early all.
type ChangingSessions struct {
	Early    bool
	Lateness int64 // µs that a session stays behind its end
	Came     int64 // the watermark of the Close before this batch
}

func (c ChangingSessions) cameOut(end int64) bool {
	return c.Early || end < c.Came || c.Came == math.MaxInt64
}

// SessionChanges is what [Sessions.Change] yields.
type SessionChanges struct {
	// Before and After are finished rows (Spec.FinalSchema), by start, then by the other keys: the results of before the
	// batch of all keys that it has touched, those of now, and those that come out now.
	Before, After *columnar.Batch

	Rows int64 // that left the table
	End  int64 // the greatest end of a session that left, math.MinInt64 for none

	Late     *columnar.Batch // as in [ClosedSessions]
	LateRows int64
}

// Watch makes the table remember what the sessions of a key that have come out were before the next batches touch it, until
// the next block is taken.
func (s *Sessions) Watch(c ChangingSessions) {
	first := s.watch == nil
	if s.watch = &c; !first {
		return
	}
	for _, slot := range s.liveSlots() {
		s.comeOut(slot)
	}
}

// comeOut waits for the end of a session, if its result waits for that and nobody does yet.
func (s *Sessions) comeOut(slot int32) {
	if o := &s.slots[slot]; !o.due && !s.watch.Early {
		o.due = true
		s.due.push(s.end(o.last), slot)
	}
}

// remember takes an image of the sessions that have come out of the keys that a batch is the first to touch.
func (s *Sessions) remember(numbers []uint32) error {
	var slots []int32
	for _, key := range numbers {
		k := &s.byKey[key]
		if k.dirty {
			continue
		}
		s.touch(k, key)
		for _, slot := range s.sessionsOf(key) {
			if s.watch.cameOut(s.end(s.slots[slot].last)) {
				slots = append(slots, slot)
			}
		}
	}
	if len(slots) == 0 {
		return nil
	}
	image, err := s.batchOf(slots)
	s.before = append(s.before, image)
	return err
}

// Change is Close for results that change. Sessions that end before late are late; those that end so long before the watermark
// that they take no rows any more leave the table.
func (s *Sessions) Change(late, watermark int64) (SessionChanges, error) {
	out := SessionChanges{End: math.MinInt64}
	missed := s.take(late)
	var err error
	if out.Late, err = s.missed(missed); err != nil {
		return out, err
	}
	out.LateRows = s.drop(missed)
	if out.After, err = s.final(s.results(watermark)); err != nil {
		return out, err
	}
	if out.Before, err = s.images(); err != nil {
		return out, err
	}
	gone := s.take(s.goneBefore(watermark))
	for _, slot := range gone {
		out.End = max(out.End, s.end(s.slots[slot].last))
	}
	out.Rows = s.drop(gone)
	return out, nil
}

// goneBefore is the end before which sessions take no rows any more.
func (s *Sessions) goneBefore(watermark int64) int64 {
	switch {
	case watermark == math.MaxInt64:
		return watermark
	case watermark < math.MinInt64+s.watch.Lateness:
		return math.MinInt64
	}
	return watermark - s.watch.Lateness
}

// results lists the slots of the sessions that are out at the watermark, of keys that the batch has touched, and of those that
// come out now.
func (s *Sessions) results(watermark int64) []int32 {
	now := ChangingSessions{Early: s.watch.Early, Came: watermark}
	var slots []int32
	for _, key := range s.dirty {
		for _, slot := range s.sessionsOf(key) {
			if now.cameOut(s.end(s.slots[slot].last)) {
				slots = append(slots, slot)
			}
		}
	}
	for len(s.due) > 0 && now.cameOut(s.due[0].end) {
		slot := s.due[0].slot
		if !s.isFirst(&s.due) {
			continue
		}
		s.due.pop()
		o := &s.slots[slot]
		o.due = false
		if !s.byKey[o.key].dirty && !s.watch.cameOut(s.end(o.last)) {
			slots = append(slots, slot)
		}
	}
	return slots
}

// images are the finished rows of what was remembered.
func (s *Sessions) images() (*columnar.Batch, error) {
	all, err := Concat(s.partial, s.before)
	if err != nil {
		return nil, err
	}
	return s.finished(columnar.Take(all, columnar.SortRows(all, firstColumns(s.shape.keys()))))
}

// drop counts the rows of sessions that were taken.
func (s *Sessions) drop(slots []int32) (rows int64) {
	for _, slot := range slots {
		rows += s.slots[slot].rows
	}
	s.rows -= rows
	return rows
}

// NextChange is the greatest watermark at which nothing comes out yet and nothing leaves the table; false when it is empty.
func (s *Sessions) NextChange() (watermark int64, held bool) {
	_, end, held := s.First()
	if !held || s.watch == nil {
		return end, held
	}
	next := addGap(end, s.watch.Lateness)
	for len(s.due) > 0 {
		if !s.isFirst(&s.due) {
			continue
		}
		if end := s.due[0].end; !s.watch.cameOut(end) {
			return min(next, end), true
		}
		s.slots[s.due[0].slot].due = false
		s.due.pop()
	}
	return next, true
}
