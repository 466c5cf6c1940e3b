package windows_test

import (
	"math/rand/v2"

	"github.com/millrace/millrace/windows"
)

// Kinds that are more than a window over event time: windows of processing time, deduplication, and a window over the result of
// another one.

// timedWindow draws a window of any kind but the calendar.
func timedWindow(r *rand.Rand) frame {
	return []func(*rand.Rand) frame{drawTumbling, drawSliding, drawCumulative, drawSession}[r.IntN(4)](r)
}

// drawClock is a window over the plan times of batches.
func drawClock(r *rand.Rand) frame {
	f := timedWindow(r)
	f.real.Clock, f.base = true, 0
	return f
}

func drawDedup(r *rand.Rand) frame {
	length := 1 + r.Int64N(12)
	return frame{real: windows.Window{Kind: windows.Dedup, Size: length}, length: length, tick: 1, reach: 2 * length, base: r.Int64N(200) - 100}
}

// drawChained is a window, and another one over its window_time.
func drawChained(r *rand.Rand) frame {
	f := []func(*rand.Rand) frame{drawTumbling, drawSliding, drawSession}[r.IntN(3)](r)
	second := timedWindow(r)
	f.second = &second
	return f
}

// onClock gives the rows of a scenario the plan times of their batches, which lie where windows end as often as not.
func (s *scenario) onClock(r *rand.Rand) {
	s.bounded = true
	for i := range s.sources {
		s.sources[i].maxFuture = -1
	}
	var last int64
	for i := range s.steps {
		b := &s.steps[i]
		if i > 0 {
			b.at = max(b.at, last)
			if r.IntN(2) == 0 {
				b.at = max(s.clockEdge(r, s.steps[r.IntN(i)].at), last)
			}
		}
		last = b.at
		for p := range b.ranges {
			for k := range b.ranges[p].records {
				b.ranges[p].records[k].time, b.ranges[p].records[k].null = b.at, false
			}
		}
	}
}

// clockEdge is the end of a window that holds t, or of a session a tick later, when it closes.
func (s *scenario) clockEdge(r *rand.Rand, t int64) int64 {
	if s.frame.gap > 0 {
		return t + s.frame.gap + r.Int64N(2)
	}
	all := s.frame.of(t)
	if len(all) == 0 {
		return t
	}
	return all[r.IntN(len(all))].end
}

// chained is the scenario of the second window. What it reads is told batch by batch: see oracle.follow and life.follow.
func (s *scenario) chained() *scenario {
	return &scenario{frame: *s.frame.second, keyed: s.keyed, steps: s.steps, sourceOf: []int{0},
		sources: []sourceSettings{{idleAfter: forever, maxFuture: -1}}}
}

// asRecords are results as the rows that a window over them reads.
func asRecords(results []result) []record {
	var out []record
	for _, r := range results {
		out = append(out, record{time: r.end - 1, key: r.key, value: r.sum})
	}
	return out
}

// following is the step of the second window in a batch.
func following(b *step, results []result) *step {
	return &step{at: b.at, shards: b.shards, newEpoch: b.newEpoch, flush: b.flush, ranges: []stretch{{records: asRecords(results)}}}
}

// deduplicate keeps the rows of which none with the same key was kept less than the length away, by time and then in their order.
// It remembers what it has kept for ever.
func (o *oracle) deduplicate(rows []heldRow, a *answer) {
	for _, row := range rows {
		a.onLate = a.onLate || row.time == o.operator
		switch {
		case row.time < o.operator:
			a.addLate(row)
			continue
		case o.isDuplicate(row.record, a):
			a.duplicates++
			continue
		}
		o.kept = append(o.kept, row.record)
		a.left++
		a.results = append(a.results, result{span: span{start: row.time}, key: row.key, sum: row.value, rows: 1})
	}
}

func (o *oracle) isDuplicate(row record, a *answer) bool {
	for _, k := range o.kept {
		if k.key != row.key {
			continue
		}
		distance := max(row.time-k.time, k.time-row.time)
		a.onGap = a.onGap || distance == o.frame.length
		if distance < o.frame.length {
			return true
		}
	}
	return false
}

// remembered counts the rows that are still known: a row is forgotten with all of the stretch of time that it lies in, when the
// watermark has left that behind by the length. The end of the input forgets nothing.
func (o *oracle) remembered() int64 {
	if o.operator != forever {
		o.forgotten = max(o.forgotten, o.operator)
	}
	n := int64(0)
	for _, k := range o.kept {
		stretch := grid(k.time, o.frame.length, o.frame.length, 0)[0]
		n += int64(count(o.forgotten == never || stretch.end+o.frame.length > o.forgotten))
	}
	return n
}

// follow takes the results of a batch through the second window.
func (o *oracle) follow(b *step, a *answer) {
	if o.second == nil {
		return
	}
	w := o.operator
	if o.frame.gap > 0 && w != never && w != forever { // a session that ends at w is still live
		w--
	}
	o.second.told = &w
	second := o.second.batch(following(b, a.results))
	a.second = &second
}

// follow is the same of the operators.
func (l *life) follow(b *step, a *answer, watermark int64) error {
	if l.second == nil {
		return nil
	}
	w := l.frame.real.OutputWatermark(watermark)
	l.second.told, l.second.planned = &w, l.second.marks
	second, after, err := l.second.attempt(following(b, a.results), l.second.planned, 0)
	if err != nil {
		return err
	}
	second.facts = facts{}
	a.second, l.second.after = second, after
	return nil
}
