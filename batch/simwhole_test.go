package batch

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

const (
	// wholeSeeds is how many stories TestWholeJobs has, at less than 30 ms of a core each; every wholeAgain-th is lived through a
	// second time. MILLRACE_SEEDS=100000 asks for more, as a long run does.
	wholeSeeds = 10_000
	wholeAgain = 17 // odd: every lane has its share
	// wholeLanes is how many stories are lived at a time, as far as there are cores.
	wholeLanes = 8
)

// TestWholeJobs lives through stories that a seed decides in all that happens: a job from its first record to its last, in
// one goroutine, on a disk, brokers, a clock and sources of its own, while processes die, power fails and tears what was
// being written, disks and brokers answer with errors, answers get lost, drivers stop and are taken over from, partitions
// are added and change their leaders, transactions stay open, and rows come late. What came out must be what the events
// mean, one by one, and the same seed must do the same to the bit.
func TestWholeJobs(t *testing.T) {
	base, n := simSeed(t), wholeCount(t)
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // stories are short, and leave nothing behind
	sum := &wholeFigures{batches: distribution{}, partitions: distribution{}, crashes: distribution{}, kinds: map[string]int{}}
	t.Run("stories", func(t *testing.T) {
		for lane := range wholeLanes {
			t.Run(strconv.Itoa(lane), func(t *testing.T) {
				t.Parallel()
				for i := lane; i < n && !t.Failed(); i += wholeLanes {
					liveWhole(t, base+uint64(i), n == 1 || i%wholeAgain == 0, sum)
				}
			})
		}
	})
	plan, err := simulatedPlan()
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("what happened: %v", sum.kinds)
	if n > 1 {
		sum.check(t)
	}
	prooftest.Figure(t, "whole jobs simulated in one goroutine: crashes, torn writes, faults, take-overs, late rows; rows = oracle",
		"%d seeds, every %dth (%d) lived twice to the same bit; least … median … greatest: %s batches, %s partitions, %s crashes; %d sinks", sum.stories, wholeAgain, sum.again, sum.batches, sum.partitions, sum.crashes, len(plan.Sinks))
}

// wholeCount is how many stories there are: MILLRACE_SEEDS of them, if that is set.
func wholeCount(t *testing.T) int {
	if text := os.Getenv("MILLRACE_SEEDS"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("MILLRACE_SEEDS: %v", err)
		}
		return n
	}
	switch {
	case os.Getenv("MILLRACE_LONG") != "":
		return 8 * wholeSeeds
	case testing.Short():
		return wholeSeeds / 250
	}
	return wholeSeeds
}

// liveWhole lives through one story, or twice the same.
func liveWhole(t *testing.T, seed uint64, twice bool, sum *wholeFigures) {
	defer func() {
		if t.Failed() {
			t.Logf("seed %d: see it again with MILLRACE_SEED=%d MILLRACE_SEEDS=1 go test ./batch -count=1 -run '^TestWholeJobs$' -v", seed, seed)
		}
	}()
	s := newWholeStory(t, seed)
	if twice {
		s.tr = newTrace(t, fmt.Sprintf("%d-first", seed))
	}
	s.live()
	if twice {
		other := newWholeStory(t, seed)
		other.tr = newTrace(t, fmt.Sprintf("%d-second", seed))
		other.live()
		if a, b := s.tr.digest(s.w), other.tr.digest(other.w); a != b {
			t.Errorf("seed %d: two lives of it differ: %d events and hash %.12s, %d events and hash %.12s", seed, s.tr.events, a, other.tr.events, b)
		}
	}
	s.check()
	sum.add(s, twice)
}

// wholeStory is what happens to one job.
type wholeStory struct {
	w    *world
	f    *brokerFaults
	tr   *trace // nil: nobody asks
	what string

	ticks, wanted int   // of triggers
	at            int64 // event time, ms
	partitions    int
	epochs        map[int32]int32
	held          map[int32]int // ticks until transactions end

	source  error // what the source answers at the read to come, if reads is 1; nil: nothing
	reads   int   // until then
	nested  bool  // a driver runs inside another one that stands still
	paused  func()
	power   bool // goes with the process
	crashes int
	sliced  int            // of 256 parts, that slices of snapshots have; 0: they are taken at once
	kinds   map[string]int // of lives
}

func newWholeStory(t *testing.T, seed uint64) *wholeStory {
	w := newWorld(t, seed)
	w.publish()
	s := &wholeStory{w: w, f: &brokerFaults{w: w}, what: fmt.Sprintf("seed %d", seed), at: simStart.UnixMilli(), partitions: 2 + w.rng.IntN(2),
		epochs: map[int32]int32{}, held: map[int32]int{}, kinds: map[string]int{}}
	s.wanted = 21 + w.rng.IntN(4)
	w.source.Create(simTopic, s.partitions)
	w.source.RunMax = 1 + w.rng.IntN(5)
	w.kafka.Fault = func(op string) outputtest.Fault {
		f := s.f.fault(op)
		s.tr.add("brokers", op, f.Before != nil, f.Answer != nil, f.Applied)
		return f
	}
	if seed%3 == 1 { // files of every third job roll over batches
		w.rolled(4*time.Second, 20)
	}
	if seed%4 > 0 {
		s.sliced = []int{64, 100, 256}[seed%4-1]
	}
	s.flow()
	return s
}

// live has drivers come and go until all is read, then one that finishes. At least two lives end in a crash.
func (s *wholeStory) live() {
	lives := []int{s.w.rng.IntN(wholeCrashes), s.w.rng.IntN(wholeCrashes), s.w.rng.IntN(len(wholeLives))}
	s.w.rng.Shuffle(len(lives), func(i, j int) { lives[i], lives[j] = lives[j], lives[i] })
	for _, kind := range lives {
		s.life(wholeLives[kind], s.ticks+5+s.w.rng.IntN(7))
	}
	for more := 0; s.crashes < 2; more++ {
		if more > 60 {
			s.w.t.Fatalf("%s: no end of it", s.what)
		}
		s.life(wholeLives[s.w.rng.IntN(wholeCrashes)], s.ticks+5)
	}
	if s.ticks < s.wanted {
		s.life(wholeLives[len(wholeLives)-1], s.wanted)
	}
	for p := range s.partitions {
		s.w.source.SetStable(simTopic, int32(p), -1)
	}
	s.f.rough = false
	if err := s.run(flushing, func(*Options) {}); err != nil {
		s.w.t.Fatalf("%s: the last life: %v", s.what, err)
	}
}

// life is one of a kind that lasts no longer than until a tick.
func (s *wholeStory) life(kind wholeLife, until int) {
	s.kinds[kind.name]++
	s.tr.add("life", kind.name)
	s.f.rough = s.w.rng.IntN(3) == 0
	kind.begin(s)
	err := s.run(continuous, s.until(until))
	s.end(err, kind.ends)
}

// wholeCrashes is how many of wholeLives, the first ones, end in a crash if they last long enough.
const wholeCrashes = 3

// wholeLives are the kinds of lives. ends are errors that a life may end with.
var wholeLives = []wholeLife{
	{"process dies", func(s *wholeStory) { s.w.disk.StopAfter(1 + s.w.rng.IntN(140)) }, nil},
	{"power fails", func(s *wholeStory) { s.power = true; s.w.disk.StopAfter(1 + s.w.rng.IntN(140)) }, nil},
	{"dies at a request", func(s *wholeStory) { s.power = s.w.rng.IntN(2) == 0; s.f.ops, s.f.crashAt = 0, 1+s.w.rng.IntN(12) }, nil},
	{"disk error", (*wholeStory).faultyDisk, []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS}},
	{"broker error", func(s *wholeStory) { s.source, s.reads = errWholeBroker, 1+s.w.rng.IntN(20) }, []error{errWholeBroker}},
	{"taken over", func(s *wholeStory) { s.paused, s.reads = s.takenOver, 1+s.w.rng.IntN(20) }, nil},
	{"stopped", func(*wholeStory) {}, nil},
}

type wholeLife struct {
	name  string
	begin func(*wholeStory)
	ends  []error
}

var errWholeBroker = errors.New("no broker answers")

// run is one life.
func (s *wholeStory) run(change ...any) error {
	plan, err := simulatedPlan()
	if err != nil {
		s.w.t.Fatal(err)
	}
	q := simulated
	q.planned = plan
	changes := []func(*Job){rowsMax(int64(6 + s.w.rng.IntN(30))), shards(1 + s.w.rng.IntN(2)), s.sources}
	options := []func(*Options){inline, s.reported, func(o *Options) { o.snapshotEvery = 4 }}
	if s.sliced > 0 {
		options = append(options, s.w.inSlices(s.sliced))
	}
	for _, c := range change {
		switch c := c.(type) {
		case func(*Job):
			changes = append(changes, c)
		case func(*Options):
			options = append(options, c)
		}
	}
	if s.w.fs == s.w.disk && s.tr != nil {
		s.w.fs = tracedFS{s.w.disk, s.tr}
	}
	return s.w.run(s.w.job(q, changes...), options...)
}

// reported has every report in the trace.
func (s *wholeStory) reported(o *Options) {
	o.Report = func(p Progress) { s.tr.add("report", p.BatchID, p.NumInputRows, p.Timestamp, p.BatchDuration) }
	o.Warn = func(text string) { s.tr.add("warn", plainName(text)) }
}

// end checks why a life has ended, and turns the world into what the next one finds.
func (s *wholeStory) end(err error, ends []error) {
	var superseded *SupersededError
	died := errors.Is(err, storetest.ErrPower)
	may := err == nil || died || errors.As(err, &superseded)
	for _, e := range ends {
		may = may || errors.Is(err, e)
	}
	if !may {
		s.w.t.Fatalf("%s: a life ended with %v", s.what, err)
	}
	s.tr.add("end", plainName(fmt.Sprint(err)))
	s.source, s.reads, s.paused, s.f.crashAt = nil, 0, nil, 0
	defer func() { s.power = false }()
	if died {
		s.crashes++
		if s.power {
			s.w.disk = s.w.disk.Crash(s.w.rng.Uint64())
		}
	}
	s.w.disk.Restart()
	s.w.fs = s.w.disk
}

// faultyDisk makes one operation of the disk fail, half done.
func (s *wholeStory) faultyDisk() {
	faulty := storetest.NewFaultFS(s.w.disk)
	errno := []error{syscall.ENOSPC, syscall.EIO, syscall.EROFS}[s.w.rng.IntN(3)]
	faulty.Fail(storetest.Ops[s.w.rng.IntN(len(storetest.Ops))], 1+s.w.rng.IntN(40), errno)
	s.w.fs = faulty
	if s.tr != nil {
		s.w.fs = tracedFS{faulty, s.tr}
	}
}

// takenOver has another driver take over and work for a while, as this one stands still in the middle of a batch.
func (s *wholeStory) takenOver() {
	onWait, waits := s.w.clock.onWait, s.w.clock.waits
	s.nested = true
	if err := s.run(continuous, takeOver, s.until(s.ticks+1+s.w.rng.IntN(5))); err != nil {
		s.w.t.Fatalf("%s: the successor: %v", s.what, err)
	}
	s.nested, s.w.clock.onWait, s.w.clock.waits = false, onWait, waits
}

// until ends a run in an orderly way behind a tick; at every tick something may happen outside.
func (s *wholeStory) until(tick int) func(*Options) {
	return func(o *Options) {
		stop, stopped := make(chan struct{}), false
		o.Stop = stop
		s.w.clock.waits, s.w.clock.onWait = 0, func(int) {
			s.tr.add("tick", s.w.clock.now)
			s.tick()
			if s.ticks >= tick && !stopped {
				stopped = true
				close(stop)
			}
		}
	}
}

// tick is a second in which the world goes on.
func (s *wholeStory) tick() {
	s.ticks++
	rng := s.w.rng
	s.flow()
	p := int32(rng.IntN(s.partitions))
	switch rng.IntN(24) {
	case 0, 1:
		s.epochs[p]++
		s.w.source.SetEpoch(simTopic, p, s.epochs[p])
	case 2:
		if s.partitions < 5 {
			s.w.source.Gap(simTopic, int32(s.partitions), 0) // there it is
			s.partitions++
		}
	case 3:
		n := rng.Int64N(4)
		s.w.source.Gap(simTopic, p, n)
		s.w.counts[[2]any{"", p}] += n
	case 4:
		s.w.source.SetStable(simTopic, p, s.w.counts[[2]any{"", p}])
		s.held[p] = 1 + rng.IntN(4)
	case 5:
		s.w.clock.now = s.w.clock.now.Add(time.Duration(rng.IntN(40)-15) * time.Second)
	}
	for p := range int32(s.partitions) {
		if s.held[p]--; s.held[p] == 0 {
			s.w.source.SetStable(simTopic, p, -1)
		}
	}
}

// flow has events come, some of them late.
func (s *wholeStory) flow() {
	rng := s.w.rng
	s.at += 1000 + rng.Int64N(4000)
	for range rng.IntN(8) {
		ms := s.at - rng.Int64N(simDisorder/1000)
		if rng.IntN(8) == 0 {
			ms -= rng.Int64N(60_000)
		}
		s.w.append(simEvent{partition: int32(rng.IntN(s.partitions)), ms: ms, ad: fmt.Sprintf("a%d", rng.IntN(7)),
			kind: []string{"view", "view", "click"}[rng.IntN(3)], n: rng.Int64N(1000)})
	}
}

// sources puts what happens to reads around the job's source.
func (s *wholeStory) sources(j *Job) {
	source := j.Sources["events"]
	source.Open = func(context.Context) (offsets.Source, error) { return wholeSource{s.w.source, s}, nil }
	j.Sources["events"] = source
}

type wholeSource struct {
	offsets.Source
	s *wholeStory
}

func (w wholeSource) Survey(ctx context.Context, reached []offsets.Position) ([]offsets.PartitionState, error) {
	states, err := w.Source.Survey(ctx, reached)
	w.s.tr.add("survey", states, err)
	return states, err
}

func (w wholeSource) Read(ctx context.Context, r offsets.Range) (offsets.Reader, error) {
	s := w.s
	s.tr.add("read", r)
	if s.reads--; s.reads == 0 && !s.nested {
		if s.paused != nil {
			s.paused()
		}
		if s.source != nil {
			return nil, s.source
		}
	}
	return w.Source.Read(ctx, r)
}

// check compares what is there with what the events mean.
func (s *wholeStory) check() {
	var err error
	if s.w.inspected, err = s.w.inspect(); err != nil {
		s.w.t.Fatalf("%s: %v", s.what, err)
	}
	s.w.wantRows(s.what, s.w.expected(simulated), equalRows)
	s.w.wantHistory(s.what)
	for _, topic := range simTopics {
		if _, ok := s.w.kafka.RecordOf(output.KafkaTransactionalID("sim", topic, topic), topic); !ok && topic == "copies" {
			s.w.t.Errorf("%s: no commit record", s.what)
		}
	}
}

// wholeFigures is what stories had in them.
type wholeFigures struct {
	mu                           sync.Mutex
	stories, again               int
	batches, partitions, crashes distribution
	kinds                        map[string]int
	late                         int
}

func (f *wholeFigures) add(s *wholeStory, twice bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.stories++
	if twice {
		f.again++
	}
	f.batches[int(s.w.history().Last.Batch)]++
	f.partitions[s.partitions]++
	f.crashes[s.crashes]++
	rounds, slices := s.w.rounds()
	f.kinds["snapshots in slices"] += rounds
	f.kinds["slices"] += slices
	for kind, n := range s.kinds {
		f.kinds[kind] += n
	}
	for name := range s.w.files() {
		if strings.HasPrefix(name, "late/") {
			f.kinds["files of late rows"]++
		}
	}
}

// check fails the test if its stories are poorer than they should be.
func (f *wholeFigures) check(t *testing.T) {
	if f.batches.median() < 20 || f.partitions.median() < 3 || f.crashes.median() < 2 || f.kinds["files of late rows"] < f.stories {
		t.Errorf("medians of %d batches, %d partitions and %d crashes, with %d files of late rows in %d stories, are too few",
			f.batches.median(), f.partitions.median(), f.crashes.median(), f.kinds["files of late rows"], f.stories)
	}
	for _, l := range wholeLives {
		if f.kinds[l.name] == 0 {
			t.Errorf("no life in which: %s", l.name)
		}
	}
}
