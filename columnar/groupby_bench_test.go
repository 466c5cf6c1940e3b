package columnar

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// BenchmarkGroupBy counts and sums by a window start and a string of 36 bytes, from an empty table on: time is processor
// time, memory is what the heap holds at the end, with the bytes of the keys.
func BenchmarkGroupBy(b *testing.B) {
	for _, c := range []struct {
		name       string
		keys, rows int
	}{{"100", 100, 5e6}, {"10k", 10_000, 5e6}, {"1M", 1e6, 5e6}, {"10M", 10e6, 20e6}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				ns, perKey := groupBy(c.keys, c.rows)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(ns, "cpu-ns/row")
				if c.keys >= 1e6 {
					b.ReportMetric(perKey, "B/key")
				}
			}
		})
	}
}

func groupBy(keys, rows int) (nsPerRow, bytesPerKey float64) {
	s := NewSchema(Field{"w", Type{Kind: Timestamp}}, Field{"k", Type{Kind: String}}, Field{"v", Type{Kind: Int64}})
	in := newKeyRows(s)
	before := heap()
	h := NewHashAggregate(s, AggSpec{Keys: []int{0, 1}, Aggs: []Agg{{Func: CountStar, Arg: -1}, {Func: Sum, Arg: 2, In: Type{Kind: Int64}}}})
	var took time.Duration
	for done := 0; done < rows; done += in.batch.Rows {
		in.fill(keys)
		start := processorTime()
		if err := h.Add(in.batch); err != nil {
			panic(err)
		}
		took += processorTime() - start
	}
	held := heap() - before
	n := h.Groups()
	runtime.KeepAlive(in)
	return float64(took.Nanoseconds()) / float64(rows), float64(held) / float64(n)
}

func heap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

func processorTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// keyRows makes rows of random keys, the same in every run: key i is a window start and a text like a UUID.
type keyRows struct {
	r     *rand.Rand
	batch *Batch
}

func newKeyRows(s *Schema) *keyRows {
	const rows = 8192
	w, k, v := &Vector{Type: s.Fields[0].Type, N: rows, I64: make([]int64, rows)}, &Vector{Type: s.Fields[1].Type, N: rows}, int64Column(Int64, make([]int64, rows), nil)
	k.Off, k.Data = make([]int32, rows+1), make([]byte, rows*36, rows*36+Slack)
	for i := range k.Off {
		k.Off[i] = int32(36 * i)
	}
	for i := range v.I64 {
		v.I64[i] = int64(i)
	}
	return &keyRows{rand.New(rand.NewPCG(1, 1)), &Batch{Schema: s, Rows: rows, Cols: []*Vector{w, k, v}}}
}

func (k *keyRows) fill(keys int) {
	var id [16]byte
	for i := range k.batch.Rows {
		n := k.r.Uint64N(uint64(keys))
		k.batch.Cols[0].I64[i] = int64(n%16) * 10_000_000
		binary.LittleEndian.PutUint64(id[:], fold(hashSeed, n))
		binary.LittleEndian.PutUint64(id[8:], n*hashMul)
		text := k.batch.Cols[1].Data[36*i : 36*i+36]
		hex.Encode(text, id[:])
		copy(text[32:], "-abc")
	}
}
