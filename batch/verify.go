package batch

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// VerifyOptions are the choices of a verification. The zero value but for Job checks outputs and accounts.
type VerifyOptions struct {
	Job     *Job
	Resolve Resolve             // builds the job that a batch was planned with; nil: that is Job
	Deep    bool                // run all batches again as well, see [Replay]
	Cores   int                 // files and tasks at a time; 0: GOMAXPROCS
	Memory  Memory              // how much Deep, and files of a remote store, may use; zero: nothing is bounded
	Report  func(ReplayedBatch) // of Deep; nil: nobody wants to know
	Warn    func(string)
	Env     Env // zero: [SystemEnv]
}

// Verified is what a verification has looked at and found.
type Verified struct {
	First, Last int64 // batches of the log
	Batches     int
	Accounts    int   // of operators, over all batches
	Records     int64 // that they account for
	Sinks       []VerifiedSink
	Findings    []output.Finding // of all sinks, and of the log itself
	Notes       []string
	Replayed    *Replayed // with Deep
}

// VerifiedSink is what was found at one sink.
type VerifiedSink struct {
	Name string
	output.Checked
}

// each runs f for 0 to n−1 on a number of goroutines. After an error no further one is begun.
func each(cores int) func(n int, f func(int) error) error {
	return func(n int, f func(int) error) error {
		errs := make([]error, n)
		var next atomic.Int64
		var failed atomic.Bool
		var wg sync.WaitGroup
		for range min(cores, n) {
			wg.Go(func() {
				for i := int(next.Add(1) - 1); i < n && !failed.Load(); i = int(next.Add(1) - 1) {
					if errs[i] = f(i); errs[i] != nil {
						failed.Store(true)
					}
				}
			})
		}
		wg.Wait()
		for _, err := range errs {
			if err != nil {
				return err
			}
		}
		return nil
	}
}

// Verify compares what sinks hold with what the log says of it, and the log with itself: every account of every operator,
// rows held from batch to batch, rows written, and that ranges follow one another without gap or overlap. It looks for what the
// checkpoint keeps beside the log. It takes no lock and changes nothing; the job may run meanwhile.
func Verify(ctx context.Context, o VerifyOptions) (*Verified, error) {
	if o.Env.Clock == nil {
		o.Env = SystemEnv()
	}
	if o.Cores <= 0 {
		o.Cores = runtime.GOMAXPROCS(0)
	}
	in, err := Inspect(ctx, o.Env, o.Job.Checkpoint)
	if err != nil {
		return nil, err
	}
	if in.Job != o.Job.Name {
		return nil, otherJob(o.Job, marker{Job: in.Job})
	}
	at, err := openPlace(ctx, o.Env, o.Job.Checkpoint)
	if err != nil {
		return nil, err
	}
	v := &verification{o: o, in: in, blobs: store.Blobs{Store: at.store}, jobs: map[string]*Job{}, out: &Verified{Notes: in.Warnings}}
	if v.batches = committedBatches(in.Entries); len(v.batches) > 0 {
		v.out.First, v.out.Last = v.batches[0].plan.Batch, v.batches[len(v.batches)-1].plan.Batch
	}
	if in.Start != nil {
		v.out.First, v.out.Last = in.Start.Batch+1, max(v.out.Last, in.Start.Batch)
		v.out.Notes = append(v.out.Notes, fmt.Sprintf("the log was %s: what is older was compared with the manifests beside the outputs alone", in.Start))
	}
	v.out.Batches = len(v.batches)
	if err := v.accounts(ctx); err != nil {
		return nil, err
	}
	if err := v.kept(ctx); err != nil {
		return nil, err
	}
	if err := v.sinks(ctx); err != nil {
		return nil, err
	}
	switch {
	case o.Deep && in.Feed != "":
		v.out.Notes = append(v.out.Notes, fmt.Sprintf("the batches cannot be computed again: replay-dead fed them with the %s", in.Feed))
	case o.Deep && len(v.batches) > 0:
		if err := v.deep(ctx); err != nil {
			return nil, err
		}
	}
	return v.out, nil
}

// verification is one under way.
type verification struct {
	o       VerifyOptions
	in      *Inspection
	blobs   store.Blobs
	batches []committedBatch
	jobs    map[string]*Job // by digest; nil: it cannot be understood
	out     *Verified
}

func (v *verification) find(batch int64, format string, args ...any) {
	v.out.Findings = append(v.out.Findings, output.Finding{Kind: output.Changed, Path: "the log", Batch: batch, Why: fmt.Sprintf(format, args...)})
}

// jobOf is the job that a plan was made with, nil when this program does not understand it: then there is a note.
func (v *verification) jobOf(ctx context.Context, p *Planned) (*Job, error) {
	if job, known := v.jobs[p.Job]; known {
		return job, nil
	}
	job := v.o.Job
	if v.o.Resolve != nil {
		recorded, err := v.blobs.Get(ctx, p.Job)
		if err != nil {
			return nil, lost(fmt.Errorf("read the job of batch %d: %w", p.Batch, err))
		}
		if job, err = v.o.Resolve(recorded); err != nil {
			v.out.Notes = append(v.out.Notes, fmt.Sprintf("the accounts from batch %d on were not checked between operators: its job is not understood: %v", p.Batch, err))
			job = nil
		}
	}
	if job != nil && job.Hash != p.JobHash {
		v.out.Notes = append(v.out.Notes, fmt.Sprintf("the accounts from batch %d on were not checked between operators: another version of the program planned it", p.Batch))
		job = nil
	}
	v.jobs[p.Job] = job
	return job, nil
}

// accounts checks the row accounting of all batches.
func (v *verification) accounts(ctx context.Context) error {
	held, pending := map[string]int64{}, map[string]int64{} // by operator, by sink
	next := 0
	for i, e := range v.in.Entries {
		if _, reopened := e.Record.(*Reopened); reopened {
			clear(held) // what a flush that is taken back leaves in the state is not logged
		}
		if next == len(v.batches) || v.batches[next].entry != i {
			continue
		}
		b := v.batches[next]
		if err := v.account(ctx, b); err != nil {
			return err
		}
		if next > 0 {
			v.follows(v.batches[next-1], b)
		}
		v.holds(held, b)
		v.leaves(pending, b)
		next++
	}
	return nil
}

// account checks the accounts of one batch: each operator's, those of neighbours against each other, and those of sinks.
func (v *verification) account(ctx context.Context, b committedBatch) error {
	v.out.Accounts += len(b.commit.Edges)
	v.out.Records += b.commit.Records
	if got := RangeHash(b.plan); got != b.commit.RangeHash {
		v.find(b.plan.Batch, "its commit is of the range hash %.12s, its plan has %.12s", b.commit.RangeHash, got)
	}
	for sink, files := range b.commit.Files {
		rows := int64(0)
		for _, f := range files {
			rows += f.Rows
		}
		if want := b.commit.SinkRows[sink]; len(files) > 0 && rows != want {
			v.find(b.plan.Batch, "sink %s: its files have %d rows, written were %d", sink, rows, want)
		}
	}
	job, err := v.jobOf(ctx, b.plan)
	if err != nil || job == nil {
		return err
	}
	err = newBooks(job.Plan, b.commit.Edges).check(b.commit.Records, func(sink string) int64 {
		return b.commit.SinkRows[sink] + b.commit.LeftOut[sink] + pendingMore(b.commit.Pending[sink])
	})
	if err != nil {
		v.find(b.plan.Batch, "%v", err)
	}
	return nil
}

// follows checks that every range begins where that of the batch before ended.
func (v *verification) follows(last, b committedBatch) {
	for _, p := range last.commit.Positions {
		if dropped(b.plan.Losses, p.Source, p.Topic, p.Partition) {
			continue
		}
		for _, r := range b.plan.Ranges {
			if r.Source == p.Source && r.Topic == p.Topic && r.Partition == p.Partition && r.From != p.Next && !lostUpTo(b.plan, p.Source, p.Topic, p.Partition, r.From) {
				v.find(b.plan.Batch, "it reads %s/%d from %d, the batch before ended at %d", r.Topic, r.Partition, r.From, p.Next)
			}
		}
	}
}

// lostUpTo reports whether a plan says that what is before an offset was given up.
func lostUpTo(p *Planned, source, topic string, partition int32, next int64) bool {
	for _, l := range p.Losses {
		if l.Source == source && l.Topic == topic && l.Partition == partition && l.Next == next {
			return true
		}
	}
	return false
}

// holds checks that operators begin with the rows that they held, and notes what they hold now.
func (v *verification) holds(held map[string]int64, b committedBatch) {
	now := map[string]int64{}
	for _, e := range b.commit.Edges {
		if e.HeldBefore != 0 || e.HeldAfter != 0 {
			now[e.Operator] = e.HeldAfter
		}
		if was, known := held[e.Operator]; known && was != e.HeldBefore {
			v.find(b.plan.Batch, "%s begins with %d rows held, the batch before ended with %d", e.Operator, e.HeldBefore, was)
		}
		delete(held, e.Operator)
	}
	for _, operator := range slices.Sorted(maps.Keys(held)) {
		if held[operator] != 0 {
			v.find(b.plan.Batch, "%d rows that %s held are gone", held[operator], operator)
		}
	}
	clear(held)
	maps.Copy(held, now)
}

// sinks looks at what is there.
func (v *verification) sinks(ctx context.Context) error {
	for _, k := range v.o.Job.Sinks {
		if k.Verify == nil {
			v.out.Notes = append(v.out.Notes, fmt.Sprintf("sink %s: what was printed is not kept", k.Name))
			continue
		}
		got, err := k.Verify(ctx, v.expected(k.Name), each(v.o.Cores))
		if err != nil {
			return err
		}
		v.out.Sinks = append(v.out.Sinks, VerifiedSink{k.Name, *got})
		v.out.Findings = append(v.out.Findings, got.Findings...)
		v.out.Notes = append(v.out.Notes, got.Notes...)
	}
	v.renamed()
	return v.pending(ctx)
}

// renamed notes sinks of the log that the job no longer has.
func (v *verification) renamed() {
	others := map[string]int64{}
	for _, b := range v.batches {
		for sink, rows := range b.commit.SinkRows {
			if !slices.ContainsFunc(v.o.Job.Sinks, func(k Sink) bool { return k.Name == sink }) {
				others[sink] += rows
			}
		}
	}
	for _, sink := range slices.Sorted(maps.Keys(others)) {
		v.out.Notes = append(v.out.Notes, fmt.Sprintf("sink %s: the job no longer has it; %d rows were not looked for", sink, others[sink]))
	}
}

// expected is what the log says of a sink.
func (v *verification) expected(sink string) output.Expected {
	e := output.Expected{Owner: output.Owner{Job: v.in.Job, Checkpoint: v.in.CheckpointID}, First: v.out.First, Last: v.out.Last, Planned: v.in.History.NextBatch - 1, Running: v.in.Holder != nil, Room: v.o.Memory.State}
	for _, g := range v.in.History.Discarded {
		for batch := g.Planned.Batch; batch <= g.Last; batch++ {
			e.Discarded = append(e.Discarded, batch)
		}
	}
	for _, b := range v.batches {
		done := b.commit.Done[sink]
		e.Batches = append(e.Batches, output.ExpectedBatch{Batch: b.plan.Batch, Files: b.commit.Files[sink], Rows: b.commit.SinkRows[sink], Marks: done.marks(b.plan.Batch)})
	}
	return e
}

// deep runs everything again that Kafka still holds.
func (v *verification) deep(ctx context.Context) error {
	report := func(b ReplayedBatch) {
		for _, d := range b.Differences {
			v.out.Findings = append(v.out.Findings, output.Finding{Sink: d.Sink, Kind: output.Changed, Path: d.File, Batch: b.Batch, Why: "run again: " + d.Why})
		}
		if v.o.Report != nil {
			v.o.Report(b)
		}
	}
	o := ReplayOptions{Job: v.o.Job, Resolve: v.o.Resolve, Cores: v.o.Cores, Memory: v.o.Memory, Env: v.o.Env, Report: report, exact: true}
	for {
		again, err := replay(ctx, o)
		var at *replayError
		var gone *offsets.RangeGoneError
		if !errors.As(err, &at) || !errors.As(err, &gone) {
			v.out.Replayed = again
			return err
		}
		v.out.Notes = append(v.out.Notes, fmt.Sprintf("batches up to %d cannot be computed again: %v", at.batch, gone))
		if at.batch == v.out.Last {
			return nil
		}
		o.Batches.First = at.batch + 1
	}
}
