package columnar

import (
	"encoding/binary"
	"math/rand/v2"
	"testing"
)

// choices is a source of random numbers that takes its choices from data, two bytes each, so that a fuzzer shapes what is
// made of them; behind its end they are random again.
type choices struct {
	data []byte
	rest rand.Source
}

// Uint64 implements [rand.Source]. The choice stands in the highest bits, of which one of a few is made, and in the lowest
// ones, which are taken where the few are a power of two.
func (c *choices) Uint64() uint64 {
	if len(c.data) < 2 {
		return c.rest.Uint64()
	}
	v := uint64(binary.BigEndian.Uint16(c.data)) * 0x0001_0001_0001_0001
	c.data = c.data[2:]
	return v
}

// FuzzExpressions holds the kernels against the interpreter: data is the tree, then the rows, then the selection.
func FuzzExpressions(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 1))
	for n := range 8 {
		data := make([]byte, 1<<n)
		for i := range data {
			data[i] = byte(r.Uint32())
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r := rand.New(&choices{data, rand.NewPCG(1, uint64(len(data)))})
		m := treeMaker{r, Session{}}
		e := m.tree(m.anyType(), 1+r.IntN(4))
		b := randomBatch(r, everySchema, r.IntN(20), 0.3)
		if r.IntN(2) == 0 {
			wordyColumns(r, b)
		}
		if r.IntN(2) == 0 {
			randomSel(r, b)
		}
		checkTree(t, e, b)
	})
}
