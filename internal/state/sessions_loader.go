package state

import (
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/columnar"
)

// SessionLoader rebuilds the sessions of a shard from blocks, as [Loader] does a table.
type SessionLoader struct {
	rows    *Loader
	gap     int64
	dropped int64 // the last watermark of Drop
}

// NewSessionLoader returns a loader of no blocks. shape and gap are those of [NewSessions].
func NewSessionLoader(shape Shape, gap int64) *SessionLoader {
	l := NewLoader(shape)
	l.unit = l.unit[1:]
	return &SessionLoader{rows: l, gap: gap, dropped: math.MinInt64}
}

// Load is [Loader.Load].
func (l *SessionLoader) Load(block []byte, from, to uint8) error { return l.rows.Load(block, from, to) }

// LoadBlock is [Loader.LoadBlock].
func (l *SessionLoader) LoadBlock(b *Block, from, to uint8) error {
	return l.rows.LoadBlock(b, from, to)
}

// Drop forgets the sessions that end before a watermark, of the blocks loaded so far. It is called for the batch of each
// delta. The watermark goes back behind a flush that was taken back.
func (l *SessionLoader) Drop(watermark int64) {
	last := len(l.rows.partial.Fields) - hiddenTimes + 1
	l.rows.drop(func(b *columnar.Batch, row int32) bool {
		return watermark == math.MaxInt64 || addGap(b.Cols[last].I64[row], l.gap) < watermark
	}, watermark >= l.dropped)
	l.dropped = watermark
}

// Sessions returns what was loaded. No key counts as changed. The loader must not be used any more.
func (l *SessionLoader) Sessions() (*Sessions, error) {
	s := NewSessions(l.rows.shape, l.gap)
	err := l.rows.compact()
	if err == nil {
		err = s.expect(l.rows.layers, l.rows.rows)
	}
	if err != nil {
		return nil, fmt.Errorf("load state: %w", err)
	}
	err = l.rows.mergeInto(func(b *columnar.Batch) error {
		if err := s.checkTimes(b); err != nil {
			return err
		}
		return s.merge(b)
	})
	if err != nil {
		return nil, err
	}
	if s.live != l.rows.rows {
		return nil, fmt.Errorf("load state: %w", corrupt("of %d sessions, %d are no more than a gap from each other", l.rows.rows, l.rows.rows-s.live))
	}
	s.markClean()
	return s, nil
}

// expect makes room for n sessions that are about to be loaded, of which there are none yet: growing with them would copy each several
// times. A key has all its sessions in one key group, and layers have one key group after the other: so there are about as many keys
// for the sessions of all as for those of the first layer.
func (s *Sessions) expect(layers []layer, n int) error {
	if n < compactAbove {
		return nil
	}
	first := columnar.NewKeyIndex(s.keyTypes())
	if _, err := first.Number(layers[0].rows, s.keyCols); err != nil {
		return err
	}
	keys := int(int64(n) * int64(first.Len()) / int64(layers[0].rows.Rows))
	s.keys.Reserve(keys)
	s.byKey = make([]keyed, 0, keys)
	s.slots, s.queue = make([]session, 0, n), make(endQueue, 0, n)
	s.accs.Grow(n)
	s.accs.Reset() // which keeps the memory
	return nil
}

// checkTimes refuses rows that are no sessions.
func (s *Sessions) checkTimes(b *columnar.Batch) error {
	first, last, rows := b.Cols[s.times], b.Cols[s.times+1], b.Cols[s.times+2]
	if first.Valid != nil || last.Valid != nil || rows.Valid != nil {
		return &CorruptError{What: "a session", Err: errors.New("its times or its count are NULL")}
	}
	for i, start := range first.I64[:b.Rows] {
		if start != b.Cols[0].I64[i] || last.I64[i] < start || rows.I64[i] < 1 {
			return corrupt("a session of %d rows begins at %d, with rows from %d to %d", rows.I64[i], b.Cols[0].I64[i], start, last.I64[i])
		}
	}
	return nil
}
