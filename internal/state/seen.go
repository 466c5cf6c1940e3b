package state

import (
	"fmt"
	"math"

	"github.com/millrace/millrace/columnar"
)

// Seen remembers for each key of one shard the times of the rows that were kept, as long as a row may come that lies
// within a span of one of them: it is what deduplication needs to know. It is used by one goroutine.
//
// Two kept rows of a key are never less than the span apart, so that in each cell [k·span, (k+1)·span) there is at most
// one. Times are forgotten by whole cells: a cell that lies a span behind the watermark decides about no row any more.
type Seen struct {
	shape   Shape
	span    int64
	partial *columnar.Schema
	keyCols []int // of the rows: the keys without the time
	names   []int // of partial: the same

	keys      *columnar.KeyIndex
	newest    []int32 // by key: its kept row with the greatest time, none if there is none
	kept      []keptRow
	cells     map[int64]int // kept rows by cell
	live      int           // in all cells
	watermark int64         // that was expired to
	clean     int           // of kept: those in front stand in blocks
	groups    []uint8       // by key, as far as slices have asked: its key group
}

// keptRow is a row that was kept, in front of the older ones of its key.
type keptRow struct {
	time  int64
	key   uint32
	older int32 // kept row of the same key with the next smaller time; none
}

const none = -1

// NewSeen returns an empty memory. shape is that of rows counted by time and key: Spec.Keys[0] is the time, the aggregate
// a count(*). span is in microseconds, > 0.
func NewSeen(shape Shape, span int64) *Seen {
	s := &Seen{shape: shape, span: span, partial: shape.Spec.PartialSchema(shape.In), keyCols: shape.Spec.Keys[1:],
		cells: map[int64]int{}, watermark: math.MinInt64}
	var types []columnar.Type
	for i := 1; i < shape.keys(); i++ {
		s.names, types = append(s.names, i), append(types, s.partial.Fields[i].Type)
	}
	s.keys = columnar.NewKeyIndex(types)
	return s
}

// Keep judges the selected rows of a batch of the shape's schema, by time and then in their order, and returns those that
// are kept, physical positions in the order in which they were judged: no kept row of the same key lies less than the span
// from them. No row may lie before the watermark. NULL keys are equal. An error says that the keys are too many.
func (s *Seen) Keep(b *columnar.Batch) ([]int32, error) {
	sorted := *b
	sorted.Sel = columnar.SortRows(b, s.shape.Spec.Keys[:1]) // stable
	numbers, err := s.keys.Number(&sorted, s.keyCols)
	if err != nil {
		return nil, err
	}
	s.reserve()
	times := b.Cols[s.shape.Spec.Keys[0]].I64
	var out []int32
	for i, row := range sorted.Sel {
		if s.add(numbers[i], times[row]) {
			out = append(out, row)
		}
	}
	return out, nil
}

func (s *Seen) reserve() {
	for len(s.newest) < s.keys.Len() {
		s.newest = append(s.newest, none)
	}
}

// add reports whether a row with that key and time is kept.
func (s *Seen) add(key uint32, time int64) bool {
	newer, older := int32(none), s.newest[key]
	for older != none && s.kept[older].time > time {
		newer, older = older, s.kept[older].older
	}
	if newer != none && within(time, s.kept[newer].time, s.span) || older != none && within(s.kept[older].time, time, s.span) {
		return false
	}
	at := int32(len(s.kept))
	s.kept = append(s.kept, keptRow{time: time, key: key, older: older})
	if newer == none {
		s.newest[key] = at
	} else {
		s.kept[newer].older = at
	}
	s.cells[s.cell(time)]++
	s.live++
	return true
}

// within reports whether b ≥ a lies less than the span behind a.
func within(a, b, span int64) bool { return uint64(b)-uint64(a) < uint64(span) }

// cell is the start of the cell that a time is in; math.MinInt64 where it lies outside.
func (s *Seen) cell(time int64) int64 {
	in := time % s.span
	if in < 0 {
		in += s.span
	}
	if time < math.MinInt64+in {
		return math.MinInt64
	}
	return time - in
}

// expired reports whether the times of a cell are a span or more behind the watermark.
func (s *Seen) expired(cell, watermark int64) bool {
	return addGap(addGap(cell, s.span), s.span) <= watermark
}

// Expire forgets what decides about no row behind the watermark.
func (s *Seen) Expire(watermark int64) {
	s.watermark = max(s.watermark, watermark)
	for cell, n := range s.cells {
		if s.expired(cell, s.watermark) {
			s.live -= n
			delete(s.cells, cell)
		}
	}
}

// Len is the number of kept rows remembered.
func (s *Seen) Len() int { return s.live }

// First is the watermark at which something is forgotten; false when nothing is remembered.
func (s *Seen) First() (watermark int64, held bool) {
	first := int64(math.MaxInt64)
	for cell := range s.cells {
		first = min(first, addGap(addGap(cell, s.span), s.span))
	}
	return first, len(s.cells) > 0
}

// SizeBytes is about the memory that it takes.
func (s *Seen) SizeBytes() int64 {
	const rowBytes = 16
	return s.keys.SizeBytes() + 4*int64(cap(s.newest)) + rowBytes*int64(cap(s.kept)) + int64(cap(s.groups))
}

// Snapshot returns a block of all that is remembered.
func (s *Seen) Snapshot() ([]byte, error) { return s.block(0) }

// Delta returns a block of what was kept since the last block and is still remembered.
func (s *Seen) Delta() ([]byte, error) { return s.block(s.clean) }

func (s *Seen) block(from int) ([]byte, error) {
	block, err := encode(s.partial, s.shape.keys(), []*columnar.Batch{s.remembered(from)})
	if err != nil {
		return nil, fmt.Errorf("write state block: %w", err)
	}
	s.clean = len(s.kept)
	return block, s.compact()
}

// remembered is the kept rows from a position on that are not expired.
func (s *Seen) remembered(from int) *columnar.Batch {
	var positions []int32
	for i := from; i < len(s.kept); i++ {
		if !s.expired(s.cell(s.kept[i].time), s.watermark) {
			positions = append(positions, int32(i))
		}
	}
	return s.batchOf(positions)
}

// batchOf is kept rows: time, keys, a count of one.
func (s *Seen) batchOf(positions []int32) *columnar.Batch {
	n := len(positions)
	numbers, times, ones := make([]int32, n), make([]int64, n), make([]int64, n)
	for i, at := range positions {
		numbers[i], times[i], ones[i] = int32(s.kept[at].key), s.kept[at].time, 1
	}
	all := &columnar.Batch{Schema: &columnar.Schema{Fields: s.partial.Fields[1:s.shape.keys()]}, Rows: s.keys.Len()}
	for i := range s.names {
		all.Cols = append(all.Cols, s.keys.Column(i))
	}
	out := &columnar.Batch{Schema: s.partial, Rows: n}
	out.Cols = append(out.Cols, &columnar.Vector{Type: s.partial.Fields[0].Type, N: n, I64: times})
	out.Cols = append(out.Cols, columnar.Take(all, numbers).Cols...)
	out.Cols = append(out.Cols, &columnar.Vector{Type: columnar.Type{Kind: columnar.Int64}, N: n, I64: ones})
	return out
}

// compact makes the memory anew when most of it is forgotten. What it costs was paid by what went.
func (s *Seen) compact() error {
	if len(s.kept) <= 2*s.live+minWaste {
		return nil
	}
	fresh, err := seenOf(s.shape, s.span, s.remembered(0))
	if err != nil {
		return fmt.Errorf("compact: %w", err)
	}
	fresh.watermark = s.watermark
	*s = *fresh
	return nil
}

// seenOf remembers the rows of a batch of the partial schema. None of them counts as new.
func seenOf(shape Shape, span int64, b *columnar.Batch) (*Seen, error) {
	s := NewSeen(shape, span)
	sorted := *b
	sorted.Sel = columnar.SortRows(b, []int{0})
	numbers, err := s.keys.Number(&sorted, s.names)
	if err != nil {
		return nil, err
	}
	s.reserve()
	for i, row := range sorted.Sel {
		if !s.add(numbers[i], b.Cols[0].I64[row]) {
			return nil, corrupt("two kept rows of a key are less than %d µs apart, one at %d", span, b.Cols[0].I64[row])
		}
	}
	s.clean = len(s.kept)
	return s, nil
}

// SeenLoader rebuilds the memory of a shard from blocks, as [Loader] does a table.
type SeenLoader struct {
	rows *Loader
	span int64
}

// NewSeenLoader returns a loader of no blocks. shape and span are those of [NewSeen].
func NewSeenLoader(shape Shape, span int64) *SeenLoader {
	return &SeenLoader{rows: NewLoader(shape), span: span}
}

// Load is [Loader.Load].
func (l *SeenLoader) Load(block []byte, from, to uint8) error { return l.rows.Load(block, from, to) }

// LoadBlock is [Loader.LoadBlock].
func (l *SeenLoader) LoadBlock(b *Block, from, to uint8) error { return l.rows.LoadBlock(b, from, to) }

// Drop forgets what [Seen.Expire] does, of the blocks loaded so far.
func (l *SeenLoader) Drop(watermark int64) {
	s := &Seen{span: l.span}
	l.rows.Drop(func(time int64) bool { return s.expired(s.cell(time), watermark) }, true)
}

// Seen returns what was loaded. The loader must not be used any more.
func (l *SeenLoader) Seen() (*Seen, error) {
	parts := []*columnar.Batch{}
	err := l.rows.mergeInto(func(b *columnar.Batch) error {
		parts = append(parts, b)
		return nil
	})
	if err != nil {
		return nil, err
	}
	all, err := Concat(l.rows.partial, parts)
	if err != nil {
		return nil, fmt.Errorf("load state: %w", err)
	}
	s, err := seenOf(l.rows.shape, l.span, all)
	if err != nil {
		return nil, fmt.Errorf("load state: %w", err)
	}
	return s, nil
}
