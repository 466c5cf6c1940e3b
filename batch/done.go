package batch

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// A directory that stands for a stretch of time is complete when no on-time row of that time can come any more. The commit
// of the batch that finds it so names it, and the marker is written behind that commit: never before the last file is
// durable. It is never forgotten either: a driver writes the markers of the last commit again before it plans. Which
// directories are complete need not be remembered for ever: their markers say so.

// DoneBatch is what a commit says of the directories of a sink with done markers.
type DoneBatch struct {
	Watermark int64                  `json:"watermark_us"`       // that decided what is complete
	Open      []output.TimePartition `json:"open,omitempty"`     // that got rows and are not complete, with all rows so far
	Complete  []output.TimePartition `json:"complete,omitempty"` // from this batch on
	Late      []output.TimePartition `json:"late,omitempty"`     // that got rows though they were complete, with those rows
}

// mostComplete is how many directories of a sink a batch completes, so that its commit fits into the log. The last batch of a
// flush, which no other follows, completes all.
const mostComplete = 10_000

func completeMost(p *Planned) int {
	if p.Final {
		return math.MaxInt
	}
	return mostComplete
}

// partitions are the directories of a sink that have rows and are not complete, by name.
type partitions map[string]output.TimePartition

// decideDone says what becomes of the directories of a sink in a batch. before are those open before it, touched those that
// it writes to, with its rows; marked are those of touched that were complete before. frontier is the least time that an
// on-time row still to come can have. At most that many directories are completed, those that end first in front: the
// others are left to the next batch. It is pure.
func decideDone(before partitions, touched []output.TimePartition, marked []string, frontier int64, most int) DoneBatch {
	var out DoneBatch
	open := maps.Clone(before)
	wrote := map[string]bool{}
	for _, t := range touched {
		if slices.Contains(marked, t.Dir) {
			out.Late = append(out.Late, t)
			continue
		}
		if old, known := open[t.Dir]; known {
			t.Rows, t.Files, t.First, t.End = t.Rows+old.Rows, t.Files+old.Files, old.First, old.End
		}
		open[t.Dir], wrote[t.Dir] = t, true
	}
	for _, t := range open {
		if t.End <= frontier {
			out.Complete = append(out.Complete, t)
		}
	}
	slices.SortFunc(out.Complete, func(a, b output.TimePartition) int {
		return cmp.Or(cmp.Compare(a.End, b.End), cmp.Compare(a.Dir, b.Dir))
	})
	out.Complete = out.Complete[:min(most, len(out.Complete))]
	slices.SortFunc(out.Complete, func(a, b output.TimePartition) int { return cmp.Compare(a.Dir, b.Dir) })
	for _, t := range out.Complete {
		delete(wrote, t.Dir)
	}
	for _, dir := range slices.Sorted(maps.Keys(wrote)) {
		out.Open = append(out.Open, open[dir])
	}
	return out
}

// note takes over what a commit says.
func (p partitions) note(d DoneBatch) {
	for _, t := range d.Open {
		p[t.Dir] = t
	}
	for _, t := range d.Complete {
		delete(p, t.Dir)
	}
}

// noteDone takes over what a commit says of all sinks. A sink of which it says nothing has no done markers any more.
func noteDone(all map[string]partitions, c *Committed) {
	for sink := range all {
		if _, on := c.Done[sink]; !on {
			delete(all, sink)
		}
	}
	for sink, d := range c.Done {
		if all[sink] == nil {
			all[sink] = partitions{}
		}
		all[sink].note(d)
	}
}

// list is sorted by directory.
func (p partitions) list() []output.TimePartition {
	out := make([]output.TimePartition, 0, len(p))
	for _, dir := range slices.Sorted(maps.Keys(p)) {
		out = append(out, p[dir])
	}
	return out
}

func listPartitions(all map[string]partitions) map[string][]output.TimePartition {
	out := map[string][]output.TimePartition{}
	for sink, p := range all {
		out[sink] = p.list()
	}
	return out
}

func partitionsOf(lists map[string][]output.TimePartition) map[string]partitions {
	out := map[string]partitions{}
	for sink, list := range lists {
		out[sink] = partitions{}
		out[sink].note(DoneBatch{Open: list})
	}
	return out
}

// firstEnd is the least end of any of them.
func (p partitions) firstEnd() int64 {
	least := int64(output.NeverEnds)
	for _, t := range p {
		least = min(least, t.End)
	}
	return least
}

// marks are the markers that a commit decided for a sink.
func (d *DoneBatch) marks(batch int64) []output.Mark {
	var out []output.Mark
	add := func(list []output.TimePartition, late bool) {
		for _, t := range list {
			out = append(out, output.Mark{TimePartition: t, Batch: batch, Watermark: windows.FormatTime(d.Watermark), At: d.Watermark, Late: late})
		}
	}
	add(d.Complete, false)
	add(d.Late, true)
	return out
}

// decideDone decides for every sink with done markers, before anything of the batch is visible.
func (d *driver) decideDone(ctx context.Context, o *outcome, prepared []*output.Prepared) error {
	for i := range d.s.job.Sinks {
		k := &d.s.job.Sinks[i]
		if k.Done == nil {
			continue
		}
		sink, ok := d.s.sinks[i].(output.Marker)
		if !ok {
			return fmt.Errorf("sink %s leaves no done markers", k.Name)
		}
		done, err := d.doneOf(ctx, k, sink, o, prepared[i])
		if err != nil {
			return fmt.Errorf("prepare batch %d: %w", o.plan.Batch, err)
		}
		if o.commit.Done == nil {
			o.commit.Done = map[string]DoneBatch{}
		}
		o.commit.Done[k.Name] = done
	}
	return nil
}

func (d *driver) doneOf(ctx context.Context, k *Sink, sink output.Marker, o *outcome, p *output.Prepared) (DoneBatch, error) {
	touched, err := sink.TimePartitions(o.plan.Batch, p.Files, o.env)
	if err != nil {
		return DoneBatch{}, err
	}
	before, known := d.history.Partitions[k.Name]
	if !known {
		if before, err = d.doneSoFar(ctx, sink, o); err != nil {
			return DoneBatch{}, err
		}
	}
	var ask []string
	least := before.firstEnd()
	for _, t := range touched {
		if _, open := before[t.Dir]; !open {
			ask = append(ask, t.Dir)
		}
		least = min(least, t.End)
	}
	marked, err := sink.Marked(ctx, ask, o.plan.Batch)
	if err != nil {
		return DoneBatch{}, err
	}
	out := decideDone(before, touched, marked, d.s.frontier(k.Done, o.commit.After, least), completeMost(o.plan))
	if !known {
		out.Open = openBehind(before, out)
	}
	out.Watermark = d.s.doneWatermark(k.Done, o.commit.After)
	return out, nil
}

// doneSoFar are the open directories of a sink that has written before it was told to leave markers.
func (d *driver) doneSoFar(ctx context.Context, sink output.Marker, o *outcome) (partitions, error) {
	written, err := sink.Written(ctx, o.plan.Batch, o.env)
	if err != nil {
		return nil, err
	}
	out, dirs := partitions{}, []string(nil)
	for _, t := range written {
		out[t.Dir] = t
		dirs = append(dirs, t.Dir)
	}
	marked, err := sink.Marked(ctx, dirs, o.plan.Batch)
	for _, dir := range marked {
		delete(out, dir)
	}
	return out, err
}

// openBehind are all open directories behind a batch.
func openBehind(before partitions, d DoneBatch) []output.TimePartition {
	all := maps.Clone(before)
	all.note(d)
	return all.list()
}

// mark leaves the markers that a commit decided. A driver that was superseded leaves that to its successor.
func (d *driver) mark(ctx context.Context, c *Committed) error {
	for i, sink := range d.s.sinks {
		if err := d.markSink(ctx, c, d.s.job.Sinks[i].Name, sink); err != nil {
			return err
		}
	}
	return nil
}

func (d *driver) markSink(ctx context.Context, c *Committed, name string, sink output.Sink) error {
	done := c.Done[name]
	marks := done.marks(c.Batch)
	m, ok := sink.(output.Marker)
	if len(marks) == 0 || !ok {
		return nil
	}
	if err := d.cp.lead(); err != nil {
		return err
	}
	if err := m.Mark(ctx, marks); err != nil {
		return d.refuseIfLeading(fmt.Errorf("mark what batch %d completed: %w", c.Batch, err))
	}
	return nil
}

// doneFeed is how far a feed of a sink is: idle feeds hold nothing back, but those of which rows are still to come do.
func (s *session) doneInput(f *dstream.DoneFeed, after Marks) windows.Input {
	if f.Source >= 0 {
		return after.source(s.job.Plan.Sources[f.Source].Name).AsInput()
	}
	x := &s.job.Plan.Exchanges[f.Exchange]
	idle := !x.Window.Clock && heldBy(s.job.Plan, f.Exchange, after) == "" && !s.holdsRows(f.Exchange)
	return windows.Input{Watermark: after.Operators[x.Name], Idle: idle}
}

// holdsRows reports whether rows are still to come out of an exchange whatever its sources say: it holds some, or an
// exchange in front of it does.
func (s *session) holdsRows(exchange int) bool {
	plan := s.job.Plan
	if plan.Exchanges[exchange].Window.Kind != windows.Dedup && s.held(exchange) > 0 {
		return true
	}
	for _, sender := range plan.Senders(exchange) {
		if from := plan.Stages[rootOf(plan, sender)].From; from.Exchange >= 0 && s.holdsRows(from.Exchange) {
			return true
		}
	}
	return false
}

// doneWatermark is the watermark of all feeds of a sink together.
func (s *session) doneWatermark(done *dstream.Done, after Marks) int64 {
	var in []windows.Input
	for i := range done.Feeds {
		in = append(in, s.doneInput(&done.Feeds[i], after))
	}
	return windows.Combine(in).Watermark
}

// frontier is the least time that an on-time row still to come can have in the directories of a sink. How far before least
// it is need not be exact.
func (s *session) frontier(done *dstream.Done, after Marks, least int64) int64 {
	var in []windows.Input
	for i := range done.Feeds {
		f := &done.Feeds[i]
		input := s.doneInput(f, after)
		in = append(in, windows.Input{Watermark: f.Frontier(s.firstToCome(f, input.Watermark, least)), Idle: input.Idle})
	}
	return windows.Combine(in).Watermark
}

// firstToCome is the least event time, window start or window end that an on-time row still to come can have.
func (s *session) firstToCome(f *dstream.DoneFeed, watermark, least int64) int64 {
	if f.Source >= 0 || watermark == windows.NoWatermark || watermark == windows.MaxWatermark {
		return watermark
	}
	x, shards := &s.job.Plan.Exchanges[f.Exchange], s.worker.states[f.Exchange]
	if x.Window.Kind == windows.Dedup { // rows come out with the batch that reads them
		return watermark
	}
	if x.Emit.Lateness > 0 {
		watermark = max(watermark, windows.NoWatermark+1+x.Emit.Lateness) - x.Emit.Lateness
	}
	if f.End {
		return shards[0].FirstEnd(watermark)
	}
	t := shards[0].FirstOpen(watermark)
	if f.Frontier(t) < least {
		return t
	}
	for _, a := range shards {
		if start, live := a.FirstStart(); live {
			t = min(t, start)
		}
	}
	return t
}

// completing reports whether a batch without records would complete a directory.
func (q *question) completing(after Marks) bool {
	return slices.ContainsFunc(q.Job.Sinks, func(k Sink) bool {
		least := q.History.Partitions[k.Name].firstEnd()
		return k.Done != nil && least != output.NeverEnds && least <= q.Frontier(k.Done, after, least)
	})
}

// completed describes the directories that a commit completed, "" for none.
func (c *Committed) completed() string {
	var dirs []string
	for _, sink := range slices.Sorted(maps.Keys(c.Done)) {
		for _, t := range c.Done[sink].Complete {
			dirs = append(dirs, t.Dir)
		}
	}
	return strings.Join(dirs, ", ")
}
