package batch

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/output"
)

// little is memory of which this much is beside the state.
func little(loading int64) Memory { return Memory{Total: 1<<30 + loading, State: 1 << 30} }

// TestTableOutgrowsMemory: a table whose file, with its rows, is more than there is room for stops a run before it is read where its size is
// known, and before anything is planned; a replay stops as well, and both go on with more.
func TestTableOutgrowsMemory(t *testing.T) {
	w := memoryWorld(t)
	var more strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&more, "more%04d,campaign%04d\n", i, i)
	}
	w.ads += more.String()
	job := func() *Job { return w.job(windowed, flushing, rowsMax(60)) }
	size := int64(len(w.ads))
	says := []string{"table ads: its file and its rows take ", "while they are read, more than the ", "has beside state; "}
	planned := append(says, "nothing was planned: run the job again with memory: ")
	for _, loading := range []int64{size - 1, size + 100} { // less than the file; less than that with its rows
		err := w.run(job(), func(o *Options) { o.Memory, o.scratch = little(loading), func() overflow { return &poisoned{} } })
		wantError[*RefusedError](t, err, planned...)
		if h := w.history(); h.Last != nil || len(h.Open) > 0 {
			t.Errorf("last commit %v, %d plans open", h.Last, len(h.Open))
		}
	}
	unread := job()
	table := unread.Tables["ads"]
	table.Size = func() (int64, error) { return 1 << 20, nil }
	table.Read = func() ([]byte, error) { t.Error("the file was read"); return nil, nil }
	unread.Tables["ads"] = table
	wantError[*RefusedError](t, w.run(unread, func(o *Options) { o.Memory, o.scratch = little(1<<20-1), func() overflow { return &poisoned{} } }), planned...)
	w.mustRun(job(), func(o *Options) { o.Memory, o.scratch = little(8*size), func() overflow { return &poisoned{} } })

	bounded := func(loading int64) func(*ReplayOptions) {
		return func(o *ReplayOptions) { o.Memory, o.scratch = little(loading), func() overflow { return &poisoned{} } }
	}
	_, _, err := w.replay(job(), bounded(size+100))
	wantError[*RefusedError](t, err, append(says, "replay again with --set memory=")...)
	if out, _, err := w.replay(job(), bounded(8*size)); err != nil || out.Differences > 0 {
		t.Errorf("with more memory: %+v, %v", out, err)
	}
}

// TestReplayWaitingOutgrowsMemory: what waits for its file in a replay is held in memory, and counted with the state.
func TestReplayWaitingOutgrowsMemory(t *testing.T) {
	w := newWorld(t, simSeed(t)).rolled(20*time.Second, 1000)
	w.fill(stateless, 300)
	w.mustRun(w.job(stateless, rowsMax(20), func(j *Job) { j.Trigger = Trigger{Every: 5 * time.Second} }), alone, ticks(w, 9, nil))
	w.mustRun(w.job(stateless, rowsMax(20), flushing))
	tables := withTables(t, w.job(stateless), 1).size.tables
	bounded := func(state int64) func(*ReplayOptions) {
		return func(o *ReplayOptions) {
			o.Memory, o.scratch = Memory{Total: 1 << 30, State: tables + state}, func() overflow { return &poisoned{} }
		}
	}
	_, _, err := w.replay(w.job(stateless), bounded(2_000))
	wantError[*RefusedError](t, err, "the state with what waits for its file (", " takes ", "that memory: 1024 MiB leaves for it", "replay again with --set memory=")
	if out, _, err := w.replay(w.job(stateless), bounded(1<<20)); err != nil || out.Differences > 0 {
		t.Errorf("with more memory: %+v, %v", out, err)
	}
}

// TestVerifyRoom: files that verify has whole in memory may take what state may take in a run.
func TestVerifyRoom(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.fill(stateless, 50)
	w.mustRun(w.job(stateless))
	job, room := w.job(stateless), int64(0)
	verify := job.Sinks[0].Verify
	job.Sinks[0].Verify = func(ctx context.Context, e output.Expected, each func(int, func(int) error) error) (*output.Checked, error) {
		room = e.Room
		return verify(ctx, e, each)
	}
	memory := DivideMemory(64 << 20)
	if _, err := Verify(t.Context(), VerifyOptions{Job: job, Resolve: w.resolve, Cores: 2, Memory: memory, Env: w.env()}); err != nil || room != memory.State {
		t.Errorf("room for %d bytes, want %d: %v", room, memory.State, err)
	}
}
