package batch

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
)

// failSinks are the kinds of sinks, of side outputs, and of places, that jobs with failpoints write to.
var failSinks = []failSink{
	{name: "files", q: windowed},
	{name: "topics", q: published, topics: true},
	{name: "stdout", q: unpartitioned(windowed), prints: true},
	{name: "objects", q: windowed, objects: true},
	{name: "late rows, files", q: late},
	{name: "late rows, topic", q: lateTopic, topics: true},
	{name: "dead letters, files", q: aside},
	{name: "dead letters, topic", q: asideTopic, topics: true},
	{name: "rolled files", q: windowed, rolls: true},
}

// unpartitioned is a query whose rows have all their columns.
func unpartitioned(q simQuery) simQuery {
	q.partitions = nil
	return q
}

type failSink struct {
	name                    string
	q                       simQuery
	topics, prints, objects bool
	rolls                   bool
}

// reaches reports whether a job with the sink can come to a point.
func (k failSink) reaches(p failpoint.Point) bool {
	part, _, _ := strings.Cut(string(p), "/")
	switch part {
	case "parquet":
		return !k.prints
	case "kafka":
		return k.topics
	case "stdout":
		return k.prints
	case "store":
		return !k.objects
	case "s3":
		return k.objects
	case "pending":
		return k.rolls
	}
	return p != failpoint.LogSync || !k.objects
}

// failAction is what happens at a point.
type failAction struct {
	name string
	do   func(s *failStory) error
}

var errFailpoint = errors.New("a fault that a test has made")

// askedAgain are points of which an error may end no run: where a batch would be planned ahead, it is planned behind the commit
// instead, and what was asked in vain is asked again then; what is read ahead may never be used. What is not removed is removed by
// the next run.
var askedAgain = map[failpoint.Point]bool{failpoint.SourceSurvey: true, failpoint.InputsCopy: true,
	failpoint.SourceRead: true, failpoint.SourceFetch: true, failpoint.PendingRemove: true,
	failpoint.RetainNote: true, failpoint.RetainBegin: true, failpoint.RetainLog: true, failpoint.RetainState: true, failpoint.RetainEpochs: true, failpoint.RetainNames: true}

var failActions = []failAction{
	{"death", func(s *failStory) error { return s.die(false) }},
	{"power loss", func(s *failStory) error { return s.die(true) }},
	{"error", func(*failStory) error { return errFailpoint }},
	{"delay", func(s *failStory) error { return s.delay() }},
	{"take-over", func(s *failStory) error { return s.takenOver() }},
}

// failStory is a job from its first record to its last, in several lives: one that its data stops, one that dies when
// everything of a batch is visible and the log does not say so, one that dies with files of a batch visible that the next one is told
// to discard, and the rest. At one hit of one point something happens.
type failStory struct {
	t    *testing.T
	what string
	w    *world
	sink failSink

	point failpoint.Point // "": nothing happens
	at    int             // at this hit of it
	act   failAction
	hits  map[failpoint.Point]int

	cancelled, died, fired bool
	told                   bool  // a run has ended with the error that was made
	dead                   bool  // this life has died, and may still look around
	ending                 bool  // the run was about to end with another error by then
	looking                bool  // the test reads the log
	commits, files         int   // in the life that dies: how often it has come to one, and what was there the last time
	diedAt, left           int64 // the batch then, and the one to be discarded; 0: none yet
}

func newFailStory(t *testing.T, seed uint64, sink failSink) *failStory {
	w := newWorld(t, seed)
	if sink.topics {
		w.publish()
		f := &brokerFaults{w: w}
		w.kafka.Fault = f.fault
	}
	if sink.prints {
		w.printed = &printer{w: w}
	}
	if sink.objects {
		w.onObjects()
	}
	if sink.rolls {
		w.rolled(time.Hour, 9)
	}
	w.fill(sink.q, 110)
	if sink.q.aside == "" {
		for i := range int32(30) {
			w.appendRaw(i%3, []byte("no JSON"))
		}
	}
	w.fill(sink.q, 50)
	return &failStory{t: t, what: sink.name, w: w, sink: sink, hits: map[failpoint.Point]int{}}
}

// job stops at a batch with many bad records if it is strict.
func (s *failStory) job(strict bool) *Job {
	return s.w.job(s.sink.q, flushing, rowsMax(45), func(j *Job) {
		j.Retain = time.Second
		if s.sink.q.aside == "" {
			j.OnBadRecord = SkipBad
		}
		if strict {
			j.StopAbove = 0.1
		}
	})
}

// reached is called at every hit of the points that the story is about.
func (s *failStory) reached(p failpoint.Point) error {
	if s.looking {
		return nil
	}
	s.hits[p]++
	if p == failpoint.RetainBegin {
		s.looking = true
		s.w.keepLog()
		s.looking = false
	}
	if p == s.point && s.hits[p] == s.at && !s.fired {
		s.fired, s.ending = true, s.dead || s.hits[failpoint.DriverCancel] > 0 && !s.cancelled
		return s.act.do(s)
	}
	if p == failpoint.DriverCommit {
		s.w.clock.now = s.w.clock.now.Add(time.Second) // so that snapshots become older than what is retained
	}
	if p == failpoint.DriverCommit && s.cancelled && !s.died {
		before := s.files
		s.commits, s.files = s.commits+1, len(s.w.files())
		if s.commits > 1 && (s.sink.prints || s.files > before) {
			s.died, s.diedAt = true, s.openBatch()
			return s.die(false)
		}
	}
	if s.died && s.left == 0 && s.leaves(p) {
		s.left = s.openBatch()
		return s.die(false)
	}
	return nil
}

// openBatch is the oldest batch that is open; 0: none is.
func (s *failStory) openBatch() int64 {
	s.looking = true
	defer func() { s.looking = false }()
	if h := s.w.history(); len(h.Open) > 0 {
		return h.Open[0].Batch
	}
	return 0
}

// leaves reports whether a life that dies now leaves a batch that can be discarded, with files where it has some: no topic has
// committed it, and nothing was printed.
func (s *failStory) leaves(p failpoint.Point) bool {
	if s.diedAt == 0 || p != failpoint.DriverNextSink && p != failpoint.DriverPublish || s.openBatch() == s.diedAt {
		return false
	}
	if s.sink.prints {
		return p == failpoint.DriverPublish
	}
	open := s.openBatch()
	for name := range s.w.files() {
		if _, last, ok := output.BatchesOf(name, "sim"); ok && last == open {
			return p == failpoint.DriverNextSink
		}
	}
	return false
}

// discarding tells a run to discard the batch that was left to be.
func (s *failStory) discarding(o *Options) {
	if s.left == 0 || s.openBatch() != s.left {
		return
	}
	o.Discard = s.left
	for pid := range s.w.drivers { // all of them have ended, whatever their heartbeats say
		o.HolderEnded = append(o.HolderEnded, fmt.Sprintf("sim:%d", pid+1))
	}
}

// die ends the process, and maybe the power with it.
func (s *failStory) die(power bool) error {
	s.dead = true
	s.w.disk.StopAfter(0)
	if power {
		s.w.disk = s.w.disk.Crash(s.w.rng.Uint64())
		s.w.disk.StopAfter(0)
	}
	return storetest.ErrPower
}

// delay takes so long that brokers end the transaction that is open.
func (s *failStory) delay() error {
	s.w.clock.now = s.w.clock.now.Add(2 * time.Minute)
	if s.w.kafka != nil {
		for _, topic := range simTopics {
			s.w.kafka.Fence(output.KafkaTransactionalID("sim", topic, topic))
		}
	}
	return nil
}

// takenOver has another driver do all that there is to do, while this one stands still.
func (s *failStory) takenOver() error {
	s.cancelled, s.died = true, true
	if s.left == 0 {
		s.left = -1 // the successor leaves none
	}
	if err := s.w.run(s.job(false), takeOver, s.options); err != nil {
		s.t.Errorf("%s: the successor: %v", s.what, err)
	}
	return nil
}

// options have a snapshot due behind every second commit, and later behind each, at first in slices, which are noted, and one goroutine, so that points are hit in the
// same order every time.
func (s *failStory) options(o *Options) {
	inline(o)
	o.snapshotEvery, o.noteEvery, o.inlineBlock = 2, time.Microsecond, 64
	if s.cancelled {
		o.snapshotEvery = 1
	}
	if !s.cancelled || s.sink.q.aside != "" && !s.died { // dead letters stop the first life before it has much
		o.sliceAbove, o.sliceParts = 1, 256
	}
}

// run lives to the end, and compares what is there with what the query means.
func (s *failStory) run() {
	s.live()
	want := s.w.expected(s.sink.q)
	s.w.wantRows(s.what, want, equalRows)
	s.w.wantHistory(s.what)
	if len(want) < 5 {
		s.t.Errorf("%s: %d rows only", s.what, len(want))
	}
	warned := slices.ContainsFunc(s.w.warned, func(text string) bool { return strings.Contains(text, string(s.point)) })
	if s.act.name == "error" && s.fired && !s.told && !s.ending && !askedAgain[s.point] && !warned {
		s.t.Errorf("%s: it went by unnoticed", s.what)
	}
}

func (s *failStory) live() {
	for p := range s.points() {
		defer failpoint.Set(p, func() error { return s.reached(p) })()
	}
	for life := 0; ; life++ {
		strict := !s.cancelled
		s.dead = false
		err := s.w.run(s.job(strict), s.options, s.discarding)
		if err == nil {
			return
		}
		if life > 8 || !s.afterLife(err, strict) {
			s.t.Fatalf("%s: life %d ended with %v", s.what, life, err)
		}
	}
}

// points are those that must be seen: all of them where nothing happens, to count their hits.
func (s *failStory) points() map[failpoint.Point]bool {
	out := map[failpoint.Point]bool{failpoint.DriverCommit: true, failpoint.DriverPublish: true, failpoint.DriverNextSink: true, failpoint.DriverCancel: true, failpoint.RetainBegin: true}
	if s.point != "" {
		out[s.point] = true
		return out
	}
	for _, p := range failpoint.Points() {
		out[p] = true
	}
	return out
}

// afterLife reports whether a life has ended as it may, and turns the world into what the next one finds.
func (s *failStory) afterLife(err error, strict bool) bool {
	var bad *BadDataError
	var superseded *SupersededError
	switch {
	case errors.Is(err, storetest.ErrPower):
		s.w.disk.Restart()
		s.w.fs = s.w.disk
	case errors.Is(err, errFailpoint) && s.fired && s.act.name == "error":
		s.told = true
		return strings.Contains(err.Error(), string(s.point)) // it says where
	case errors.As(err, &superseded) && s.fired && s.act.name == "take-over":
	case errors.As(err, &bad) && strict:
		s.cancelled = true
	default:
		return false
	}
	return true
}

// TestFailpoints makes every failpoint that a job comes to fail in every way, once, with every kind of sink, and starts the
// job again until it is through: what came out must be what the query means, nothing lost and nothing doubled. A point that
// no job comes to, where one should, fails the test.
func TestFailpoints(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(800)) // stories are short, and leave nothing behind
	seed := simSeed(t)
	rng := rand.New(rand.NewPCG(seed, 7))
	table := map[failpoint.Point][]string{}
	stories, reached, cells := 0, 0, 0
	for k, sink := range failSinks {
		var err error
		if sink.q.planned, err = sink.q.plan(); err != nil { // once, not in every life
			t.Fatal(err)
		}
		hit := hitsOf(t, seed, sink)
		for i, p := range failpoint.Points() {
			if !sink.reaches(p) {
				table[p] = append(table[p], "–")
				continue
			}
			cells++
			at, known := hit[p]
			if !known {
				table[p] = append(table[p], "none")
				t.Errorf("a job with %s never comes to %s", sink.name, p)
				continue
			}
			reached++
			n := failEach(t, at.seed, rng, sink, p, i+k, at.hits)
			table[p] = append(table[p], fmt.Sprintf("%d/%d", n, at.hits))
			stories += n
		}
	}
	logTable(t, table)
	prooftest.Figure(t, "failpoints × sinks: each with death, power loss, error, delay and take-over; rows = oracle",
		"%d points, %d of %d point × sink pairs hit (%d %%), %d stories", len(failpoint.Points()), reached, cells, 100*reached/max(cells, 1), stories)
}

// comesTo is a seed whose story comes to a point, and how often.
type comesTo struct {
	seed uint64
	hits int
}

// hitsOf runs a story to which nothing happens. Which points it comes to is chance in part: while there are others, so do those of the
// next seeds.
func hitsOf(t *testing.T, seed uint64, sink failSink) map[failpoint.Point]comesTo {
	out := map[failpoint.Point]comesTo{}
	missing := func(p failpoint.Point) bool { return sink.reaches(p) && out[p].hits == 0 }
	for next := seed; next < seed+20 && slices.ContainsFunc(failpoint.Points(), missing); next++ {
		plain := newFailStory(t, next, sink)
		plain.run()
		for p, n := range plain.hits {
			if missing(p) {
				out[p] = comesTo{next, n}
			}
		}
	}
	return out
}

// failEach has something happen at one hit of a point, every action one after the other, and returns how many stories that
// were. With a long run that is at every hit, and with a short one a part of the actions.
func failEach(t *testing.T, seed uint64, rng *rand.Rand, sink failSink, p failpoint.Point, cell, hits int) (stories int) {
	long := os.Getenv("MILLRACE_LONG") != ""
	for a, act := range failActions {
		if testing.Short() && (cell+a)%12 > 0 {
			continue
		}
		first := 1 + rng.IntN(hits)
		last := first
		if long {
			first, last = 1, min(hits, 60)
		}
		for at := first; at <= last; at++ {
			s := newFailStory(t, seed, sink)
			s.point, s.at, s.act = p, at, act
			s.what = fmt.Sprintf("%s, %s at hit %d of %s", sink.name, act.name, at, p)
			s.run()
			if !s.fired {
				t.Errorf("%s: it was never hit so often", s.what)
			}
			stories++
		}
	}
	return stories
}

// logTable prints, by point and sink, in how many stories something happened there, of how many hits a story has.
func logTable(t *testing.T, table map[failpoint.Point][]string) {
	t.Helper()
	line := fmt.Sprintf("%-20s", "stories/hits")
	for _, sink := range failSinks {
		line += fmt.Sprintf(" %19s", sink.name)
	}
	t.Log(line)
	for _, p := range failpoint.Points() {
		line := fmt.Sprintf("%-20s", p)
		for _, cell := range table[p] {
			line += fmt.Sprintf(" %19s", cell)
		}
		t.Log(line)
	}
}
