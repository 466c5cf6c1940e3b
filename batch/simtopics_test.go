package batch

import (
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/offsets"
)

// TestTopicsAppear has topics and partitions appear while a job runs, between runs and behind crashes: every record of
// every one of them comes out once, wherever the job began in those that were there first.
func TestTopicsAppear(t *testing.T) {
	t.Parallel()
	seed := simSeed(t)
	for i := range simLong(18) {
		w := newWorld(t, seed+uint64(i)<<16)
		topics := 1
		grow := func() {
			for range 1 + w.rng.IntN(15) {
				e := simEvent{partition: int32(w.rng.IntN(3)), ms: simStart.UnixMilli() + w.rng.Int64N(60_000), ad: fmt.Sprintf("a%d", w.rng.IntN(7)),
					kind: "view", n: w.rng.Int64N(1000), price: w.rng.Float64()}
				if topic := w.rng.IntN(topics); topic > 0 {
					e.topic, e.partition = fmt.Sprintf("topic-%d", topic), int32(w.rng.IntN(1+topic))
				}
				w.append(e)
			}
			topics = min(topics+w.rng.IntN(2), 5)
		}
		grow()
		for life := 0; life < 6; life++ {
			w.mustRun(w.job(stateless, continuous, rowsMax(20)), ticks(w, 1+w.rng.IntN(5), func(int) { grow() }))
			grow()
			if w.rng.IntN(2) == 0 {
				w.disk = w.disk.Crash(w.rng.Uint64())
				w.fs = w.disk
			}
		}
		w.mustRun(w.job(stateless))
		w.wantRows(fmt.Sprintf("world %d with %d topics", i, topics), w.expected(stateless), equalRows)
		if len(w.losses()) > 0 {
			t.Errorf("losses %q", w.losses())
		}
	}
}

// TestStartAtTimestamp begins at a time: what came before it in the log is never read, and where the job begins is settled
// by its first run, also in partitions that hold nothing of that time yet. A topic that appears later is read whole.
func TestStartAtTimestamp(t *testing.T) {
	w := newWorld(t, simSeed(t))
	second := func(partition int32, topic string, s int64) simEvent {
		return simEvent{topic: topic, partition: partition, ms: simStart.UnixMilli() + s*1000, ad: "a1", kind: "view", n: s, price: 1}
	}
	w.append(second(0, "", 1), second(0, "", 9), second(0, "", 3), second(1, "", 2), second(2, "", 20))
	w.source.Start = offsets.StartAt{Start: offsets.AtTimestamp, Timestamp: simStart.Add(5 * time.Second).UnixMilli()}
	job := func() *Job {
		return w.job(stateless, func(j *Job) {
			s := j.Sources["events"]
			s.Start = offsets.AtTimestamp
			j.Sources["events"] = s
		})
	}
	w.lose(func(e simEvent) bool { return e.at == 0 && e.partition < 2 })
	w.mustRun(job())
	w.wantRows("from the fifth second on", w.expected(stateless), equalRows)
	w.append(second(1, "", 4), second(0, "late", 1))
	w.mustRun(job())
	w.wantRows("later", w.expected(stateless), equalRows)

	w = newWorld(t, simSeed(t))
	w.append(second(0, "", 1))
	w.source.Start.Start, w.source.Start.Timestamp = offsets.AtTimestamp, simStart.Add(time.Hour).UnixMilli()
	w.lose(func(simEvent) bool { return true })
	w.mustRun(job())
	if p := w.planned(1); len(p.Ranges) != 1 || p.Ranges[0].From != 1 {
		t.Errorf("the first plan %v", p.Ranges)
	}
	w.append(second(0, "", 2))
	w.mustRun(job())
	w.wantRows("behind the end", w.expected(stateless), equalRows)
}
