package columnar

import "bytes"

// partial appends the state columns.
func (a *accumulator) partial(cols []*Vector) []*Vector {
	if a.agg.Func != Avg {
		return a.final(cols)
	}
	a.cols[0] = Vector{Type: Type{Kind: Float64}, N: len(a.f64), F64: a.f64, Valid: a.validity(a.cols[0].Valid)}
	a.cols[1] = Vector{Type: Type{Kind: Int64}, N: len(a.i64), I64: a.i64}
	return append(cols, &a.cols[0], &a.cols[1])
}

// final appends the result column.
func (a *accumulator) final(cols []*Vector) []*Vector {
	v := &a.cols[0]
	*v = Vector{Type: Type{Kind: a.kind}, Valid: v.Valid, Bits: v.Bits, I32: v.I32}
	switch a.kind {
	case Float64:
		v.N, v.F64 = len(a.f64), a.f64
	case String:
		v.N = len(a.str.span)
		v.Off, v.Data = a.str.column()
	case Bool:
		v.N, v.Bits = len(a.i64), packBits(v.Bits, len(a.i64), func(i int) bool { return a.i64[i] != 0 })
	case Int32, Date:
		v.N, v.I32 = len(a.i64), resized(v.I32, len(a.i64))
		for i, x := range a.i64 {
			v.I32[i] = int32(x)
		}
	default:
		v.N, v.I64 = len(a.i64), a.i64
	}
	if a.agg.Func == Avg {
		v.F64 = a.means()
	}
	v.Valid = a.validity(v.Valid)
	return append(cols, v)
}

// means divides the sums by the counts; groups without values are NULL.
func (a *accumulator) means() []float64 {
	out := resized(a.cols[1].F64, len(a.f64))
	a.cols[1] = Vector{F64: out}
	for i, sum := range a.f64 {
		out[i] = sum / float64(max(a.i64[i], 1))
	}
	return out
}

// validity is nil when every group has a value.
func (a *accumulator) validity(buf []byte) []byte {
	if a.isCount() || bytes.IndexByte(a.seen, 0) < 0 {
		return nil
	}
	return packBits(buf, len(a.seen), func(i int) bool { return a.seen[i] != 0 })
}

func packBits(dst []byte, n int, on func(i int) bool) []byte {
	dst = resized(dst, bitmapBytes(n))
	clear(dst)
	for i := range n {
		dst[i>>3] |= bit(on(i)) << (i & 7)
	}
	return dst
}

// stringState holds one string for each group in an arena; replaced strings leave garbage that is collected when it is
// more than half.
type stringState struct {
	span  []span
	arena []byte
	live  int // bytes in use
	off   []int32
	data  []byte
}

type span struct{ from, to int }

func (s *stringState) extend(n int) { s.span = extended(s.span, n) }

func (s *stringState) get(g uint32) []byte { return s.arena[s.span[g].from:s.span[g].to] }

func (s *stringState) better(g uint32, x []byte, largest bool) bool {
	c := bytes.Compare(x, s.get(g))
	return c != 0 && c > 0 == largest
}

func (s *stringState) set(g uint32, x []byte) {
	old := s.span[g]
	s.live += len(x) - (old.to - old.from)
	s.span[g] = span{len(s.arena), len(s.arena) + len(x)}
	s.arena = append(s.arena, x...)
	if len(s.arena) > 2*s.live+4096 {
		s.collect()
	}
}

// collect moves the strings in use together.
func (s *stringState) collect() {
	fresh := make([]byte, 0, s.live+s.live/2)
	for g := range s.span {
		from := len(fresh)
		fresh = append(fresh, s.get(uint32(g))...)
		s.span[g] = span{from, len(fresh)}
	}
	s.arena = fresh
}

// column lays the strings out in the order of the groups.
func (s *stringState) column() (off []int32, data []byte) {
	s.off, s.data = resized(s.off, len(s.span)+1), s.data[:0]
	for g := range s.span {
		s.off[g] = int32(len(s.data))
		s.data = append(s.data, s.get(uint32(g))...)
	}
	s.off[len(s.span)] = int32(len(s.data))
	s.data = withSlack(s.data)
	return s.off, s.data
}

func (s *stringState) reset() { s.span, s.arena, s.live = s.span[:0], s.arena[:0], 0 }

func (s *stringState) sizeBytes() int64 {
	return int64(cap(s.span))*16 + int64(cap(s.arena)+cap(s.data)) + int64(cap(s.off))*4
}
