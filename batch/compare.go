package batch

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// CompareOptions are the choices of a comparison.
type CompareOptions struct {
	ReplayOptions      // of the old job; nothing is written, Into is ignored
	With          *Job // the new one. Its name and checkpoint do not matter
	Samples       int  // how many rows of each kind are kept for a sink
}

// DefaultSamples is how many samples people are shown.
const DefaultSamples = 20

// differentMost bounds the different rows that are held.
const differentMost = 4_000_000

// Comparison is how the rows of two jobs over the same batches differ.
type Comparison struct {
	First int64 `json:"firstBatch"`
	Last  int64 `json:"lastBatch"`
	// Rebuilt are the batches before First that the new job read only to have the state that it would have had.
	Rebuilt int              `json:"rebuilt"`
	Records int64            `json:"records"` // of batches First to Last
	Sinks   []SinkComparison `json:"sinks"`
}

// Different reports whether there is any difference.
func (c *Comparison) Different() bool {
	return slices.ContainsFunc(c.Sinks, func(s SinkComparison) bool { return s.OnlyOld+s.OnlyNew+s.Changed > 0 || len(s.Notes) > 0 })
}

// SinkComparison compares the rows for one sink, each a JSON object of the columns that both jobs have.
type SinkComparison struct {
	Sink    string   `json:"sink"`
	Notes   []string `json:"notes,omitempty"` // how its columns differ
	Key     []string `json:"key,omitempty"`   // of columns; empty: rows have none, so none is told to have changed
	Old     int64    `json:"old"`             // rows
	New     int64    `json:"new"`
	OnlyOld int64    `json:"onlyOld"`
	OnlyNew int64    `json:"onlyNew"`
	Changed int64    `json:"changed"` // pairs of rows with one key
	// The first of each, by their text.
	OnlyOldRows []string    `json:"onlyOldRows,omitempty"`
	OnlyNewRows []string    `json:"onlyNewRows,omitempty"`
	ChangedRows [][2]string `json:"changedRows,omitempty"`
}

// Compare runs committed batches again, with the jobs that they were planned with and with another one, and tells the rows that
// only one of them yields. The new job begins as early as its windows need it, so that rows of windows which were open at the
// first batch are whole; what it yields before that batch is not compared. It takes no lock and writes nothing.
func Compare(ctx context.Context, o CompareOptions) (*Comparison, error) {
	o.Into = ""
	o.exact = true                              // rows are compared, not files
	o.Memory = DivideMemory(o.Memory.Total / 2) // for each of two jobs; a state's share is for the rows that differ
	r, err := newReplayer(ctx, o.ReplayOptions)
	if err != nil {
		return nil, err
	}
	c := &comparer{o: o, old: r, out: &Comparison{First: r.out.First, Last: r.out.Last}}
	err = c.run(ctx)
	err = errors.Join(err, r.close())
	if c.s != nil {
		err = errors.Join(err, c.s.close())
	}
	if err = errors.Join(err, c.scratch.close()); err != nil {
		return nil, gone(err)
	}
	return c.out, nil
}

// comparer is a comparison under way.
type comparer struct {
	o      CompareOptions
	old    *replayer
	s      *session      // of the new job
	inputs *sideInputs   // of the new job, as they are today
	kept   store.Blobs   // the checkpoint's, and in front of them what only the new job needs
	marks  *Marks        // of the new job, behind its last batch; nil before the first
	sinks  []*rowsOfSink // by name
	today  *Planned      // digests of side inputs that only the new job has
	out    *Comparison

	scratch scratches // of the new job
}

func (c *comparer) run(ctx context.Context) error {
	if err := c.open(ctx); err != nil {
		return err
	}
	if err := c.old.rebuild(ctx); err != nil {
		return err
	}
	if n := c.old.out.Differences; n > 0 {
		c.old.o.warn(fmt.Sprintf("batches in front of batch %d, read for the state of the old job, did not come out as the log has them: %d differences", c.out.First, n))
	}
	all := committedBatches(c.old.entries)
	first, err := c.rebuildFrom(ctx, all)
	if err != nil {
		return err
	}
	for _, b := range all[first:] {
		if b.plan.Batch >= c.out.First {
			break
		}
		if _, err := c.batch(ctx, b.plan); err != nil {
			return &replayError{b.plan.Batch, fmt.Errorf("with the new job: %w", err)}
		}
		c.out.Rebuilt++
	}
	c.old.took = func(p *Planned, old *outcome) error {
		c.out.Records += old.commit.Records
		made, err := c.batch(ctx, p)
		if err != nil {
			return fmt.Errorf("with the new job: %w", err)
		}
		return c.take(old, made)
	}
	if err := c.old.run(ctx); err != nil {
		return err
	}
	for _, k := range c.sinks {
		s, err := k.compare(c.o.Samples)
		if err != nil {
			return err
		}
		c.out.Sinks = append(c.out.Sinks, s)
	}
	return nil
}

// open makes the new job ready.
func (c *comparer) open(ctx context.Context) error {
	with := c.o.With
	known := map[string]bool{}
	for _, r := range c.old.batches[len(c.old.batches)-1].plan.Ranges {
		known[r.Source] = true
	}
	for i := range with.Plan.Sources {
		if name := with.Plan.Sources[i].Name; !known[name] {
			return refuse("the new job reads the source %q, of which the batches have no ranges: they are of %v", name, slices.Sorted(maps.Keys(known)))
		}
	}
	opening := output.Opening{Owner: output.Owner{Job: with.Name, Checkpoint: c.old.id}, Lead: func() error { return nil }, Clock: c.old.o.Env.Clock}
	s, err := openSession(ctx, elsewhere(with, ""), "", opening, nil, with.Shards)
	if err != nil {
		return err
	}
	c.s = s
	s.worker.limit(c.old.o.Memory, c.old.o.Cores)
	s.worker.again = againReplay
	c.scratch = newScratches(c.old.o.Memory, c.old.o.scratch, c.old.o.Job.Checkpoint)
	s.worker.useScratch(c.scratch)
	s.exec = c.old.o.executor(s.worker, c.old.o.Cores)
	c.kept = store.Blobs{Store: &scratch{Store: c.old.blobs.Store, kept: map[string][]byte{}}}
	load := c.old.o.Env.LoadZone
	if load == nil {
		load = columnar.LoadZone
	}
	c.inputs, c.today = newSideInputs(c.kept, load), &Planned{}
	return nil
}

// rebuildFrom is the batch that the new job must begin with, a position in all: that behind which no record can be in a
// window that is open at the first batch to compare.
func (c *comparer) rebuildFrom(ctx context.Context, all []committedBatch) (int, error) {
	at := slices.IndexFunc(all, func(b committedBatch) bool { return b.plan.Batch == c.out.First })
	if len(c.o.With.Plan.Exchanges) == 0 {
		return at, nil
	}
	first := 0
	if reach, bounded := reachOf(c.o.With.Plan); bounded {
		before, err := c.old.jobOf(ctx, all[at].plan)
		if err != nil {
			return 0, err
		}
		w := all[at].plan.Before.Watermark()
		for sameTimes(before.Plan, c.o.With.Plan) && first < at && w != windows.NoWatermark && w != windows.MaxWatermark && all[first].commit.After.newest() < w-reach {
			first++
		}
	}
	for _, e := range c.old.entries[all[first].entry:all[len(all)-1].entry] {
		if r, ok := e.Record.(*Reopened); ok && r.Batch < c.out.Last {
			return 0, refuse("the flush of batch %d was taken back, and what a new job would have kept then is not known: compare batches on one side of it", r.Batch)
		}
	}
	if all[first].plan.Batch > 1 && first == 0 {
		c.old.o.warn(fmt.Sprintf("the log begins with batch %d: windows of the new job that began before are not whole", all[0].plan.Batch))
	}
	return first, nil
}

// newest is the greatest watermark of any partition.
func (m Marks) newest() int64 {
	most := int64(windows.NoWatermark)
	for _, s := range m.Sources {
		for _, p := range s.Partitions {
			most = max(most, p.Watermark)
		}
	}
	return most
}

// reachOf is how far behind the watermark a row can be that still matters, in µs, for plans all of whose windows have a length.
func reachOf(plan *dstream.Plan) (reach int64, bounded bool) {
	for i := range plan.Sources {
		reach = max(reach, plan.Sources[i].Bounds.MaxDisorder)
	}
	for i := range plan.Exchanges {
		x := &plan.Exchanges[i]
		length, ok := x.Window.Longest()
		if !ok {
			return 0, false
		}
		reach += length + x.Emit.Lateness
	}
	return reach, reach < 1<<60
}

// sameTimes reports whether two plans take the same times from the records of the sources that with reads, so that their
// watermarks are the same.
func sameTimes(old, with *dstream.Plan) bool {
	return !slices.ContainsFunc(with.Sources, func(s dstream.SourcePlan) bool {
		return !slices.ContainsFunc(old.Sources, func(o dstream.SourcePlan) bool { return o.Name == s.Name && o.TimeText() == s.TimeText() })
	})
}

// batch runs a plan with the new job.
func (c *comparer) batch(ctx context.Context, p *Planned) (*outcome, error) {
	if err := c.s.worker.keep(p.Batch).reset(); err != nil {
		return nil, err
	}
	plan, err := c.plan(ctx, p)
	if err != nil {
		return nil, err
	}
	if err := c.s.useInputs(ctx, c.kept, plan); err != nil {
		return nil, lost(err)
	}
	o := newOutcome(c.s.job, plan, c.s.worker.env(plan.At), c.old.history.Floor)
	if err := o.run(ctx, c.s.exec); err != nil {
		return nil, err
	}
	c.marks = &o.commit.After
	return o, nil
}

// plan is the plan of a batch as the new job would have had it: the same ranges, time and idle partitions, with its own
// watermarks, and with side inputs of today where the old job had none.
func (c *comparer) plan(ctx context.Context, p *Planned) (*Planned, error) {
	plan := *p
	plan.JobHash, plan.Shards = c.s.job.Hash, c.s.shards
	plan.Before = Marks{Sources: p.Before.Sources}
	if c.marks != nil {
		plan.Before = Marks{Sources: map[string]windows.SourceMark{}, Operators: c.marks.Operators}
		for name, m := range p.Before.Sources {
			plan.Before.Sources[name] = windows.WithMarksOf(m, c.marks.source(name))
		}
	}
	if c.today.Tables == nil && c.needsMore(p) {
		if err := c.inputs.current(ctx, c.s.job, c.today); err != nil {
			return nil, err
		}
	}
	plan.Tables, plan.Zones = maps.Clone(c.today.Tables), maps.Clone(c.today.Zones)
	if plan.Tables == nil {
		plan.Tables, plan.Zones = map[string]string{}, map[string]string{}
	}
	maps.Copy(plan.Tables, p.Tables)
	maps.Copy(plan.Zones, p.Zones)
	return &plan, nil
}

// needsMore reports whether the new job has side inputs that the plan does not name.
func (c *comparer) needsMore(p *Planned) bool {
	for _, t := range c.s.job.Plan.Tables {
		if p.Tables[t.Name] == "" {
			return true
		}
	}
	return slices.ContainsFunc(c.s.job.zones(), func(name string) bool { return p.Zones[name] == "" })
}

// take adds the rows of one batch.
func (c *comparer) take(old, made *outcome) error {
	if c.sinks == nil {
		c.sinks = pairSinks(old.job.Plan, made.job.Plan)
	}
	held, bytes := 0, int64(0)
	for _, k := range c.sinks {
		if err := k.take(old, -1); err != nil {
			return err
		}
		if err := k.take(made, +1); err != nil {
			return err
		}
		held, bytes = held+len(k.rows), bytes+k.bytes
	}
	if m := c.old.o.Memory; m.State > 0 && bytes > m.State {
		return refuse("%d rows that differ take %s, more than the %s that memory: %s leaves for them: choose fewer batches, or compare with --set memory=%s or more",
			held, sizeText(bytes), sizeText(m.State), sizeText(2*m.Total), settingText(2*m.enough(bytes)))
	}
	if held > differentMost {
		return refuse("more than %d rows differ: choose fewer batches", differentMost)
	}
	return nil
}

// scratch is a store that is never changed: what is put there stays in memory.
type scratch struct {
	store.Store
	kept map[string][]byte
}

// PutIfAbsent implements [store.Store].
func (s *scratch) PutIfAbsent(_ context.Context, name string, write func(io.Writer) error) error {
	var b bytes.Buffer
	if err := write(&b); err != nil {
		return err
	}
	s.kept[name] = b.Bytes()
	return nil
}

// Get implements [store.Store].
func (s *scratch) Get(ctx context.Context, name string) ([]byte, error) {
	if data, ok := s.kept[name]; ok {
		return slices.Clone(data), nil
	}
	return s.Store.Get(ctx, name)
}
