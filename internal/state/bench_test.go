package state

import (
	"fmt"
	"testing"
)

// BenchmarkBlocks shows what a group costs on its way through a block and back.
func BenchmarkBlocks(b *testing.B) {
	const groups = 100_000
	rows := make([]row, groups)
	for i := range rows {
		name := fmt.Sprint("campaign-", i)
		rows[i] = row{name: &name, window: int64(i % 4)}
	}
	partial := partialOf(b, rows)
	table := NewTable(testShape())
	perGroup := func(b *testing.B) {
		b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*groups), "ns/group")
	}
	b.Run("merge", func(b *testing.B) {
		for b.Loop() {
			if err := table.Merge(partial); err != nil {
				b.Fatal(err)
			}
		}
		perGroup(b)
	})
	var block []byte
	b.Run("snapshot", func(b *testing.B) {
		for b.Loop() {
			block = snapshot(b, table)
		}
		perGroup(b)
	})
	b.Run("load", func(b *testing.B) {
		for b.Loop() {
			load(b, 0, 255, block)
		}
		perGroup(b)
	})
}
