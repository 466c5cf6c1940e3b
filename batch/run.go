package batch

import (
	"context"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// outcome is what running a plan yields, before anything of it is visible.
type outcome struct {
	job    *Job
	plan   *Planned
	env    *columnar.Env
	start  map[int]int64                     // by exchange, see startMarks
	late   map[int]int64                     // by exchange, see lateMarks
	floor  map[int]int64                     // by exchange, see floorMarks
	roots  map[int][]*Result                 // by the first stage of the tasks, in their order; without what went to shards
	held   map[int]map[int][]*columnar.Batch // by exchange and shard, see Task.Held
	shards map[string][]output.Shard         // rows by sink
	commit *Committed                        // without files and state references
	deltas map[int][][]byte                  // by exchange: one block for each shard
	bad    []columnar.BadRecord              // the first few of every task
	closed map[string]int64                  // by operator: the greatest end of a window that closed
	tasks  []Task                            // that read the sources
	begun  Begun                             // these, when they were begun before the batch's turn; nil: they were not

	blocks map[string][]byte // by sink: rows that are left to later batches, see output.Prepared

	counted map[string]bool            // sources of which no census is wanted
	census  map[string]columnar.Census // by source
}

func newOutcome(job *Job, p *Planned, env *columnar.Env, floor map[string]int64) *outcome {
	return &outcome{
		job: job, plan: p, env: env, start: startMarks(job.Plan, p.Before), late: lateMarks(job.Plan, p.Before, floor), floor: floorMarks(job.Plan, p.Before, floor),
		roots: map[int][]*Result{}, held: map[int]map[int][]*columnar.Batch{}, deltas: map[int][][]byte{}, closed: map[string]int64{}, census: map[string]columnar.Census{},
		commit: &Committed{Batch: p.Batch, At: p.At, RangeHash: RangeHash(p), Positions: positionsAfter(p.Ranges)},
	}
}

// run runs every stage of the job over the ranges of the plan. What it yields is a function of the plan, the records in
// its ranges, the side inputs and the state before; nothing becomes visible.
func (o *outcome) run(ctx context.Context, exec Executor) error {
	if err := o.readSources(ctx, exec); err != nil {
		return err
	}
	if err := o.checkBadShare(); err != nil {
		return err
	}
	o.commit.After = marksAfter(o.job.Plan, o.plan.Before, o.sourceMarks(), o.plan.clock())
	for i := range o.job.Plan.Stages {
		if from := o.job.Plan.Stages[i].From; from.Exchange >= 0 {
			err := exec.Run(ctx, o.shardTasks(i, from.Exchange), func(_ int, r *Result) []Task { return o.take(i, r) })
			if err != nil {
				return err
			}
		}
	}
	o.fillSinks()
	return o.checkEdges()
}

func positionsAfter(ranges []offsets.Range) []offsets.Position {
	out := make([]offsets.Position, len(ranges))
	for i, r := range ranges {
		out[i] = r.After()
	}
	return out
}

// readSources runs the tasks of all sources at a time.
func (o *outcome) readSources(ctx context.Context, exec Executor) error {
	then := func(i int, r *Result) []Task { return o.take(o.tasks[i].Stage, r) }
	if o.begun != nil {
		return o.begun.Finish(then)
	}
	o.tasks = o.allSourceTasks()
	return exec.Run(ctx, o.tasks, then)
}

// begin reads ahead, before the batch's turn has come.
func (o *outcome) begin(ctx context.Context, exec Executor) {
	o.tasks = o.allSourceTasks()
	o.begun = exec.Begin(ctx, o.tasks)
}

// abandon ends what was begun and not finished.
func (o *outcome) abandon() {
	if o.begun != nil {
		o.begun.Abandon()
	}
}

func (o *outcome) allSourceTasks() []Task {
	var tasks []Task
	for i := range o.job.Plan.Sources {
		tasks = append(tasks, o.sourceTasks(i)...)
	}
	return tasks
}

// sourceTasks are those that read a source: its ranges cut at fixed offsets. Their order, by range then piece, is the order of rows and of
// float sums, so it must depend on the plan alone.
func (o *outcome) sourceTasks(source int) []Task {
	var tasks []Task
	for _, pieces := range o.plan.piecesOf(o.job.Plan.Sources[source].Name) {
		for _, piece := range pieces {
			t := o.task(o.job.Plan.Root(source))
			t.Range, t.Skip, t.Census = &piece, skipOffsets(o.plan.Skip, piece), !o.counted[piece.Source]
			tasks = append(tasks, t)
		}
	}
	return tasks
}

// task is a task of the batch that begins with a stage.
func (o *outcome) task(root int) Task {
	return Task{JobHash: o.job.Hash, Batch: o.plan.Batch, Stage: root, At: o.plan.At, Shards: o.plan.Shards, Watermarks: o.start, Late: o.late, Floor: o.floor}
}

// shardTasks close what is due in every shard of the stage behind an exchange, whose partials are merged by then.
func (o *outcome) shardTasks(stage, exchange int) []Task {
	tasks := make([]Task, o.plan.Shards)
	for s := range tasks {
		tasks[s] = o.task(stage)
		tasks[s].Shard, tasks[s].Close = s, o.commit.After.Operators[o.job.Plan.Exchanges[exchange].Name]
		tasks[s].Held = o.held[exchange][s]
	}
	return tasks
}

// mergeTasks give shards the partials of a result, by sending stage. They leave the result.
func (o *outcome) mergeTasks(r *Result) []Task {
	var tasks []Task
	for i := range o.job.Plan.Stages {
		from := o.job.Plan.Stages[i].From.Exchange
		if from < 0 {
			continue
		}
		inputs := make([][]*columnar.Batch, o.plan.Shards)
		for _, sender := range o.job.Plan.Senders(from) {
			for s, partials := range r.Partials[sender] {
				inputs[s] = append(inputs[s], partials...)
			}
			for s, rows := range r.Held[sender] {
				o.hold(from, s, rows)
			}
		}
		for s := range inputs {
			if len(inputs[s]) > 0 {
				t := o.task(i)
				t.Shard, t.Inputs, t.More = s, inputs[s], true
				tasks = append(tasks, t)
			}
		}
	}
	r.Partials, r.Held = nil, nil
	return tasks
}

// hold keeps rows that a shard may find late, in the order of the results.
func (o *outcome) hold(exchange, shard int, rows []*columnar.Batch) {
	if len(rows) == 0 {
		return
	}
	if o.held[exchange] == nil {
		o.held[exchange] = map[int][]*columnar.Batch{}
	}
	o.held[exchange][shard] = append(o.held[exchange][shard], rows...)
}

// rootOf is the first stage of the tasks that a stage runs in.
func rootOf(plan *dstream.Plan, stage int) int {
	for plan.Stages[stage].From.Stage >= 0 {
		stage = plan.Stages[stage].From.Stage
	}
	return stage
}

// clock is how far windows of processing time have come with the batch.
func (p *Planned) clock() int64 {
	if p.Final {
		return windows.MaxWatermark
	}
	return p.At
}

// sourceMarks moves the watermarks of the sources by what the batch met.
func (o *outcome) sourceMarks() map[string]windows.SourceMark {
	out := map[string]windows.SourceMark{}
	for i := range o.job.Plan.Sources {
		s := &o.job.Plan.Sources[i]
		seen := o.seen(i)
		after := windows.Advance(o.plan.Before.source(s.Name), seen, s.Bounds, o.plan.At)
		if o.plan.Final {
			after = windows.Final(after)
		}
		out[s.Name] = after
	}
	return out
}

// take adds the result of a task that began with a stage: accounting, deltas, and rows for the sinks. It returns the tasks
// that merge its partials.
func (o *outcome) take(root int, r *Result) []Task {
	o.roots[root] = append(o.roots[root], r)
	o.commit.Records += r.Source.Records
	o.commit.WireBytes += r.Source.WireBytes
	o.bad = append(o.bad, r.Source.Bad...)
	from := o.job.Plan.Stages[root].From
	if from.Source >= 0 {
		all := o.census[o.job.Plan.Sources[from.Source].Name]
		all.Merge(r.Source.Census)
		o.census[o.job.Plan.Sources[from.Source].Name] = all
	}
	if from.Exchange >= 0 {
		o.deltas[from.Exchange] = append(o.deltas[from.Exchange], r.Delta)
		o.noteClosed(o.job.Plan.Exchanges[from.Exchange].Name, r.ClosedTo)
	}
	for _, e := range r.Edges {
		o.addEdge(e)
	}
	return o.mergeTasks(r)
}

// noteClosed notes how far windows of an operator have closed.
func (o *outcome) noteClosed(operator string, end int64) {
	if old, ok := o.closed[operator]; end != windows.NoWatermark && (!ok || end > old) {
		o.closed[operator] = end
	}
}

// fillSinks gives each sink the rows of all stages that feed it, by shard, in the order of the stages; or those of its
// side output, in the order of the stages that tasks begin with.
func (o *outcome) fillSinks() {
	o.shards = map[string][]output.Shard{}
	for i := range o.job.Plan.Sinks {
		shards := make([]output.Shard, o.plan.Shards)
		for s := range shards {
			shards[s].ID = s
		}
		o.shards[o.job.Plan.Sinks[i].Name] = shards
	}
	for i := range o.job.Plan.Stages {
		for _, sink := range o.job.Plan.Stages[i].Sinks {
			o.fillSink(o.shards[sink], rootOf(o.job.Plan, i), func(r *Result) []*columnar.Batch { return r.Rows[i] })
		}
	}
	for i, side := range o.job.Plan.Sides {
		for root := range o.job.Plan.Stages {
			o.fillSink(o.shards[side.Sink], root, func(r *Result) []*columnar.Batch { return r.Sides[i] })
		}
	}
}

// fillSink appends rows of the tasks that begin with a stage. Those of a source have no key: its tasks go to shards in
// runs, by their order in the plan.
func (o *outcome) fillSink(shards []output.Shard, root int, rows func(*Result) []*columnar.Batch) {
	results := o.roots[root]
	for i, r := range results {
		s := i
		if o.job.Plan.Stages[root].From.Source >= 0 {
			s = i * len(shards) / len(results)
		}
		for _, b := range rows(r) {
			b.Env = o.env // partition expressions depend on it
			shards[s].Rows = append(shards[s].Rows, b)
		}
	}
}
