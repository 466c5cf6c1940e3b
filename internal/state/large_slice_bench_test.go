package state

import (
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

// BenchmarkSliceOf takes one round of slices, of all that is held of many keys, of each kind of state: what a snapshot costs for a
// key, and what it costs to come back from it.
func BenchmarkSliceOf(b *testing.B) {
	for _, size := range []struct {
		name string
		keys int
	}{{"1M", 1_000_000}, {"10M", 10_000_000}} {
		for name, kind := range map[string]func(b *testing.B, keys int) largeSliced{"table": largeTable, "sessions": largeSessions, "seen": largeSeen} {
			b.Run(name+"/"+size.name, func(b *testing.B) {
				s := kind(b, size.keys)
				var room []byte
				for b.Loop() {
					var slices []*Block
					var slicing time.Duration
					bytes := 0
					const count = 13
					for i := range count {
						from, to := uint8(i*keyGroups/count), uint8((i+1)*keyGroups/count-1)
						began := time.Now()
						block, err := s.slice(room[:0], from, to)
						must(b, err)
						room = block
						slicing += time.Since(began)
						bytes += len(block)
						opened, err := OpenSlice(block, from, to, inTurn)
						must(b, err)
						slices = append(slices, opened)
					}
					report := func(sum float64, what string) { b.ReportMetric(sum/float64(size.keys), what+"/key") }
					report(float64(slicing), "slice-ns")
					report(float64(bytes), "B")
					began := time.Now()
					must(b, s.load(slices))
					report(float64(time.Since(began)), "load-ns")
				}
			})
		}
	}
}

// largeSliced is a state of many keys.
type largeSliced struct {
	slice func(room []byte, from, to uint8) ([]byte, error)
	load  func(slices []*Block) error
}

const largeBatch = 100_000

func largeTable(b *testing.B, keys int) largeSliced {
	table := NewTable(largeShape())
	for from := 0; from < keys; from += largeBatch {
		must(b, table.Merge(largeRows(from, from+largeBatch)))
	}
	delta(b, table)
	return largeSliced{table.Slice, func(slices []*Block) error {
		l := NewLoader(largeShape())
		if err := loadAll(l.LoadBlock, slices); err != nil {
			return err
		}
		_, err := l.Table(inTurn)
		return err
	}}
}

// largeSessionShape counts and sums by a bigint in sessions.
func largeSessionShape() Shape {
	shape := largeShape()
	start, aggs := typed(columnar.Timestamp), shape.Spec.Aggs
	shape.Spec.Aggs = []columnar.Agg{aggs[0], aggs[1],
		{Func: columnar.Min, Arg: 2, In: start, Name: "_first"}, {Func: columnar.Max, Arg: 2, In: start, Name: "_last"}, aggs[2]}
	return shape
}

func largeSessions(b *testing.B, keys int) largeSliced {
	const gap = 1000
	s := NewSessions(largeSessionShape(), gap)
	for from := 0; from < keys; from += largeBatch {
		must(b, s.Merge(largeGroups(largeSessionShape(), from, from+largeBatch)))
		_, err := s.Delta()
		must(b, err)
	}
	return largeSliced{s.Slice, func(slices []*Block) error {
		l := NewSessionLoader(largeSessionShape(), gap)
		if err := loadAll(l.LoadBlock, slices); err != nil {
			return err
		}
		_, err := l.Sessions()
		return err
	}}
}

func largeSeen(b *testing.B, keys int) largeSliced {
	const span = 1000
	shape := largeShape()
	shape.Spec.Aggs = shape.Spec.Aggs[2:]
	s := NewSeen(shape, span)
	for from := 0; from < keys; from += largeBatch {
		_, err := s.Keep(largeInput(shape, from, from+largeBatch))
		must(b, err)
		_, err = s.Delta()
		must(b, err)
	}
	return largeSliced{s.Slice, func(slices []*Block) error {
		l := NewSeenLoader(shape, span)
		if err := loadAll(l.LoadBlock, slices); err != nil {
			return err
		}
		_, err := l.Seen()
		return err
	}}
}

func loadAll(load func(b *Block, from, to uint8) error, slices []*Block) error {
	for _, s := range slices {
		if err := load(s, 0, keyGroups-1); err != nil {
			return err
		}
	}
	return nil
}
