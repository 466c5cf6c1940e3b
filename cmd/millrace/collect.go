package main

import (
	"runtime"
	"runtime/metrics"
	"syscall"
	"time"
)

// Between batches garbage is collected when the last collection cost a hundredth of what was computed since, or less, and
// there is an eighth as much of it as there is memory in use.
const (
	collectShare  = 100
	collectGrowth = 8
)

// collector collects garbage between batches, where that costs next to nothing. The runtime itself waits until there is as much
// garbage as memory in use. An engine that makes little of it, and keeps its buffers, would come to that after many
// batches only: the longer a run, the more memory it would take.
type collector struct {
	look    func() heap
	cpu     func() time.Duration // that this process has computed
	collect func()

	last  heap          // at the end of the last batch
	since time.Duration // what was computed when the last collection was seen
	cost  time.Duration // of a collection, the mean of those seen last; 0: none was
}

// heap is what the runtime says of its memory.
type heap struct {
	cycles uint64        // collections so far
	gc     time.Duration // that they have computed
	live   uint64        // bytes that the last one left
	bytes  uint64        // in use, or not collected yet
}

func newCollector() *collector {
	c := &collector{look: look, cpu: cpuTime, collect: runtime.GC}
	c.note(c.look())
	return c
}

// tidied reports a batch and collects what it has left.
func tidied[P any](report func(P)) func(P) {
	c := newCollector()
	return func(p P) {
		report(p)
		c.batch()
	}
}

// batch is the end of a batch.
func (c *collector) batch() {
	now := c.look()
	c.note(now)
	if c.due(now) {
		c.collect()
		c.note(c.look())
	}
}

// note sees what the collections since the last look have cost.
func (c *collector) note(now heap) {
	if n := now.cycles - c.last.cycles; n > 0 {
		c.since, c.cost = c.cpu(), (now.gc-c.last.gc)/time.Duration(n)
	}
	c.last = now
}

func (c *collector) due(now heap) bool {
	return now.bytes > now.live+now.live/collectGrowth && c.cpu()-c.since >= collectShare*c.cost
}

var heapMetrics = []string{"/gc/cycles/total:gc-cycles", "/cpu/classes/gc/total:cpu-seconds", "/gc/heap/live:bytes", "/memory/classes/heap/objects:bytes"}

func look() heap {
	s := make([]metrics.Sample, len(heapMetrics))
	for i := range s {
		s[i].Name = heapMetrics[i]
	}
	metrics.Read(s)
	return heap{s[0].Value.Uint64(), time.Duration(s[1].Value.Float64() * 1e9), s[2].Value.Uint64(), s[3].Value.Uint64()}
}

func cpuTime() time.Duration {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
