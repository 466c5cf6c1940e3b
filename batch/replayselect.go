package batch

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/windows"
)

// Selection says which committed batches are meant: all bounds that are set must hold. The zero value means all.
type Selection struct {
	First, Last int64 // ids, both included; 0: no bound
	From, To    int64 // plan times in µs, To excluded; 0: no bound
	// WindowFrom and WindowTo choose the batches that closed windows which lie in [WindowFrom, WindowTo), in µs of event
	// time, or changed them within their lateness. Both 0: no bound.
	WindowFrom, WindowTo int64
}

// SelectionError says that no batch is what was asked for (exit code 2).
type SelectionError struct{ Msg string }

func (e *SelectionError) Error() string { return e.Msg }

// committedBatch is a batch of the log.
type committedBatch struct {
	plan   *Planned
	commit *Committed
	entry  int // of the commit
}

// committedBatches are those whose plan and commit both stand in a log.
func committedBatches(entries []Entry) []committedBatch {
	var out []committedBatch
	open := map[int64]*Planned{}
	for i, e := range entries {
		switch r := e.Record.(type) {
		case *Planned:
			open[r.Batch] = r
		case *Cancelled:
			delete(open, r.Batch)
		case *Committed:
			if p := open[r.Batch]; p != nil {
				out = append(out, committedBatch{p, r, i})
				delete(open, r.Batch)
			}
		}
	}
	return out
}

// choose returns the batches that are meant, from the first to the last without a gap.
// start is what the log begins with, after the watermarks behind it.
func (s Selection) choose(all []committedBatch, start *LogStart, after Marks) ([]committedBatch, error) {
	if err := s.pruned(start, after); err != nil {
		return nil, err
	}
	if len(all) == 0 && start != nil {
		return nil, refuse("all batches so far are gone: the log was %s", start)
	}
	if len(all) == 0 {
		return nil, &SelectionError{"the job has not committed a batch yet"}
	}
	first, last := -1, -1
	for i, b := range all {
		if s.means(b) {
			if first < 0 {
				first = i
			}
			last = i
		}
	}
	if first < 0 {
		oldest, newest := all[0].plan, all[len(all)-1].plan
		none := "no committed batch is among them"
		if s.WindowFrom != 0 || s.WindowTo != 0 {
			none = "no committed batch has closed a window there (one to come may)"
		}
		return nil, &SelectionError{fmt.Sprintf("%s: the log has batches %d to %d, planned %s to %s",
			none, oldest.Batch, newest.Batch, windows.FormatTime(oldest.At), windows.FormatTime(newest.At))}
	}
	return all[first : last+1], nil
}

// orCancelled says of a single batch that is not among the committed ones that it was cancelled, if the log has it so.
func (s Selection) orCancelled(entries []Entry, err error) error {
	var none *SelectionError
	if !errors.As(err, &none) || s.First == 0 || s.First != s.Last {
		return err
	}
	for _, e := range entries {
		if c, ok := e.Record.(*Cancelled); ok && c.Batch == s.First {
			return &SelectionError{fmt.Sprintf("batch %d was never published: %s%s; its records were planned anew", c.Batch, c.Reason, c.moved())}
		}
	}
	return err
}

func (s Selection) means(b committedBatch) bool {
	switch {
	case s.First > 0 && b.plan.Batch < s.First, s.Last > 0 && b.plan.Batch > s.Last:
		return false
	case s.From != 0 && b.plan.At < s.From, s.To != 0 && b.plan.At >= s.To:
		return false
	case s.WindowFrom == 0 && s.WindowTo == 0:
		return true
	}
	return b.closedIn(s.WindowFrom, s.WindowTo)
}

// closedIn reports whether an operator's watermark passed, in the batch, the end of a window that can lie in [from, to).
func (b committedBatch) closedIn(from, to int64) bool {
	for name, after := range b.commit.After.Operators {
		before, known := b.plan.Before.Operators[name]
		if !known {
			before = windows.NoWatermark
		}
		if after > from && before < to && after > before {
			return true
		}
	}
	return false
}
