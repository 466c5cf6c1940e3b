package windows_test

import (
	"math/rand/v2"

	"github.com/millrace/millrace/windows"
)

// scenario is a job, what it finds in Kafka batch by batch, and what happens to it.
type scenario struct {
	frame      frame
	emit       windows.Emission
	keyed      bool
	sources    []sourceSettings
	sourceOf   []int // by partition
	continuous bool  // the idle clock counts triggers, not batches
	bounded    bool  // no row is further behind than the disorder allows
	steps      []step
}

// frame is a kind of window with its numbers: as the package takes it, and as the oracle knows it.
type frame struct {
	real   windows.Window
	of     func(ts int64) []span // all windows that a time is in; nil for sessions
	gap    int64                 // of sessions, else 0
	length int64                 // of a deduplication, else 0
	second *frame                // a window over the results of this one; nil: there is none
	tick   int64                 // what times are multiples of
	reach  int64                 // about the length of a window, in ticks
	base   int64                 // times begin about here
}

type sourceSettings struct{ disorder, idleAfter, maxFuture int64 }

// step is one batch.
type step struct {
	at       int64     // plan time
	ranges   []stretch // by partition
	shards   int       // recorded in the plan
	newEpoch bool      // another process than that of the step before
	flush    bool
	dies     int // how often, and where, the process dies on the way: see life.step
}

// stretch is what a batch finds in a partition.
type stretch struct {
	records []record
	unknown bool // the partition is not there yet
	behind  bool // there is more, which nobody can read yet
	silent  bool // the leader does not answer
}

type record struct {
	time     int64
	null     bool // no event time
	filtered bool // by an operator in front of the window
	key      string
	value    int64
}

// drawer draws the records of a scenario.
type drawer struct {
	*rand.Rand
	*scenario
	newest []int64 // time, by partition
	times  []int64 // drawn so far
	wild   bool    // some times are far behind, or ahead
	target int64   // an edge to which the watermark shall come
}

// drawScenario draws a small scenario of a kind of windows. Many of its times lie exactly where something happens.
func drawScenario(r *rand.Rand, draw func(*rand.Rand) frame) *scenario {
	s := &scenario{frame: draw(r), keyed: r.IntN(8) > 0, continuous: r.IntN(2) == 0, bounded: r.IntN(2) == 0}
	d := &drawer{Rand: r, scenario: s, wild: !s.bounded, target: never}
	if s.frame.mayChange() && r.IntN(3) == 0 {
		s.emit = windows.Emission{Changelog: true, Early: r.IntN(3) == 0, Lateness: d.Int64N(2) * d.ticks(s.frame.reach)}
	}
	for range 1 + r.IntN(8)/7 {
		s.sources = append(s.sources, d.sourceSettings())
	}
	for range []int{1, 1, 2, 3}[r.IntN(4)] {
		s.sourceOf = append(s.sourceOf, r.IntN(len(s.sources)))
		d.newest = append(d.newest, s.frame.base+d.ticks(2*s.frame.reach))
	}
	s.steps = make([]step, []int{1, 2, 2, 3, 3, 4}[r.IntN(6)])
	d.drawSteps()
	if s.frame.real.Clock {
		s.onClock(r)
	}
	return s
}

// mayChange reports whether results may come out as a changelog.
func (f *frame) mayChange() bool {
	return f.real.Kind != "" && f.length == 0 && f.second == nil
}

func (d *drawer) ticks(n int64) int64 { return d.Int64N(max(n, 0)+1) * d.frame.tick }

func (d *drawer) sourceSettings() sourceSettings {
	s := sourceSettings{idleAfter: d.Int64N(3) * 5, maxFuture: -1}
	if d.IntN(3) > 0 {
		s.disorder = d.ticks(d.frame.reach)
	}
	if d.IntN(10) == 0 {
		s.maxFuture = d.ticks(d.frame.reach)
	}
	return s
}

func (d *drawer) drawSteps() {
	at := max(0, d.frame.base+d.ticks(d.frame.reach)) // clocks are never before the epoch
	empties := d.IntN(2) == 0                         // about half of the scenarios have partitions without records
	since := make([]int, len(d.sourceOf))
	for p := range since {
		if d.IntN(8) == 0 {
			since[p] = d.IntN(len(d.steps))
		}
	}
	shards := []int{1, 1, 1, 1, 2, 2, 2, 2, 2, 8}[d.IntN(10)]
	crashing := d.IntN(3) == 0
	for i := range d.steps {
		s := &d.steps[i]
		at += []int64{0, 1, 4, 5, 10, d.Int64N(12)}[d.IntN(6)]
		s.at, s.shards, s.newEpoch = at, shards, i == 0
		if i > 0 && (d.steps[i-1].dies > 0 || d.steps[i-1].flush) {
			s.newEpoch = true
			shards = []int{1, 1, 1, 1, 2, 2, 2, 2, 2, 8}[d.IntN(10)]
			s.shards = shards
		}
		if crashing && d.IntN(2) == 0 {
			s.dies = 1 + d.IntN(7)
		}
		s.flush = i == len(d.steps)-1 && d.IntN(5) < 2 || d.IntN(12) == 0
		for p := range d.sourceOf {
			s.ranges = append(s.ranges, d.stretch(p, at, i < since[p], empties))
		}
	}
}

func (d *drawer) stretch(partition int, at int64, unknown, empties bool) stretch {
	if unknown {
		return stretch{unknown: true}
	}
	if empties && d.IntN(5) < 2 {
		why := d.IntN(5)
		return stretch{behind: why == 0, silent: why == 1}
	}
	var s stretch
	for range d.IntN(6) {
		s.records = append(s.records, d.record(partition, at))
	}
	return s
}

func (d *drawer) record(partition int, at int64) record {
	rec := record{key: "NULL", value: d.Int64N(100) - 50, filtered: d.IntN(12) == 0, null: d.IntN(25) == 0}
	if d.keyed && d.IntN(10) > 0 {
		rec.key = string(rune('a' + d.IntN(4)))
	}
	if rec.null {
		return rec
	}
	s := d.sources[d.sourceOf[partition]]
	rec.time = d.time(partition, s)
	if s.maxFuture >= 0 {
		switch d.IntN(4) {
		case 0:
			rec.time = at + s.maxFuture
		case 1:
			rec.time = at + s.maxFuture + 1
			return rec
		}
		rec.time = min(rec.time, at+s.maxFuture)
	}
	if d.bounded {
		rec.time = max(rec.time, d.newest[partition]-s.disorder)
	}
	d.newest[partition] = max(d.newest[partition], rec.time)
	d.times = append(d.times, rec.time)
	return rec
}

// time draws a time about where the partition is: at the bound of its disorder, at an edge of a window, where the
// watermark comes to an edge, at a gap, or anywhere near.
func (d *drawer) time(partition int, s sourceSettings) int64 {
	newest := d.newest[partition]
	switch d.IntN(13) {
	case 0:
		return newest - s.disorder
	case 1:
		return newest
	case 2:
		return d.edge(newest - s.disorder + d.ticks(d.frame.reach))
	case 3:
		return d.edge(newest-s.disorder+d.ticks(d.frame.reach)) - 1
	case 4, 5, 6, 7, 8:
		if d.target == never || d.target < newest-s.disorder || d.IntN(4) == 0 {
			d.target = d.edge(newest - s.disorder + d.ticks(d.frame.reach))
		}
		at := d.target + s.disorder // of several partitions, which all come to it
		if d.emit.Lateness > 0 && d.IntN(2) == 0 {
			return at + d.emit.Lateness
		}
		return at
	case 9, 10:
		if d.wild {
			return newest - s.disorder - d.emit.Lateness - d.ticks(2*d.frame.reach)
		}
	}
	return newest - s.disorder + d.ticks(s.disorder/d.frame.tick+d.frame.reach/2+1)
}

// edge is a time near t at which a window begins or ends; of sessions, a gap from a row.
func (d *drawer) edge(t int64) int64 {
	if apart := d.frame.gap + d.frame.length; apart > 0 {
		if len(d.times) == 0 {
			return t
		}
		return d.times[d.IntN(len(d.times))] + []int64{-1, 1, 1, 2}[d.IntN(4)]*apart
	}
	known := len(d.times) > 0 && d.IntN(2) == 0
	if known { // the end of a window that holds rows
		t = d.times[len(d.times)-1-d.IntN(min(len(d.times), 4))]
	}
	all := d.frame.of(t)
	if len(all) == 0 {
		return t
	}
	w := all[d.IntN(len(all))]
	if !known && d.IntN(2) == 0 && w.start != 0 {
		return w.start
	}
	if w.end == forever {
		return t
	}
	return w.end
}
