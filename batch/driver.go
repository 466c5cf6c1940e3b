package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/windows"
)

// snapshotEvery is the most commits between two snapshots: what recovery reads stays bounded.
const snapshotEvery = 400

// snapshotBytes is how many bytes of deltas are due a snapshot even before that, when they are also half as many again as the last
// snapshot had: so snapshots add at most two thirds to what is written, and recovery reads at most two and a half times the state, and
// what comes while a snapshot is taken in slices.
const snapshotBytes = 16 << 20

// Options are the choices of one run. The zero value but for Job works.
type Options struct {
	Job      *Job
	Earlier  Earlier               // says what an edit of the job changed; nil: that is not told
	Resolve  Resolve               // builds the job of an open batch that another job file planned; nil: such a batch is refused
	TakeOver bool                  // take the job from a holder in any state
	Reopen   bool                  // go on after a flush
	Assume   map[string]Assumption // by sink: what became of the open batch, where the sink has lost its record
	// HolderEnded are HOST:PID of earlier holders of a checkpoint in an object store of which an operator says that they have ended:
	// their heartbeats do not tell. It is looked at only when an open batch is to be given up.
	HolderEnded []string
	// Discard is the open batch to give up, with its files; 0: none. It is looked at before anything is finished or planned.
	Discard int64
	Version string       // of the program, for the log
	Cores   int          // tasks at a time; 0: GOMAXPROCS
	Memory  Memory       // how much the run may use; zero: nothing is bounded
	Report  Reporter     // nil: nobody wants to know
	Warn    func(string) // told what an operator should know; nil: nobody
	// Waiting is told, with every look at the brokers, which partitions wait for transactions that are still open; nil: nobody.
	Waiting func([]WaitingPartition)
	Stop    <-chan struct{} // closed: finish the batch in work and return nil; nil: never
	Env     Env             // zero: [SystemEnv]

	// For tests. Zero: localExecutor, and the constants of these names.
	executor                     newExecutor
	scratch                      func() overflow // nil with Memory: a file in the checkpoint's directory
	snapshotEvery, snapshotBytes int
	inlineBlock                  int
	sliceAbove, sliceBytes       int
	sliceParts                   int                          // of the 256, that a slice has; 0: as many as sizes say
	beside                       func(f func()) (wait func()) // runs f while the driver goes on; nil: in a goroutine
	noteEvery                    time.Duration
	oneAtATime                   bool // no batch is planned ahead
	surveyPatience               time.Duration
}

// driver runs one job until it is stopped or, with AvailableNow, has reached the end offsets.
type driver struct {
	o       Options
	cp      *checkpoint
	history *History
	s       *session
	inputs  *sideInputs
	marks   map[string]windows.SourceMark // by source, of the last commit, or of a trigger since that wrote nothing
	ends    map[partitionKey]int64
	// caughtUp is the plan time when a trigger of this run last found nothing behind the job, by partition.
	caughtUp map[partitionKey]int64
	pressure *backpressure
	lagShown time.Time    // when it was last, see showLag
	skip     []SkipRecord // to leave out, not yet planned
	accept   []string     // sources whose losses this run may still accept
	changes  []string     // of the edit that takes effect with the first plan
	noted    int64        // plan time of the last snapshot that the log may begin with, see keepSnapshot; 0: not known
	// saidClock says that it was told that the clock is behind the last batch.
	saidClock bool
	gaveUp    bool             // it has cancelled an open plan over them
	ground    ground           // where the job stands, by the last survey
	warnedOf  map[waitKey]bool // open transactions of the last survey, and whether they were warned of
	next      *work            // the batch that is begun ahead; nil: none
	round     *round           // the snapshot under way; nil: none
	// aheadFrom is the first batch behind which one may be planned ahead, see aheadPause.
	aheadFrom int64
	due       time.Time       // when the next trigger comes; zero: as soon as a batch is done
	scratch   scratches       // of the keepers
	missed    int64           // times of the schedule that came while a run was busy, since the last report
	counted   map[string]bool // sources of which this run has read records, see warnAbsent
	runID     string
}

// Run takes the job, finishes what an earlier driver left open, and drives it. Errors say by their type what went
// wrong: *wal.HeldError and *SupersededError another driver, *RefusedError and the output and offsets errors that
// protect data, *BadDataError the data; anything else may go away on another try.
func Run(ctx context.Context, o Options) error {
	d := newDriver(o)
	cp, entries, err := openCheckpoint(ctx, d.o.Env, o.Job, d.topicsKnown, o.TakeOver, o.Version, d.o.Warn)
	if err != nil {
		return err
	}
	d.cp, d.inputs = cp, newSideInputs(cp.blobs, d.o.Env.LoadZone)
	d.inputs.memory = d.o.Memory
	if err = d.run(ctx, entries); errors.Is(err, errStopped) {
		err = nil
	}
	err = cp.orSuperseded(ctx, err)
	d.dropAhead()
	d.dropRound()
	if d.s != nil {
		err = errors.Join(err, d.s.close())
	}
	return errors.Join(err, d.scratch.close(), cp.close())
}

// inTurn makes functions of which one is called at a time: what a source has to say comes while the driver works. They may
// be nil.
func inTurn(report Reporter, warn func(string)) (Reporter, func(string)) {
	var telling sync.Mutex
	return func(p Progress) {
			telling.Lock()
			defer telling.Unlock()
			if report != nil {
				report(p)
			}
		}, func(text string) {
			telling.Lock()
			defer telling.Unlock()
			if warn != nil {
				warn(text)
			}
		}
}

func newDriver(o Options) *driver {
	if o.Env.Clock == nil {
		o.Env = SystemEnv()
	}
	if o.Env.LoadZone == nil {
		o.Env.LoadZone = columnar.LoadZone
	}
	if o.Cores <= 0 {
		o.Cores = runtime.GOMAXPROCS(0)
	}
	if o.snapshotEvery <= 0 {
		o.snapshotEvery = snapshotEvery
	}
	if o.snapshotBytes <= 0 {
		o.snapshotBytes = snapshotBytes
	}
	if o.noteEvery <= 0 {
		o.noteEvery = noteEvery
	}
	if o.inlineBlock <= 0 {
		o.inlineBlock = inlineBlock
	}
	if o.sliceAbove <= 0 {
		o.sliceAbove = sliceAbove
	}
	if o.sliceBytes <= 0 {
		o.sliceBytes = sliceBytes
	}
	if o.beside == nil {
		o.beside = besideDriver
	}
	if o.surveyPatience <= 0 {
		o.surveyPatience = surveyPatience
	}
	if o.executor == nil {
		o.executor = localExecutor
	}
	if o.Waiting == nil {
		o.Waiting = func([]WaitingPartition) {}
	}
	o.Report, o.Warn = inTurn(o.Report, o.Warn)
	d := &driver{o: o, accept: o.Job.AcceptLoss, counted: map[string]bool{}, caughtUp: map[partitionKey]int64{}, runID: fmt.Sprintf("%016x", o.Env.Rand.Uint64())}
	d.scratch = newScratches(o.Memory, o.scratch, o.Job.Checkpoint)
	return d
}

func (d *driver) run(ctx context.Context, entries []Entry) error {
	h, err := Fold(entries)
	if err != nil {
		return brokenRules(err)
	}
	d.history = h
	digest, err := d.cp.blobs.Put(ctx, d.o.Job.Recorded)
	if err != nil {
		return fmt.Errorf("record job: %w", err)
	}
	if err := d.recoverEdited(ctx, digest); err != nil {
		return err
	}
	h.releaseState()
	d.marks = h.Marks.Sources
	if err := d.clearPending(ctx); err != nil {
		return err
	}
	if err := d.takeSkips(ctx); err != nil {
		return err
	}
	d.showLag() // the driver before may have died between its commit and that
	if err = d.trigger(ctx); err == nil {
		err = d.cancelAhead()
	}
	if err == nil || errors.Is(err, errStopped) {
		if rollErr := d.rollPending(ctx); rollErr != nil {
			err = rollErr
		}
	}
	d.warnSkips()
	if err == nil {
		d.s.lag.finish()
	}
	d.warnLag()
	return err
}

// takeSkips checks the records that this run is told to skip, before it plans anything.
func (d *driver) takeSkips(ctx context.Context) error {
	if len(d.o.Job.Skip) == 0 {
		return nil
	}
	q, err := d.question(ctx)
	if err != nil {
		return err
	}
	ranges, err := q.ranges()
	if err != nil {
		return d.refuseIfLeading(err)
	}
	d.skip = d.o.Job.Skip
	return checkSkips(d.skip, ranges, q.States.all())
}

// warnSkips says which records the run was told to skip and did not come to.
func (d *driver) warnSkips() {
	for _, s := range d.skip {
		d.o.Warn(fmt.Sprintf("skip %s: the run ended before that record was planned; give it again", s))
	}
}

// errStopped ends a run that was told to stop while it waited for brokers: nothing is planned, so all is clean.
var errStopped = errors.New("stopped")

// survey asks the sources where they stand.
func (d *driver) survey(ctx context.Context) (survey, error) {
	ask, cancel := d.untilStop(ctx)
	defer cancel()
	d.ground = ground{Positions: d.history.Positions, accept: d.accept}
	states, err := d.s.survey(ask, &d.ground)
	switch {
	case err == nil:
		d.noteWaiting(states)
		return states, nil
	case d.stopped() && ctx.Err() == nil:
		return nil, errStopped
	}
	return nil, d.refuseIfLeading(err)
}

// tick plans and runs one batch. It answers without a plan when there was nothing to do, or not yet.
func (d *driver) tick(ctx context.Context) (answer, error) {
	if err := d.s.refresh(ctx); err != nil {
		return answer{}, d.refuseIfLeading(err)
	}
	if d.next != nil {
		return d.adopt(ctx)
	}
	watch := newStopwatch(d.o.Env.Clock)
	q, err := d.question(ctx)
	if err != nil {
		return answer{}, err
	}
	watch.lap("latestOffset")
	a, err := nextPlan(q)
	if err != nil {
		return a, d.refuseIfLeading(err)
	}
	d.noteCaughtUp(q.States, q.At)
	d.marks = a.Marks
	if a.Planned != nil || len(q.Ground.Losses) == 0 {
		d.accepted(q.Ground.Losses)
	}
	if a.Planned == nil {
		d.refreshLag()
		return a, nil
	}
	if err := d.plan(ctx, a.Planned, q.States, watch); err != nil {
		return a, err
	}
	d.pressure.done(a.Planned, d.o.Env.Clock.Now().Sub(watch.start))
	return a, nil
}

// refuseIfLeading keeps a paused driver from judging what its successor did: it is told that it was superseded.
func (d *driver) refuseIfLeading(err error) error {
	if lead := d.cp.lead(); lead != nil {
		return lead
	}
	return err
}

func (d *driver) question(ctx context.Context) (question, error) {
	d.warnClock()
	states, err := d.survey(ctx)
	if err != nil {
		return question{}, err
	}
	q := d.ask(d.history, states)
	q.Ground, q.Marks, q.Rate = d.ground, d.marks, d.pressure.rate()
	return q, nil
}

// ask is the question but for what a run knows beside its history.
func (d *driver) ask(h *History, states survey) question {
	return question{
		Job: d.o.Job, History: h, States: states, Ends: d.ends, At: max(d.o.Env.Clock.Now().UnixMicro(), h.LastAt),
		NextClose: d.s.nextClose(), Frontier: d.s.frontier, Skip: d.skip,
	}
}

func (d *driver) flush(ctx context.Context) error {
	watch := newStopwatch(d.o.Env.Clock)
	q, err := d.question(ctx)
	if err != nil {
		return err
	}
	p, err := flushPlan(q)
	if err != nil {
		return d.refuseIfLeading(err)
	}
	return d.plan(ctx, p, q.States, watch)
}

// plan logs a plan and runs it.
func (d *driver) plan(ctx context.Context, p *Planned, states survey, watch *stopwatch) error {
	if err := d.inputs.current(ctx, d.s.job, p); err != nil {
		return err
	}
	if err := d.checkRules(ctx, p); err != nil {
		return d.refuseIfLeading(err)
	}
	if err := d.logPlan(p); err != nil {
		return err
	}
	watch.lap("walCommit")
	w, err := d.ready(ctx, p, d.history.Floor)
	if err != nil {
		return err
	}
	w.states, w.watch = states, watch
	return d.finish(ctx, w)
}

// logPlan makes a plan a fact.
func (d *driver) logPlan(p *Planned) error {
	p.Job, p.JobHash, p.Shards, p.Changes = d.s.digest, d.s.job.Hash, d.s.shards, d.takeChanges()
	if err := failpoint.Hit(failpoint.DriverPlan); err != nil {
		return err
	}
	if err := d.cp.append(p); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.DriverPlanned); err != nil {
		return err
	}
	if err := d.history.apply(p); err != nil {
		return err
	}
	d.skip = ahead(d.skip, p.Ranges)
	return nil
}
