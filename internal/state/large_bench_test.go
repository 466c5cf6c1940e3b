package state

import (
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

// largeShape counts and sums by a bigint in windows.
func largeShape() Shape {
	in := columnar.NewSchema(
		columnar.Field{Name: "n", Type: typed(columnar.Int64)},
		columnar.Field{Name: "id", Type: typed(columnar.Int64)},
		columnar.Field{Name: "window_start", Type: typed(columnar.Timestamp)},
	)
	return Shape{In: in, Spec: columnar.AggSpec{Keys: []int{2, 1}, Aggs: []columnar.Agg{
		{Func: columnar.CountStar, Arg: -1, Name: "views"},
		{Func: columnar.Sum, Arg: 0, In: typed(columnar.Int64), Name: "sum"},
		{Func: columnar.CountStar, Arg: -1, Name: "_rows"},
	}}}
}

// largeRows are half-aggregated rows of the ids from..to−1.
func largeRows(from, to int) *columnar.Batch { return largeGroups(largeShape(), from, to) }

func largeGroups(shape Shape, from, to int) *columnar.Batch {
	h := columnar.NewHashAggregate(shape.In, shape.Spec)
	if err := h.Add(largeInput(shape, from, to)); err != nil {
		panic(err)
	}
	return h.Partial()
}

// largeInput is rows of the ids from..to−1, each of which is another number by a multiplication that mixes its bits.
func largeInput(shape Shape, from, to int) *columnar.Batch {
	n := to - from
	rows := &columnar.Batch{Schema: shape.In, Rows: n}
	for range shape.In.Fields {
		rows.Cols = append(rows.Cols, &columnar.Vector{N: n, I64: make([]int64, n)})
	}
	for i, f := range shape.In.Fields {
		rows.Cols[i].Type = f.Type
	}
	for i := range n {
		rows.Cols[0].I64[i], rows.Cols[1].I64[i] = int64(i), int64(uint64(from+i)*0x9e3779b97f4a7c15)>>1
	}
	return rows
}

// BenchmarkLarge takes tables of many groups through a snapshot and back: a window of bigint keys with a count and a sum. The first
// snapshot also puts the keys in order.
func BenchmarkLarge(b *testing.B) {
	for _, size := range []struct {
		name   string
		groups int
	}{{"1M", 1_000_000}, {"10M", 10_000_000}} {
		b.Run(size.name, func(b *testing.B) {
			const batch = 100_000
			for b.Loop() {
				table := NewTable(largeShape())
				var merging time.Duration
				for from := 0; from < size.groups; from += batch {
					rows := largeRows(from, from+batch)
					began := time.Now()
					if err := table.Merge(rows); err != nil {
						b.Fatal(err)
					}
					merging += time.Since(began)
				}
				report := func(took time.Duration, what string) {
					b.ReportMetric(float64(took.Nanoseconds())/float64(size.groups), what+"-ns/group")
				}
				report(merging, "merge")
				var block []byte
				for _, what := range []string{"first-snapshot", "snapshot"} {
					began := time.Now()
					block = snapshot(b, table)
					report(time.Since(began), what)
				}
				b.ReportMetric(float64(len(block))/float64(size.groups), "B/group")
				began := time.Now()
				l := NewLoader(largeShape())
				if err := l.Load(block, 0, 255); err != nil {
					b.Fatal(err)
				}
				report(time.Since(began), "decode")
				if _, err := l.Table(inTurn); err != nil {
					b.Fatal(err)
				}
				report(time.Since(began), "load")
			}
		})
	}
}
