package batch

import (
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// History is what a journal says about a job. It is a pure function of the records, see [Fold].
type History struct {
	NextBatch int64
	Open      []*Planned // planned, neither committed nor cancelled, in order
	Last      *Committed // nil before the first commit
	LastAt    int64      // greatest plan time
	LastJob   string     // blob of the job that planned Last
	Marks     Marks      // after the last commit
	Positions []offsets.Position
	LastRows  map[string]int64 // by sink
	// States are the blocks that make up the state: a snapshot, if one was taken yet, and the deltas behind it.
	States        []VersionedState
	SinceSnapshot int // commits since the last snapshot
	Records       int64
	WireBytes     int64
	Offsets       int64 // offsets behind Records, for the mean bytes per offset
	Flushed       *Committed
	FlushPlan     *Planned
	Floor         int64 // windows that end at or before it were flushed and stay closed

	loaded bool // the state is in memory: blocks need not be kept here
}

// VersionedState is the state that one commit logged, and the operators' watermarks after it.
type VersionedState struct {
	Batch     int64
	Snapshot  bool
	Blocks    []StateBlock
	Operators map[string]int64
}

// Fold reads a journal from its first record. It does no I/O and changes nothing. An error is a journal that breaks
// its own rules (docs/formats/journal.md), which only damage or a bug can cause.
func Fold(entries []Entry) (*History, error) {
	h := &History{NextBatch: 1, Floor: windows.NoWatermark, LastRows: map[string]int64{}}
	h.Marks.Source = windows.NewSourceMark()
	for _, e := range entries {
		if err := h.apply(e.Record); err != nil {
			return nil, fmt.Errorf("journal at epoch %d record %d: %w", e.At.Epoch, e.At.Sequence, err)
		}
	}
	return h, nil
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
		h.Open = slices.Delete(h.Open, i, i+1)
	case *Reopened:
		if h.Flushed == nil || h.Flushed.Batch != r.Batch {
			return fmt.Errorf("batch %d is reopened but was not the flush", r.Batch)
		}
		h.Flushed, h.FlushPlan = nil, nil
		h.Marks, h.Floor = r.Marks, max(h.Floor, r.FlushedTo)
	}
	return nil
}

func (h *History) openIndex(batch int64) int {
	return slices.IndexFunc(h.Open, func(p *Planned) bool { return p.Batch == batch })
}

func (h *History) planned(p *Planned) error {
	if p.Batch < h.NextBatch {
		return fmt.Errorf("batch %d is planned again, want %d", p.Batch, h.NextBatch)
	}
	if p.At < h.LastAt {
		return fmt.Errorf("batch %d has plan time %d, before %d", p.Batch, p.At, h.LastAt)
	}
	h.NextBatch, h.LastAt = p.Batch+1, p.At
	h.Open = append(h.Open, p)
	return nil
}

func (h *History) committed(c *Committed) error {
	if len(h.Open) == 0 || h.Open[0].Batch != c.Batch {
		return fmt.Errorf("batch %d is committed but was not the oldest open plan", c.Batch)
	}
	plan := h.Open[0]
	h.Open = h.Open[1:]
	if want := RangeHash(plan); want != c.RangeHash {
		return fmt.Errorf("batch %d is committed with range hash %s, planned with %s", c.Batch, c.RangeHash, want)
	}
	h.Last, h.LastJob, h.Marks, h.Positions = c, plan.Job, c.After, c.Positions
	maps.Copy(h.LastRows, c.LastRows)
	for _, r := range plan.Ranges {
		h.Offsets += r.Span()
	}
	h.Records += c.Records
	h.WireBytes += c.WireBytes
	h.SinceSnapshot++
	if c.Snapshot || plan.Final { // after a flush nothing is held
		h.States, h.SinceSnapshot = nil, 0
	}
	if !h.loaded && !plan.Final && len(c.After.Operators) > 0 {
		h.States = append(h.States, VersionedState{Batch: c.Batch, Snapshot: c.Snapshot, Blocks: c.State, Operators: c.After.Operators})
	}
	if plan.Final {
		h.Flushed, h.FlushPlan = c, plan
	}
	return nil
}

// held reports how many rows of open windows the named operator holds after the last commit.
func (h *History) held(operator string) int64 {
	if h.Last == nil {
		return 0
	}
	for _, e := range h.Last.Edges {
		if e.Operator == operator {
			return e.HeldAfter
		}
	}
	return 0
}

// Facts are what the sinks and the job at hand say, beside the journal.
type Facts struct {
	Published map[string]int64 // by sink: the highest batch it knows to be committed
	Reopen    bool             // go on after a flush
	Flush     bool             // the run ends with a flush itself
}

// Action is what a driver does first.
type Action int

// The actions, in the order in which [Decide] looks for them.
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
}

// Decide says what to do on start. It is pure, so that every case is a row of a table in its test.
func Decide(h *History, f Facts) Decision {
	last := h.finishing()
	for _, sink := range slices.Sorted(maps.Keys(f.Published)) {
		if at := f.Published[sink]; at > last {
			return Decision{Refuse, fmt.Sprintf("sink %q has committed batch %d but the log ends with batch %d: the checkpoint is an old copy, or another one wrote to this output; restore the newer checkpoint", sink, at, last)}
		}
	}
	if len(h.Open) > 0 {
		return Decision{Action: Rerun}
	}
	switch {
	case h.Flushed == nil, f.Flush && !f.Reopen: // a flush that is asked for again is done, see Driver.available
		return Decision{Action: Plan}
	case f.Reopen:
		return Decision{Action: Undo}
	}
	return Decision{Refuse, h.flushedReason()}
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
