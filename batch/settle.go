package batch

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/output"
)

// Assumption is what an operator says of a batch about which a sink has lost its record.
type Assumption struct {
	Batch     int64 // the open one
	Published bool  // its rows are visible; else none of them is
}

// settle asks the sinks how far they are, decides what to do, and writes the records that the decision needs.
func (d *driver) settle(ctx context.Context) (Action, error) {
	published, err := d.s.published(ctx)
	if err != nil {
		return Refuse, err
	}
	if err := d.repeatManifests(ctx, published); err != nil {
		return Refuse, err
	}
	dec := Decide(d.history, Facts{Published: published, Assume: d.o.Assume, Reopen: d.o.Reopen,
		Flush: d.o.Job.Trigger.AvailableNow && d.o.Job.Trigger.FlushWindows})
	if dec.Action == Refuse {
		return Refuse, d.refuseIfLeading(&RefusedError{Msg: dec.Reason})
	}
	return dec.Action, d.s.record(ctx, dec.Records, d.warnRecord)
}

// warnRecord tells that a sink's record is written although the job has been there before.
func (d *driver) warnRecord(sink string, at output.Standing) {
	if at.Batch > 0 {
		d.o.Warn(fmt.Sprintf("sink %s: its commit record was gone, as after a long pause; it is written anew, for batch %d", sink, at.Batch))
	}
}

// checkAssumptions tells an operator when what he says about a sink is not needed: what he says is looked at by [Decide].
func (d *driver) checkAssumptions(ctx context.Context) error {
	if len(d.o.Assume) == 0 {
		return nil
	}
	published, err := d.s.published(ctx)
	if err != nil {
		return err
	}
	for _, sink := range slices.Sorted(maps.Keys(d.o.Assume)) {
		if !published[sink].Missing || len(d.history.Open) == 0 {
			d.o.Warn(fmt.Sprintf("sink %s: nothing has to be assumed of it: the commit record, or the log, says how far it is", sink))
		}
	}
	return nil
}

// decideSink says what is wrong with what a sink holds, or else what record it must write first.
func (h *History) decideSink(sink string, s output.Standing, assume map[string]Assumption) (record *output.Standing, reason string) {
	last, open := h.finishing(), len(h.Open) > 0
	switch {
	case s.Missing:
		return h.decideMissing(sink, assume)
	case s.Batch > last && h.NextBatch == 1:
		return nil, fmt.Sprintf("sink %q has committed batch %d but the log of this checkpoint is empty: it is gone, or the checkpoint is a copy from before the first batch; restore the whole checkpoint from a newer copy; without one, begin anew with another checkpoint and output", sink, s.Batch)
	case s.Batch > last:
		return nil, fmt.Sprintf("sink %q has committed batch %d but the log ends with batch %d: the checkpoint is an old copy, or another one wrote to this output; restore the newer checkpoint", sink, s.Batch, last)
	case !s.Recorded:
		return nil, ""
	case s.Batch < h.LastRows[sink]:
		return nil, fmt.Sprintf("the commit record of sink %q says batch %d but the log has committed rows of batch %d to it: the record was set back, or the sink's cluster is an old copy: restore it; if the sink wrote to another topic or at least once meanwhile, delete its consumer group; else give the sink another name to begin an output anew", sink, s.Batch, h.LastRows[sink])
	case open && s.Batch == last && s.RangeHash != RangeHash(h.Open[0]):
		return nil, otherRanges(sink, s, RangeHash(h.Open[0]))
	case !open && h.Last != nil && s.Batch == h.Last.Batch && s.RangeHash != h.Last.RangeHash:
		return nil, otherRanges(sink, s, h.Last.RangeHash)
	}
	return nil, ""
}

func otherRanges(sink string, s output.Standing, logged string) string {
	return fmt.Sprintf("sink %q has committed batch %d with range hash %.12s, the log has that batch with %.12s: two copies of this checkpoint have gone different ways; restore the one that wrote last", sink, s.Batch, s.RangeHash, logged)
}

// decideMissing is about a sink without a record. It had one before the open batch was planned, so what has become of
// that batch is not known; a batch that is committed is not in question.
func (h *History) decideMissing(sink string, assume map[string]Assumption) (record *output.Standing, reason string) {
	before := output.Standing{Recorded: true}
	if h.LastRows[sink] > 0 {
		before.Batch, before.RangeHash = h.Last.Batch, h.Last.RangeHash
	}
	if len(h.Open) == 0 {
		return &before, ""
	}
	open := h.Open[0].Batch
	a, ok := assume[sink]
	switch {
	case !ok:
		return nil, fmt.Sprintf("sink %[1]q has lost its commit record while batch %[2]d is open: whether the rows of that batch are visible is not known; look for records with the header millrace-batch %[2]d, then run with --assume-published %[1]s=%[2]d or --assume-unpublished %[1]s=%[2]d", sink, open)
	case a.Batch != open:
		return nil, fmt.Sprintf("sink %q: batch %d is open, not batch %d: nothing can be assumed of the latter", sink, open, a.Batch)
	case a.Published:
		return &output.Standing{Batch: open, Recorded: true, RangeHash: RangeHash(h.Open[0])}, ""
	}
	return &before, ""
}
