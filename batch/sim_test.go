package batch

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
	"github.com/millrace/millrace/windows"
)

// The simulation: whole jobs, from records to files, in one goroutine as far as possible, on a source, a disk and a
// clock of its own. A seed decides everything; MILLRACE_SEED sets it, MILLRACE_LONG=1 asks for more of it.

const (
	simTopic      = "events"
	simCheckpoint = "/ck"
	simOutput     = "/out"
)

var simStart = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// world is everything outside of a driver. It outlives the drivers that a test runs in it.
type world struct {
	t       testing.TB
	rng     *rand.Rand
	disk    *storetest.CrashFS
	fs      store.FS // what drivers see: disk, or something around it
	source  *offsets.Memory
	more    *offsets.Memory // the second source, of queries that have one
	clock   *fakeClock
	memory  *outputtest.Memory // rows of jobs with inMemory
	kafka   *outputtest.Kafka  // nil: sinks are directories; see simTopics
	objects *storetest.Objects // where checkpoint and files are instead of on the disk; nil: they are not; see simobjects_test.go
	printed *printer           // what the lake has printed; nil: it prints nothing; see simprint_test.go
	ads     string             // the CSV file
	events  []simEvent
	dead    []simRow         // dead letters of the records that are no events, see simside_test.go
	raw     int              // records that are no events and leave no dead letter
	counts  map[[2]any]int64 // of events, see count
	drivers int              // started so far; the last one's process id
	reports []Progress
	warned  []string
	read    map[string]simFile // files by name, as last read
	// changeRecords makes a verification find other records in a topic; nil: it finds those that are there.
	changeRecords func(topic string, all []outputtest.KafkaRecord) []outputtest.KafkaRecord
	// inspected is what inspect has found, when nothing happens any more; nil: it looks.
	inspected *Inspection
	log       []Entry // as it was when it was about to be pruned, see keepLog
	// maxAge rolls files over batches, with so many rows at most; 0: they are not, any number.
	maxAge      time.Duration
	maxFileRows int64
	mergeRun    int64 // how many batches a merged manifest is of; 0: as ever
	parts       int   // of 256, that slices of snapshots have, see retainOptions; 0: they are taken at once
}

func newWorld(t testing.TB, seed uint64) *world {
	w := &world{t: t, rng: rand.New(rand.NewPCG(seed, 1)), disk: storetest.NewCrashFS(), source: offsets.NewMemory("events"), more: offsets.NewMemory("more"),
		counts: map[[2]any]int64{}, clock: &fakeClock{now: simStart}, memory: outputtest.NewMemory(), ads: simAds, read: map[string]simFile{}, mergeRun: 3}
	w.fs = w.disk
	return w
}

// simUsual is the seed of tests whose events come by chance and whose steps are told one by one. Another seed may have other steps.
const simUsual = 20261122

// simSeed is the seed of a test, printed.
func simSeed(t testing.TB) uint64 {
	seed := uint64(simUsual)
	if text := os.Getenv("MILLRACE_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatalf("MILLRACE_SEED: %v", err)
		}
	}
	t.Logf("run it again with MILLRACE_SEED=%d", seed)
	return seed
}

// simLong is n, or many times as much when a long run is asked for, or a part of it under -short.
func simLong(n int) int {
	switch {
	case os.Getenv("MILLRACE_LONG") != "":
		return 20 * n
	case testing.Short():
		return n / 6
	}
	return n
}

// fakeClock stands still but for waits.
type fakeClock struct {
	now    time.Time
	waits  int
	onWait func(n int) // before the n-th wait is over
}

func (c *fakeClock) Now() time.Time { return c.now }

func (c *fakeClock) Wait(ctx context.Context, d time.Duration) error {
	c.now = c.now.Add(d)
	c.waits++
	if c.onWait != nil {
		c.onWait(c.waits)
	}
	return ctx.Err()
}

// env is the world as the next driver sees it.
func (w *world) env() Env {
	w.drivers++
	return Env{Clock: w.clock, Rand: rand.New(rand.NewPCG(w.rng.Uint64(), 2)), FS: w.fs, Objects: w.openObjects, Host: "sim", PID: w.drivers}
}

// run is one life of a driver of the job.
func (w *world) run(job *Job, change ...func(*Options)) error {
	o := Options{Job: job, Cores: 1, Version: "sim", Env: w.env(), Resolve: w.resolve, Earlier: w.earlier,
		Report: func(p Progress) { w.reports = append(w.reports, p) },
		Warn:   func(s string) { w.warned = append(w.warned, s) }, executor: newStepped, beside: atOnce, surveyPatience: time.Hour}
	for _, c := range change {
		c(&o)
	}
	return Run(context.Background(), o)
}

// mustRun runs a job that has no reason to fail.
func (w *world) mustRun(job *Job, change ...func(*Options)) {
	w.t.Helper()
	if err := w.run(job, change...); err != nil {
		w.t.Fatalf("run: %v", err)
	}
}

// stopAfter ends a run in an orderly way when it has committed n batches, and has planned no other, so that the next run goes
// on with the number behind it.
func stopAfter(n int) func(*Options) {
	return func(o *Options) {
		alone(o)
		stopAhead(n)(o)
	}
}

// stopAhead ends a run in an orderly way when it has committed n batches.
func stopAhead(n int) func(*Options) {
	return func(o *Options) {
		stop, report := make(chan struct{}), o.Report
		o.Stop = stop
		o.Report = func(p Progress) {
			report(p)
			if n--; n == 0 {
				close(stop)
			}
		}
	}
}

// atOnce and atLast run what is to happen beside the driver before it goes on, or when the driver waits for it.
func atOnce(f func()) (wait func()) {
	f()
	return func() {}
}

func atLast(f func()) (wait func()) { return f }

// inSlices has snapshots taken in slices of so many of 256 parts, which are written at some time, to blobs or into the log.
func (w *world) inSlices(parts int) func(*Options) {
	beside := []func(func()) func(){atOnce, atLast}[w.rng.IntN(2)]
	blobs := w.rng.IntN(2) == 0
	return func(o *Options) {
		o.sliceAbove, o.sliceParts, o.beside = 1, parts, beside
		if blobs {
			o.inlineBlock = 64
		}
	}
}

func cores(n int) func(*Options)   { return func(o *Options) { o.Cores = n } }
func takeOver(o *Options)          { o.TakeOver = true }
func alone(o *Options)             { o.oneAtATime = true }
func beside(o *Options)            { o.executor = localExecutor } // what is begun ahead runs while a batch is published
func reopen(o *Options)            { o.Reopen = true }
func throughBytes(o *Options)      { o.executor = newByteExecutor }
func anyOutput(j *Job)             { j.AcceptOutput = []string{"lake"} }
func shards(n int) func(*Job)      { return func(j *Job) { j.Shards = n } }
func rowsMax(n int64) func(*Job)   { return func(j *Job) { j.Limits.Rows = n } }
func flushing(j *Job)              { j.Trigger.FlushWindows = true }
func onePiece(j *Job)              { j.Step = 1000 } // of each range, of which a test knows how many there are
func skipBad(j *Job)               { j.OnBadRecord = SkipBad }
func named(name string) func(*Job) { return func(j *Job) { j.Name = name } }

// continuous makes the job plan a batch every second.
func continuous(j *Job) { j.Trigger = Trigger{Every: time.Second} }

// bounds replaces the event-time settings.
func bounds(b windows.Bounds) func(*Job) { return func(j *Job) { j.Plan.Sources[0].Bounds = b } }

// byteExecutor sends every task and every result through their encodings, as to another process.
type byteExecutor struct{ w *worker }

func newByteExecutor(w *worker, _ int) Executor { return byteExecutor{w} }

func (e byteExecutor) Run(ctx context.Context, tasks []Task, then func(int, *Result) []Task) error {
	for i, t := range tasks {
		r, err := e.run(ctx, t)
		if err != nil {
			return err
		}
		for _, follower := range then(i, r) {
			if _, err := e.run(ctx, follower); err != nil {
				return err
			}
		}
	}
	return nil
}

func (e byteExecutor) run(ctx context.Context, t Task) (*Result, error) {
	var there Task
	var back Result
	data, err := t.MarshalBinary()
	if err == nil {
		err = there.UnmarshalBinary(data)
	}
	if err != nil {
		return nil, err
	}
	r, err := e.w.run(ctx, there)
	if err != nil {
		return nil, err
	}
	if data, err = r.MarshalBinary(); err == nil {
		err = back.UnmarshalBinary(data)
	}
	return &back, err
}

func (e byteExecutor) Begin(ctx context.Context, tasks []Task) Begun {
	return beginNow(ctx, e.run, tasks)
}

// beginNow runs tasks in the goroutine of the driver, up to the first that fails.
func beginNow(ctx context.Context, run func(context.Context, Task) (*Result, error), tasks []Task) Begun {
	b := &begunNow{ctx: ctx, run: run}
	for _, t := range tasks {
		r, err := run(ctx, t)
		if err != nil {
			b.err = err
			break
		}
		b.results = append(b.results, r)
	}
	return b
}

// begunNow are the results of tasks that have run, and the error of the one behind them.
type begunNow struct {
	ctx     context.Context
	run     func(context.Context, Task) (*Result, error)
	results []*Result
	err     error
}

func (b *begunNow) Finish(then func(int, *Result) []Task) error {
	for i, r := range b.results {
		for _, follower := range then(i, r) {
			if _, err := b.run(b.ctx, follower); err != nil {
				return err
			}
		}
	}
	return b.err
}

func (b *begunNow) Abandon() {}

// stepped is the executor of the simulation: tasks that are begun ahead run there and then, as far as there is room, so that
// nothing happens beside the driver.
type stepped struct{ *local }

func newStepped(w *worker, cores int) Executor { return stepped{localExecutor(w, cores).(*local)} }

func (s stepped) Begin(ctx context.Context, tasks []Task) Begun {
	r := s.local.Begin(ctx, tasks).(*run)
	r.mu.Lock()
	defer r.mu.Unlock()
	for r.busy > 0 || r.next < len(r.tasks) && r.next < r.failed.task && r.fits(r.next) {
		r.changed.Wait()
	}
	return r
}

// job is a job of the world: available-now, 2 shards, Parquet files below simOutput.
func (w *world) job(q simQuery, change ...func(*Job)) *Job {
	w.t.Helper()
	plan, err := q.plan()
	if err != nil {
		w.t.Fatalf("plan: %v", err)
	}
	j := &Job{
		Name: "sim", Recorded: []byte(q.name), Plan: plan,
		Sources: map[string]Source{
			"events": {Open: func(context.Context) (offsets.Source, error) { return w.source, nil }, Start: offsets.Earliest},
			"more":   {Open: func(context.Context) (offsets.Source, error) { return w.more, nil }, Start: offsets.Earliest}},
		Tables:  map[string]Table{"ads": w.adsTable()},
		Trigger: Trigger{AvailableNow: true}, Shards: 2, Step: 40, OnBadRecord: FailOnBad, Checkpoint: w.checkpoint(),
	}
	for i := range plan.Sinks {
		root := simOutput
		if q.graph != nil {
			root += "/" + plan.Sinks[i].Name
		}
		if w.kafka != nil && slices.Contains(simTopics, plan.Sinks[i].Name) {
			j.Sinks = append(j.Sinks, w.topic(&plan.Sinks[i]))
			continue
		}
		if w.printed != nil {
			j.Sinks = append(j.Sinks, w.stdout(&plan.Sinks[i]))
			continue
		}
		j.Sinks = append(j.Sinks, w.parquet(&plan.Sinks[i], root))
	}
	if plan.Side(dstream.BadRecords) >= 0 {
		j.OnBadRecord = DeadLetterBad
	}
	for _, c := range change {
		c(j)
	}
	j.Hash = JobHash(plan, string(j.OnBadRecord))
	return j
}

// resolve builds a job from what the checkpoint recorded of it.
func (w *world) resolve(recorded []byte) (*Job, error) {
	for _, q := range simQueries {
		if q.name == string(recorded) {
			return w.job(q), nil
		}
	}
	return nil, fmt.Errorf("no job was recorded as %q", recorded)
}

// earlier says only that the job is another one, and what it was if that is known.
func (w *world) earlier(recorded []byte) (*Job, []string, error) {
	was, err := w.resolve(recorded)
	if err != nil {
		return nil, []string{"query: was " + string(recorded)}, nil
	}
	return was, []string{"query: was " + string(recorded)}, nil
}

// layoutOf is what a sink of the plan writes.
func layoutOf(k *dstream.SinkPlan) output.Layout {
	l := output.Layout{Schema: k.Schema, Columns: k.Columns}
	for _, p := range k.Partitions {
		l.Partitions = append(l.Partitions, output.PartitionExpr{Name: p.Name, Expr: p.Expr})
	}
	if c := k.Changelog; c != nil {
		l.Changelog = &output.Changelog{Op: c.Op, Key: c.Key}
	}
	return l
}

func (w *world) parquet(k *dstream.SinkPlan, root string) Sink {
	config := func(o output.Opening, to store.Store, root string) output.ParquetConfig {
		return output.ParquetConfig{Sink: k.Name, Store: to, Root: root,
			Layout: layoutOf(k), Owner: o.Owner, Written: o.Written, Last: o.Last, First: o.First, Compression: "none", MaxPartitions: 12, Lead: o.Lead, MergeRun: w.mergeRun,
			MaxAge: w.maxAge, MaxFileRows: w.maxFileRows}
	}
	return Sink{Name: k.Name, Place: root, MaxAge: w.maxAge,
		Verify: func(ctx context.Context, e output.Expected, each func(int, func(int) error) error) (*output.Checked, error) {
			return output.ParquetCheck{Sink: k.Name, Store: w.place(root, w.disk), Expect: e, Each: each}.Run(ctx)
		},
		Open: func(ctx context.Context, o output.Opening) (output.Sink, error) {
			return output.OpenParquet(ctx, config(o, w.place(root, w.fs), root))
		},
		Vacant: func(ctx context.Context, o output.Opening) error {
			return output.CheckParquet(ctx, config(o, w.place(root, w.fs), root))
		},
		Committed: func(ctx context.Context, owner output.Owner) (int64, error) {
			return output.CommittedParquet(ctx, config(output.Opening{Owner: owner}, w.place(root, w.disk), root))
		},
		Elsewhere: func(ctx context.Context, o output.Opening, dir string) (output.Sink, error) {
			if dir == "" {
				return output.OpenParquet(ctx, config(o, output.Nowhere(), dir))
			}
			return output.OpenParquet(ctx, config(o, &store.Local{Root: dir, FS: w.fs}, dir))
		}}
}

// inMemory writes the job's rows to w.memory.
func (w *world) inMemory(j *Job) {
	k := &j.Plan.Sinks[0]
	j.Sinks = []Sink{{Name: k.Name, Open: func(_ context.Context, o output.Opening) (output.Sink, error) {
		return w.memory.Open(k.Name, layoutOf(k), o.Owner)
	}}}
}

func (w *world) adsTable() Table {
	fields := []columnar.DecodeField{{Field: simField("ad", columnar.String)}, {Field: simField("campaign", columnar.String)}}
	return Table{
		Version: func() (string, error) { return hex.EncodeToString([]byte(w.ads)), nil },
		Read:    func() ([]byte, error) { return []byte(w.ads), nil },
		Decode: func(data []byte, _ *columnar.Env) (*columnar.Batch, error) {
			return columnar.DecodeCSV("ads.csv", data, fields, nil)
		},
	}
}

// inspect reads the checkpoint.
func (w *world) inspect() (*Inspection, error) {
	if w.inspected != nil {
		return w.inspected, nil
	}
	in, err := Inspect(context.Background(), Env{FS: w.disk, Objects: w.openObjects}, w.checkpoint())
	if err != nil || len(w.log) == 0 || in.Start == nil {
		return in, err
	}
	i := slices.IndexFunc(w.log, func(e Entry) bool { return e.At == in.Entries[0].At })
	in.Entries, in.Start = append(slices.Clone(w.log[:i]), in.Entries...), nil
	in.History, err = Fold(in.Entries)
	return in, err
}

// keepLog keeps what a log has that is about to be pruned, for what a test finds in it.
func (w *world) keepLog() {
	in, err := w.inspect()
	w.check(err)
	w.log = in.Entries
}

// history is what the checkpoint says.
func (w *world) history() *History {
	w.t.Helper()
	in, err := w.inspect()
	if err != nil {
		w.t.Fatalf("inspect: %v", err)
	}
	return in.History
}

// wantError checks the type of an error and that its text says all of parts.
func wantError[T error](t testing.TB, err error, parts ...string) T {
	t.Helper()
	var want T
	if !errors.As(err, &want) {
		t.Fatalf("error %v (%T), want a %T", err, err, want)
	}
	wantText(t, err, parts...)
	return want
}
