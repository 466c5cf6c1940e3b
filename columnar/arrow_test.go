package columnar

import (
	"fmt"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// checkedAllocator fails the test when Arrow memory is left at its end.
func checkedAllocator(t testing.TB) memory.Allocator {
	mem := memory.NewCheckedAllocator(memory.NewGoAllocator())
	t.Cleanup(func() { mem.AssertSize(t, 0) })
	return mem
}

// TestToArrowBuildersAgree compares the wrapped columns with what Arrow's own builders make of the same rows.
func TestToArrowBuildersAgree(t *testing.T) {
	r := newRand(t)
	for range 100 {
		mem := checkedAllocator(t)
		b := randomBatch(r, randomSchema, r.IntN(50), 0.3)
		if r.IntN(2) == 0 {
			randomSel(r, b)
		}
		got, err := ToArrow(b, mem)
		if err != nil {
			t.Fatal(err)
		}
		want := builtRecord(mem, b)
		if !array.RecordApproxEqual(got, want, array.WithNaNsEqual(true)) || !got.Schema().Equal(want.Schema()) {
			t.Fatalf("got %v\nwant %v", got, want)
		}
		got.Release()
		want.Release()
	}
}

func builtRecord(mem memory.Allocator, b *Batch) arrow.Record {
	schema, _ := ArrowSchema(b.Schema)
	rb := array.NewRecordBuilder(mem, schema)
	defer rb.Release()
	for c, f := range rb.Fields() {
		for _, r := range selected(b) {
			appendAny(f, rowOf(b, int(r))[c])
		}
	}
	return rb.NewRecord()
}

func appendAny(b array.Builder, v any) {
	if v == nil {
		b.AppendNull()
		return
	}
	switch b := b.(type) {
	case *array.BooleanBuilder:
		b.Append(v.(bool))
	case *array.Int32Builder:
		b.Append(int32(v.(int64)))
	case *array.Int64Builder:
		b.Append(v.(int64))
	case *array.Float64Builder:
		b.Append(v.(float64))
	case *array.StringBuilder:
		b.Append(v.(string))
	case *array.Date32Builder:
		b.Append(arrow.Date32(v.(int64)))
	case *array.TimestampBuilder:
		b.Append(arrow.Timestamp(v.(int64)))
	default:
		panic(fmt.Sprintf("no builder %T", b))
	}
}

// TestFromArrowSlices reads records that begin in the middle of their buffers.
func TestFromArrowSlices(t *testing.T) {
	r := newRand(t)
	for range 100 {
		mem := checkedAllocator(t)
		b := randomBatch(r, randomSchema, 1+r.IntN(50), 0.3)
		rec, err := ToArrow(b, mem)
		if err != nil {
			t.Fatal(err)
		}
		from := r.IntN(b.Rows)
		until := from + r.IntN(b.Rows-from+1)
		part := rec.NewSlice(int64(from), int64(until))
		got, err := FromArrow(part)
		if err != nil {
			t.Fatal(err)
		}
		part.Release()
		rec.Release()
		checkEqualBatches(t, got, Take(b, (&frame{}).identity(b.Rows)[from:until]))
		checkCanonical(t, got)
	}
}

func TestToArrowMovesOffsets(t *testing.T) {
	mem := checkedAllocator(t)
	v := &Vector{Type: Type{Kind: String}, N: 2, Off: []int32{2, 3, 5}, Data: []byte("..abc..")}
	rec, err := ToArrow(&Batch{Schema: NewSchema(Field{"s", v.Type}), Rows: 2, Cols: []*Vector{v}}, mem)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	if s := rec.Column(0).(*array.String); s.Value(0) != "a" || s.Value(1) != "bc" || s.ValueOffset(0) != 0 {
		t.Errorf("got %v from offset %d", s, s.ValueOffset(0))
	}
}

func TestArrowTypesRefused(t *testing.T) {
	if _, err := ArrowSchema(NewSchema(Field{"gap", Type{Kind: Interval}})); err == nil || err.Error() != `column "gap": Arrow has no column of type interval` {
		t.Errorf("got %v", err)
	}
	mem := checkedAllocator(t)
	rb := array.NewRecordBuilder(mem, arrow.NewSchema([]arrow.Field{{Name: "u", Type: arrow.PrimitiveTypes.Uint8}}, nil))
	defer rb.Release()
	rec := rb.NewRecord()
	defer rec.Release()
	if _, err := FromArrow(rec); err == nil || !strings.Contains(err.Error(), `column "u" has the Arrow type uint8`) {
		t.Errorf("got %v", err)
	}
}
