package main

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/jobspec"
)

// tally sums the batches of a run.
type tally struct {
	batches int
	records int64
	sinks   []*sinkTally // in the order of the job
	last    batch.Progress
	waiting []batch.WaitingPartition // for open transactions, by the last look at the brokers
	idle    map[string]time.Duration // after which a partition of a source counts as idle
}

// sinkTally is what became of the rows on the way to a sink.
type sinkTally struct {
	name    string
	rows    int64
	records int64 // of the sources that its rows come from
	side    bool  // it takes a side output: without rows all is well
	batch.Drops
	operators []string // window operators on the way
}

func (t *tally) add(p batch.Progress) {
	t.batches++
	t.records += p.NumInputRows
	for _, s := range p.Sinks {
		k := t.sink(s.Description)
		k.rows += s.NumOutputRows
		k.side = s.Side != ""
		k.records += s.NumInputRows
		k.operators = s.Operators
		k.NumRowsLate += s.NumRowsLate
		k.NumRowsBad += s.NumRowsBad
		k.NumRowsUnassigned += s.NumRowsUnassigned
		k.NumRowsFiltered += s.NumRowsFiltered
		k.NumGroupsFiltered += s.NumGroupsFiltered
		k.NumRowsNoMatch += s.NumRowsNoMatch
		k.NumRowsTombstone += s.NumRowsTombstone
		k.NumRowsSkipped += s.NumRowsSkipped
		k.NumRowsDuplicate += s.NumRowsDuplicate
	}
	t.last = p
}

func (t *tally) sink(name string) *sinkTally {
	for _, k := range t.sinks {
		if k.name == name {
			return k
		}
	}
	t.sinks = append(t.sinks, &sinkTally{name: name})
	return t.sinks[len(t.sinks)-1]
}

// String is the run in one line.
func (t *tally) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, %s in", count(int64(t.batches), "batch"), count(t.records, "row"))
	for _, k := range t.sinks {
		fmt.Fprintf(&b, ", %s to %s", count(k.rows, "row"), k.name)
	}
	return b.String()
}

// why says why no row came out: one line for the run, or one for each sink that got none. It is empty when all got some.
func (t *tally) why() string {
	if t.batches == 0 {
		return "no new data: nothing to do" + t.waits()
	}
	var lines []string
	same, dry, queries := true, 0, 0
	first := ""
	for _, k := range t.sinks {
		if k.side {
			continue
		}
		queries++
		if k.rows > 0 {
			continue
		}
		reason := t.reason(k)
		if dry == 0 {
			first = reason
		}
		dry++
		same = same && reason == first
		lines = append(lines, fmt.Sprintf("0 rows to %s: %s", k.name, reason))
	}
	if same && dry == queries && dry > 0 {
		return "0 rows out: " + first + t.waits()
	}
	if dry > 0 {
		return strings.Join(lines, "\n") + t.waits()
	}
	return ""
}

// waits says which partitions wait for open transactions: the first of them, and how many more.
func (t *tally) waits() string {
	switch n := len(t.waiting); n {
	case 0:
		return ""
	case 1:
		return "; " + t.waiting[0].String()
	default:
		return fmt.Sprintf("; %s (and %d more)", t.waiting[0], n-1)
	}
}

// reason says why a sink got no row.
func (t *tally) reason(k *sinkTally) string {
	var reasons []string
	if open := t.openWindows(k); open != "" {
		reasons = append(reasons, open)
	}
	if drops := k.drops(); drops != "" {
		reasons = append(reasons, drops)
	}
	if len(reasons) == 0 {
		return "no new data"
	}
	return strings.Join(reasons, "; ")
}

// fates are the ways in which rows do not come out: what is said of all rows, of a single one, and of some.
var fates = []struct {
	n              func(*sinkTally) int64
	all, one, some string
}{
	{func(k *sinkTally) int64 { return k.NumRowsFiltered - k.NumGroupsFiltered }, "filtered by WHERE", "filtered by WHERE", "filtered by WHERE"},
	{func(k *sinkTally) int64 { return k.NumRowsNoMatch }, "without a match in a join", "without a match in a join", "without a match in a join"},
	{func(k *sinkTally) int64 { return k.NumRowsLate }, "late (their windows had closed before they came)", "late (its window had closed before it came)", "late (behind a closed window)"},
	{func(k *sinkTally) int64 { return k.NumRowsBad }, "bad records, skipped", "a bad record, skipped", "bad and skipped"},
	{func(k *sinkTally) int64 { return k.NumRowsUnassigned }, "in no window", "in no window", "in no window"},
	{func(k *sinkTally) int64 { return k.NumRowsTombstone }, "tombstones", "a tombstone", "without a value (tombstones)"},
	{func(k *sinkTally) int64 { return k.NumRowsSkipped }, "left out by --skip", "left out by --skip", "left out by --skip"},
	{func(k *sinkTally) int64 { return k.NumRowsDuplicate }, "duplicates", "a duplicate", "duplicates"},
}

// drops says where the rows went.
func (k *sinkTally) drops() string {
	var parts []string
	for _, f := range fates {
		switch n := f.n(k); {
		case n == 0:
		case n == k.records && n == 1:
			return "the only row in was " + f.one
		case n == k.records:
			return fmt.Sprintf("all %d rows in were %s", n, f.all)
		default:
			parts = append(parts, fmt.Sprintf("%d %s", n, f.some))
		}
	}
	if k.NumGroupsFiltered > 0 {
		parts = append(parts, count(k.NumGroupsFiltered, "group")+" filtered by HAVING")
	}
	if len(parts) == 0 {
		return ""
	}
	return fmt.Sprintf("of %s in, %s", count(k.records, "row"), strings.Join(parts, ", "))
}

// openWindows says what the earliest open window on the way to a sink waits for.
func (t *tally) openWindows(k *sinkTally) string {
	for _, op := range t.last.StateOperators {
		if op.NumWindowsOpen == 0 || op.NextClose == "" || !slices.Contains(k.operators, op.OperatorName) {
			continue
		}
		c := &clock{}
		first := ""
		if op.NumWindowsOpen > 1 {
			first = "the first, "
		}
		s := fmt.Sprintf("%s open, %s[%s, %s) UTC", count(int64(op.NumWindowsOpen), "window"), first, c.time(op.FirstOpen), c.time(op.NextClose))
		if first != "" {
			s += ","
		}
		s += fmt.Sprintf(" closes at watermark %s, now %s", c.time(op.NextClose), c.time(op.Watermark))
		return s + t.heldBy(op, c)
	}
	return ""
}

// heldBy says what the watermark of an operator waits for.
func (t *tally) heldBy(op batch.OperatorProgress, c *clock) string {
	i := slices.IndexFunc(t.last.Sources, func(s batch.SourceProgress) bool { return s.Name == op.HeldBy })
	if i < 0 {
		return ""
	}
	switch s := t.last.Sources[i]; {
	case s.HeldBy == "":
		return ""
	case s.HeldLastEvent != "":
		return fmt.Sprintf(", held by %s (last event %s)", s.HeldBy, c.time(s.HeldLastEvent))
	case isEmpty(s):
		return fmt.Sprintf(", held by source %s, which has had no record yet%s", s.Name, t.idleAfter(s.Name))
	default:
		return fmt.Sprintf(", held by %s, which has had no record yet%s", s.HeldBy, t.idleAfter(s.Name))
	}
}

func (t *tally) idleAfter(source string) string {
	if d, ok := t.idle[source]; ok {
		return fmt.Sprintf(" and counts as idle after %s", jobspec.ShortDuration(d))
	}
	return ""
}

// isEmpty reports whether a source has several partitions and none of them has a record.
func isEmpty(s batch.SourceProgress) bool {
	partitions := 0
	for _, ends := range s.EndOffset {
		for _, end := range ends {
			partitions++
			if end > 0 {
				return false
			}
		}
	}
	return partitions > 1
}

// clock writes times of one sentence: the date only where it is not that of the time before.
type clock struct{ date string }

func (c *clock) time(text string) string {
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return text // none, end of time
	}
	date := at.Format("2006-01-02 ")
	if date == c.date {
		return at.Format("15:04:05.999999")
	}
	c.date = date
	return date + at.Format("15:04:05.999999")
}
