package columnar

import (
	"encoding/binary"
	"encoding/hex"
	"math/bits"
	"math/rand/v2"
	"runtime"
	"syscall"
	"testing"
	"time"
)

// BenchmarkGroupBy counts and sums by a window start and a string of 36 bytes, from an empty table on, so that growth and
// new keys are part of it: 1 M keys come 5 times each, 10 M keys twice, and 14 in 100 of those never. Time is processor time of
// [HashAggregate.Add], without the making of rows; memory is what the heap holds at the end, with the bytes of the keys.
// Beside it stand what the memory of this machine asks for two places a row, in arrays as large as the table's, and the
// time that half-aggregated groups take to read out.
func BenchmarkGroupBy(b *testing.B) {
	for _, c := range []struct {
		name       string
		keys, rows int
	}{{"100", 100, 5e6}, {"10k", 10_000, 5e6}, {"1M", 1e6, 5e6}, {"10M", 10e6, 20e6}} {
		b.Run(c.name, func(b *testing.B) {
			for b.Loop() {
				run := groupBy(c.keys, c.rows)
				b.ReportMetric(0, "ns/op")
				b.ReportMetric(run.row, "cpu-ns/row")
				if c.keys >= 1e6 {
					b.ReportMetric(run.bytes, "B/key")
					b.ReportMetric(run.out, "out-ns/key")
					b.ReportMetric(twoPlaces(run.groups), "two-places-ns/row")
				}
			}
		})
	}
}

type groupByRun struct {
	groups          int
	row, bytes, out float64 // ns a row, bytes a key, ns a key read out
}

func groupBy(keys, rows int) (run groupByRun) {
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
	held, n := heap()-before, h.Groups()
	start, drained := processorTime(), 0
	for b := range h.Drain() {
		drained += b.Rows
	}
	out := processorTime() - start
	if drained != n {
		panic("groups are missing")
	}
	runtime.KeepAlive(in)
	return groupByRun{n, float64(took.Nanoseconds()) / float64(rows), float64(held) / float64(n), float64(out.Nanoseconds()) / float64(n)}
}

// twoPlaces is what a row costs that reads one word of a table of slots and one record of 64 bytes, both at random, in
// arrays that so many groups need, and does nothing with them. Reads overlap as far as the machine can.
func twoPlaces(groups int) float64 {
	slots := makeLarge[uint64](1<<bits.Len(uint(groups*4/3)), 1<<bits.Len(uint(groups*4/3)))
	records := makeLarge[uint64](groups*8, groups*8)
	for i := range slots {
		slots[i] = 1
	}
	for i := range records {
		records[i] = 1
	}
	r, at := rand.New(rand.NewPCG(2, 2)), make([]uint64, 8192)
	var took time.Duration
	const rounds = 200
	for range rounds {
		for i := range at {
			at[i] = r.Uint64()
		}
		start := processorTime()
		readSlots(slots, at)
		readRecords(records, uint64(groups), at)
		took += processorTime() - start
	}
	return float64(took.Nanoseconds()) / float64(rounds*len(at))
}

//go:noinline
func readRecords(records []uint64, groups uint64, at []uint64) (sum uint64) {
	for _, h := range at {
		group, _ := bits.Mul64(h, groups)
		sum += records[group*8]
	}
	return sum
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
