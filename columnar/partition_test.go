package columnar

import (
	"encoding/hex"
	"math"
	"slices"
	"testing"
)

// goldenBatch has one NULL in each column.
func goldenBatch() *Batch {
	s := NewSchema(Field{"b", Type{Kind: Bool}}, Field{"i", Type{Kind: Int32}}, Field{"l", Type{Kind: Int64}}, Field{"f", Type{Kind: Float64}},
		Field{"s", Type{Kind: String}}, Field{"x", Type{Kind: Binary}}, Field{"d", Type{Kind: Date}}, Field{"t", Type{Kind: Timestamp}})
	valid := []byte{0b0111}
	off := []int32{0, 0, 3, 4, 4}
	data := []byte("abcd")
	return &Batch{Schema: s, Rows: 4, Cols: []*Vector{
		{Type: Type{Kind: Bool}, N: 4, Valid: valid, Bits: []byte{0b1010}},
		{Type: Type{Kind: Int32}, N: 4, Valid: valid, I32: []int32{-1, 0, 7, 9}},
		{Type: Type{Kind: Int64}, N: 4, Valid: valid, I64: []int64{-1, 0, math.MaxInt64, 9}},
		{Type: Type{Kind: Float64}, N: 4, Valid: valid, F64: []float64{math.Copysign(0, -1), math.Float64frombits(0xfff8000000000001), 1.5, 9}},
		{Type: Type{Kind: String}, N: 4, Valid: valid, Off: off, Data: data},
		{Type: Type{Kind: Binary}, N: 4, Valid: valid, Off: off, Data: data},
		{Type: Type{Kind: Date}, N: 4, Valid: valid, I32: []int32{-1, 0, 19000, 9}},
		{Type: Type{Kind: Timestamp}, N: 4, Valid: valid, I64: []int64{-1, 0, 1_700_000_000_000_000, 9}},
	}}
}

// TestKeyGroupsPinned holds the encoding and the groups: they stand in checkpoints and must never change.
func TestKeyGroupsPinned(t *testing.T) {
	b := goldenBatch()
	for _, c := range []struct {
		col, row int
		want     string
	}{
		{0, 1, "010100000000000000"}, {1, 0, "01ffffffffffffffff"}, {2, 2, "01ffffffffffffff7f"},
		{3, 0, "010000000000000000"}, {3, 1, "01000000000000f87f"}, {3, 2, "01000000000000f83f"},
		{4, 0, "0100000000"}, {4, 1, "0103000000616263"}, {5, 2, "010100000064"}, {6, 2, "01384a000000000000"},
		{7, 2, "0100401e18240a0600"}, {7, 3, "00"},
	} {
		if got := hex.EncodeToString(appendCanonical(nil, b.Cols[c.col], int32(c.row))); got != c.want {
			t.Errorf("%s row %d: %s, want %s", b.Schema.Fields[c.col].Name, c.row, got, c.want)
		}
	}
	for _, c := range []struct {
		keys []int
		want []uint8
	}{
		{[]int{}, []uint8{0xef, 0xef, 0xef, 0xef}}, // XXH64 of nothing is ef46db3751d8e999
		{[]int{4}, []uint8{243, 139, 27, 233}},
		{[]int{2}, []uint8{228, 162, 6, 233}},
		{[]int{7, 4}, []uint8{65, 158, 134, 154}},
		{[]int{0, 1, 2, 3, 4, 5, 6, 7}, []uint8{86, 21, 10, 52}},
	} {
		if got := KeyGroups(b, c.keys, nil); !slices.Equal(got, c.want) {
			t.Errorf("keys %v: groups %v, want %v", c.keys, got, c.want)
		}
	}
}

func TestKeyGroupsFollowSelection(t *testing.T) {
	b := goldenBatch()
	all := slices.Clone(KeyGroups(b, []int{4, 2}, nil))
	b.Sel = []int32{1, 3}
	if got, want := KeyGroups(b, []int{4, 2}, nil), []uint8{all[1], all[3]}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestShardsAreRunsOfKeyGroups(t *testing.T) {
	for shards := 1; shards <= KeyGroupCount; shards++ {
		last := 0
		for g := range KeyGroupCount {
			s := Shard(uint8(g), shards)
			if s < last || s > last+1 {
				t.Fatalf("%d shards: group %d is in shard %d, the one before in %d", shards, g, s, last)
			}
			last = s
		}
		if last != shards-1 {
			t.Fatalf("%d shards: the last is %d", shards, last)
		}
	}
}

func BenchmarkKeyGroups(b *testing.B) {
	const rows = 8192
	k := NewBuilder(Type{Kind: String})
	for range rows {
		k.AppendString("0b9cd3a1-7c1e-4d8f-9c5a-0123456789ab")
	}
	batch := &Batch{Schema: NewSchema(Field{"k", Type{Kind: String}}), Rows: rows, Cols: []*Vector{k.Vector()}}
	var dst []uint8
	for b.Loop() {
		dst = KeyGroups(batch, []int{0}, dst)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*rows), "ns/row")
}

// TestKeyGroupsOfWideAndNestedPinned holds the encoding of the later kinds.
func TestKeyGroupsOfWideAndNestedPinned(t *testing.T) {
	small, text := Type{Kind: Int8}, Type{Kind: String}
	pair := StructOf(Field{"a", small}, Field{"b", text})
	for _, c := range []struct {
		t     Type
		build func(b *Builder)
		want  string
	}{
		{small, func(b *Builder) { b.AppendInt32(-2) }, "01feffffffffffffff"},
		{Type{Kind: Float32}, func(b *Builder) { b.AppendFloat64(1.5) }, "01000000000000f83f"},
		{Type{Kind: LocalTimestamp}, func(b *Builder) { b.AppendInt64(1) }, "010100000000000000"},
		{DecimalOf(10, 2), func(b *Builder) { b.AppendWide(Int128Of(-1)) }, "01ffffffffffffffffffffffffffffffff"},
		{Type{Kind: Interval}, func(b *Builder) { b.AppendWide(MakeInterval(0, 1, 1)) }, "010160d71d140000000000000000000000"},
		{ArrayOf(small), func(b *Builder) { b.Kid(0).AppendInt32(5); b.Kid(0).AppendNull(); b.AppendNested() }, "010200000001050000000000000000"},
		{pair, func(b *Builder) { b.Kid(0).AppendNull(); b.Kid(1).AppendString("x"); b.AppendNested() }, "0100010100000078"},
		{pair, func(b *Builder) { b.AppendNull() }, "00"},
	} {
		b := NewBuilder(c.t)
		c.build(b)
		if got := hex.EncodeToString(appendCanonicalNested(nil, b.Vector(), 0)); got != c.want {
			t.Errorf("%s: %s, want %s", c.t, got, c.want)
		}
	}
}

// TestEqualKeysAreOfOneGroup takes random rows and others that are equal to them.
func TestEqualKeysAreOfOneGroup(t *testing.T) {
	r := newRand(t)
	keys := keyColumnsOf(everySchema)
	for range cases(60, 10) {
		b := randomBatch(r, everySchema, 60, 0.3)
		for _, k := range keys {
			groups, hashes := KeyGroups(b, []int{k}, nil), hashRows(nil, b.Cols[k:k+1], selected(b))
			compare := CompareRows(b, []int{k})
			for i := range int32(60) {
				for j := range i {
					if compare(i, j) == 0 && (groups[i] != groups[j] || hashes[i] != hashes[j]) {
						t.Fatalf("%s: equal keys %v and %v are in other groups or have other hashes", b.Schema.Fields[k].Type, rowOf(b, int(i))[k], rowOf(b, int(j))[k])
					}
				}
			}
		}
	}
}
