package main

import (
	"testing"
	"time"
)

// TestCollector: garbage is collected at the end of a batch when there is some, and when the last collection was a hundredth of the
// work since, or less; collections that the runtime makes by itself count as well.
func TestCollector(t *testing.T) {
	var now heap
	var cpu time.Duration
	collected := 0
	c := &collector{look: func() heap { return now }, cpu: func() time.Duration { return cpu }}
	cycle := func(cost time.Duration) {
		now.cycles, now.gc, now.bytes = now.cycles+1, now.gc+cost, now.live
	}
	c.collect = func() {
		collected++
		cycle(5 * time.Millisecond)
	}
	for _, step := range []struct {
		name string
		do   func()
		want int
	}{
		{"no garbage", func() { now.live, now.bytes, cpu = 24<<20, 24<<20, 10*time.Second }, 0},
		{"an eighth of what is in use", func() { now.bytes = 27 << 20 }, 0},
		{"more, and no collection was seen yet", func() { now.bytes = 27<<20 + 1 }, 1},
		{"more, but the collection of 5 ms was less than half a second ago", func() { now.bytes, cpu = 40<<20, cpu+499*time.Millisecond }, 1},
		{"half a second after it", func() { cpu += time.Millisecond }, 2},
		{"the runtime was first, and took longer", func() { cycle(20 * time.Millisecond); now.bytes = 40 << 20; cpu += time.Second }, 2},
		{"less than a hundred times as long ago", func() { cpu += 1999 * time.Millisecond }, 2},
		{"a hundred times as long ago", func() { cpu += time.Millisecond }, 3},
		{"two of the runtime, of 1 and 3 ms", func() {
			cycle(time.Millisecond)
			cycle(3 * time.Millisecond)
			now.bytes = 40 << 20
		}, 3},
		{"a hundred times their mean", func() { cpu += 200 * time.Millisecond }, 4},
	} {
		step.do()
		c.batch()
		if collected != step.want {
			t.Fatalf("%s: collected %d times, want %d", step.name, collected, step.want)
		}
	}
}

// TestCollectorOfTheRuntime looks at the real heap.
func TestCollectorOfTheRuntime(t *testing.T) {
	c := newCollector()
	before := c.look()
	c.collect()
	after := c.look()
	if after.cycles <= before.cycles || after.gc <= before.gc || after.live == 0 || after.bytes == 0 || c.cpu() <= 0 {
		t.Errorf("before %+v, after %+v, computed %s", before, after, c.cpu())
	}
}
