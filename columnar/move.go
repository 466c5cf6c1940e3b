package columnar

import "unsafe"

// Move copies the physical rows of a batch to memory that alloc gives, n bytes at a time, aligned to 8: for rows that are to
// wait elsewhere than in the heap. What alloc gives must stay as long as the batch is used, and belongs to the batch. An
// error is alloc's.
func Move(b *Batch, alloc func(n int) ([]byte, error)) (*Batch, error) {
	m := mover{alloc: alloc}
	out := *b
	out.Cols = make([]*Vector, len(b.Cols))
	for i, v := range b.Cols {
		out.Cols[i] = m.vector(v)
	}
	out.Sel, out.Offsets = moved(&m, b.Sel), moved(&m, b.Offsets)
	if m.err != nil {
		return nil, m.err
	}
	return &out, nil
}

// mover keeps the first error.
type mover struct {
	alloc func(n int) ([]byte, error)
	err   error
}

func (m *mover) vector(v *Vector) *Vector {
	out := *v
	out.Valid, out.Bits = moved(m, v.Valid), moved(m, v.Bits)
	out.I32, out.I64, out.F64, out.Wide, out.Off = moved(m, v.I32), moved(m, v.I64), moved(m, v.F64), moved(m, v.Wide), moved(m, v.Off)
	if v.Data != nil {
		out.Data = append(m.get(len(v.Data) + Slack)[:0], v.Data...)
	}
	out.Kids = nil
	for _, kid := range v.Kids {
		out.Kids = append(out.Kids, m.vector(kid))
	}
	return &out
}

// get returns n bytes, or some of the heap behind an error.
func (m *mover) get(n int) []byte {
	if m.err == nil {
		var buf []byte
		if buf, m.err = m.alloc(n); m.err == nil {
			return buf[:n:n]
		}
	}
	return make([]byte, n)
}

// moved copies values of a type without pointers. Nil stays nil, which may mean something.
func moved[T byte | int32 | int64 | float64 | Int128](m *mover, src []T) []T {
	if src == nil || m.err != nil {
		return nil
	}
	if len(src) == 0 {
		return []T{}
	}
	size := int(unsafe.Sizeof(src[0]))
	buf := m.get(size * len(src))
	if m.err != nil {
		return nil
	}
	dst := unsafe.Slice((*T)(unsafe.Pointer(&buf[0])), len(src))
	copy(dst, src)
	return dst
}
