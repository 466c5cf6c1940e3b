package batch

import (
	"bytes"
	"cmp"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/millrace/millrace/columnar"
)

// badRecordError is a bad record under the policy "fail".
func badRecordError(r columnar.BadRecord) error {
	return &BadDataError{Err: fmt.Errorf("%w; correct what produces it, leave out this one record with --skip %s, or drop and count such records with on_bad_record: skip",
		r, SkipRecord{r.Topic, r.Partition, r.Offset})}
}

// byOffset merges the bad records of one partition, so that the first one does not depend on who found it.
func byOffset(a, b []columnar.BadRecord) []columnar.BadRecord {
	if len(b) == 0 {
		return a
	}
	return slices.SortedFunc(slices.Values(slices.Concat(a, b)), func(x, y columnar.BadRecord) int { return cmp.Compare(x.Offset, y.Offset) })
}

// keptBad is how many bad records a task reports for the log line that shows some of them.
const keptBad = 5

// judge applies the job's policy to bad records.
func (w *worker) judge(bad []columnar.BadRecord, r *Result) error {
	if len(bad) == 0 {
		return nil
	}
	if !w.job.OnBadRecord.goesOn() {
		first := bad[0]
		first.Reason = columnar.CutReason(w.job.hidden(first.Reason))
		return badRecordError(first)
	}
	for _, b := range bad {
		if len(r.Source.Bad) == keptBad {
			break
		}
		b.Reason = columnar.CutReason(w.job.hidden(b.Reason))
		b.Value = bytes.Clone(b.Value) // it points into a buffer of the decoder
		r.Source.Bad = append(r.Source.Bad, b)
	}
	return nil
}

// shownBad is how many bad records an error shows.
const shownBad = 3

// checkBadShare stops a batch of which a greater share is bad than the job allows.
func (o *outcome) checkBadShare() error {
	var sum columnar.RowCounts
	for _, e := range o.commit.Edges {
		sum.Add(e.RowCounts)
	}
	bad, read := sum.Bad, o.commit.Records
	if o.job.StopAbove <= 0 || bad == 0 || float64(bad)/float64(read) <= o.job.StopAbove {
		return nil
	}
	var shown []string
	for _, b := range o.bad[:min(len(o.bad), shownBad)] {
		shown = append(shown, b.Error())
	}
	return &BadDataError{Err: fmt.Errorf("batch %d: %d of %d records are bad (%s), more than on_bad_record.stop_above: %s allows: %s; correct what produces them, or raise stop_above to go on without them",
		o.commit.Batch, bad, read, percent(float64(bad)/float64(read)), percent(o.job.StopAbove), strings.Join(shown, "; "))}
}

// percent writes a share with up to three digits that count.
func percent(share float64) string { return strconv.FormatFloat(share*100, 'g', 3, 64) + "%" }
