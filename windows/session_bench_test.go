package windows

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

const (
	benchKeys  = 1_000_000
	benchRows  = 3_000_000
	benchBatch = 100_000 // rows of a batch, which come in chunks
	benchChunk = 8192
	benchSpan  = int64(1_000_000_000) // µs: a session's gap, and a tumbling window
)

// benchInput is rows of a million keys in an order that no cache foresees. Time goes on by 1 ms from row to row, so that a key
// is seen about every gap, and about half of the sessions have one row.
func benchInput() [][]*columnar.Batch {
	r := rand.New(rand.NewPCG(1, 0))
	var out [][]*columnar.Batch
	for at := 0; at < benchRows; at += benchBatch {
		var batch []*columnar.Batch
		for from := at; from < at+benchBatch; from += benchChunk {
			events := make([]event, min(benchChunk, at+benchBatch-from))
			for i := range events {
				events[i] = event{ts: int64(from+i) * 1000, key: fmt.Sprint("user-", r.IntN(benchKeys)), value: 1}
			}
			batch = append(batch, eventBatch(events))
		}
		out = append(out, batch)
	}
	return out
}

// benchPass takes the rows from Assign to closed windows, batch by batch as in a job with one core and one shard.
func benchPass(b *testing.B, input [][]*columnar.Batch, w Window) (groups int) {
	assign := NewAssign(eventSchema, 0, w)
	spec := columnar.AggSpec{Keys: []int{3, 1}, Aggs: []columnar.Agg{
		{Func: columnar.Sum, Arg: 2, In: kind(columnar.Float64), Name: "sum"},
		{Func: columnar.CountStar, Arg: -1, Name: "_rows"}}}
	op := Operator{Window: w, In: assign.Schema(), Spec: withTimes(spec, w)}
	send, shard := NewLocalAggregate(op.In, op.Spec, op.Window), NewAggregate(op)
	watermark := int64(NoWatermark)
	close := func(at int64) {
		closed, err := shard.Close(at)
		if err != nil {
			b.Fatal(err)
		}
		groups += closed.Groups.Rows
	}
	for _, batch := range input {
		shard.SetWatermark(watermark)
		send.Reset()
		for _, chunk := range batch {
			rows, err := assign.Process(chunk)
			if err == nil {
				err = send.Add(rows)
			}
			if err != nil {
				b.Fatal(err)
			}
			watermark = chunk.Cols[0].I64[chunk.Rows-1]
		}
		if err := shard.Merge(columnar.Concat([]*columnar.Batch{send.Partial()})); err != nil {
			b.Fatal(err)
		}
		close(watermark)
		if _, err := shard.Delta(); err != nil {
			b.Fatal(err)
		}
	}
	close(MaxWatermark)
	return groups
}

// BenchmarkSessions compares sessions of a million keys with tumbling windows over the same rows. Its figure "ratio" is the
// throughput of sessions by that of tumbling windows; it should be 0.4 or more.
func BenchmarkSessions(b *testing.B) {
	input := benchInput()
	var took [2]time.Duration
	var groups [2]int
	for b.Loop() {
		for i, w := range []Window{{Kind: Tumbling, Size: benchSpan}, {Kind: Session, Size: benchSpan}} {
			start := time.Now()
			groups[i] = benchPass(b, input, w)
			took[i] += time.Since(start)
		}
	}
	perRow := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / float64(b.N*benchRows) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perRow(took[0]), "tumbling-ns/row")
	b.ReportMetric(perRow(took[1]), "sessions-ns/row")
	b.ReportMetric(float64(took[0])/float64(took[1]), "ratio")
	b.Logf("%d tumbling groups, %d sessions", groups[0], groups[1])
}
