package batch

import (
	"context"
	"maps"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output/outputtest"
)

// TestIdleTriggers has ten thousand triggers find nothing: they send no request to the checkpoint or to a sink, and write nothing.
// Heartbeats go by a clock of their own, and commit records of topics are refreshed once a day; TestKafkaRefreshes counts those.
func TestIdleTriggers(t *testing.T) {
	const triggers = 10_000
	for _, objects := range []*storetest.Objects{nil, {}} {
		w, _ := publishWorld(t, simSeed(t))
		counted := storetest.NewFaultFS(w.disk)
		w.fs = counted
		steps := 0
		w.kafka.Fault = func(string) outputtest.Fault {
			steps++
			return outputtest.Fault{}
		}
		requests := func() map[string]int {
			out := map[string]int{"kafka": steps}
			for _, op := range append([]storetest.Op{storetest.OpReadFile, storetest.OpReadDir}, storetest.Ops...) {
				out["files "+string(op)] = counted.Count(op)
			}
			if objects != nil {
				for op, n := range objects.Ops() {
					out["objects "+op] = n
				}
			}
			return out
		}
		var before, after map[string]int
		job := w.job(published, continuous, func(j *Job) {
			j.Plan.Sources[0].Bounds.IdleAfter = 1 << 60 // no window closes
			if objects != nil {
				j.Checkpoint = "s3://bucket/ck"
			}
		})
		w.mustRun(job, ticks(w, triggers+5, func(tick int) {
			switch tick {
			case 4: // the records are read and committed
				before = requests()
			case triggers + 4:
				after = requests()
			}
		}), func(o *Options) {
			o.Env.Objects = func(context.Context, string) (store.Objects, error) { return objects, nil }
		})
		if !maps.Equal(before, after) || before["kafka"] == 0 || len(w.reports) == 0 {
			t.Errorf("requests before %v, after %d idle triggers %v; %d batches", before, triggers, after, len(w.reports))
		}
		t.Logf("%d triggers in %s of virtual time; requests before and after: %v", triggers, triggers*time.Second, after)
	}
}
