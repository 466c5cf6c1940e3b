package integration

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/prooftest"
)

// retainedJob keeps two hours of log. It holds no state, so that every commit is a place where the log may begin.
const retainedJob = `
name: places
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: events}
    columns: {id: bigint, k: string, at: timestamp(ms)}
query: SELECT id, k, at FROM events
sinks:
  rows: {parquet: {path: "${PLACE}/rows"}}
trigger: {available_now: true}
limits: {rows: 40}
retain: 2h
checkpoint: "${PLACE}/cp"
`

// TestRetainInPlaces runs a job for ten hours, by its clock, and once more through the program: what is older than retained is pruned, in a
// directory and in a bucket; what is left can be verified, replayed and gone on with, and what is gone is said to be.
func TestRetainInPlaces(t *testing.T) {
	for kind, place := range map[string]func(*testing.T, string) *placed{"directory": inDirectory, "bucket": inBucket} {
		t.Run(kind, func(t *testing.T) {
			x := place(t, retainedJob)
			setEnv(t, x.env)
			for hours := 10; hours > 0; hours -= 2 {
				x.fill(60)
				x.runAhead(-time.Duration(hours) * time.Hour)
			}
			logged, output := x.objects("cp/wal/"), x.objects("rows/")
			if n := len(x.objects("cp/pruned/")); n > 1 {
				t.Errorf("%d places where the log begins", n)
			}
			x.fill(60)
			x.must(x.args("run")...)
			begins := x.objects("cp/pruned/")
			if len(begins) != 1 {
				t.Fatalf("%d places where the log begins, want 1", len(begins))
			}
			left, gone := x.objects("cp/wal/"), 0
			for name := range logged {
				if _, ok := left[name]; !ok {
					gone++
				}
			}
			if gone == 0 || len(left) == 0 {
				t.Errorf("%d names of the log are gone, %d are left", gone, len(left))
			}
			now := x.objects("rows/")
			for name, data := range output {
				if now[name] != data {
					t.Errorf("%s was changed, or is gone", name)
				}
			}
			code, stderr := x.fails(x.args("replay", "--batches", "1..2")...)
			wantExit(t, code, stderr, 3, "batch 1 is gone: the log was pruned before batch", "retain in the job file says how long it is kept")
			for _, command := range [][]string{{"inspect"}, {"verify", "--deep"}, {"replay"}} {
				x.must(x.args(command[0], command[1:]...)...)
			}
			x.fill(30)
			x.must(x.args("run")...)
			if out := x.must(x.args("verify")...); !strings.Contains(out, "places: no difference") {
				t.Error(out)
			}
			if n := len(x.rowIDs()); n != x.records {
				t.Errorf("%d rows, want %d", n, x.records)
			}
			prooftest.Figure(t, fmt.Sprintf("retain, in a %s", kind), "%d of %d names of the log pruned, %d rows, the rest replayed and verified", gone, len(logged), x.records)
		})
	}
}
