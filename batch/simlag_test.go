package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/millrace/millrace/offsets"
)

// TestLag: what the lag of a partition is said to be, in every situation in which it might not be true.
func TestLag(t *testing.T) {
	const at = 1_000_000_000_000 // µs: 1,000,000 s
	key := partitionKey{"s", "t", 0}
	seconds := func(x float64) *float64 { return &x }
	for _, test := range []struct {
		name      string
		end, high int64 // of the partition; the job stands at 100
		last      int64 // timestamp of the last record read, ms
		caughtUp  int64 // µs
		want      PartitionLag
	}{
		{"at the end, whatever the age of what was read", 100, 100, 1, 0, PartitionLag{Seconds: seconds(0)}},
		{"behind, since the last record read", 130, 130, 999_990_500, 0, PartitionLag{Offsets: 30, Seconds: seconds(9.5)}},
		{"behind, since it had caught up", 130, 130, 1, 999_998_000_000, PartitionLag{Offsets: 30, Seconds: seconds(2)}},
		{"the later of the two counts", 130, 130, 999_999_000, 999_998_000_000, PartitionLag{Offsets: 30, Seconds: seconds(1)}},
		{"nothing was ever read", 130, 130, 0, 0, PartitionLag{Offsets: 30}},
		{"records from the future", 130, 130, 2_000_000_000_000, 0, PartitionLag{Offsets: 30, Seconds: seconds(0)}},
		{"an open transaction holds records back", 100, 130, 999_000_000, 0, PartitionLag{Offsets: 30, Held: 30, Seconds: seconds(1000)}},
		{"an open transaction behind others", 110, 130, 999_000_000, 0, PartitionLag{Offsets: 30, Held: 20, Seconds: seconds(1000)}},
		{"a stable offset that went back", 90, 130, 999_000_000, 0, PartitionLag{Offsets: 30, Held: 30, Seconds: seconds(1000)}},
	} {
		v := lagView{at: at, weights: map[partitionKey]PartitionWeight{key: {LastTimestamp: test.last}}, caughtUp: map[partitionKey]int64{},
			states: survey{"s": {{Topic: "t", End: test.end, HighWatermark: test.high}}}}
		if test.caughtUp > 0 {
			v.caughtUp[key] = test.caughtUp
		}
		got := v.of("s", []offsets.Position{{Source: "s", Topic: "t", Next: 100}})
		if one := got.Partitions["t"]["0"]; lagString(one) != lagString(test.want) || lagString(got.PartitionLag) != lagString(test.want) {
			t.Errorf("%s: %s, of the source %s; want %s", test.name, lagString(one), lagString(got.PartitionLag), lagString(test.want))
		}
	}
	if lag := (lagView{}).of("s", nil); lag != nil {
		t.Errorf("nobody has asked, and the lag is %+v", lag)
	}
}

func lagString(l PartitionLag) string {
	if l.Seconds == nil {
		return fmt.Sprintf("%d (%d held), unknown age", l.Offsets, l.Held)
	}
	return fmt.Sprintf("%d (%d held), %g s", l.Offsets, l.Held, *l.Seconds)
}

// TestLagOfStuckPartition: an open transaction holds one partition back while the other goes on; its lag grows in the
// reports, and that of one that is idle at its end is none, however old its records are. A rerun knows no lag, and a new
// driver goes on from what the log knows.
func TestLagOfStuckPartition(t *testing.T) {
	s := newStream(t, 0)
	s.source.Create("old", 1)
	s.source.Append("old", 0, offsets.MemoryRecord{Value: oneEvent(""), Timestamp: simStart.Add(-240 * time.Hour).UnixMilli()})
	put := func(partition int32) {
		s.source.Append(simTopic, partition, offsets.MemoryRecord{Value: oneEvent(""), Timestamp: s.clock.now.UnixMilli()})
	}
	put(0)
	put(1)
	s.mustRun(s.job(), stopAfter(1))
	s.source.SetStable(simTopic, 1, 1)
	put(1)
	for i := range 3 { // whether or not the run before has waited for its next tick
		s.clock.now = simStart.Add(time.Duration(i+1) * 10 * time.Second)
		put(0)
		s.mustRun(s.job(), stopAfter(1))
	}
	put(0)
	err := s.run(s.job(hooked(&hooks{prepare: failAt(1)})))
	if !errors.Is(err, errNetwork) {
		t.Fatalf("run: %v, want the fault", err)
	}
	s.mustRun(s.job(), stopAfter(1))
	var got []string
	for _, p := range s.reports {
		src := p.Sources[0]
		if src.LagOffsets == nil {
			got = append(got, fmt.Sprintf("%v: unknown, latest %v", p.Rerun, src.LatestOffset))
			continue
		}
		got = append(got, fmt.Sprintf("%d (%d held), %g s; 0: %s; 1: %s; old: %s", *src.LagOffsets, src.HeldOffsets, *src.LagSeconds,
			lagString(src.Lag[simTopic]["0"]), lagString(src.Lag[simTopic]["1"]), lagString(src.Lag["old"]["0"])))
	}
	idle := "; 0: 0 (0 held), 0 s; 1: "
	want := []string{
		"0 (0 held), 0 s" + idle + "0 (0 held), 0 s; old: 0 (0 held), 0 s",
		"1 (1 held), 10 s" + idle + "1 (1 held), 10 s; old: 0 (0 held), 0 s",
		"1 (1 held), 20 s" + idle + "1 (1 held), 20 s; old: 0 (0 held), 0 s",
		"1 (1 held), 30 s" + idle + "1 (1 held), 30 s; old: 0 (0 held), 0 s",
		"true: unknown, latest map[]",
	}
	if !slices.Equal(got, want) {
		t.Errorf("lags\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

// asked counts what a driver asks of the world outside.
type asked struct {
	surveys, reads int
	shown          int // by a goroutine beside the driver: only to be looked at when that has ended
}

// countingSource counts the requests of a driver; every one of them goes by the way of these methods.
type countingSource struct {
	offsets.Source
	n *asked
}

func (c countingSource) Survey(ctx context.Context, reached []offsets.Position) ([]offsets.PartitionState, error) {
	c.n.surveys++
	return c.Source.Survey(ctx, reached)
}

func (c countingSource) Read(ctx context.Context, r offsets.Range) (offsets.Reader, error) {
	c.n.reads++
	return c.Source.Read(ctx, r)
}

func (c countingSource) LagGroup() string { return "counted" }

func (c countingSource) ShowLag(context.Context, []offsets.Position, string) error {
	c.n.shown++
	return nil
}

// TestIdleJobOnlyAsks: while nothing changes a continuous job asks the brokers where they stand, once a tick, and does
// nothing else: no record in the log, no other operation on the disk, no other request, no report; but once a day it shows
// lag tools where it is, because brokers forget that.
func TestIdleJobOnlyAsks(t *testing.T) {
	for _, every := range []time.Duration{100 * time.Millisecond, time.Second, time.Minute} {
		s := newStream(t, 0)
		s.put(s.clock.now)
		n := &asked{}
		counting := func(j *Job) {
			j.Trigger.Every = every
			j.Limits.Rate, j.Limits.Backpressure = 10, &offsets.DefaultGains
			j.Sources["events"] = Source{Start: offsets.Earliest, Open: func(context.Context) (offsets.Source, error) { return countingSource{s.source, n}, nil }}
		}
		surveys, reads, changes, reports := 0, 0, 0, 0
		s.mustRun(s.job(counting), ticks(s.world, 1000, func(tick int) {
			if tick == 1 { // the one record is read
				surveys, reads, changes, reports = n.surveys, n.reads, s.disk.Count(), len(s.reports)
			}
		}))
		days := int(999 * every / showLagAgain)
		if n.surveys-surveys != 999 || n.reads != reads || s.disk.Count() != changes || len(s.reports) != reports || reports != 1 {
			t.Errorf("every %s: in 999 ticks %d surveys, %d reads, %d changes of the disk, %d reports", every, n.surveys-surveys, n.reads-reads,
				s.disk.Count()-changes, len(s.reports)-reports)
		}
		if n.shown > 2+days {
			t.Errorf("every %s: lag is shown %d times", every, n.shown)
		}
	}
}

// groupSource is a source whose group a test looks at, and holds up or fails as it likes.
type groupSource struct {
	offsets.Source
	mu    sync.Mutex
	shown []string
	fail  func() error
	gate  chan struct{} // each showing takes one; nil: none is held up
}

func (g *groupSource) LagGroup() string { return "lag" }

func (g *groupSource) ShowLag(ctx context.Context, at []offsets.Position, note string) error {
	if g.gate != nil {
		select {
		case <-g.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.fail != nil {
		return g.fail()
	}
	text := note
	for _, p := range at {
		text += fmt.Sprintf(" %s/%d=%d", p.Topic, p.Partition, p.Next)
	}
	g.shown = append(g.shown, text)
	return nil
}

func (g *groupSource) source(j *Job) {
	j.Sources["events"] = Source{Start: offsets.Earliest, Open: func(context.Context) (offsets.Source, error) { return g, nil }}
}

// TestShowLag: after its commits the group stands where the job stands, also when the run before could not say so.
func TestShowLag(t *testing.T) {
	w := timeWorld(t)
	g := &groupSource{Source: w.source}
	w.at(0, 1, 2, 3)
	w.at(1, 1)
	w.mustRun(w.countedJob(g.source, rowsMax(2)))
	want := "millrace: behind batch 2 events/0=3 events/1=1"
	if last := g.shown[len(g.shown)-1]; last != want {
		t.Errorf("shown last %q, want %q", last, want)
	}
	g.shown = nil
	w.mustRun(w.countedJob(g.source))
	if !slices.Equal(g.shown, []string{want}) {
		t.Errorf("a run without work shows %q", g.shown)
	}
	if len(w.warned) > 0 {
		t.Errorf("warned of %q", w.warned)
	}
}

// TestShowLagHoldsNothingUp: while a broker does not answer batches go on, and in the end the last position is shown, not
// every one before it.
func TestShowLagHoldsNothingUp(t *testing.T) {
	w := timeWorld(t)
	g := &groupSource{Source: w.source, gate: make(chan struct{})}
	w.at(0, 1, 2, 3, 4, 5, 6)
	batches := 0
	w.mustRun(w.countedJob(g.source, rowsMax(1)), func(o *Options) {
		o.Report = func(Progress) {
			if batches++; batches == 6 { // six batches have been run, and nothing was shown
				if len(g.shown) > 0 {
					t.Errorf("shown already: %q", g.shown)
				}
				close(g.gate)
			}
		}
	})
	if n := len(g.shown); batches != 6 || n > 2 || n == 0 || g.shown[n-1] != "millrace: behind batch 6 events/0=6 events/1=0" {
		t.Errorf("%d batches, shown %q", batches, g.shown)
	}
}

// TestShowLagFails: no failure to show where a job is fails the job, and each cause is told once.
func TestShowLagFails(t *testing.T) {
	w := timeWorld(t)
	n := 0
	refused := errors.New("not allowed")
	g := &groupSource{Source: w.source, fail: func() error {
		if n++; n%2 == 0 {
			return fmt.Errorf("given up after %d ms: %w", n, errNetwork)
		}
		return fmt.Errorf("commit %d: %w", n, errors.Join(refused, errNetwork))
	}}
	for second := range int64(8) {
		w.at(0, second)
		w.mustRun(w.countedJob(g.source))
	}
	one := len(w.warned)   // of each run
	if n < 8 || one != n { // at most two of each run: then no cause came twice
		t.Errorf("%d tries, %d warnings in 8 runs: %q", n, one, w.warned)
	}
	w.warned, n = nil, 0
	w.at(0, 11, 12, 13, 14, 15, 16, 17, 18)
	w.mustRun(w.countedJob(g.source, rowsMax(1), continuous), stopAfter(8))
	if len(w.warned) == 0 || len(w.warned) > 2 || !strings.Contains(w.warned[0], "source events: commit 1: not allowed") || !strings.Contains(w.warned[0], "kafka.group: off") {
		t.Errorf("after %d tries warned of %q", n, w.warned)
	}
}

// TestShowLagOfAFailedRun does not wait for a broker that does not answer when the run has failed.
func TestShowLagOfAFailedRun(t *testing.T) {
	w := timeWorld(t)
	g := &groupSource{Source: w.source, gate: make(chan struct{})} // never opened
	w.at(0, 1, 2)
	prepared := 0
	failing := &hooks{prepare: func() error {
		if prepared++; prepared == 2 {
			return errNetwork
		}
		return nil
	}}
	job := w.countedJob(rowsMax(1), func(j *Job) {
		g.source(j)
		open := j.Sinks[0].Open
		h := &Job{Sinks: []Sink{{Name: j.Sinks[0].Name, Open: open}}, Sources: map[string]Source{}}
		hooked(failing)(h)
		j.Sinks[0].Open = h.Sinks[0].Open
	})
	if err := w.run(job); !errors.Is(err, errNetwork) {
		t.Errorf("run: %v", err)
	}
	if len(g.shown)+len(w.warned) > 0 {
		t.Errorf("shown %q, warned of %q", g.shown, w.warned)
	}
}
