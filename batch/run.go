package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// outcome is what running a plan yields, before anything of it is visible.
type outcome struct {
	env    *columnar.Env
	shards map[string][]output.Shard // rows by sink
	commit *Committed                // without files and state references
	deltas map[int][][]byte          // by stage behind an exchange: one block for each shard
	bad    []columnar.BadRecord      // the first few of every task
	closed map[string]int64          // by operator: the greatest end of a window that closed
}

// runPlan runs every stage of a job over the ranges of a plan. It is a function of the plan, the records in its
// ranges, the side inputs and the state before; nothing becomes visible.
func runPlan(ctx context.Context, job *Job, exec Executor, p *Planned, env *columnar.Env, floor map[string]int64) (*outcome, error) {
	o := &outcome{
		env:    env,
		closed: map[string]int64{},
		shards: map[string][]output.Shard{},
		deltas: map[int][][]byte{},
		commit: &Committed{Batch: p.Batch, At: p.At, RangeHash: RangeHash(p), Positions: positionsAfter(p.Ranges)},
	}
	results, err := exec.Run(ctx, sourceTasks(job, p, floor))
	if err != nil {
		return nil, err
	}
	o.collect(job, p, &job.Plan.Stages[0], results)
	if err := o.checkBadShare(job); err != nil {
		return nil, err
	}
	o.commit.After = Marks{Source: sourceMark(job, p, results), Operators: map[string]int64{}}
	water := map[int]int64{0: o.commit.After.Source.Watermark} // output watermark of each stage
	partials := map[int][]*Result{0: results}
	for i := range job.Plan.Stages[1:] {
		stage := &job.Plan.Stages[i+1]
		x := feeding(job.Plan, stage)
		input := water[i]
		if before, known := p.Before.Operators[x.Name]; known {
			input = max(input, before)
		}
		o.commit.After.Operators[x.Name] = input
		water[stage.ID] = input
		tasks := shardTasks(job, p, stage, partials[i], input, floor)
		if results, err = exec.Run(ctx, tasks); err != nil {
			return nil, err
		}
		partials[stage.ID] = results
		o.collect(job, p, stage, results)
	}
	return o, checkEdges(job.Plan, o.commit.Edges)
}

// feeding is the exchange in front of a stage that has one.
func feeding(plan *dstream.Plan, stage *dstream.Stage) *dstream.Exchange {
	return &plan.Exchanges[stage.From.Exchange]
}

// into is the exchange that the rows of a stage go into, nil when there is none.
func into(plan *dstream.Plan, stage *dstream.Stage) *dstream.Exchange {
	if stage.Exchange < 0 {
		return nil
	}
	return &plan.Exchanges[stage.Exchange]
}

// checkLinear refuses plans that are not one line from one source: runPlan takes a stage's input from the stage before.
func checkLinear(plan *dstream.Plan) error {
	if len(plan.Sources) != 1 {
		return fmt.Errorf("the job reads %d sources, which is not supported yet", len(plan.Sources))
	}
	for i, s := range plan.Stages {
		from, to := dstream.FromExchange(i-1), i
		if i == 0 {
			from = dstream.FromSource(0)
		}
		if i == len(plan.Stages)-1 {
			to = -1
		}
		if s.From != from || s.Exchange != to || to >= 0 && len(s.Sinks) > 0 {
			return errors.New("several queries with results of their own in one job are not supported yet")
		}
	}
	for i := range plan.Exchanges {
		if plan.Exchanges[i].Unwindowed() {
			return errors.New("groups without a window are not supported yet")
		}
	}
	return nil
}

func positionsAfter(ranges []offsets.Range) []offsets.Position {
	out := make([]offsets.Position, len(ranges))
	for i, r := range ranges {
		out[i] = r.After()
	}
	return out
}

// sourceTasks cuts the ranges at fixed offsets. Their order, by range then step, is the order of rows and of float
// sums, so it must depend on the plan alone.
func sourceTasks(job *Job, p *Planned, floor map[string]int64) []Task {
	var tasks []Task
	for _, r := range p.Ranges {
		for _, piece := range r.Cut(p.Step) {
			tasks = append(tasks, Task{JobHash: job.Hash, Batch: p.Batch, Stage: 0, At: p.At, Shards: p.Shards,
				Range: &piece, Skip: skipOffsets(p.Skip, piece), Late: lateMark(into(job.Plan, &job.Plan.Stages[0]), p, floor)})
		}
	}
	return tasks
}

// lateMark is the watermark at the start of the batch against which rows that go into the exchange are late.
func lateMark(x *dstream.Exchange, p *Planned, floor map[string]int64) int64 {
	if x == nil {
		return windows.NoWatermark
	}
	before, known := p.Before.Operators[x.Name]
	if !known { // new in this job: it begins where its source stands, and windows that others have flushed are closed
		return max(p.Before.Source.Watermark, greatest(floor))
	}
	if flushed, ok := floor[x.Name]; ok {
		return max(before, flushed)
	}
	return before
}

// greatest is the greatest floor of any operator, NoWatermark when there is none.
func greatest(floor map[string]int64) int64 {
	most := int64(windows.NoWatermark)
	for _, end := range floor {
		most = max(most, end)
	}
	return most
}

// shardTasks gives every shard the partials that the results of the stage before hold for it, in their order.
func shardTasks(job *Job, p *Planned, stage *dstream.Stage, before []*Result, closeAt int64, floor map[string]int64) []Task {
	tasks := make([]Task, p.Shards)
	for s := range tasks {
		tasks[s] = Task{JobHash: job.Hash, Batch: p.Batch, Stage: stage.ID, At: p.At, Shards: p.Shards, Shard: s,
			Close: closeAt, Late: lateMark(into(job.Plan, stage), p, floor)}
		for _, r := range before {
			if r.Partials != nil {
				tasks[s].Inputs = append(tasks[s].Inputs, r.Partials[s]...)
			}
		}
	}
	return tasks
}

// sourceMark moves the source's watermarks by what the batch met.
func sourceMark(job *Job, p *Planned, results []*Result) windows.SourceMark {
	var seen []windows.Seen
	i := 0
	for _, r := range p.Ranges {
		s := windows.Seen{Topic: r.Topic, Partition: r.Partition, MaxEventTime: windows.NoWatermark}
		for range r.Cut(p.Step) {
			s.MaxEventTime = max(s.MaxEventTime, results[i].Source.MaxEventTime)
			s.Read = s.Read || results[i].Source.Records > 0
			i++
		}
		seen = append(seen, s)
	}
	after := windows.Advance(p.Before.Source, seen, job.Plan.Sources[0].Bounds, p.At)
	if p.Final {
		return windows.Final(after)
	}
	return after
}

// collect adds a stage's results to the outcome: accounting, deltas, and rows for the sinks.
func (o *outcome) collect(job *Job, p *Planned, stage *dstream.Stage, results []*Result) {
	for _, r := range results {
		o.commit.Records += r.Source.Records
		o.commit.WireBytes += r.Source.WireBytes
		o.bad = append(o.bad, r.Source.Bad...)
		if stage.From.Exchange >= 0 {
			o.deltas[stage.ID] = append(o.deltas[stage.ID], r.Delta)
			o.noteClosed(feeding(job.Plan, stage).Name, r.ClosedTo)
		}
		for _, b := range r.Rows {
			b.Env = o.env // partition expressions depend on it
		}
		for _, e := range r.Edges {
			o.addEdge(e)
		}
	}
	for _, name := range stage.Sinks {
		o.shards[name] = append(o.shards[name], sinkShards(stage, results, p.Shards)...)
	}
}

// noteClosed notes how far windows of an operator have closed.
func (o *outcome) noteClosed(operator string, end int64) {
	if old, ok := o.closed[operator]; end != windows.NoWatermark && (!ok || end > old) {
		o.closed[operator] = end
	}
}

// addEdge sums the accounting of the tasks of a stage.
func (o *outcome) addEdge(e Edge) {
	i := slices.IndexFunc(o.commit.Edges, func(x Edge) bool { return x.Stage == e.Stage && x.Operator == e.Operator })
	if i < 0 {
		o.commit.Edges = append(o.commit.Edges, e)
		return
	}
	sum := &o.commit.Edges[i]
	sum.Add(e.RowCounts)
	sum.Groups += e.Groups
	sum.HeldBefore += e.HeldBefore
	sum.HeldAfter += e.HeldAfter
}

// sinkShards gives each shard's rows to the sink. Rows of the source stage have no key: its tasks go to shards in
// runs, by their order in the plan.
func sinkShards(stage *dstream.Stage, results []*Result, shards int) []output.Shard {
	out := make([]output.Shard, shards)
	for i := range out {
		out[i].ID = i
	}
	for i, r := range results {
		s := i
		if stage.From.Exchange < 0 {
			s = i * shards / len(results)
		}
		out[s].Rows = append(out[s].Rows, r.Rows...)
	}
	return out
}

// checkEdges is the row accounting as an invariant: nothing vanishes inside an operator, nor between two.
func checkEdges(plan *dstream.Plan, edges []Edge) error {
	next := map[int]int64{} // by stage: rows that the last operator gave to the next
	for _, e := range edges {
		held := e.HeldAfter - e.HeldBefore
		if e.In+e.Added != e.Out+e.Dropped()+held {
			return fmt.Errorf("row accounting of %q: %d rows in, %d added, %d out, %d dropped, %d more held: a bug; nothing was published",
				e.Operator, e.In, e.Added, e.Out, e.Dropped(), held)
		}
		rows, inside := next[e.Stage]
		window := !inside && plan.Stages[e.Stage].From.Exchange >= 0
		if window {
			rows = next[e.Stage-1]
		}
		if (inside || window) && rows != e.In {
			return fmt.Errorf("row accounting: %d rows into %q, the operator before gave %d: a bug; nothing was published", e.In, e.Operator, rows)
		}
		next[e.Stage] = e.yields(window)
	}
	return nil
}

// yields is the number of rows that the next operator gets.
func (e Edge) yields(window bool) int64 {
	if window {
		return e.Groups
	}
	return e.Out
}
