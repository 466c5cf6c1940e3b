package batch

import (
	"bytes"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
)

// TestLoadOnCores: a table of a snapshot and deltas is the same whether one core makes it or several do.
func TestLoadOnCores(t *testing.T) {
	moment, number := columnar.Type{Kind: columnar.Timestamp}, columnar.Type{Kind: columnar.Int64}
	shape := state.Shape{
		In:   columnar.NewSchema(columnar.Field{Name: "window_start", Type: moment}, columnar.Field{Name: "id", Type: number}),
		Spec: columnar.AggSpec{Keys: []int{0, 1}, Aggs: []columnar.Agg{{Func: columnar.CountStar, Arg: -1, Name: "_rows"}}},
	}
	rows := func(from, n, step int) *columnar.Batch {
		b := &columnar.Batch{Schema: shape.In, Rows: n}
		for _, typ := range []columnar.Type{moment, number} {
			b.Cols = append(b.Cols, &columnar.Vector{Type: typ, N: n, I64: make([]int64, n)})
		}
		for i := range n {
			b.Cols[0].I64[i], b.Cols[1].I64[i] = int64(i%3), int64(from+i*step)
		}
		h := columnar.NewHashAggregate(shape.In, shape.Spec)
		if err := h.Add(b); err != nil {
			t.Fatal(err)
		}
		return h.Partial()
	}
	table := state.NewTable(shape)
	blocks := [][]byte{}
	for i := range 12 {
		add, block := rows(i*50, 200, 7), table.Delta
		if i == 0 {
			add, block = rows(0, 70_000, 1), table.Snapshot
		}
		err := table.Merge(add)
		if err == nil {
			var b []byte
			b, err = block()
			blocks = append(blocks, b)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	want, err := table.Snapshot()
	if err != nil {
		t.Fatal(err)
	}
	for cores := 1; cores <= 3; cores++ {
		l := state.NewLoader(shape)
		for _, b := range blocks {
			opened, err := state.OpenBlock(b, onCores(cores))
			if err == nil {
				err = l.LoadBlock(opened, 0, 255)
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		loaded, err := l.Table(onCores(cores))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := loaded.Snapshot(); err != nil || !bytes.Equal(got, want) {
			t.Errorf("%d cores make another table of %d rows, want %d: %v", cores, loaded.Rows(), table.Rows(), err)
		}
	}
}
