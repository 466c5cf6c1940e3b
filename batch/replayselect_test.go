package batch

import (
	"strings"
	"testing"
)

// TestSelectionOfNothing: what is said where no batch is meant tells whether that may change.
func TestSelectionOfNothing(t *testing.T) {
	plan, commit := &Planned{Batch: 1, At: 5_000_000}, &Committed{Batch: 1}
	commit.After.Operators = map[string]int64{"window": 20_000_000}
	all := []committedBatch{{plan: plan, commit: commit}}
	for _, c := range []struct {
		name, want string
		Selection
	}{
		{"batches", "no committed batch is among them: the log has batches 1 to 1", Selection{First: 2, Last: 3}},
		{"plan times", "no committed batch is among them: the log has", Selection{From: 6_000_000, To: 7_000_000}},
		{"windows", "no committed batch has closed a window there (one to come may): the log has", Selection{WindowFrom: 30_000_000, WindowTo: 40_000_000}},
	} {
		if _, err := c.choose(all, nil, Marks{}); err == nil || !strings.HasPrefix(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", c.name, err, c.want)
		}
	}
	if got, err := (Selection{WindowFrom: 10_000_000, WindowTo: 40_000_000}).choose(all, nil, Marks{}); err != nil || len(got) != 1 {
		t.Errorf("windows that are closed: %d batches, %v", len(got), err)
	}
}
