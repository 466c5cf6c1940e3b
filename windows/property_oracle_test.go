package windows_test

import (
	"cmp"
	"maps"
	"math"
	"slices"
)

// The oracle computes what the rules of event time say, in the plainest way there is: it keeps every row, looks at every
// window, and shares nothing with the package but the two watermarks that stand for "none" and "the end". The rules are
// written out in docs/event-time.md.

const (
	never   = int64(math.MinInt64) // the watermark before the first record
	forever = int64(math.MaxInt64) // the watermark behind the end of the input
)

// span is a window [start, end).
type span struct{ start, end int64 }

// result is a group of a window as it comes out. A key of NULL is "NULL".
type result struct {
	span
	key                          string
	sum, first, last, most, rows int64
	op                           string // of a changelog, else ""
}

// group is what results are known by.
type group struct {
	span
	key string
}

// answer is what one batch yields.
type answer struct {
	results               []result // sorted by compareResults
	late, unassigned, bad int64    // rows that went nowhere
	lateRows              []record // sorted by compareRecords
	left                  int64    // rows whose last window closed
	held                  int64    // rows in windows that are still open, or whose last window is
	watermark             int64    // of the operator, behind the batch
	end                   int64    // the greatest end that closed; never for none
	next                  int64    // the least watermark at which something closes; forever for nothing held
	duplicates            int64    // rows that a deduplication dropped
	remembered            int64    // rows that it still knows
	second                *answer  // of a window over the results
	facts
}

// facts are what a batch had in it: an end exactly at the watermark when windows close and when rows are judged late,
// rows exactly a gap apart, an idle partition.
type facts struct{ onClose, onLate, onGap, idle bool }

// compareResults orders by window, then by key, and puts what a result was in front of what it is.
func compareResults(a, b result) int {
	return cmp.Or(cmp.Compare(a.start, b.start), cmp.Compare(a.end, b.end), cmp.Compare(a.key, b.key), cmp.Compare(b.op, a.op))
}

// oracle lives through the batches of a scenario.
type oracle struct {
	*scenario
	clocks
	floor int64 // windows that end here or before were flushed
	held  []heldRow
	shown map[group]result // of a changelog: what has come out and may still change

	kept      []record // of a deduplication
	forgotten int64    // the greatest watermark, by which it forgets
	second    *oracle  // of a window over the results
	told      *int64   // of the second window: the watermark behind the first
}

// clocks are how far event time has come.
type clocks struct {
	partitions []partitionClock
	marks      []int64 // watermarks of the sources
	operator   int64   // watermark
}

type partitionClock struct {
	known      bool
	watermark  int64
	lastRead   int64 // plan time
	quiet      bool
	quietSince int64
	idle       bool
}

// heldRow is a row with the windows of it that are still open. A session's row has one: that of the session so far.
type heldRow struct {
	record
	open []span
}

func newOracle(s *scenario) *oracle {
	o := &oracle{scenario: s, clocks: clocks{operator: never}, floor: never, shown: map[group]result{}, forgotten: never}
	if s.frame.second != nil {
		o.second = newOracle(s.chained())
	}
	for range s.sources {
		o.marks = append(o.marks, never)
	}
	for range s.sourceOf {
		o.partitions = append(o.partitions, partitionClock{watermark: never})
	}
	return o
}

// batch says what a batch yields.
func (o *oracle) batch(b *step) answer {
	if b.newEpoch {
		for i := range o.partitions {
			o.partitions[i].quiet = false
		}
	}
	a := answer{end: never, next: forever}
	o.lookForIdle(b)
	before := clocks{slices.Clone(o.partitions), slices.Clone(o.marks), o.operator}
	o.read(b, &a)
	o.advance(b)
	if b.flush {
		o.operator = forever
	}
	o.close(&a)
	o.follow(b, &a)
	if b.flush {
		o.floor = max(o.floor, a.end)
		defer func() { o.clocks = before }() // for a job that is reopened
	}
	a.watermark, a.held, a.remembered = o.operator, int64(len(o.held)), o.remembered()
	for _, p := range o.partitions {
		a.idle = a.idle || p.idle
	}
	slices.SortFunc(a.results, compareResults)
	slices.SortFunc(a.lateRows, compareRecords)
	return a
}

// lookForIdle: a partition is idle when there was nothing to read in it for so long.
func (o *oracle) lookForIdle(b *step) {
	for i, r := range b.ranges {
		if r.unknown {
			continue
		}
		p := &o.partitions[i]
		if !p.known {
			p.known, p.lastRead = true, b.at
		}
		quiet := len(r.records) == 0 && !r.behind && !r.silent
		if quiet && !p.quiet {
			p.quietSince = b.at
		}
		p.quiet = quiet
		since := p.quietSince
		if !o.continuous {
			since = p.lastRead
		}
		p.idle = quiet && b.at-since >= o.settings(i).idleAfter
	}
}

func (o *oracle) settings(partition int) sourceSettings {
	return o.scenario.sources[o.sourceOf[partition]]
}

// read takes the rows of a batch in, all of them before any is judged against another.
func (o *oracle) read(b *step, a *answer) {
	var rows []heldRow
	for i, r := range b.ranges {
		p, s := &o.partitions[i], o.settings(i)
		for _, rec := range r.records {
			p.lastRead = b.at
			if rec.null || s.maxFuture >= 0 && rec.time > b.at+s.maxFuture {
				a.bad++
				continue
			}
			p.watermark = max(p.watermark, rec.time-s.disorder)
			if !rec.filtered {
				rows = append(rows, heldRow{record: rec})
			}
		}
	}
	if o.frame.gap > 0 {
		o.readSessions(rows, a)
		return
	}
	if o.frame.length > 0 {
		slices.SortStableFunc(rows, func(a, b heldRow) int { return cmp.Compare(a.time, b.time) })
		o.deduplicate(rows, a)
		return
	}
	for _, row := range rows {
		all := o.frame.of(row.time)
		for _, w := range all {
			a.onLate = a.onLate || o.goneAt(w.end) == o.operator || w.end == o.floor
			if o.goneAt(w.end) > o.operator && w.end > o.floor {
				row.open = append(row.open, w)
			}
		}
		switch {
		case len(all) == 0:
			a.unassigned++
		case len(row.open) == 0:
			a.addLate(row)
		default:
			o.held = append(o.held, row)
		}
	}
}

func (a *answer) addLate(rows ...heldRow) {
	a.late += int64(len(rows))
	for _, row := range rows {
		a.lateRows = append(a.lateRows, row.record)
	}
}

func compareRecords(a, b record) int {
	return cmp.Or(cmp.Compare(a.time, b.time), cmp.Compare(a.key, b.key), cmp.Compare(a.value, b.value))
}

// readSessions makes sessions of the rows together with those of the live sessions. A session that is over is late as a
// whole: all its rows are new. No session begins in time that was flushed.
func (o *oracle) readSessions(rows []heldRow, a *answer) {
	byKey := map[string][]heldRow{}
	for _, row := range append(rows, o.held...) {
		if row.time < o.floor {
			a.addLate(row)
			continue
		}
		byKey[row.key] = append(byKey[row.key], row)
	}
	o.held = nil
	for _, rows := range byKey {
		slices.SortFunc(rows, func(a, b heldRow) int { return cmp.Compare(a.time, b.time) })
		for len(rows) > 0 {
			n := 1
			for n < len(rows) && rows[n].time-rows[n-1].time <= o.frame.gap {
				a.onGap = a.onGap || rows[n].time-rows[n-1].time == o.frame.gap
				n++
			}
			s := span{rows[0].time, rows[n-1].time + o.frame.gap}
			a.onLate = a.onLate || o.goneAt(s.end) == o.operator
			if o.goneAt(s.end) < o.operator {
				a.addLate(rows[:n]...)
			} else {
				for _, row := range rows[:n] {
					row.open = []span{s}
					o.held = append(o.held, row)
				}
			}
			rows = rows[n:]
		}
	}
}

// advance moves the watermarks. None goes back.
func (o *oracle) advance(b *step) {
	switch {
	case o.told != nil:
		o.operator = max(o.operator, *o.told)
		return
	case o.frame.real.Clock:
		o.operator = max(o.operator, b.at)
		return
	}
	least, greatest, waiting := forever, never, false
	for s := range o.marks {
		lo, hi, some, known := forever, never, false, false
		for i, p := range o.partitions {
			if o.sourceOf[i] != s || !p.known {
				continue
			}
			known = true
			hi = max(hi, p.watermark)
			if !p.idle {
				lo, some = min(lo, p.watermark), true
			}
		}
		switch {
		case some:
			o.marks[s] = max(o.marks[s], lo)
		case known:
			o.marks[s] = max(o.marks[s], hi)
		}
		greatest = max(greatest, o.marks[s])
		if some || !known {
			least, waiting = min(least, o.marks[s]), true
		}
	}
	if !waiting {
		least = greatest
	}
	o.operator = max(o.operator, least)
}

// goneAt is the watermark at which a window takes no more rows.
func (o *oracle) goneAt(end int64) int64 {
	if end > forever-o.emit.Lateness {
		return forever
	}
	return end + o.emit.Lateness
}

// closed reports whether a window is over at the operator's watermark.
func (o *oracle) closed(end int64) bool {
	if o.frame.gap > 0 && o.operator != forever {
		return o.goneAt(end) < o.operator // a row at the end itself would go on with the session
	}
	return o.goneAt(end) <= o.operator
}

// close gives results, and takes out the windows that are over.
func (o *oracle) close(a *answer) {
	groups := o.groups()
	if o.emit.Changelog {
		a.results = o.changes(groups)
	}
	var held []heldRow
	for _, row := range o.held {
		var open []span
		for _, w := range row.open {
			a.onClose = a.onClose || w.end == o.operator || o.goneAt(w.end) == o.operator
			if o.emit.Changelog && !o.emit.Early && !o.due(w.end) {
				a.next = min(a.next, o.closesAt(w.end))
			}
			if !o.closed(w.end) {
				open = append(open, w)
				continue
			}
			if g := (group{w, row.key}); !o.emit.Changelog && groups[g] != nil {
				a.results = append(a.results, *groups[g])
				delete(groups, g)
			}
			if !o.emit.Changelog {
				a.end = max(a.end, w.end)
			}
		}
		last := lastEnd(row.open)
		if len(open) == 0 {
			a.left++
			a.end = max(a.end, last)
			continue
		}
		a.next = min(a.next, o.leavesAt(open, last))
		row.open = open
		held = append(held, row)
	}
	o.held = held
}

// groups are the results of all rows held.
func (o *oracle) groups() map[group]*result {
	groups := map[group]*result{}
	for _, row := range o.held {
		for _, w := range row.open {
			g := group{w, row.key}
			if groups[g] == nil {
				groups[g] = &result{span: w, key: row.key, first: row.time, last: row.time, most: row.value}
			}
			groups[g].add(row.record)
		}
	}
	return groups
}

// changes are what tells the results that have come out from those that are to be seen now.
func (o *oracle) changes(groups map[group]*result) []result {
	var out []result
	put := func(r result, op string) {
		r.op = op
		out = append(out, r)
	}
	now := map[group]result{}
	for _, r := range groups {
		if !o.emit.Early && !o.due(r.end) {
			continue // also a session that came out and has grown since
		}
		g := o.nameOf(*r)
		now[g] = *r
		switch old, came := o.shown[g]; {
		case !came:
			put(*r, "insert")
		case old != *r:
			put(old, "update_before")
			put(*r, "update_after")
		}
	}
	for g, r := range o.shown {
		if _, there := now[g]; !there { // it is part of another session, or not over any more
			put(r, "delete")
		}
	}
	o.shown = now
	maps.DeleteFunc(o.shown, func(_ group, r result) bool { return o.closed(r.end) })
	return out
}

// nameOf is what a result is known by while it changes: the end of a session is not part of it.
func (o *oracle) nameOf(r result) group {
	if o.frame.gap > 0 {
		r.end = 0
	}
	return group{r.span, r.key}
}

// due reports whether the result of a window that ends there comes out for the first time.
func (o *oracle) due(end int64) bool {
	if o.frame.gap > 0 && o.operator != forever {
		return end < o.operator
	}
	return end <= o.operator
}

// leavesAt is the least watermark at which a result of these windows comes out for good, or, of a changelog, the row leaves.
func (o *oracle) leavesAt(open []span, last int64) int64 {
	if o.emit.Changelog {
		return o.closesAt(o.goneAt(last))
	}
	least := last
	for _, w := range open {
		least = min(least, w.end)
	}
	return o.closesAt(least)
}

func lastEnd(windows []span) int64 {
	last := never
	for _, w := range windows {
		last = max(last, w.end)
	}
	return last
}

// closesAt is the least watermark that closes a window with this end.
func (o *oracle) closesAt(end int64) int64 {
	if o.frame.gap > 0 {
		return end + 1
	}
	return end
}

func (r *result) add(rec record) {
	r.rows++
	r.sum += rec.value
	r.first, r.last, r.most = min(r.first, rec.time), max(r.last, rec.time), max(r.most, rec.value)
}
