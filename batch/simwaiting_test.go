package batch

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// TestWaitingForATransaction: a partition that an open transaction holds back is told at every look at the brokers, in the
// progress of batches, and once as a warning when it takes long. The others go on.
func TestWaitingForATransaction(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 2, 3, 4)
	w.at(1, 1)
	w.source.OpenSince = simStart.Add(-25 * time.Second).UnixMilli()
	w.source.SetStable(simTopic, 0, 2)
	var told [][]WaitingPartition
	tell := func(o *Options) { o.Waiting = func(p []WaitingPartition) { told = append(told, p) } }
	w.mustRun(w.job(counted, w.inMemory, continuous), tell, ticks(w, 8, func(tick int) {
		if tick == 4 && len(w.warned) > 0 {
			t.Errorf("warned of %q after 29 s", w.warned)
		}
		w.at(1, int64(tick)+1)
	}))
	const text = "events/0 waits for an open transaction, since 2026-11-22T11:59:35Z at last stable offset 2; high watermark 4"
	if len(w.warned) != 1 || w.warned[0] != text {
		t.Errorf("warned of %q, want %q once", w.warned, text)
	}
	if len(told) < 8 || len(told[0]) != 1 || told[0][0].String() != text {
		t.Errorf("told %v", told)
	}
	last := w.reports[len(w.reports)-1]
	if waiting := last.Sources[0].Waiting; len(waiting) != 1 || waiting[0].String() != text {
		t.Errorf("progress says %v", waiting)
	}
	if n := last.NumInputRows; n == 0 {
		t.Error("the other partition does not go on")
	}
	told, w.warned = nil, nil
	w.source.SetStable(simTopic, 0, -1)
	w.mustRun(w.job(counted, w.inMemory), tell)
	if got := fmt.Sprint(told); strings.Contains(got, "waits") || len(w.warned) > 0 {
		t.Errorf("told %s, warned of %q when it has ended", got, w.warned)
	}
}
