package columnar

import (
	"bytes"

	"github.com/axiomhq/hyperloglog"
	"github.com/cespare/xxhash/v2"
)

// The sketches of approx_count_distinct have 2^12 registers: a standard error of 1.04/√4096 = 1.6 %. A group with few
// values has their hashes instead, which take less memory and count exactly. Which of the two a group has depends on the
// set of its hashes alone.
const (
	sketchPrecision = 12
	sketchBytes     = 1 << sketchPrecision
	hashesMax       = 256
)

// sketchHeader begins every encoded sketch: the library's version 2, dense.
var sketchHeader = []byte{2, sketchPrecision, 0, 0, 0, 0, sketchBytes >> 8, sketchBytes & 0xff}

// approxDistinct is the state of approx_count_distinct. The hash is the one that key groups are made of, see
// [KeyGroups]: it stands in checkpoints.
type approxDistinct struct {
	hashes   *valueSets
	n        []int32 // of each group: its hashes
	index    []int32 // of each group: 1 + the number of its sketch; 0 = it has hashes
	sketches []*hyperloglog.Sketch
	left     int // hashes in the sets of groups that have a sketch now

	hash   Vector // scratch: hashes of rows
	key    []byte // scratch: a value to be hashed
	counts []int64
}

func newApproxDistinct(Agg) aggState {
	bigint := Type{Kind: Int64}
	return &approxDistinct{hashes: newValueSets(bigint), hash: Vector{Type: bigint}}
}

func (s *approxDistinct) columns() []Field {
	return []Field{{Name: " hashes", Type: ArrayOf(Type{Kind: Int64})}, {Name: " sketch", Type: Type{Kind: Binary}}}
}

func (s *approxDistinct) extend(n int) {
	s.hashes.extend(n)
	s.n, s.index = extended(s.n, n), extended(s.index, n)
}

func (s *approxDistinct) add(in *aggInput) error {
	v := in.cols[0]
	in.dropNulls(v)
	s.hash.N, s.hash.I64 = v.N, resized(s.hash.I64, v.N)
	for _, r := range in.rows {
		s.key = appendCanonicalNested(s.key[:0], v, r)
		s.hash.I64[r] = int64(xxhash.Sum64(s.key))
	}
	return s.addHashes(in, &s.hash)
}

// addHashes adds the rows of a column of hashes.
func (s *approxDistinct) addHashes(in *aggInput, hash *Vector) error {
	for i, g := range in.groups {
		if s.index[g] != 0 {
			s.sketches[s.index[g]-1].InsertHash(uint64(hash.I64[in.rows[i]]))
		}
	}
	in.filter(func(_ int, g uint32) bool { return s.index[g] == 0 })
	if err := s.hashes.keepNew(in, hash); err != nil {
		return err
	}
	for _, g := range in.groups {
		s.n[g]++
	}
	for _, g := range in.groups {
		if s.n[g] > hashesMax {
			s.sketch(g)
		}
	}
	s.collect()
	return nil
}

// sketch is the sketch of a group, made of its hashes if it had none.
func (s *approxDistinct) sketch(g uint32) *hyperloglog.Sketch {
	if i := s.index[g]; i != 0 {
		return s.sketches[i-1]
	}
	sketch := newSketch()
	hashes := s.hashes.values().I64
	for _, n := range s.hashes.chains.of(nil, int32(g)) {
		sketch.InsertHash(uint64(hashes[n]))
	}
	s.hashes.chains.forget(g)
	s.left += int(s.n[g])
	s.n[g] = 0
	s.sketches = append(s.sketches, sketch)
	s.index[g] = int32(len(s.sketches))
	return sketch
}

func newSketch() *hyperloglog.Sketch {
	sketch, err := hyperloglog.NewSketch(sketchPrecision, false)
	if err != nil {
		panic(err) // of a constant
	}
	return sketch
}

// collect makes the table anew when most hashes in it belong to groups that have a sketch.
func (s *approxDistinct) collect() {
	if s.left < 4096 || 2*s.left < s.hashes.table.n {
		return
	}
	old := s.hashes
	s.hashes, s.left = newValueSets(Type{Kind: Int64}), 0
	s.hashes.extend(len(s.n))
	in := aggInput{scratch: &scratch{}}
	for g := range s.n {
		from := len(in.rows)
		in.rows = old.chains.of(in.rows, int32(g))
		for range in.rows[from:] {
			in.groups = append(in.groups, uint32(g))
		}
	}
	_, _ = s.hashes.insert(&in, old.values()) // numbers are not wanted, and what had room has room
}

// merge adds hashes and sketches. A sketch that is damaged is an error.
func (s *approxDistinct) merge(in *aggInput) error {
	list, text := in.cols[0], in.cols[1]
	for i, r := range in.rows {
		if isNullAt(text.Valid, r) {
			continue
		}
		other, ok := decodeSketch(text.Str(int(r)))
		if !ok {
			return damaged("bytes that are no sketch")
		}
		if err := s.sketch(in.groups[i]).Merge(other); err != nil {
			return err
		}
	}
	if err := in.elements(list); err != nil {
		return err
	}
	if in.hasNull(list.Kids[0]) {
		return damaged("a hash that is NULL")
	}
	return s.addHashes(in, list.Kids[0])
}

func decodeSketch(text []byte) (*hyperloglog.Sketch, bool) {
	var sketch hyperloglog.Sketch
	if !bytes.HasPrefix(text, sketchHeader) || sketch.UnmarshalBinary(text) != nil {
		return nil, false
	}
	return &sketch, true
}

func (s *approxDistinct) partial(dst []*Vector, groups []int32) []*Vector {
	hashes := s.hashes.values()
	off, rows := s.hashes.chains.lists(groups, comparator(hashes, hashes))
	text := NewBuilder(Type{Kind: Binary})
	for _, g := range listed(groups, len(s.index)) {
		if s.index[g] == 0 {
			text.AppendNull()
			continue
		}
		data, err := s.sketches[s.index[g]-1].MarshalBinary()
		if err != nil {
			panic(err) // of a sketch without precision
		}
		text.AppendBytes(data)
	}
	return append(dst, listColumn(ArrayOf(hashes.Type), off, rows, hashes), text.Vector())
}

func (s *approxDistinct) final() (*Vector, error) {
	s.counts = resized(s.counts, len(s.n))
	for g, n := range s.n {
		s.counts[g] = int64(n)
		if i := s.index[g]; i != 0 {
			s.counts[g] = int64(s.sketches[i-1].Estimate())
		}
	}
	return int64Column(Int64, s.counts, nil), nil
}

func (s *approxDistinct) reset() {
	s.hashes.reset()
	s.n, s.index, s.sketches, s.left = s.n[:0], s.index[:0], nil, 0
}

func (s *approxDistinct) sizeBytes() int64 {
	size := s.hashes.sizeBytes() + int64(cap(s.n)+cap(s.index))*4 + int64(cap(s.hash.I64)+cap(s.counts))*8
	return size + int64(len(s.sketches))*(sketchBytes+128)
}
