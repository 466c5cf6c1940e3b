package windows

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

// flow is a windowed job on a stream that goes on: a task of rows per call, in 100 keys, with times within some disorder.
type flow struct {
	assign *Assign
	send   *LocalAggregate
	shard  *Aggregate
	mark   int64
	groups int
	took   time.Duration // of all cores
}

func newFlow(w Window) *flow {
	f := &flow{assign: NewAssign(eventSchema, 0, w), mark: NoWatermark}
	f.send = NewLocalAggregate(f.assign.Schema(), specOf(w), w)
	f.shard = NewAggregate(Operator{Window: w, In: f.assign.Schema(), Spec: specOf(w)})
	return f
}

// run takes the batches of a task through both sides and closes what the watermark passes.
func (f *flow) run(b *testing.B, task []*columnar.Batch, watermark int64) {
	began := processTime()
	f.assign.SetWatermark(f.mark)
	f.shard.SetWatermark(f.mark)
	f.send.Reset()
	for _, batch := range task {
		rows, err := f.assign.Process(batch)
		if err == nil {
			err = f.send.Add(rows)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	if err := f.shard.Merge(f.send.Partial()); err != nil {
		b.Fatal(err)
	}
	f.mark = watermark
	closed, err := f.shard.Close(f.mark)
	if err != nil {
		b.Fatal(err)
	}
	if _, err := f.shard.Delta(); err != nil {
		b.Fatal(err)
	}
	f.groups += closed.Groups.Rows
	f.took += processTime() - began
}

const (
	flowBatch    = 8192
	flowTask     = 12 // batches
	flowRow      = 5  // µs from row to row: 2,000,000 rows in a window of ten seconds
	flowDisorder = 50_000
)

func flowOf(keys int) []*columnar.Batch {
	r := rand.New(rand.NewPCG(51, 0))
	var task []*columnar.Batch
	for i := range flowTask {
		events := make([]event, flowBatch)
		for j := range events {
			events[j] = event{ts: int64(i*flowBatch+j)*flowRow - r.Int64N(flowDisorder), key: fmt.Sprint("key", r.IntN(keys)), value: r.Float64()}
		}
		task = append(task, eventBatch(events))
	}
	return task
}

// later moves the times of a task behind those that it had.
func later(task []*columnar.Batch) {
	for _, b := range task {
		for i := range b.Cols[0].I64 {
			b.Cols[0].I64[i] += flowTask * flowBatch * flowRow
		}
	}
}

// BenchmarkSliding runs the same rows through windows of ten seconds that slide by ten seconds and by a hundredth of that, task
// by task in turns. A round is a window of rows, so that what is done once in a window is in each. The figures are medians over the
// rounds of the time that all cores worked, garbage collection and all; the ratio is that of the throughput.
func BenchmarkSliding(b *testing.B) {
	const size = 10_000_000
	for _, keys := range []int{100, 1000} {
		b.Run(fmt.Sprint("keys=", keys), func(b *testing.B) {
			task := flowOf(keys)
			whole := newFlow(Window{Kind: Sliding, Size: size, Slide: size})
			fine := newFlow(Window{Kind: Sliding, Size: size, Slide: size / 100})
			watermark := int64(-flowDisorder)
			step := func() {
				watermark += flowTask * flowBatch * flowRow
				whole.run(b, task, watermark)
				fine.run(b, task, watermark)
				later(task)
			}
			const tasks = 1 + size/(flowTask*flowBatch*flowRow) // of a round
			for range 3 * tasks {                               // until windows close as they will go on to
				step()
			}
			const rows = tasks * flowTask * flowBatch
			var costs [2][]float64
			var ratios []float64
			fine.groups = 0
			for b.Loop() {
				whole.took, fine.took = 0, 0
				for range tasks {
					step()
				}
				costs[0] = append(costs[0], float64(whole.took.Nanoseconds())/rows)
				costs[1] = append(costs[1], float64(fine.took.Nanoseconds())/rows)
				ratios = append(ratios, float64(whole.took)/float64(fine.took))
			}
			b.ReportMetric(median(costs[0]), "cpu-ns/row-size/1")
			b.ReportMetric(median(costs[1]), "cpu-ns/row-size/100")
			b.ReportMetric(float64(fine.groups)/float64(len(ratios)*tasks), "groups/task")
			b.ReportMetric(median(ratios), "ratio")
		})
	}
}

func median(values []float64) float64 {
	slices.Sort(values)
	return values[len(values)/2]
}

// BenchmarkCloseAmongOpen closes ten windows of five keys at a time, and opens as many, while 100 and while 100,000 are open.
func BenchmarkCloseAmongOpen(b *testing.B) {
	const keys, at = 5, 10
	w := Window{Kind: Tumbling, Size: 1}
	partialOf := func(from, n int64) *columnar.Batch {
		var events []event
		for ts := from; ts < from+n; ts++ {
			for k := range keys {
				events = append(events, event{ts: ts, key: fmt.Sprint("key", k), value: 1})
			}
		}
		f := newFlow(w)
		rows, err := f.assign.Process(eventBatch(events))
		if err == nil {
			err = f.send.Add(rows)
		}
		if err != nil {
			b.Fatal(err)
		}
		return columnar.Concat([]*columnar.Batch{f.send.Partial()})
	}
	for _, open := range []int64{100, 100_000} {
		b.Run(fmt.Sprint("open=", open), func(b *testing.B) {
			a := newFlow(w).shard
			if err := a.Merge(partialOf(0, open)); err != nil {
				b.Fatal(err)
			}
			if _, err := a.Delta(); err != nil {
				b.Fatal(err)
			}
			next := partialOf(open, at)
			for first := int64(0); b.Loop(); first += at {
				if err := a.Merge(next); err != nil {
					b.Fatal(err)
				}
				closed, err := a.Close(first + at)
				if err == nil {
					_, err = a.Delta()
				}
				if err != nil || closed.Groups.Rows != at*keys {
					b.Fatal(closed.Groups.Rows, err)
				}
				for i := range next.Cols[0].I64 {
					next.Cols[0].I64[i] += at
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*at*keys), "ns/group")
		})
	}
}
