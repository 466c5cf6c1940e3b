package state

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// Snapshot returns a block of all live sessions. Their namespace is their start.
func (s *Sessions) Snapshot() ([]byte, error) { return s.block(s.liveSlots()) }

// Delta returns a block of all live sessions of the keys that changed since the last block: what earlier blocks say of
// these keys is replaced by it, but for those that have no live session any more.
func (s *Sessions) Delta() ([]byte, error) {
	var slots []int32
	for _, key := range s.dirty {
		slots = append(slots, s.sessionsOf(key)...)
	}
	return s.block(slots)
}

func (s *Sessions) liveSlots() []int32 {
	slots := make([]int32, 0, s.live)
	for i := range s.slots {
		if !s.slots[i].gone {
			slots = append(slots, int32(i))
		}
	}
	return slots
}

func (s *Sessions) block(slots []int32) ([]byte, error) {
	b, err := s.batchOf(slots)
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	block, err := encode(s.partial, s.shape.keys(), []*columnar.Batch{b})
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	s.markClean()
	return block, s.compact()
}

func (s *Sessions) markClean() {
	for _, key := range s.dirty {
		s.byKey[key].dirty = false
	}
	s.dirty, s.before = s.dirty[:0], nil
}

// minWaste is how many slots or keys without a live session are not worth a new table.
const minWaste = 1024

// compact makes the table anew when most of it belongs to sessions that are gone, so that it costs no more than what went.
// No key counts as changed.
func (s *Sessions) compact() error {
	if len(s.slots) <= 2*s.live+minWaste && s.keys.Len() <= 2*s.liveKeys+minWaste {
		return nil
	}
	all, err := s.batchOf(s.liveSlots())
	if err != nil {
		return fmt.Errorf("compact sessions: %w", err)
	}
	fresh := NewSessions(s.shape, s.gap)
	if err := fresh.merge(all); err != nil {
		return fmt.Errorf("compact sessions: %w", err)
	}
	fresh.markClean()
	if s.watch != nil {
		fresh.Watch(*s.watch)
	}
	*s = *fresh
	return nil
}
