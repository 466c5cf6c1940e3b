package main

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/batch"
)

// tally sums the batches of a run.
type tally struct {
	batches int
	records int64
	rows    map[string]int64 // by sink
	dropped batch.Progress   // its NumRows… counters
	groups  int64            // of its NumRowsFiltered: what HAVING dropped
	last    batch.Progress
}

func (t *tally) add(p batch.Progress) {
	t.batches++
	t.records += p.NumInputRows
	for _, s := range p.Sinks {
		t.rows[s.Description] += s.NumOutputRows
	}
	t.dropped.NumRowsLate += p.NumRowsLate
	t.dropped.NumRowsBad += p.NumRowsBad
	t.dropped.NumRowsUnassigned += p.NumRowsUnassigned
	t.dropped.NumRowsFiltered += p.NumRowsFiltered
	t.dropped.NumRowsNoMatch += p.NumRowsNoMatch
	t.dropped.NumRowsTombstone += p.NumRowsTombstone
	t.groups += p.NumGroupsFiltered
	t.last = p
}

// String is the run in one line.
func (t *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s in", count(int64(t.batches), "batch"), count(t.records, "row"))
	for _, name := range sortedKeys(t.rows) {
		fmt.Fprintf(&b, ", %s to %s", count(t.rows[name], "row"), name)
	}
	return b.String()
}

// why says in one line why no row came out; empty when some did.
func (t *tally) why() string {
	if t.batches == 0 {
		return "no new data: nothing to do"
	}
	for _, n := range t.rows {
		if n > 0 {
			return ""
		}
	}
	var reasons []string
	if open := openWindows(t.last); open != "" {
		reasons = append(reasons, open)
	}
	if drops := t.drops(); drops != "" {
		reasons = append(reasons, drops)
	}
	if len(reasons) == 0 {
		reasons = append(reasons, "no new data")
	}
	return "0 rows out: " + strings.Join(reasons, "; ")
}

// drops says where the rows went.
func (t *tally) drops() string {
	var parts []string
	for _, r := range []struct {
		n    int64
		what string
	}{
		{t.dropped.NumRowsFiltered - t.groups, "filtered by WHERE"},
		{t.dropped.NumRowsNoMatch, "without a match in a join"},
		{t.dropped.NumRowsLate, "late (their windows had closed before they came)"},
		{t.dropped.NumRowsBad, "bad"},
		{t.dropped.NumRowsUnassigned, "in no window"},
		{t.dropped.NumRowsTombstone, "tombstones"},
	} {
		switch {
		case r.n > 0 && r.n == t.records:
			parts = append(parts, "all "+r.what)
		case r.n > 0:
			parts = append(parts, fmt.Sprintf("%d %s", r.n, r.what))
		}
	}
	if t.groups > 0 {
		parts = append(parts, count(t.groups, "group")+" filtered by HAVING")
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("of %s in %s", count(t.records, "row"), strings.Join(parts, ", "))
}

// openWindows says what the earliest open window waits for.
func openWindows(p batch.Progress) string {
	for _, op := range p.StateOperators {
		if op.NumWindowsOpen == 0 {
			continue
		}
		s := fmt.Sprintf("%s open, the first closes at watermark %s, now %s", count(int64(op.NumWindowsOpen), "window"), op.NextClose, op.Watermark)
		for _, src := range p.Sources {
			switch {
			case src.HeldBy == "":
			case src.HeldMark == "none":
				s += fmt.Sprintf(", held by %s, which has had no record yet", src.HeldBy)
			default:
				s += ", held by " + src.HeldBy
			}
		}
		return s
	}
	return ""
}
