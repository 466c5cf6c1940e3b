package columnar

import (
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/decimal128"
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
		b := arrowBatch(r, r.IntN(50))
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
		for _, col := range got.Columns() {
			if err := validate(col); err != nil {
				t.Fatal(err)
			}
		}
		got.Release()
		want.Release()
	}
}

// TestToArrowOfNoRows: columns that were computed of no rows may have no memory at all, not even the offset at which texts begin.
func TestToArrowOfNoRows(t *testing.T) {
	s, err := NewProject(everySchema, []*Expr{Const(Type{Kind: String}, Value{S: "x"})}, []string{"x"})
	if err != nil {
		t.Fatal(err)
	}
	computed, err := s.Process(randomBatch(newRand(t), everySchema, 0, 0))
	if err != nil {
		t.Fatal(err)
	}
	bare := &Batch{Schema: everySchema}
	for _, f := range everySchema.Fields {
		bare.Cols = append(bare.Cols, &Vector{Type: f.Type})
	}
	for _, b := range []*Batch{computed, bare} {
		rec, err := ToArrow(b, checkedAllocator(t))
		if err != nil {
			t.Fatal(err)
		}
		for i, col := range rec.Columns() {
			if err := validate(col); err != nil || col.Len() != 0 {
				t.Errorf("%s: %d rows, %v", b.Schema.Fields[i].Name, col.Len(), err)
			}
		}
		rec.Release()
	}
}

// arrowBatch has random rows of every type.
func arrowBatch(r *rand.Rand, rows int) *Batch {
	b := randomBatch(r, everySchema, rows, 0.3)
	for _, v := range b.Cols {
		shortenIntervals(v)
	}
	return b
}

// shortenIntervals leaves room for nanoseconds.
func shortenIntervals(v *Vector) {
	for i, x := range v.Wide {
		if v.Type.Kind == Interval {
			months, days, micros := x.Interval()
			v.Wide[i] = MakeInterval(months, days, micros/1000)
		}
	}
	for _, kid := range v.Kids {
		shortenIntervals(kid)
	}
}

func builtRecord(mem memory.Allocator, b *Batch) arrow.Record {
	schema, _ := ArrowSchema(b.Schema)
	rb := array.NewRecordBuilder(mem, schema)
	defer rb.Release()
	for c, f := range rb.Fields() {
		for _, r := range selected(b) {
			appendAny(f, goValue(b.Schema.Fields[c].Type, valueAt(b.Cols[c], int(r))))
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
	case *array.Int8Builder:
		b.Append(int8(v.(int64)))
	case *array.Int16Builder:
		b.Append(int16(v.(int64)))
	case *array.Float32Builder:
		b.Append(float32(v.(float64)))
	case *array.BinaryBuilder:
		b.Append([]byte(v.(string)))
	case *array.Decimal128Builder:
		unscaled := new(big.Rat).Mul(v.(*big.Rat), new(big.Rat).SetInt(new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(b.Type().(*arrow.Decimal128Type).Scale)), nil)))
		b.Append(decimal128.FromBigInt(unscaled.Num()))
	case *array.MonthDayNanoIntervalBuilder:
		x := v.(interval)
		b.Append(arrow.MonthDayNanoInterval{Months: x.months, Days: x.days, Nanoseconds: 1000 * x.micros})
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
	case *array.ListBuilder:
		b.Append(true)
		for _, x := range v.(parts) {
			appendAny(b.ValueBuilder(), x)
		}
	case *array.MapBuilder:
		b.Append(true)
		for i, x := range v.(mapping) {
			appendAny([]array.Builder{b.KeyBuilder(), b.ItemBuilder()}[i%2], x)
		}
	case *array.StructBuilder:
		b.Append(true)
		for i, x := range v.(parts) {
			appendAny(b.FieldBuilder(i), x)
		}
	default:
		panic(fmt.Sprintf("no builder %T", b))
	}
}

// TestFromArrowSlices reads records that begin in the middle of their buffers.
func TestFromArrowSlices(t *testing.T) {
	r := newRand(t)
	for range 100 {
		mem := checkedAllocator(t)
		b := arrowBatch(r, 1+r.IntN(50))
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

// TestFromArrowChecks reads arrays that Arrow lets pass.
func TestFromArrowChecks(t *testing.T) {
	ints := func(v ...int32) *memory.Buffer { return memory.NewBufferBytes(arrow.Int32Traits.CastToBytes(v)) }
	text := func(valid []byte, off ...int32) arrow.ArrayData {
		buffers := []*memory.Buffer{nil, ints(off...), memory.NewBufferBytes([]byte("abcdef"))}
		nulls := 0
		if valid != nil {
			buffers[0], nulls = memory.NewBufferBytes(valid), array.UnknownNullCount
		}
		return array.NewData(arrow.BinaryTypes.String, len(off)-1, buffers, nil, nulls, 0)
	}
	list := array.NewData(arrow.ListOf(arrow.BinaryTypes.String), 1, []*memory.Buffer{nil, ints(0, 3)}, []arrow.ArrayData{text(nil, 0, 1, 2)}, 0, 0)
	wide := []Int128{pow10[4].signed(true), Int128Of(1)}
	digits := array.NewData(&arrow.Decimal128Type{Precision: 4, Scale: 2}, 2, []*memory.Buffer{nil, memory.NewBufferBytes(wideBytes(wide))}, nil, 0, 0)
	gap := arrow.MonthDayNanoIntervalTraits.CastToBytes([]arrow.MonthDayNanoInterval{{Nanoseconds: 1001}})
	fine := array.NewData(arrow.FixedWidthTypes.MonthDayNanoInterval, 1, []*memory.Buffer{nil, memory.NewBufferBytes(gap)}, nil, 0, 0)
	for _, c := range []struct {
		data arrow.ArrayData
		want string
	}{
		{text(nil, 0, 4, 2), `read column "x": offset 2 is 2 behind 4`},
		{list, `read column "x": offsets end at 3 of 2`},
		{digits, `read column "x": row 0 has more digits than a decimal(4,2)`},
		{fine, `read column "x": the interval in row 0 is finer than a microsecond`},
	} {
		schema := arrow.NewSchema([]arrow.Field{{Name: "x", Type: c.data.DataType(), Nullable: true}}, nil)
		rec := array.NewRecord(schema, []arrow.Array{array.MakeFromData(c.data)}, int64(c.data.Len()))
		if _, err := FromArrow(rec); err == nil || err.Error() != c.want {
			t.Errorf("got %v, want %s", err, c.want)
		}
	}
	keys := text([]byte{2}, 0, 1, 2)
	v := &Vector{Type: MapOf(Type{Kind: String}, Type{Kind: String}), N: 1, Off: []int32{0, 2}}
	for range 2 {
		kid, err := arrowTypes.view(Type{Kind: String}, keys, 0, 2)
		if err != nil {
			t.Fatal(err)
		}
		v.Kids = append(v.Kids, kid)
	}
	if err := checkMapKeys(v); err == nil || err.Error() != "a key of a map is NULL" {
		t.Errorf("got %v", err)
	}
}

func TestArrowTypesRefused(t *testing.T) {
	if _, err := ArrowSchema(NewSchema(Field{"gap", Type{Kind: Null}})); err == nil || err.Error() != `column "gap": Arrow has no column of type null` {
		t.Errorf("got %v", err)
	}
	mem := checkedAllocator(t)
	long := &Vector{Type: Type{Kind: Interval}, N: 1, Wide: []Int128{MakeInterval(0, 0, math.MaxInt64)}}
	if _, err := ToArrow(&Batch{Schema: NewSchema(Field{"gap", long.Type}), Rows: 1, Cols: []*Vector{long}}, mem); err == nil || err.Error() != `column "gap": `+errLongInterval.Error() {
		t.Errorf("got %v", err)
	}
	rb := array.NewRecordBuilder(mem, arrow.NewSchema([]arrow.Field{{Name: "u", Type: arrow.PrimitiveTypes.Uint8}}, nil))
	defer rb.Release()
	rec := rb.NewRecord()
	defer rec.Release()
	if _, err := FromArrow(rec); err == nil || !strings.Contains(err.Error(), `column "u" has the Arrow type uint8`) {
		t.Errorf("got %v", err)
	}
}
