package state

import (
	"bytes"
	"math/rand/v2"
	"testing"
)

// sliceable is a state of any kind, and how it comes back from blocks.
type sliceable struct {
	batch  func() // rows come, and what the watermark has passed closes
	delta  func() ([]byte, error)
	whole  func() ([]byte, error)
	slice  func(room []byte, from, to uint8) ([]byte, error)
	room   []byte // of the slice before
	mark   *int64
	loader func() sliceLoader
}

type sliceLoader struct {
	load  func(b *Block, from, to uint8) error
	drop  func(mark int64)
	whole func() ([]byte, error)
}

// slicedBatch is what a batch leaves: slices as of the batch before it, its delta, and the watermark behind it.
type slicedBatch struct {
	slices []*Block
	delta  *Block
	mark   int64
}

func slicedTable(t *testing.T, r *rand.Rand) *sliceable {
	table, mark := NewTable(testShape()), new(int64)
	return &sliceable{mark: mark, delta: table.Delta, whole: table.Snapshot, slice: table.Slice,
		batch: func() {
			rows := randomRows(r, r.IntN(40))
			for i := range rows {
				rows[i].window = *mark + r.Int64N(4)
			}
			mergeRows(t, table, rows)
			*mark += r.Int64N(3)
			for names := table.Namespaces(); len(names) > 0 && names[0] < *mark; names = table.Namespaces() {
				table.DropFirst(1)
			}
		},
		loader: func() sliceLoader {
			l := NewLoader(testShape())
			drop := func(mark int64) { l.Drop(func(start int64) bool { return start < mark }, true) }
			return sliceLoader{l.LoadBlock, drop, func() ([]byte, error) {
				table, err := l.Table(inTurn)
				if err != nil {
					return nil, err
				}
				return table.Snapshot()
			}}
		}}
}

func slicedSessions(t *testing.T, r *rand.Rand) *sliceable {
	gap, mark := 1+r.Int64N(20), new(int64)
	s := NewSessions(sessionShape(), gap)
	return &sliceable{mark: mark, delta: s.Delta, whole: s.Snapshot, slice: s.Slice,
		batch: func() {
			rows := make([]visit, r.IntN(40))
			for i := range rows {
				rows[i] = visit{ts: *mark + r.Int64N(6*gap), n: r.Int64N(100), key: r.IntN(30) - 1}
			}
			must(t, s.Merge(visits(t, rows, gap)))
			before := *mark
			*mark += r.Int64N(2 * gap)
			_, err := s.Close(before, *mark)
			must(t, err)
		},
		loader: func() sliceLoader {
			l := NewSessionLoader(sessionShape(), gap)
			return sliceLoader{l.LoadBlock, l.Drop, func() ([]byte, error) {
				s, err := l.Sessions()
				if err != nil {
					return nil, err
				}
				return s.Snapshot()
			}}
		}}
}

func slicedSeen(t *testing.T, r *rand.Rand) *sliceable {
	span, mark := 1+r.Int64N(9), new(int64)
	s := NewSeen(seenShape(), span)
	return &sliceable{mark: mark, delta: s.Delta, whole: s.Snapshot, slice: s.Slice,
		batch: func() {
			rows := make([]visit, r.IntN(30))
			for i := range rows {
				rows[i] = visit{ts: *mark + r.Int64N(3*span+2), n: int64(i), key: r.IntN(30) - 1}
			}
			_, err := s.Keep(seenRows(rows))
			must(t, err)
			*mark += r.Int64N(span + 1)
			s.Expire(*mark)
		},
		loader: func() sliceLoader {
			l := NewSeenLoader(seenShape(), span)
			return sliceLoader{l.LoadBlock, l.Drop, func() ([]byte, error) {
				s, err := l.Seen()
				if err != nil {
					return nil, err
				}
				s.Expire(*mark)
				return s.Snapshot()
			}}
		}}
}

// TestSlicesMakeSnapshots: the slices of a round, each in front of the delta of the batch behind it, and the deltas of the round from
// its first batch on give the state, with nothing in front of them; and so they do behind older blocks, also where the round broke off.
func TestSlicesMakeSnapshots(t *testing.T) {
	const seed = 20261126
	lives := 300
	if testing.Short() {
		lives = 60
	}
	for name, kind := range map[string]func(*testing.T, *rand.Rand) *sliceable{"table": slicedTable, "sessions": slicedSessions, "seen": slicedSeen} {
		t.Run(name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(seed, 9))
			rounds, broken := 0, 0
			for c := range lives {
				s := kind(t, r)
				var chain []slicedBatch // all there is
				for range r.IntN(5) {
					chain = append(chain, s.next(t, nil))
				}
				first, done := len(chain), 0
				for range 4 + r.IntN(12) {
					var slices []*Block
					if done < 256 {
						end := min(done+1+r.IntN(120), 256)
						slices = s.slices(t, r, done, end)
						done = end
					}
					chain = append(chain, s.next(t, slices))
					if r.IntN(6) == 0 && done < 256 { // the round breaks off
						first, done = len(chain), 0
						broken++
					}
				}
				s.wantSame(t, r, c, "all blocks", chain)
				if done == 256 {
					rounds++
					s.wantSame(t, r, c, "a round", chain[first:])
				}
			}
			t.Logf("seed %d: %d rounds, %d that broke off", seed, rounds, broken)
			if rounds < lives/4 || broken < lives/4 {
				t.Error("too little happened")
			}
		})
	}
}

// next lives through a batch.
func (s *sliceable) next(t *testing.T, slices []*Block) slicedBatch {
	t.Helper()
	s.batch()
	block, err := s.delta()
	must(t, err)
	b := slicedBatch{slices: slices, mark: *s.mark}
	b.delta, err = OpenBlock(block, inTurn)
	must(t, err)
	return b
}

// slices are those of the key groups from..end−1, in one or two blocks.
func (s *sliceable) slices(t *testing.T, r *rand.Rand, from, end int) (out []*Block) {
	t.Helper()
	ends := []int{from, end}
	if end-from > 1 && r.IntN(2) == 0 {
		ends = []int{from, from + 1 + r.IntN(end-from-1), end}
	}
	for i := range len(ends) - 1 {
		first, last := uint8(ends[i]), uint8(ends[i+1]-1)
		block, err := s.slice(s.room[:0], first, last)
		must(t, err)
		s.room = block
		opened, err := OpenSlice(block, first, last, inTurn)
		must(t, err)
		out = append(out, opened)
	}
	return out
}

// wantSame compares what blocks give, in some number of shards, with the state.
func (s *sliceable) wantSame(t *testing.T, r *rand.Rand, c int, what string, chain []slicedBatch) {
	t.Helper()
	shards := 1 + r.IntN(4)
	var blocks [][]byte
	for shard := range shards {
		from, to := shardRun(shard, shards)
		l := s.loader()
		for _, b := range chain {
			for _, block := range append(b.slices[:len(b.slices):len(b.slices)], b.delta) {
				must(t, l.load(block, from, to))
			}
			l.drop(b.mark)
		}
		block, err := l.whole()
		must(t, err)
		blocks = append(blocks, block)
	}
	got, err := MergeBlocks(blocks)
	must(t, err)
	want, err := s.whole()
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Fatalf("case %d: %s give another state in %d shards", c, what, shards)
	}
}

// TestSliceOfOtherGroups: a block is refused as a slice of key groups that it has rows of others than.
func TestSliceOfOtherGroups(t *testing.T) {
	table := NewTable(testShape())
	mergeRows(t, table, randomRows(rand.New(rand.NewPCG(1, 1)), 3000))
	block := snapshot(t, table)
	for _, run := range [][2]uint8{{0, 100}, {200, 255}, {9, 8}} {
		if _, err := OpenSlice(block, run[0], run[1], inTurn); err == nil {
			t.Errorf("it was taken for a slice of the key groups %d to %d", run[0], run[1])
		}
	}
	if _, err := OpenSlice(block, 0, 255, inTurn); err != nil {
		t.Error(err)
	}
}

// TestSlicesOfManySessions: room that is made for all of them before they are loaded, by what the first of them have, leaves no trace.
func TestSlicesOfManySessions(t *testing.T) {
	const seed, gap = 20261127, 10
	r := rand.New(rand.NewPCG(seed, 1))
	s := NewSessions(sessionShape(), gap)
	for range 4 {
		rows := make([]visit, 5000)
		for i := range rows {
			rows[i] = visit{ts: r.Int64N(1_000_000), n: r.Int64N(100), key: r.IntN(3000) - 1}
		}
		must(t, s.Merge(visits(t, rows, gap)))
	}
	want, err := s.Snapshot()
	must(t, err)
	l := NewSessionLoader(sessionShape(), gap)
	for from := 0; from < keyGroups; from += 64 {
		first, last := uint8(from), uint8(from+63)
		block, err := s.Slice(nil, first, last)
		must(t, err)
		opened, err := OpenSlice(block, first, last, inTurn)
		must(t, err)
		must(t, l.LoadBlock(opened, 0, keyGroups-1))
	}
	loaded, err := l.Sessions()
	must(t, err)
	if most := s.keys.Len() * 5 / 4; cap(loaded.byKey) > most {
		t.Errorf("seed %d: room for %d keys was made, there are %d", seed, cap(loaded.byKey), s.keys.Len())
	}
	if changed, err := loaded.Delta(); err != nil || blockRows(t, changed) != 0 {
		t.Errorf("seed %d: %d sessions count as changed: %v", seed, blockRows(t, changed), err)
	}
	got, err := loaded.Snapshot()
	must(t, err)
	if !bytes.Equal(got, want) {
		t.Errorf("seed %d: %d sessions are not as they were", seed, s.Len())
	}
}

func blockRows(t *testing.T, block []byte) int {
	t.Helper()
	o, err := openBlock(block)
	must(t, err)
	return int(o.index[keyGroups])
}

// TestSlicesForget: what is forgotten already is not in a slice.
func TestSlicesForget(t *testing.T) {
	s := NewSeen(seenShape(), 10)
	var rows []visit
	for key := range 500 {
		rows = append(rows, visit{ts: int64(key), key: key})
	}
	_, err := s.Keep(seenRows(rows))
	must(t, err)
	s.Expire(400)
	block, err := s.Slice(nil, 0, keyGroups-1)
	must(t, err)
	if got := blockRows(t, block); got != s.Len() || got == 500 {
		t.Errorf("%d rows in the slice, %d are remembered", got, s.Len())
	}
}
