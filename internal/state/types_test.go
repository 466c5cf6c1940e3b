package state

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// keyTypes are the types that keys may have.
var keyTypes = []columnar.Type{
	typed(columnar.Bool), typed(columnar.Int8), typed(columnar.Int16), typed(columnar.Int32), typed(columnar.Int64), typed(columnar.Float32),
	typed(columnar.Float64), columnar.DecimalOf(38, 10), typed(columnar.String), typed(columnar.Binary), typed(columnar.Date), typed(columnar.Timestamp),
	typed(columnar.LocalTimestamp), typed(columnar.Interval), columnar.ArrayOf(typed(columnar.String)), columnar.ArrayOf(columnar.ArrayOf(typed(columnar.Interval))),
	columnar.StructOf(columnar.Field{Name: "a", Type: typed(columnar.Float64)}, columnar.Field{Name: "b", Type: columnar.ArrayOf(typed(columnar.Int8))}),
}

// appendValue appends one of few values of the builder's type t, equal ones in several forms.
func appendValue(r *rand.Rand, b *columnar.Builder, t columnar.Type) {
	x := r.IntN(4)
	if x == 3 {
		b.AppendNull()
		return
	}
	switch t.Kind.Storage() {
	case columnar.StoredBits:
		b.AppendBool(x == 1)
	case columnar.StoredI32:
		b.AppendInt32(int32(x))
	case columnar.StoredI64:
		b.AppendInt64(int64(x) - 1)
	case columnar.StoredF64:
		b.AppendFloat64([]float64{math.NaN(), 0, math.Copysign(0, -1)}[x])
	case columnar.StoredWide:
		b.AppendWide([]columnar.Int128{columnar.MakeInterval(1, 0, 0), columnar.MakeInterval(0, 30, 0), columnar.MakeInterval(0, 0, math.MaxInt64)}[x])
	case columnar.StoredBytes:
		b.AppendString(fmt.Sprint(x))
	case columnar.StoredList:
		for range x {
			appendValue(r, b.Kid(0), t.Elem())
		}
		b.AppendNested()
	case columnar.StoredStruct:
		for i, f := range t.Fields() {
			appendValue(r, b.Kid(i), f.Type)
		}
		b.AppendNested()
	}
}

// TestKeysOfEveryType counts rows by a window and a key of each type, at once and in parts that go through blocks. The
// last snapshots are the same.
func TestKeysOfEveryType(t *testing.T) {
	for _, key := range keyTypes {
		in := columnar.NewSchema(columnar.Field{Name: "window_start", Type: typed(columnar.Timestamp)}, columnar.Field{Name: "k", Type: key})
		shape := Shape{In: in, Spec: columnar.AggSpec{Keys: []int{0, 1}, Aggs: []columnar.Agg{{Func: columnar.CountStar, Arg: -1, Name: "_rows"}}}}
		r := rand.New(rand.NewPCG(7, uint64(key.Kind)))
		whole, parts := NewTable(shape), NewTable(shape)
		for range 6 {
			b := keyBatch(r, in)
			mergeBatch(t, whole, shape, b)
			restored, err := restore(shape, snapshot(t, parts))
			if err != nil {
				t.Fatalf("%s: %v", key, err)
			}
			parts = restored
			b.Sel = []int32{0, 1, 2, 3, 4, 5, 6}
			mergeBatch(t, parts, shape, b)
			b.Sel = []int32{7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19}
			mergeBatch(t, parts, shape, b)
		}
		if !bytes.Equal(snapshot(t, whole), snapshot(t, parts)) {
			t.Errorf("%s: the groups are others", key)
		}
	}
}

func keyBatch(r *rand.Rand, in *columnar.Schema) *columnar.Batch {
	const rows = 20
	window, key := columnar.NewBuilder(in.Fields[0].Type), columnar.NewBuilder(in.Fields[1].Type)
	for range rows {
		window.AppendInt64(r.Int64N(2))
		appendValue(r, key, in.Fields[1].Type)
	}
	return &columnar.Batch{Schema: in, Rows: rows, Cols: []*columnar.Vector{window.Vector(), key.Vector()}}
}

func mergeBatch(t *testing.T, table *Table, shape Shape, b *columnar.Batch) {
	t.Helper()
	h := columnar.NewHashAggregate(shape.In, shape.Spec)
	if err := h.Add(b); err != nil {
		t.Fatal(err)
	}
	if err := table.Merge(h.Partial()); err != nil {
		t.Fatal(err)
	}
}

func restore(shape Shape, block []byte) (*Table, error) {
	l := NewLoader(shape)
	if err := l.Load(block, 0, 255); err != nil {
		return nil, err
	}
	return l.Table(inTurn)
}
