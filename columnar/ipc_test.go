package columnar

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/ipc"
)

func TestIPCRoundTrip(t *testing.T) {
	r := newRand(t)
	for range 100 {
		b := randomBatch(r, everySchema, r.IntN(50), 0.3)
		if r.IntN(2) == 0 {
			randomSel(r, b)
		}
		data, err := EncodeIPC(b)
		if err != nil {
			t.Fatal(err)
		}
		got, err := DecodeIPC(data)
		if err != nil {
			t.Fatal(err)
		}
		checkEqualBatches(t, got, b)
		checkCanonical(t, got)
		again, err := EncodeIPC(got)
		if err != nil || !bytes.Equal(again, data) {
			t.Fatalf("%v: equal rows have other bytes", err)
		}
	}
}

// TestIPCJoinsRecords reads a stream of three records that Arrow wrote.
func TestIPCJoinsRecords(t *testing.T) {
	mem := checkedAllocator(t)
	b := goldenBatch()
	rec, err := ToArrow(b, mem)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	var buf bytes.Buffer
	w := ipc.NewWriter(&buf, ipc.WithSchema(rec.Schema()), ipc.WithAllocator(mem))
	for range 3 {
		if err := w.Write(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got, err := DecodeIPC(buf.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	checkEqualBatches(t, got, Concat([]*Batch{b, b, b}))
}

// TestIPCCutShort refuses every proper prefix of a stream.
func TestIPCCutShort(t *testing.T) {
	data, err := EncodeIPC(goldenBatch())
	if err != nil {
		t.Fatal(err)
	}
	for n := range data {
		if _, err := DecodeIPC(data[:n]); err == nil {
			t.Errorf("%d of %d bytes are read as a whole stream", n, len(data))
		}
	}
}

func FuzzDecodeIPC(f *testing.F) {
	for _, b := range []*Batch{goldenBatch(), EmptyBatch(everySchema), Compact(&Batch{Schema: everySchema, Cols: randomBatch(rand.New(rand.NewPCG(1, 1)), everySchema, 9, 0.3).Cols, Rows: 9, Sel: []int32{1, 4, 8}})} {
		data, err := EncodeIPC(b)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		b, err := DecodeIPC(data)
		if err != nil {
			return
		}
		again, err := EncodeIPC(b)
		if err != nil {
			t.Fatal(err)
		}
		back, err := DecodeIPC(again)
		if err != nil {
			t.Fatal(err)
		}
		checkEqualBatches(t, back, b)
	})
}

// TestAppendIPC: what is written of a part of a batch is what its rows alone would give, and stands behind what was there.
func TestAppendIPC(t *testing.T) {
	r := newRand(t)
	for range 200 {
		random := randomBatch(r, everySchema, 1+r.IntN(200), 0.3*float64(r.IntN(2)))
		b := Take(random, selectedRows(random))
		from := r.IntN(b.Rows)
		to := from + 1 + r.IntN(b.Rows-from)
		want, err := EncodeIPC(&Batch{Schema: b.Schema, Cols: b.Cols, Rows: b.Rows, Sel: (&frame{}).identity(to)[from:]})
		if err != nil {
			t.Fatal(err)
		}
		got, err := AppendIPC([]byte("before"), b, from, to)
		if err != nil || string(got) != "before"+string(want) {
			t.Fatalf("rows %d to %d of %d: other bytes, %v", from, to, b.Rows, err)
		}
	}
}
