package columnar

import (
	"bytes"
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"unsafe"
)

func TestTakeAndConcat(t *testing.T) {
	r := newRand(t)
	for range cases(100, 20) {
		origin := &Origin{Topic: "t"}
		parts := make([]*Batch, 1+r.IntN(4))
		var want [][]any
		var offsets []int64
		for i := range parts {
			parts[i] = randomBatch(r, everySchema, r.IntN(40), 0.3)
			parts[i].Origin = origin
			for range parts[i].Rows {
				parts[i].Offsets = append(parts[i].Offsets, r.Int64N(1000))
			}
			if parts[i].Offsets == nil {
				parts[i].Offsets = []int64{}
			}
			if r.IntN(2) == 0 {
				randomSel(r, parts[i])
			}
			for _, row := range selected(parts[i]) {
				want = append(want, rowOf(parts[i], int(row)))
				offsets = append(offsets, parts[i].Offsets[row])
			}
		}
		got := Concat(parts)
		if got.Rows != len(want) || !slices.Equal(got.Offsets, offsets) || *got.Origin != *origin {
			t.Fatalf("%d rows at %v, want %d at %v", got.Rows, got.Offsets, len(want), offsets)
		}
		for i := range want {
			row := rowOf(got, i)
			for c, w := range want[i] {
				if g := row[c]; !sameValue(g, w) {
					t.Fatalf("row %d column %d: got %v, want %v", i, c, g, w)
				}
			}
		}
		checkCanonical(t, got)
	}
}

// TestEqualRowsGiveEqualBytes changes what is undefined: values at NULLs, and fields of structs that are NULL.
func TestEqualRowsGiveEqualBytes(t *testing.T) {
	r := newRand(t)
	for range cases(40, 10) {
		b := Take(randomBatch(r, everySchema, 20, 0.3), (&frame{}).identity(20))
		want, err1 := EncodeIPC(b)
		for _, v := range b.Cols {
			scramble(r, v, v.Valid)
		}
		got, err2 := EncodeIPC(b)
		if err1 != nil || err2 != nil || !bytes.Equal(got, want) {
			t.Fatalf("%v %v: other bytes", err1, err2)
		}
	}
}

// scramble writes over the rows that have no bit in valid.
func scramble(r *rand.Rand, v *Vector, valid []byte) {
	for i := range v.N {
		if !isNullAt(valid, int32(i)) {
			continue
		}
		if v.Valid != nil && v.Type.Kind.Storage() != StoredList && unsafe.SliceData(v.Valid) != unsafe.SliceData(valid) {
			setBitTo(v.Valid, i, true)
		}
		switch v.Type.Kind.Storage() {
		case StoredBits:
			setBitTo(v.Bits, i, true)
		case StoredI32:
			v.I32[i] = r.Int32()
		case StoredI64:
			v.I64[i] = r.Int64()
		case StoredF64:
			v.F64[i] = 1
		case StoredWide:
			v.Wide[i].Lo = r.Uint64()
		}
	}
	if v.Type.Kind == Struct {
		for _, kid := range v.Kids {
			scramble(r, kid, valid)
		}
	}
}

// checkCanonical takes all rows again: a canonical batch stays the same in every byte.
func checkCanonical(t *testing.T, b *Batch) {
	t.Helper()
	again := Take(b, selected(b))
	for c := range b.Cols {
		if got, want := again.Cols[c], b.Cols[c]; !sameMemory(got, want) {
			t.Fatalf("column %s is not canonical:\n%+v\n%+v", b.Schema.Fields[c].Name, want, got)
		}
	}
}

func sameMemory(a, b *Vector) bool {
	same := a.N == b.N && slices.Equal(a.Valid, b.Valid) && slices.Equal(a.Bits, b.Bits) && slices.Equal(a.I32, b.I32) && slices.Equal(a.I64, b.I64) &&
		slices.EqualFunc(a.F64, b.F64, func(x, y float64) bool { return math.Float64bits(x) == math.Float64bits(y) }) &&
		slices.Equal(a.Wide, b.Wide) && slices.Equal(a.Off, b.Off) && string(a.Data) == string(b.Data) && (a.Valid == nil) == (b.Valid == nil) &&
		(b.Type.Kind.Storage() != StoredBytes || cap(b.Data)-len(b.Data) >= Slack)
	return same && slices.EqualFunc(a.Kids, b.Kids, sameMemory)
}

func TestSortRows(t *testing.T) {
	r := newRand(t)
	for range cases(100, 20) {
		b := randomBatch(r, everySchema, r.IntN(60), 0.3)
		randomSel(r, b)
		cols := r.Perm(len(everySchema.Fields))[:1+r.IntN(3)]
		got := SortRows(b, cols)
		if !slices.Equal(slices.Sorted(slices.Values(got)), b.Sel) {
			t.Fatalf("rows %v, want an order of %v", got, b.Sel)
		}
		for i := 1; i < len(got); i++ {
			if d := compareRows(rowOf(b, int(got[i-1])), rowOf(b, int(got[i])), cols); d > 0 || d == 0 && got[i-1] > got[i] {
				t.Fatalf("by %v: row %d before row %d", cols, got[i-1], got[i])
			}
		}
	}
}

func compareRows(a, b []any, cols []int) int {
	for _, c := range cols {
		switch {
		case a[c] == nil && b[c] == nil:
		case a[c] == nil:
			return -1
		case b[c] == nil:
			return 1
		default:
			if d := compareAny(a[c], b[c]); d != 0 {
				return d
			}
		}
	}
	return 0
}

// TestCopiesKeepTheirOrigin: rows that were copied say where they come from, whatever the decoder reads next.
func TestCopiesKeepTheirOrigin(t *testing.T) {
	b := &Batch{Schema: NewSchema(), Rows: 2, Origin: &Origin{Topic: "t", Partition: 1}, Offsets: []int64{7, 8}}
	taken, joined := Take(b, []int32{1}), Concat([]*Batch{b, b})
	b.Origin.Topic, b.Origin.Partition = "u", 2
	for _, c := range []*Batch{taken, joined} {
		if c.Origin.Topic != "t" || c.Origin.Partition != 1 {
			t.Errorf("rows of t/1 say that they are of %s/%d", c.Origin.Topic, c.Origin.Partition)
		}
	}
}
