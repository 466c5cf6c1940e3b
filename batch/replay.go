package batch

import (
	"context"
	"errors"
	"fmt"
	"runtime"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// ReplayOptions are the choices of a replay. The zero value but for Job replays all batches that the log has and writes
// nothing.
type ReplayOptions struct {
	Job     *Job
	Resolve Resolve   // builds the job that a batch was planned with; nil: that is Job, or the replay is refused
	Batches Selection // which batches
	Into    string    // a directory, or an address such as s3://bucket/prefix: every sink of files writes there, below its name; "": nothing is written
	Cores   int       // tasks at a time; 0: GOMAXPROCS
	Memory  Memory    // how much the replay may use; zero: nothing is bounded
	Report  func(ReplayedBatch)
	Warn    func(string)
	Env     Env // zero: [SystemEnv]

	executor newExecutor     // for tests; nil: localExecutor
	scratch  func() overflow // for tests; nil with Memory: a file in the checkpoint's directory
	exact    bool            // files of which not all batches are meant are left out
}

// ReplayedBatch is a batch that ran again, and how what it yields differs from what the log says of it.
type ReplayedBatch struct {
	Batch       int64        `json:"batch"`
	PlanTime    string       `json:"planTime"`
	Records     int64        `json:"records"`
	Files       int          `json:"files"` // as the log has them
	Rows        int64        `json:"rows"`
	TopicRows   int64        `json:"topicRows,omitempty"` // those of them that are in topics, which count as no files
	Differences []Difference `json:"differences,omitempty"`
}

// Difference is one thing that is not as the log has it.
type Difference struct {
	Sink string `json:"sink,omitempty"`
	File string `json:"file,omitempty"` // or the topic
	Why  string `json:"why"`
}

func (d Difference) String() string {
	switch {
	case d.File != "":
		return fmt.Sprintf("sink %s: %s: %s", d.Sink, d.File, d.Why)
	case d.Sink != "":
		return fmt.Sprintf("sink %s: %s", d.Sink, d.Why)
	}
	return d.Why
}

// Replayed is the outcome of a replay.
type Replayed struct {
	First       int64 `json:"firstBatch"`
	Last        int64 `json:"lastBatch"`
	Batches     int   `json:"batches"`
	Records     int64 `json:"records"`
	Files       int   `json:"files"`
	Rows        int64 `json:"rows"`
	TopicRows   int64 `json:"topicRows,omitempty"`
	Differences int   `json:"differences"`
	// Snapshot is the batch whose snapshot the state before First was taken from, 0 for none; Deltas are the batches behind
	// it whose changes were added. No record was read for that.
	Snapshot int64 `json:"snapshot,omitempty"`
	Deltas   int   `json:"deltas,omitempty"`
	// Rebuilt are the batches between that and First that were read only to rebuild the state.
	Rebuilt int `json:"rebuilt,omitempty"`
	// Unmade are files that were left out because they begin with rows of batches before First.
	Unmade int `json:"unmade,omitempty"`
}

// Replay runs committed batches again, as they were planned: the recorded ranges, job, side inputs, plan time and
// watermarks, on the state that the log has of the batch before them. What comes out is compared with the manifests,
// the row accounting and the watermarks that were committed. It takes no lock and changes nothing of the job, which may
// run meanwhile. A range that Kafka no longer holds, and state or side inputs that are gone, are a [RefusedError].
func Replay(ctx context.Context, o ReplayOptions) (*Replayed, error) {
	out, err := replay(ctx, o)
	return out, gone(err)
}

// gone says of a range that is gone that nothing can be done about it.
func gone(err error) error {
	var gone *offsets.RangeGoneError
	if errors.As(err, &gone) {
		return refuse("%v; what is gone cannot be replayed: choose later batches", err)
	}
	return err
}

// replay is [Replay] with the errors as they are.
func replay(ctx context.Context, o ReplayOptions) (*Replayed, error) {
	for attempt := 1; ; attempt++ {
		r, err := newReplayer(ctx, o)
		if err != nil {
			return nil, err
		}
		err = errors.Join(r.run(ctx), r.close())
		var pruned *prunedError
		if !errors.As(err, &pruned) {
			return &r.out, err
		}
		if attempt == 3 || r.out.Batches > 0 {
			return &r.out, lost(err)
		}
	}
}

func (r *replayer) close() error {
	var err error
	if r.s != nil {
		err = r.s.close()
	}
	return errors.Join(err, r.scratch.close())
}

// replayError says which batch could not run again.
type replayError struct {
	batch int64
	err   error
}

func (e *replayError) Error() string { return fmt.Sprintf("replay batch %d: %v", e.batch, e.err) }
func (e *replayError) Unwrap() error { return e.err }

// replayer is a replay under way.
type replayer struct {
	o       ReplayOptions
	id      string // of the checkpoint
	blobs   store.Blobs
	state   map[string]bool  // the blocks of state that the checkpoint has
	batches []committedBatch // to run
	entries []Entry          // the whole log
	rest    []Entry          // of the log, from the first of them on
	history *History
	s       *session
	digest  string // of the recorded job that s runs
	out     Replayed
	kept    map[string]map[int64][]byte // by sink and batch: pending rows of batches that ran again
	scratch scratches                   // of the keepers
	// took, unless it is nil, gets what a batch yields, in the place of sinks.
	took func(p *Planned, o *outcome) error
}

func newReplayer(ctx context.Context, o ReplayOptions) (*replayer, error) {
	if o.Env.Clock == nil {
		o.Env = SystemEnv()
	}
	if o.Cores <= 0 {
		o.Cores = runtime.GOMAXPROCS(0)
	}
	if o.executor == nil {
		o.executor = localExecutor
	}
	in, err := Inspect(ctx, o.Env, o.Job.Checkpoint)
	if err != nil {
		return nil, err
	}
	if in.Job != o.Job.Name {
		return nil, otherJob(o.Job, marker{Job: in.Job})
	}
	if in.Feed != "" {
		return nil, refuse("checkpoint %s was fed with the %s by replay-dead: its batches have read these and not the topics, so that they cannot be run again", o.Job.Checkpoint, in.Feed)
	}
	for _, text := range in.Warnings {
		o.warn(text)
	}
	p, err := openPlace(ctx, o.Env, o.Job.Checkpoint)
	if err != nil {
		return nil, err
	}
	r := &replayer{o: o, id: in.CheckpointID, blobs: store.Blobs{Store: p.store}, entries: in.Entries, scratch: newScratches(o.Memory, o.scratch, o.Job.Checkpoint)}
	all := committedBatches(in.Entries)
	if r.batches, err = o.Batches.choose(all, in.Start, in.startMarks()); err != nil {
		return nil, o.Batches.orCancelled(in.Entries, err)
	}
	if !o.exact {
		r.batches = r.widen(all, r.batches)
	}
	if r.state, err = stateNames(ctx, p.store); err != nil {
		return nil, err
	}
	return r, r.rewind()
}

func (o *ReplayOptions) warn(text string) {
	if o.Warn != nil {
		o.Warn(text)
	}
}

// rewind makes the history that of the moment before the first batch was committed, or before the one that has to run again for the
// state that it begins with.
func (r *replayer) rewind() error {
	from, err := r.restorable(r.batches[0].entry)
	if err != nil {
		return err
	}
	before := r.entries[:from]
	h, err := Fold(before)
	if err != nil {
		return brokenRules(err)
	}
	r.history, r.rest = h, r.entries[from:]
	if i := lastSnapshot(before); i >= 0 {
		r.out.Snapshot = before[i].Record.(*Committed).Batch
	}
	for _, v := range h.States {
		if v.Batch > r.out.Snapshot {
			r.out.Deltas++
		}
	}
	r.out.First, r.out.Last = r.batches[0].plan.Batch, r.batches[len(r.batches)-1].plan.Batch
	return nil
}

// run goes through the log from the first batch on.
func (r *replayer) run(ctx context.Context) error {
	if err := r.rebuild(ctx); err != nil {
		return err
	}
	last := r.batches[len(r.batches)-1].commit
	for _, e := range r.rest {
		c, committed := e.Record.(*Committed)
		if committed {
			if err := r.batch(ctx, r.history.Open[0], c); err != nil {
				return &replayError{c.Batch, err}
			}
		}
		if c == last && committed {
			return nil
		}
		if err := r.advance(ctx, e.Record); err != nil {
			return err
		}
	}
	return errors.New("internal error: the log ended before the last batch to replay")
}

// batch runs a plan and compares what it yields with its commit.
func (r *replayer) batch(ctx context.Context, p *Planned, want *Committed) error {
	o, err := r.compute(ctx, p)
	if err != nil {
		return err
	}
	took := r.took
	if took == nil {
		took = func(p *Planned, o *outcome) error { return r.publish(ctx, p, o, want) }
	}
	if err := took(p, o); err != nil {
		return err
	}
	return r.s.worker.keep(p.Batch).reset()
}

// compute runs a plan.
func (r *replayer) compute(ctx context.Context, p *Planned) (*outcome, error) {
	if err := r.use(ctx, p); err != nil {
		return nil, err
	}
	if err := r.s.useInputs(ctx, r.blobs, p); err != nil {
		return nil, lost(err)
	}
	o := newOutcome(r.s.job, p, r.s.worker.env(p.At), r.history.Floor)
	return o, o.run(ctx, r.s.exec)
}

func planTime(p *Planned) string { return windows.FormatTime(p.At) }

// publish writes what a batch yields where the replay goes, and compares it with its commit.
func (r *replayer) publish(ctx context.Context, p *Planned, o *outcome, want *Committed) error {
	prepared, err := r.prepare(ctx, p, o)
	if err != nil {
		return err
	}
	for _, got := range prepared {
		r.out.Unmade += len(got.Unmade)
	}
	done := ReplayedBatch{Batch: p.Batch, PlanTime: planTime(p), Records: o.commit.Records, Differences: differences(o.commit, want)}
	for i, k := range r.s.job.Sinks {
		done.Differences = append(done.Differences, r.pendingDifferences(k.Name, want, prepared[i])...)
		if k.Topic == "" {
			done.Files += len(want.Files[k.Name])
		} else {
			done.TopicRows += want.SinkRows[k.Name]
		}
		done.Rows += want.SinkRows[k.Name]
		done.Differences = append(done.Differences, sinkDifferences(&k, want, prepared[i])...)
	}
	if err := r.checkKept(); err != nil {
		return err
	}
	if r.o.Into != "" {
		if err := r.write(ctx, want, prepared); err != nil {
			return err
		}
	}
	r.note(done)
	return nil
}

func (r *replayer) note(b ReplayedBatch) {
	r.out.Batches++
	r.out.Records += b.Records
	r.out.Files += b.Files
	r.out.Rows += b.Rows
	r.out.TopicRows += b.TopicRows
	r.out.Differences += len(b.Differences)
	if r.o.Report != nil {
		r.o.Report(b)
	}
}

func (r *replayer) prepare(ctx context.Context, p *Planned, o *outcome) ([]*output.Prepared, error) {
	out, info := make([]*output.Prepared, len(r.s.sinks)), r.s.info(p)
	for i, sink := range r.s.sinks {
		var err error
		if out[i], err = sink.Prepare(ctx, info, o.shards[r.s.job.Sinks[i].Name], r.pendingOf(r.s.job.Sinks[i].Name)); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// write publishes a batch where the replay goes, with its manifest and the done markers that the log decided.
func (r *replayer) write(ctx context.Context, want *Committed, prepared []*output.Prepared) error {
	for i, sink := range r.s.sinks {
		if err := sink.Publish(ctx, prepared[i]); err != nil {
			return err
		}
		if err := sink.Committed(ctx, want.Batch, prepared[i].Files); err != nil {
			return err
		}
		if err := mergeOf(ctx, sink, r.s.job.Sinks[i].Name, want.Batch, r.o.warn); err != nil {
			return err
		}
		done := want.Done[r.s.job.Sinks[i].Name]
		if marks := done.marks(want.Batch); len(marks) > 0 {
			m, ok := sink.(output.Marker)
			if !ok {
				return fmt.Errorf("sink %s leaves no done markers", r.s.job.Sinks[i].Name)
			}
			if err := m.Mark(ctx, marks); err != nil {
				return err
			}
		}
	}
	return nil
}

// use makes the job that a plan was made with the session in use, on the state that the log has.
func (r *replayer) use(ctx context.Context, p *Planned) error {
	if r.s != nil && r.digest == p.Job && r.s.shards == p.Shards {
		return nil
	}
	if r.s != nil {
		if err := r.holdState(ctx); err != nil {
			return err
		}
		if err := r.s.close(); err != nil {
			return fmt.Errorf("close job: %w", err)
		}
		r.s = nil
	}
	job, err := r.jobOf(ctx, p)
	if err != nil {
		return err
	}
	if err := checkApart(job, r.o.Into); err != nil {
		return err
	}
	opening := output.Opening{Owner: output.Owner{Job: job.Name, Checkpoint: r.id}, Lead: func() error { return nil }, Clock: r.o.Env.Clock, Each: onCores(max(r.o.Cores, 1)), First: r.out.First}
	s, err := openSession(ctx, elsewhere(job, r.o.Into), p.Job, opening, nil, p.Shards)
	if err != nil {
		return err
	}
	r.s, r.digest = s, p.Job
	s.worker.limit(r.o.Memory, r.o.Cores)
	s.worker.again = againReplay
	s.worker.useScratch(r.scratch)
	s.exec = r.o.executor(s.worker, r.o.Cores)
	return r.restored(s.restore(ctx, r.blobs, r.history))
}

// jobOf is the job that a plan was made with. The job at hand may be another by now.
func (r *replayer) jobOf(ctx context.Context, p *Planned) (*Job, error) {
	job := r.o.Job
	if r.o.Resolve != nil {
		recorded, err := r.blobs.Get(ctx, p.Job)
		if err != nil {
			return nil, lost(fmt.Errorf("read the job of batch %d: %w", p.Batch, err))
		}
		if job, err = r.o.Resolve(recorded); err != nil {
			return nil, fmt.Errorf("resolve the job of batch %d: %w", p.Batch, err)
		}
	}
	if job.Hash != p.JobHash {
		return nil, refuse("it was planned as job %.8s, which this program understands as job %.8s: replay it with the program version that planned it", p.JobHash, job.Hash)
	}
	return job, nil
}

// elsewhere is a job whose sinks write below dir, or nowhere.
func elsewhere(job *Job, dir string) *Job {
	moved := *job
	moved.Sinks = make([]Sink, len(job.Sinks))
	for i, k := range job.Sinks {
		open, to := k.Elsewhere, ""
		if dir != "" {
			to = below(dir, k.Name)
		}
		moved.Sinks[i] = k
		moved.Sinks[i].Open = nil
		if open != nil {
			moved.Sinks[i].Open = func(ctx context.Context, o output.Opening) (output.Sink, error) { return open(ctx, o, to) }
		}
	}
	return &moved
}

// differences are those between two commits of a batch, apart from what sinks have written.
func differences(got, want *Committed) []Difference {
	var out []Difference
	add := func(format string, args ...any) { out = append(out, Difference{Why: fmt.Sprintf(format, args...)}) }
	if got.Records != want.Records {
		add("%d records were read, the log counts %d: is the topic compacted?", got.Records, want.Records)
	}
	if !sameMarks(got.After, want.After) {
		add("watermarks differ: %s, the log has %s", got.After.describe(), want.After.describe())
	}
	if len(got.Edges) != len(want.Edges) {
		add("%d operators have rows to account for, the log has %d", len(got.Edges), len(want.Edges))
		return out
	}
	for i, e := range got.Edges {
		if w := want.Edges[i]; e != w {
			add("operator %s of stage %d: in %d, out %d, held %d; the log has in %d, out %d, held %d", w.Operator, w.Stage, e.In, e.Out, e.HeldAfter, w.In, w.Out, w.HeldAfter)
		}
	}
	return out
}

// sinkDifferences are those between what a sink has prepared and its manifest.
func sinkDifferences(k *Sink, want *Committed, got *output.Prepared) []Difference {
	sink := k.Name
	var out []Difference
	add := func(file, format string, args ...any) {
		out = append(out, Difference{Sink: sink, File: file, Why: fmt.Sprintf(format, args...)})
	}
	rows, unmade := got.Rows, map[string]bool{}
	for _, f := range got.Unmade {
		rows, unmade[f.Path] = rows+f.Rows, true
	}
	if rows != want.SinkRows[sink] {
		add("", "%d rows, the log has %d", rows, want.SinkRows[sink])
	}
	made := map[string]output.File{}
	for _, f := range got.Files {
		made[f.Path] = f
	}
	for _, w := range want.Files[sink] {
		f, ok := made[w.Path]
		delete(made, w.Path)
		switch {
		case unmade[w.Path]:
		case !ok:
			add(w.Path, "the log has it with %d rows, this run does not make it", w.Rows)
		case f.Rows != w.Rows || f.RowsSHA256 != w.RowsSHA256:
			add(w.Path, "other rows: %d with rows_sha256 %.12s, the log has %d with %.12s", f.Rows, f.RowsSHA256, w.Rows, w.RowsSHA256)
		case w.RecordSum != "" && f.RecordSum != w.RecordSum:
			add(w.Path, "equal rows in other records: with record_sum %.12s, the log has %.12s", f.RecordSum, w.RecordSum)
		case k.Topic == "" && (f.Bytes != w.Bytes || w.SHA256 != "" && f.SHA256 != w.SHA256):
			add(w.Path, "equal rows in other bytes (%d, the log has %d): another version of the program wrote it", f.Bytes, w.Bytes)
		}
	}
	for _, f := range got.Files {
		if _, left := made[f.Path]; left {
			add(f.Path, "%d rows, the log does not have it", f.Rows)
		}
	}
	return out
}
