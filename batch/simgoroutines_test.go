package batch

import (
	"context"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/offsets"
)

// crowd is a source that counts the goroutines of the process with every record batch that is read.
type crowd struct {
	offsets.Source
	batches, most atomic.Int64
}

func (c *crowd) Read(ctx context.Context, r offsets.Range) (offsets.Reader, error) {
	reader, err := c.Source.Read(ctx, r)
	return &crowded{reader, c}, err
}

type crowded struct {
	offsets.Reader
	*crowd
}

func (c *crowded) Next(ctx context.Context, recs *offsets.Records) error {
	c.batches.Add(1)
	for n := int64(runtime.NumGoroutine()); ; {
		most := c.most.Load()
		if n <= most || c.most.CompareAndSwap(most, n) {
			break
		}
	}
	return c.Reader.Next(ctx, recs)
}

// TestGoroutines: a batch of thousands of record batches, each of one record, has as many goroutines as cores at work, for itself and
// for the batch ahead, and a few more.
func TestGoroutines(t *testing.T) {
	for _, n := range []int{1, 2, 8} {
		w := newWorld(t, simSeed(t))
		w.source.RunMax = 1
		w.fill(windowed, 6_000)
		before := int64(runtime.NumGoroutine())
		seen := &crowd{}
		job := w.job(windowed, flushing, rowsMax(2_000), func(j *Job) {
			source := j.Sources["events"]
			open := source.Open
			source.Open = func(ctx context.Context) (offsets.Source, error) {
				s, err := open(ctx)
				seen.Source = s
				return seen, err
			}
			j.Sources["events"] = source
		})
		w.mustRun(job, cores(n), beside)
		most := seen.most.Load() - before
		t.Logf("%d cores: at most %d goroutines more while %d record batches were read", n, most, seen.batches.Load())
		if seen.batches.Load() < 5_000 {
			t.Errorf("%d record batches were read, want thousands", seen.batches.Load())
		}
		if bound := int64(2*n + 4); most > bound {
			t.Errorf("%d cores: %d goroutines more than before, want at most %d", n, most, bound)
		}
		w.wantVerified("behind it", job, true)
	}
}
