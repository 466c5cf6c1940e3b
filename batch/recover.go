package batch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// History is what a journal says about a job. It is a pure function of the records, see [Fold].
type History struct {
	NextBatch int64
	Open      []*Planned // planned, neither committed nor cancelled, in order
	Last      *Committed // nil before the first commit
	LastAt    int64      // greatest plan time
	Marks     Marks      // after the last commit
	Positions []offsets.Position
	LastRows  map[string]int64 // by sink: the last batch that wrote rows to it
	// States are the blocks that make up the state: a snapshot, if one was taken yet, and the deltas behind it.
	States        []VersionedState
	SinceSnapshot int // commits since the last snapshot
	// DeltaBytes are of their deltas, and of those that a snapshot in slices was made of.
	DeltaBytes    int
	SnapshotBytes int  // of the last snapshot
	Sliced        bool // there are slices behind it
	Records       int64
	WireBytes     int64
	Offsets       int64 // offsets behind Records
	Weights       map[partitionKey]PartitionWeight
	Rate          int64            // of the last plan, see Planned
	Paid          int64            // of the last plan, see Planned
	Flushed       *Committed       // the flush behind which nothing may be planned; nil: none, or it was reopened
	FlushPlan     *Planned         // and its plan
	Floor         map[string]int64 // by operator: windows that end at or before it were flushed and stay closed
	Totals        Totals
	Zones         map[string]string     // of the plan of the last commit; nil: not known
	Partitions    map[string]partitions // by sink with done markers: its open directories
	Edits         []Edit                // of the job, oldest first
	// Pending are, by sink that has some, the rows that are in no file yet. It is never changed, only replaced.
	Pending map[string][]output.PendingBatch
	// Discarded are the plans since the last commit that an operator gave up: their files are removed before anything is planned.
	Discarded []DiscardedPlan

	loaded bool // see releaseState
}

// DiscardedPlan is a plan that an operator gave up.
type DiscardedPlan struct {
	Planned   *Planned
	Cancelled *Cancelled
	Last      int64 // the last batch that was planned then: it was given up too
}

// VersionedState is the state that one commit logged, and the operators' watermarks after it.
type VersionedState struct {
	Batch     int64             `json:"batch"`
	Blocks    []StateBlock      `json:"blocks,omitempty"` // slices in front
	Operators map[string]int64  `json:"operators,omitempty"`
	Zones     map[string]string `json:"zones,omitempty"` // as in the plan of the batch; nil: the plan was not read
}

// versioned is the state that a commit logged. zones are those of its plan.
func versioned(c *Committed, zones map[string]string) VersionedState {
	return VersionedState{Batch: c.Batch, Blocks: slices.Concat(c.Slices, c.State), Operators: c.After.Operators, Zones: zones}
}

// Fold reads a journal. It does no I/O and changes nothing. It begins with the last snapshot, or else with the first
// record. An error is a journal that breaks its own rules (docs/formats/journal.md), which only damage or a bug can
// cause.
func Fold(entries []Entry) (*History, error) {
	h := &History{NextBatch: 1, Floor: map[string]int64{}, LastRows: map[string]int64{}, Weights: map[partitionKey]PartitionWeight{}, Partitions: map[string]partitions{}}
	if i := lastSnapshot(entries); i >= 0 {
		if err := h.begin(entries[i].Record.(*Committed)); err != nil {
			return nil, fmt.Errorf("journal at epoch %d record %d: %w", entries[i].At.Epoch, entries[i].At.Sequence, err)
		}
		entries = entries[i+1:]
	}
	for _, e := range entries {
		if err := h.apply(e.Record); err != nil {
			return nil, fmt.Errorf("journal at epoch %d record %d: %w", e.At.Epoch, e.At.Sequence, err)
		}
	}
	return h, nil
}

// begin takes over everything from a commit with a snapshot.
func (h *History) begin(c *Committed) error {
	b := c.Base
	h.NextBatch, h.LastAt = c.Batch+1, c.At
	h.Last, h.Marks, h.Positions = c, c.After, c.Positions
	h.Records, h.WireBytes, h.Offsets, h.Rate, h.Paid = b.Records, b.WireBytes, b.Offsets, b.Rate, b.Paid
	maps.Copy(h.LastRows, b.LastRows)
	maps.Copy(h.Floor, b.Floor)
	h.Totals, h.Partitions = b.Totals.clone(), partitionsOf(b.Partitions)
	h.Zones, h.Edits, h.Pending = b.Zones, slices.Clone(b.Edits), b.Pending
	h.keepState(c, b.Zones)
	return h.noteWeights(c)
}

func (h *History) apply(r Record) error {
	switch r := r.(type) {
	case *Planned:
		return h.planned(r)
	case *Committed:
		return h.committed(r)
	case *Cancelled:
		i := h.openIndex(r.Batch)
		if i < 0 {
			return fmt.Errorf("batch %d is cancelled but was not open", r.Batch)
		}
		if i < len(h.Open)-1 {
			return fmt.Errorf("batch %d is cancelled before batch %d, which was planned behind it", r.Batch, h.Open[i+1].Batch)
		}
		if r.discarded() {
			h.Discarded = append(slices.Clone(h.Discarded), DiscardedPlan{h.Open[i], r, h.NextBatch - 1})
		}
		h.Open = h.Open[:i]
	case *Reopened:
		return h.reopened(r)
	}
	return nil
}

func (h *History) openIndex(batch int64) int {
	return slices.IndexFunc(h.Open, func(p *Planned) bool { return p.Batch == batch })
}

func (h *History) reopened(r *Reopened) error {
	if h.Flushed == nil || h.Flushed.Batch != r.Batch {
		return fmt.Errorf("batch %d is reopened but was not the flush", r.Batch)
	}
	h.Flushed, h.FlushPlan, h.Marks = nil, nil, r.Marks
	for operator, end := range r.FlushedTo {
		if old, ok := h.Floor[operator]; !ok || end > old {
			h.Floor[operator] = end
		}
	}
	return nil
}

func (h *History) planned(p *Planned) error {
	switch {
	case p.Batch < h.NextBatch:
		return fmt.Errorf("batch %d is planned again, want %d", p.Batch, h.NextBatch)
	case p.At < h.LastAt:
		return fmt.Errorf("batch %d has plan time %d, before %d", p.Batch, p.At, h.LastAt)
	case h.Flushed != nil:
		return fmt.Errorf("batch %d is planned behind the flush of batch %d", p.Batch, h.Flushed.Batch)
	}
	if len(h.Open) > 0 {
		if err := followsOn(h.Open, p); err != nil {
			return err
		}
	}
	h.NextBatch, h.LastAt, h.Rate, h.Paid = p.Batch+1, p.At, p.Rate, p.Paid
	h.Open = append(h.Open, p)
	return nil
}

// openMost is how many plans may be open at a time.
const openMost = 2

// followsOn checks a plan that is made while others are open: it begins where the last of them ends.
func followsOn(open []*Planned, p *Planned) error {
	last := open[len(open)-1]
	if len(open) >= openMost || last.Final {
		return fmt.Errorf("batch %d is planned while batch %d is open", p.Batch, open[0].Batch)
	}
	for _, end := range positionsAfter(last.Ranges) {
		if !slices.ContainsFunc(p.Ranges, func(r offsets.Range) bool {
			return r.Source == end.Source && r.Topic == end.Topic && r.Partition == end.Partition && r.From == end.Next
		}) {
			return fmt.Errorf("batch %d does not begin where batch %d, which is open, ends in %s/%d", p.Batch, last.Batch, end.Topic, end.Partition)
		}
	}
	return nil
}

func (h *History) committed(c *Committed) error {
	if len(h.Open) == 0 || h.Open[0].Batch != c.Batch {
		return fmt.Errorf("batch %d is committed but was not the oldest open plan", c.Batch)
	}
	plan := h.Open[0]
	if err := h.checkCommit(plan, c); err != nil {
		return err
	}
	if err := h.noteWeights(c); err != nil {
		return err
	}
	pending, err := applyPending(h.Pending, c)
	if err != nil {
		return err
	}
	h.Pending = pending
	h.Edits = appendEdit(h.Edits, h.Last, plan)
	h.Open = h.Open[1:]
	h.Last, h.Marks, h.Positions = c, c.After, c.Positions
	h.Discarded = nil
	noteRows(h.LastRows, c)
	noteFloors(h.Floor, plan, c)
	for _, r := range plan.Ranges {
		h.Offsets += r.Span()
	}
	h.Records += c.Records
	h.WireBytes += c.WireBytes
	h.Totals.note(c)
	noteDone(h.Partitions, c)
	h.Zones = plan.Zones
	h.keepState(c, plan.Zones)
	if plan.Final {
		h.Flushed, h.FlushPlan = c, plan
	}
	return nil
}

// checkCommit compares a commit with its plan and with the positions before it: none may get lost.
func (h *History) checkCommit(p *Planned, c *Committed) error {
	if want := RangeHash(p); want != c.RangeHash || c.At != p.At {
		return fmt.Errorf("batch %d is committed with range hash %s, planned with %s", c.Batch, c.RangeHash, want)
	}
	if !slices.Equal(c.Positions, positionsAfter(p.Ranges)) {
		return fmt.Errorf("batch %d is committed with other positions than its ranges end at", c.Batch)
	}
	for _, old := range h.Positions {
		if !dropped(p.Losses, old.Source, old.Topic, old.Partition) && !slices.ContainsFunc(c.Positions, func(x offsets.Position) bool {
			return x.Source == old.Source && x.Topic == old.Topic && x.Partition == old.Partition
		}) {
			return fmt.Errorf("batch %d loses the position of %s/%d", c.Batch, old.Topic, old.Partition)
		}
	}
	return nil
}

// base is what the history will say behind the commit of a plan, beyond the commit itself.
func (h *History) base(p *Planned, c *Committed) (*Base, error) {
	b := &Base{Records: h.Records + c.Records, WireBytes: h.WireBytes + c.WireBytes, Offsets: h.Offsets,
		LastRows: maps.Clone(h.LastRows), Floor: maps.Clone(h.Floor), Rate: p.Rate, Paid: p.Paid, Totals: h.Totals.clone(), Zones: p.Zones}
	b.Totals.note(c)
	b.Edits = appendEdit(slices.Clone(h.Edits), h.Last, p)
	open := partitionsOf(listPartitions(h.Partitions)) // a copy
	noteDone(open, c)
	b.Partitions = listPartitions(open)
	for _, r := range p.Ranges {
		b.Offsets += r.Span()
	}
	noteRows(b.LastRows, c)
	noteFloors(b.Floor, p, c)
	var err error
	b.Pending, err = applyPending(h.Pending, c)
	return b, err
}

// noteRows notes in last, by sink, that a commit wrote rows that can be found again. Those of standard output cannot.
func noteRows(last map[string]int64, c *Committed) {
	for sink, files := range c.Files {
		if len(files) > 0 {
			last[sink] = c.Batch
		}
	}
}

// noteFloors keeps for operators that came with a plan the floor that they began with, see lateMark.
func noteFloors(floor map[string]int64, p *Planned, c *Committed) {
	most := greatest(floor)
	if most == windows.NoWatermark {
		return
	}
	for operator := range c.After.Operators {
		if _, known := p.Before.Operators[operator]; !known {
			floor[operator] = most
		}
	}
}

// keepState adds the blocks of a commit to those that make up the state, and forgets what nobody needs: what came
// before a snapshot, and blocks of operators that hold no row any more. zones are those of the batch's plan.
func (h *History) keepState(c *Committed, zones map[string]string) {
	h.SinceSnapshot++
	h.DeltaBytes += stateBytes(c.State)
	h.Sliced = h.Sliced || len(c.Slices) > 0
	if c.Base != nil {
		h.States, h.SinceSnapshot, h.Sliced = slices.Clone(c.Base.States), 0, false
		h.SnapshotBytes, h.DeltaBytes = c.snapshotBytes()
	}
	if h.loaded || len(c.After.Operators) == 0 {
		return
	}
	h.States = append(h.States, versioned(c, zones))
	h.forget(h.States)
}

// forget drops the blocks of operators of which nobody needs any.
func (h *History) forget(states []VersionedState) {
	for i := range states {
		states[i].Blocks = slices.DeleteFunc(slices.Clone(states[i].Blocks), func(b StateBlock) bool { return !h.needed(b.Operator) })
	}
}

// releaseState drops the blocks: the state is in memory, and no later block needs to be kept.
func (h *History) releaseState() { h.States, h.loaded = nil, true }

// held reports how many rows of open windows the named operator holds after the last commit.
func (h *History) held(operator string) int64 { return h.edge(operator).HeldAfter }

// needed reports whether the state of the named operator after the last commit decides about any row to come.
func (h *History) needed(operator string) bool {
	e := h.edge(operator)
	return e.HeldAfter > 0 || e.Remembered > 0
}

// edge is the account of an operator behind an exchange in the last commit.
func (h *History) edge(operator string) Edge {
	if h.Last != nil {
		for _, e := range h.Last.Edges {
			if e.Operator == operator {
				return e
			}
		}
	}
	return Edge{}
}

// Facts are what the sinks and the job at hand say, beside the journal.
type Facts struct {
	Published map[string]output.Standing // by sink
	Assume    map[string]Assumption      // by sink: what an operator says of the open batch
	Reopen    bool                       // go on after a flush
	Flush     bool                       // the run ends with a flush itself
}

// Action is what a driver does first.
type Action int

// The actions.
const (
	Refuse Action = iota // protect data: exit code 3
	Rerun                // run History.Open again, in order, then go on
	Undo                 // log Reopened, then plan
	Plan                 // nothing is open: plan the next batch
)

// Decision is the outcome of recovery.
type Decision struct {
	Action Action
	Reason string // for Refuse: what is wrong and the one way out
	// Records are what sinks that have no record must write first, by sink: 0 claims the place for this checkpoint.
	Records map[string]output.Standing
}

// Decide says what to do on start. It is pure, so that every case is a row of a table in its test.
func Decide(h *History, f Facts) Decision {
	dec := h.decideRun(f)
	for _, sink := range slices.Sorted(maps.Keys(f.Published)) {
		record, reason := h.decideSink(sink, f.Published[sink], f.Assume)
		switch {
		case reason != "":
			return Decision{Action: Refuse, Reason: reason}
		case record != nil:
			if dec.Records == nil {
				dec.Records = map[string]output.Standing{}
			}
			dec.Records[sink] = *record
		}
	}
	return dec
}

// decideRun is the decision that the log alone calls for.
func (h *History) decideRun(f Facts) Decision {
	switch {
	case len(h.Open) > 0:
		return Decision{Action: Rerun}
	case h.Flushed == nil, f.Flush && !f.Reopen: // a flush that is asked for again is done, see driver.available
		return Decision{Action: Plan}
	case f.Reopen:
		return Decision{Action: Undo}
	}
	return Decision{Action: Refuse, Reason: h.flushedReason()}
}

// finishing is the highest batch that a sink may hold: the open plan's, because an older driver that was paused behind
// its last look for a newer one may have finished it since, with the same rows; else that of the last commit.
func (h *History) finishing() int64 {
	switch {
	case len(h.Open) > 0:
		return h.Open[0].Batch
	case h.Last != nil:
		return h.Last.Batch
	}
	return 0
}

// flushedReason is why a job does not go on after its flush.
func (h *History) flushedReason() string {
	return fmt.Sprintf("batch %d flushed all windows of this checkpoint; rows that come now would open windows that were already emitted; run with --reopen to go on (rows of flushed windows are late), or use a new checkpoint", h.Flushed.Batch)
}
