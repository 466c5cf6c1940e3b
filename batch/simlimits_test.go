package batch

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
)

// TestSlowSink has the sink become 25 times slower for a while. With back-pressure batches shrink until they take their
// interval, the lag that is reported is the lag that there is, and all is made up for when the sink is fast again.
func TestSlowSink(t *testing.T) {
	s := newStream(t, 1000)
	s.perRow = 200 * time.Microsecond
	run, seen := s.watch(200*time.Second, func(observed) {
		s.perRow = 200 * time.Microsecond
		if at := s.clock.now.Sub(simStart); at >= 20*time.Second && at < 60*time.Second {
			s.perRow = 5 * time.Millisecond
		}
	})
	s.mustRun(s.job(pressed), run)
	slow, over, peak, caughtUp := 0, 0, int64(0), time.Duration(0)
	for i, o := range *seen {
		at := o.at.Sub(simStart)
		if o.lag != o.lagTruth || o.age < o.ageTruth-0.001 || o.age > o.ageTruth+0.005 {
			t.Errorf("batch %d: lag %d and %.3f s reported, %d and %.3f s true", i+1, o.lag, o.age, o.lagTruth, o.ageTruth)
		}
		if at >= 20*time.Second && at < 60*time.Second {
			slow++
			if over > 0 && o.rows > 300 {
				t.Errorf("batch %d reads %d rows while the sink takes 200 a second", i+1, o.rows)
			}
			if o.took > 1100*time.Millisecond {
				over++
			}
		}
		if peak = max(peak, o.rows); o.lag > 0 {
			caughtUp = at
		}
	}
	if slow < 30 || over > 1 {
		t.Errorf("%d batches while the sink was slow, %d of them over their second; want one, the first", slow, over)
	}
	if peak > 6000 {
		t.Errorf("the largest batch has %d rows, more than the sink takes in its fastest second", peak)
	}
	if last := (*seen)[len(*seen)-1]; last.lag != 0 || last.age != 0 || caughtUp < 60*time.Second || caughtUp > 90*time.Second {
		t.Errorf("behind until %s, at the end by %d offsets, %.3f s", caughtUp, last.lag, last.age)
	}
	t.Logf("%d batches, the largest of %d rows, %d while the sink was slow, behind until %s", len(*seen), peak, slow, caughtUp)
}

// TestSlowSinkUnbridled is why: without back-pressure each batch is as much longer as the last one was.
func TestSlowSinkUnbridled(t *testing.T) {
	s := newStream(t, 1000)
	s.perRow = 5 * time.Millisecond
	run, seen := s.watch(60*time.Second, nil)
	s.mustRun(s.job(), run)
	longest := time.Duration(0)
	for _, o := range *seen {
		longest = max(longest, o.took)
	}
	if longest < 20*time.Second {
		t.Errorf("the longest of %d batches takes %s", len(*seen), longest)
	}
}

// TestBackpressureGoesOn: the rate is in the log, and the next driver, which has measured nothing, does not begin with a
// batch that takes for ever.
func TestBackpressureGoesOn(t *testing.T) {
	s := newStream(t, 1000)
	s.perRow = 5 * time.Millisecond
	run, seen := s.watch(30*time.Second, nil)
	s.mustRun(s.job(pressed), run)
	last := (*seen)[len(*seen)-1]
	if last.limitedBy != limitedByBackpressure || last.rate < 150 || last.rate > 250 {
		t.Fatalf("the last batch %+v, want it limited by back-pressure to about 200 a second", last)
	}
	s.clock.now = s.clock.now.Add(time.Minute)
	if n := s.mustNext(s.job(pressed)); n.Planned.LimitedBy != limitedByBackpressure || n.Left < 60_000 || span(n.Planned.Ranges) > 250 {
		t.Errorf("explained as %+v", n.Planned)
	}
	run, seen = s.watch(0, nil)
	s.mustRun(s.job(pressed), run)
	if first := (*seen)[0]; first.rows > 250 || first.limitedBy != limitedByBackpressure {
		t.Errorf("the first batch of the next driver has %d rows, limited by %q", first.rows, first.limitedBy)
	}
	run, seen = s.watch(0, nil)
	s.mustRun(s.job(), run) // off
	if first := (*seen)[0]; first.rows < 60_000 || first.rate != 0 {
		t.Errorf("without back-pressure the first batch has %d rows, rate %d", first.rows, first.rate)
	}
}

func span(ranges []offsets.Range) (n int64) {
	for _, r := range ranges {
		n += r.Span()
	}
	return n
}

// TestRate: in no stretch of time are more offsets planned than limits.rate and one window allow, whatever interrupts the
// runs, and as many are when there is enough to read.
func TestRate(t *testing.T) {
	for _, test := range []struct {
		name    string
		every   time.Duration
		window  float64 // seconds
		perRow  time.Duration
		atLeast int64 // rows in 60 s
	}{
		{"each second", time.Second, 1, 0, 5800},
		{"each five seconds", 5 * time.Second, 5, 0, 5800},
		{"ticks faster than the rate", 70 * time.Millisecond, 1, 0, 5800},
		{"batches longer than the interval", time.Second, 1, 15 * time.Millisecond, 3000},
	} {
		s := newStream(t, 200)
		s.perRow = test.perRow
		s.clock.now = simStart.Add(100 * time.Second) // so that there is a backlog
		limited := func(j *Job) { j.Trigger.Every, j.Limits.Rate = test.every, 100 }
		var plans []observed
		for until := 105 * time.Second; until <= 160*time.Second; until += 5 * time.Second {
			run, seen := s.watch(until, nil)
			s.mustRun(s.job(limited), run)
			plans = append(plans, *seen...)
		}
		wantRate(t, test.name, plans, 100, test.window)
		if rows := totalRows(plans); rows < test.atLeast {
			t.Errorf("%s: %d rows in 60 s", test.name, rows)
		}
		for _, p := range plans {
			if p.limitedBy != limitedByRate {
				t.Errorf("%s: a batch of %d rows limited by %q", test.name, p.rows, p.limitedBy)
			}
		}
		s.flow()
		s.perSecond = 0 // what is there is enough
		s.clock.now = s.clock.now.Add(time.Hour)
		run, seen := s.watch(0, nil)
		s.mustRun(s.job(limited), run)
		if first := (*seen)[0]; float64(first.rows) > 100*test.window {
			t.Errorf("%s: %d rows at once after a pause", test.name, first.rows)
		}
	}
}

// wantRate compares every stretch between two plans with what the rate allows.
func wantRate(t *testing.T, name string, plans []observed, rate, window float64) {
	t.Helper()
	for i := range plans {
		n := int64(0)
		for j := i; j < len(plans); j++ {
			n += plans[j].rows
			if allowed := rate * (plans[j].at.Sub(plans[i].at).Seconds() + window); float64(n) > allowed+0.001 {
				t.Fatalf("%s: %d rows from batch %d to %d, allowed are %.1f", name, n, i+1, j+1, allowed)
			}
		}
	}
}

func totalRows(plans []observed) (n int64) {
	for _, p := range plans {
		n += p.rows
	}
	return n
}

// TestRateAvailableNow waits between batches of a worthwhile size, also across runs.
func TestRateAvailableNow(t *testing.T) {
	s := newStream(t, 100)
	s.clock.now = simStart.Add(250 * time.Second)
	paced := func(j *Job) { j.Trigger = Trigger{AvailableNow: true}; j.Limits.Rate = 1000 }
	run, seen := s.watch(time.Hour, nil)
	s.mustRun(s.job(paced), run)
	s.flow()
	s.perSecond = 0
	for range 1500 {
		s.put(s.clock.now)
	}
	n := s.mustNext(s.job(paced))
	if n.Planned != nil || n.Wait <= 0 || n.Lag[0].Offsets != 3000 {
		t.Errorf("explained as %+v", n)
	}
	more, seen2 := s.watch(time.Hour, nil)
	s.mustRun(s.job(paced), more)
	plans := slices.Concat(*seen, *seen2)
	wantRate(t, "available now", plans, 1000, RateWindow.Seconds())
	var text []string
	for _, p := range plans {
		text = append(text, fmt.Sprintf("%d at %s by %q", p.rows, p.at.Sub(simStart), p.limitedBy))
	}
	want := []string{`10000 at 4m10s by "rate"`, `10000 at 4m20s by "rate"`, `5000 at 4m25s by ""`, `3000 at 4m28s by ""`}
	if !slices.Equal(text, want) {
		t.Errorf("batches %q, want %q", text, want)
	}
}

// TestBytesByPartition: each partition weighs what its records weigh, the heavy one as well as the light one.
func TestBytesByPartition(t *testing.T) {
	s := newStream(t, 0)
	fat := strings.Repeat("x", 980)
	light := int64(len(oneEvent("")) + 1) // and a number of headers
	heavy := light + 980
	for range 3000 {
		s.source.Append(simTopic, 0, offsets.MemoryRecord{Value: oneEvent(fat)})
		s.source.Append(simTopic, 1, offsets.MemoryRecord{Value: oneEvent("")})
	}
	limited := func(j *Job) { j.Trigger = Trigger{AvailableNow: true}; j.Limits.Bytes = 100_000; j.Limits.Rows = 1000 }
	s.mustRun(s.job(limited))
	in, err := s.inspect()
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range in.Entries {
		p, ok := e.Record.(*Planned)
		if !ok || p.Batch == 1 {
			continue
		}
		bytes := p.Ranges[0].Span()*heavy + p.Ranges[1].Span()*light
		all := p.Ranges[0].Until == 3000 && p.Ranges[1].Until == 3000
		if bytes > 100_000+1000 || !all && bytes < 98_000 || !all && p.LimitedBy != "bytes" {
			t.Errorf("batch %d takes %d bytes, limited by %q: %v", p.Batch, bytes, p.LimitedBy, p.Ranges)
		}
	}
	if h := in.History; h.Weights[partitionKey{"events", simTopic, 0}] != (PartitionWeight{Offsets: 3000, WireBytes: 3000 * heavy}) ||
		h.Weights[partitionKey{"events", simTopic, 1}] != (PartitionWeight{Offsets: 3000, WireBytes: 3000 * light}) {
		t.Errorf("weights %+v", h.Weights)
	}
}

// TestWeights: the mean of a partition follows its records, a new one weighs as its source, and what nobody knows is 0.
func TestWeights(t *testing.T) {
	w := PartitionWeight{}
	for range 10 {
		w = w.add(500_000, 50_000_000, 7)
	}
	if mean := float64(w.WireBytes) / float64(w.Offsets); math.Abs(mean-100) > 0.01 || w.LastTimestamp != 7 {
		t.Errorf("%+v", w)
	}
	for range 4 {
		w = w.add(500_000, 500_000_000, 0)
	}
	if mean := float64(w.WireBytes) / float64(w.Offsets); mean < 850 || w.LastTimestamp != 7 || w.Offsets > 2*weightMemory {
		t.Errorf("after heavier records mean %.0f of %+v", mean, w)
	}
	h := &History{Weights: map[partitionKey]PartitionWeight{{"a", "t", 0}: {Offsets: 10, WireBytes: 100}, {"a", "t", 1}: {Offsets: 10, WireBytes: 300},
		{"b", "u", 0}: {}}, Offsets: 20, WireBytes: 400}
	weigh := h.weigh()
	for r, want := range map[offsets.Range]float64{{Source: "a", Topic: "t"}: 10, {Source: "a", Topic: "t", Partition: 1}: 30,
		{Source: "a", Topic: "new"}: 20, {Source: "b", Topic: "u"}: 0, {Source: "c"}: 0} {
		if got := weigh(r); got != want {
			t.Errorf("%s/%s/%d weighs %v, want %v", r.Source, r.Topic, r.Partition, got, want)
		}
	}
	old := &History{Offsets: 10, WireBytes: 1000} // a log that does not tell partitions apart
	if got := old.weigh()(offsets.Range{Source: "a"}); got != 100 {
		t.Errorf("%v bytes, want 100", got)
	}
}

// TestNewSourceIsLimited: what a source weighs that comes to a job later is not known yet.
func TestNewSourceIsLimited(t *testing.T) {
	q := planQuestion([]int64{5}, []int64{9})
	q.History.Weights = map[partitionKey]PartitionWeight{{"s", "t", 0}: {Offsets: 5, WireBytes: 500}}
	q.Job.Limits = Limits{}
	q.Job.Plan.Sources = append(q.Job.Plan.Sources, dstream.SourcePlan{Name: "late"})
	q.Job.Sources["late"] = Source{Start: offsets.Earliest}
	q.States["late"] = []offsets.PartitionState{{Topic: "u", End: 5_000_000, HighWatermark: 5_000_000}}
	a, err := nextPlan(q)
	if err != nil {
		t.Fatal(err)
	}
	if p := a.Planned; p.Ranges[0].Span() != 4 || p.Ranges[1].Span() != offsets.FirstOffsetsMax || p.LimitedBy != "first" {
		t.Errorf("ranges %v, limited by %q", p.Ranges, p.LimitedBy)
	}
}

// TestTriggersMissed counts the ticks that come while a batch is busy; the next batch begins at once.
func TestTriggersMissed(t *testing.T) {
	s := newStream(t, 10)
	costs := []time.Duration{200 * time.Millisecond, time.Second, 2500 * time.Millisecond, 300 * time.Millisecond, 0}
	s.perBatch = costs[0]
	s.clock.now = simStart.Add(time.Second)
	run, seen := s.watch(9*time.Second, func(observed) {
		if len(costs) > 1 {
			costs = costs[1:]
		}
		s.perBatch = costs[0]
	})
	s.mustRun(s.job(), run)
	var text []string
	for _, o := range *seen {
		text = append(text, fmt.Sprintf("%s %d", o.at.Sub(simStart), o.missed))
	}
	// The third, begun at 3 s, is done at 5.5 s: the ticks at 4 s and 5 s came meanwhile. Then the ticks count from there.
	want := []string{"1s 0", "2s 0", "3s 0", "5.5s 2", "6.5s 0", "7.5s 0", "8.5s 0", "9.5s 0"}
	if !slices.Equal(text, want) {
		t.Errorf("batches %q, want %q", text, want)
	}
}

// TestBackpressureChangesNoRow: batches of whatever size, by measured times, with crashes between, yield the same rows.
func TestBackpressureChangesNoRow(t *testing.T) {
	seed := simSeed(t)
	for round := range uint64(simLong(6)) {
		w := newWorld(t, seed+round)
		w.generate(600)
		slow := &hooks{prepare: func() error {
			w.clock.now = w.clock.now.Add(time.Duration(w.rng.Int64N(int64(3 * time.Second))))
			if w.rng.IntN(6) == 0 {
				return errNetwork
			}
			return nil
		}}
		pressed := func(j *Job) {
			continuous(j)
			j.Limits.Rate = 50 + w.rng.Int64N(200)
			j.Limits.Backpressure = &offsets.Gains{Proportional: 1, Integral: 0.2, Derived: 0.1, MinRate: 20}
		}
		for w.tail() > 0 {
			_ = w.run(w.job(twoWindows, pressed, hooked(slow)), stopAfter(3), stopWhenIdle(w)) // fails now and then
		}
		w.mustRun(w.job(twoWindows, flushing))
		w.wantRows(fmt.Sprintf("round %d", round), w.expected(twoWindows), equalRows)
		w.wantHistory(fmt.Sprintf("round %d", round))
	}
}

// stopWhenIdle ends a run that has its own end when there is nothing to do for a while as well.
func stopWhenIdle(w *world) func(*Options) {
	return func(o *Options) {
		stop, end, report, idle, stopped := make(chan struct{}), o.Stop, o.Report, 0, false
		o.Stop = stop
		check := func() {
			select {
			case <-end:
				idle = math.MaxInt
			default:
			}
			if idle > 40 && !stopped {
				stopped = true
				close(stop)
			}
		}
		o.Report = func(p Progress) { report(p); idle = 0; check() }
		w.clock.onWait = func(int) { idle++; check() }
	}
}

// TestPerTime rounds down and never overflows.
func TestPerTime(t *testing.T) {
	for _, test := range []struct{ rate, micros, want int64 }{
		{10, 300_000, 3}, {10, 299_999, 2}, {1, 999_999, 0}, {1, 1_000_000, 1}, {1_000_000_000_000, math.MaxInt64, 1e18}, {7, 0, 0},
	} {
		if got := perTime(test.rate, test.micros); got != test.want {
			t.Errorf("%d a second for %d µs: %d, want %d", test.rate, test.micros, got, test.want)
		}
	}
}
