package columnar

import (
	"errors"
	"reflect"
	"testing"
	"unsafe"
)

// TestMove copies a batch of every kind of column, and then spoils the old one.
func TestMove(t *testing.T) {
	fields := []Field{{Name: "b", Type: Type{Kind: Bool}}, {Name: "i", Type: Type{Kind: Int32}}, {Name: "l", Type: Type{Kind: Int64}}, {Name: "f", Type: Type{Kind: Float64}},
		{Name: "s", Type: Type{Kind: String}}, {Name: "none", Type: Type{Kind: String}}, {Name: "d", Type: Type{Kind: Decimal, Precision: 20, Scale: 2}}, {Name: "a", Type: ArrayOf(Type{Kind: String})}}
	make := func() *Batch {
		one := &Vector{Type: fields[4].Type, N: 3, Off: []int32{0, 1, 1, 4}, Data: []byte("abcd")}
		return &Batch{Schema: NewSchema(fields...), Rows: 2, Sel: []int32{1}, Origin: &Origin{Topic: "t"}, Offsets: []int64{7, 8}, Env: &Env{Now: 3}, Cols: []*Vector{
			{Type: fields[0].Type, N: 2, Bits: []byte{2}}, {Type: fields[1].Type, N: 2, I32: []int32{1, 2}}, {Type: fields[2].Type, N: 2, I64: []int64{3, 4}, Valid: []byte{1}},
			{Type: fields[3].Type, N: 2, F64: []float64{5, 6}}, {Type: fields[4].Type, N: 2, Off: []int32{0, 2, 5}, Data: []byte("hello")}, {Type: fields[5].Type, N: 2, Off: []int32{0, 0, 0}, Data: []byte{}},
			{Type: fields[6].Type, N: 2, Wide: []Int128{{1, 2}, {3, 4}}}, {Type: fields[7].Type, N: 2, Off: []int32{0, 1, 3}, Kids: []*Vector{one}},
		}}
	}
	arena, used := [1 << 10]uint64{}, 0
	alloc := func(n int) ([]byte, error) {
		buf := unsafe.Slice((*byte)(unsafe.Pointer(&arena[used])), n)
		used += (n + 7) / 8
		return buf, nil
	}
	old := make()
	got, err := Move(old, alloc)
	if err != nil {
		t.Fatal(err)
	}
	for i := range old.Cols {
		spoil(old.Cols[i])
	}
	old.Sel[0], old.Offsets[1] = 0, 0
	if want := make(); !reflect.DeepEqual(got, want) {
		t.Errorf("moved to\n%+v\nwant\n%+v", got, want)
	}
	if s := got.Cols[4]; cap(s.Data) < len(s.Data)+Slack {
		t.Errorf("a string column of %d bytes has a capacity of %d", len(s.Data), cap(s.Data))
	}
	full := errors.New("full")
	n := 0
	if _, err := Move(make(), func(n2 int) ([]byte, error) {
		if n++; n > 4 {
			return nil, full
		}
		return alloc(n2)
	}); !errors.Is(err, full) || n != 5 {
		t.Errorf("%v after %d allocations", err, n)
	}
}

func spoil(v *Vector) {
	clear(v.Valid)
	clear(v.Bits)
	clear(v.I32)
	clear(v.I64)
	clear(v.F64)
	clear(v.Wide)
	clear(v.Off)
	clear(v.Data)
	for _, kid := range v.Kids {
		spoil(kid)
	}
}
