package columnar

import (
	"errors"
	"slices"
	"strings"
	"testing"
	"unsafe"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// mapTest is an operator whose memory, and that of its function, is counted.
func mapTest(t *testing.T, in, out *Schema, f func(mem memory.Allocator, rec arrow.Record) (arrow.Record, error)) *MapBatch {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	m, err := NewMapBatch(in, out, "f", func(rec arrow.Record) (arrow.Record, error) { return f(mem, rec) })
	if err != nil {
		t.Fatal(err)
	}
	m.mem = mem
	t.Cleanup(func() {
		m.Release()
		mem.AssertSize(t, 0)
	})
	return m
}

// TestMapBatchRoundTrip lets random columns of every type through the function that returns what it is given.
func TestMapBatchRoundTrip(t *testing.T) {
	r := newRand(t)
	m := mapTest(t, everySchema, everySchema, func(_ memory.Allocator, rec arrow.Record) (arrow.Record, error) {
		for i := range int(rec.NumCols()) {
			if err := validate(rec.Column(i)); err != nil {
				t.Errorf("column %d is not valid Arrow: %v", i, err)
			}
		}
		rec.Retain()
		return rec, nil
	})
	for range cases(60, 20) {
		b := randomBatch(r, everySchema, r.IntN(40), 0.3)
		for _, v := range b.Cols {
			v.shortIntervals()
		}
		if r.IntN(2) == 0 {
			randomSel(r, b)
		}
		out, err := m.Process(b)
		if err != nil {
			t.Fatal(err)
		}
		if out.Rows != b.Len() || len(out.Cols) != len(b.Cols) {
			t.Fatalf("%d rows of %d columns, want %d of %d", out.Rows, len(out.Cols), b.Len(), len(b.Cols))
		}
		for i, row := range selected(b) {
			for c := range b.Cols {
				got, want := goValue(out.Cols[c].Type, valueAt(out.Cols[c], i)), goValue(b.Cols[c].Type, valueAt(b.Cols[c], int(row)))
				if !identical(got, want) {
					t.Fatalf("column %s, row %d: %v, want %v", everySchema.Fields[c].Name, i, got, want)
				}
			}
		}
		if n := m.Counts(); n.In != int64(b.Len()) || n.Out != n.In {
			t.Errorf("counts %+v", n)
		}
	}
}

// shortIntervals leaves out the time of intervals: what is longer than 292 years has no form in Arrow.
func (v *Vector) shortIntervals() {
	for i, x := range v.Wide {
		if months, days, _ := x.Interval(); v.Type.Kind == Interval {
			v.Wide[i] = MakeInterval(months, days, 0)
		}
	}
	for _, kid := range v.Kids {
		kid.shortIntervals()
	}
}

var mapIn = NewSchema(Field{"n", Type{Kind: Int64}}, Field{"s", Type{Kind: String}})

func mapBatchOf(rows int) *Batch {
	n, s := NewBuilder(Type{Kind: Int64}), NewBuilder(Type{Kind: String})
	for i := range rows {
		n.AppendInt64(int64(i))
		s.AppendString("abc"[:i%4])
	}
	return &Batch{Schema: mapIn, Rows: rows, Cols: []*Vector{n.Vector(), s.Vector()}}
}

// TestMapBatchCopiesNothing looks at the addresses of columns that pass through, and of one that the function makes.
func TestMapBatchCopiesNothing(t *testing.T) {
	var made unsafe.Pointer
	out := NewSchema(Field{"s", Type{Kind: String}}, Field{"n", Type{Kind: Int64}}, Field{"twice", Type{Kind: Int64}})
	schema, err := ArrowSchema(out)
	if err != nil {
		t.Fatal(err)
	}
	m := mapTest(t, mapIn, out, func(mem memory.Allocator, rec arrow.Record) (arrow.Record, error) {
		b := array.NewInt64Builder(mem)
		defer b.Release()
		for _, x := range rec.Column(0).(*array.Int64).Int64Values() {
			b.Append(2 * x)
		}
		twice := b.NewInt64Array()
		defer twice.Release()
		made = unsafe.Pointer(unsafe.SliceData(twice.Int64Values()))
		return array.NewRecord(schema, []arrow.Array{rec.Column(1), rec.Column(0), twice}, rec.NumRows()), nil
	})
	b := mapBatchOf(100)
	got, err := m.Process(b)
	if err != nil {
		t.Fatal(err)
	}
	same := func(name string, a, b unsafe.Pointer) {
		if a != b {
			t.Errorf("%s was copied", name)
		}
	}
	same("text", unsafe.Pointer(unsafe.SliceData(got.Cols[0].Data)), unsafe.Pointer(unsafe.SliceData(b.Cols[1].Data)))
	same("offsets", unsafe.Pointer(unsafe.SliceData(got.Cols[0].Off)), unsafe.Pointer(unsafe.SliceData(b.Cols[1].Off)))
	same("numbers", unsafe.Pointer(unsafe.SliceData(got.Cols[1].I64)), unsafe.Pointer(unsafe.SliceData(b.Cols[0].I64)))
	same("what the function made", unsafe.Pointer(unsafe.SliceData(got.Cols[2].I64)), made)
	if got.Cols[2].I64[99] != 198 {
		t.Errorf("twice 99 is %d", got.Cols[2].I64[99])
	}
}

func TestMapBatchRows(t *testing.T) {
	m := mapTest(t, mapIn, mapIn, func(_ memory.Allocator, rec arrow.Record) (arrow.Record, error) {
		return rec.NewSlice(1, rec.NumRows()-2), nil
	})
	b := mapBatchOf(10)
	b.Sel = []int32{0, 2, 4, 6, 8}
	got, err := m.Process(b)
	if err != nil {
		t.Fatal(err)
	}
	if got.Rows != 2 || got.Cols[0].I64[0] != 2 || got.Cols[0].I64[1] != 4 || string(got.Cols[1].Str(0)) != "ab" || got.Origin != nil {
		t.Errorf("%d rows: %v %q", got.Rows, got.Cols[0].I64, got.Cols[1].Str(0))
	}
	if data := got.Cols[1].Data; cap(data)-len(data) < Slack {
		t.Errorf("%d bytes behind the text", cap(data)-len(data))
	}
	if n := m.Counts(); n != (RowCounts{In: 5, Out: 2, Filtered: 3}) {
		t.Errorf("counts %+v", n)
	}
	if got, err = m.Process(&Batch{Schema: mapIn, Rows: 3, Cols: mapBatchOf(3).Cols, Sel: []int32{}}); err != nil || got.Rows != 0 || len(got.Cols) != 2 {
		t.Errorf("of no rows: %d, %v", got.Rows, err)
	}
}

// TestMapBatchRecordEndsBeforeItsColumns: Arrow lets columns be longer than their record. Rows behind its end are none, also for those
// who look at columns only.
func TestMapBatchRecordEndsBeforeItsColumns(t *testing.T) {
	out := NewSchema(mapIn.Fields[1], Field{"yes", Type{Kind: Bool}})
	schema, err := ArrowSchema(out)
	if err != nil {
		t.Fatal(err)
	}
	m := mapTest(t, mapIn, out, func(mem memory.Allocator, rec arrow.Record) (arrow.Record, error) {
		b := array.NewBooleanBuilder(mem)
		defer b.Release()
		b.AppendValues([]bool{true, false, true, true, true}, nil)
		yes := b.NewArray()
		defer yes.Release()
		return array.NewRecord(schema, []arrow.Array{rec.Column(1), yes}, 3), nil
	})
	b, err := m.Process(mapBatchOf(5))
	if err != nil {
		t.Fatal(err)
	}
	for i, v := range b.Cols {
		if v.N != 3 {
			t.Errorf("column %d has %d rows", i, v.N)
		}
	}
	f, err := NewFilter(out, Col(out, 1))
	if err != nil {
		t.Fatal(err)
	}
	if b, err = f.Process(b); err != nil || !slices.Equal(b.Sel, []int32{0, 2}) {
		t.Errorf("rows %v are left, %v", b.Sel, err)
	}
}

func TestMapBatchRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		f    func(mem memory.Allocator, rec arrow.Record) (arrow.Record, error)
		want string
	}{
		"an error":    {func(memory.Allocator, arrow.Record) (arrow.Record, error) { return nil, errors.New("no model") }, `map "f": no model`},
		"a panic":     {func(memory.Allocator, arrow.Record) (arrow.Record, error) { panic("boom") }, `map "f": the function panicked: boom`},
		"nothing":     {func(memory.Allocator, arrow.Record) (arrow.Record, error) { return nil, nil }, `map "f": the function returned no record`},
		"two columns": {sameColumn(0, 0), `map "f": the function returned 2 columns, declared are 1`},
		"a number":    {sameColumn(0), `map "f": the function returned column "n" of Arrow type int64, declared is "s" of type utf8`},
		"no UTF-8": {func(mem memory.Allocator, rec arrow.Record) (arrow.Record, error) {
			b := array.NewStringBuilder(mem)
			defer b.Release()
			b.AppendValues([]string{"a", "\xff", "b"}, nil)
			s := b.NewArray()
			defer s.Release()
			return array.NewRecord(arrow.NewSchema([]arrow.Field{{Name: "s", Type: arrow.BinaryTypes.String}}, nil), []arrow.Array{s}, 3), nil
		}, `map "f": the function returned column "s": a string is not UTF-8`},
	} {
		m := mapTest(t, mapIn, NewSchema(mapIn.Fields[1]), c.f)
		if _, err := m.Process(mapBatchOf(3)); err == nil || err.Error() != c.want {
			t.Errorf("%s: got %v, want %s", name, err, c.want)
		}
	}
	if _, err := NewMapBatch(mapIn, &Schema{}, "f", func(rec arrow.Record) (arrow.Record, error) { return rec, nil }); err == nil || !strings.Contains(err.Error(), "yields no column") {
		t.Errorf("no column: %v", err)
	}
	if _, err := NewMapBatch(mapIn, mapIn, "f", nil); err == nil || err.Error() != `map "f" has no function` {
		t.Errorf("no function: %v", err)
	}
}

// sameColumn returns columns of the record as they are.
func sameColumn(which ...int) func(memory.Allocator, arrow.Record) (arrow.Record, error) {
	return func(_ memory.Allocator, rec arrow.Record) (arrow.Record, error) {
		var fields []arrow.Field
		var cols []arrow.Array
		for _, i := range which {
			fields, cols = append(fields, rec.Schema().Field(i)), append(cols, rec.Column(i))
		}
		return array.NewRecord(arrow.NewSchema(fields, nil), cols, rec.NumRows()), nil
	}
}
