package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/batch"
)

// statusCheck is a comparison that must hold.
type statusCheck struct {
	text  string
	fact  *statusFact
	op    string
	value float64
}

// statusFact is a number of a status, under the name that it has in JSON. ok is false when it is not known.
type statusFact struct {
	name string
	lag  bool // the brokers must be asked for it
	of   func(*batch.Status) (value float64, ok bool)
}

var statusFacts = []statusFact{
	{"lagSeconds", true, func(s *batch.Status) (float64, bool) { return known(s.LagSeconds) }},
	{"lagOffsets", true, func(s *batch.Status) (float64, bool) { return known(s.LagOffsets) }},
	{"heldOffsets", true, func(s *batch.Status) (float64, bool) { return known(s.HeldOffsets) }},
	{"watermarkSeconds", false, func(s *batch.Status) (float64, bool) { return known(s.WatermarkSeconds) }},
	{"batchSeconds", false, func(s *batch.Status) (float64, bool) { return known(s.BatchSeconds) }},
	{"running", false, func(s *batch.Status) (float64, bool) {
		if s.Running != "" {
			return 1, true
		}
		return 0, true
	}},
	{"numBatches", false, func(s *batch.Status) (float64, bool) { return float64(s.NumBatches), true }},
	{"numInputRows", false, func(s *batch.Status) (float64, bool) { return float64(s.NumInputRows), true }},
	{"numWindowsOpen", false, func(s *batch.Status) (float64, bool) { return float64(s.NumWindowsOpen), true }},
	{"numRowsLate", false, func(s *batch.Status) (float64, bool) { return float64(s.NumRowsLate), true }},
	{"numRowsBad", false, func(s *batch.Status) (float64, bool) { return float64(s.NumRowsBad), true }},
	{"numRowsUnassigned", false, func(s *batch.Status) (float64, bool) { return float64(s.NumRowsUnassigned), true }},
	{"numRowsFiltered", false, func(s *batch.Status) (float64, bool) { return float64(s.NumRowsFiltered), true }},
	{"numRowsNoMatch", false, func(s *batch.Status) (float64, bool) { return float64(s.NumRowsNoMatch), true }},
	{"numRowsTombstone", false, func(s *batch.Status) (float64, bool) { return float64(s.NumRowsTombstone), true }},
	{"numRowsSkipped", false, func(s *batch.Status) (float64, bool) { return float64(s.NumRowsSkipped), true }},
	{"numRowsDuplicate", false, func(s *batch.Status) (float64, bool) { return float64(s.NumRowsDuplicate), true }},
	{"numValuesNulled", false, func(s *batch.Status) (float64, bool) { return float64(s.NumValuesNulled), true }},
}

func known[T int64 | float64](p *T) (float64, bool) {
	if p == nil {
		return 0, false
	}
	return float64(*p), true
}

// comparisons are tried in this order, so that <= is not taken for <.
var comparisons = []string{"<=", ">=", "==", "!=", "<", ">", "="}

// parseChecks reads what must hold. noLag says that the brokers will not be asked.
func parseChecks(texts []string, noLag bool) ([]statusCheck, error) {
	var out []statusCheck
	for _, text := range texts {
		c, err := parseCheck(text)
		if err != nil {
			return nil, err
		}
		if c.fact.lag && noLag {
			return nil, usage("--check %s needs the brokers: leave --no-lag out", text)
		}
		out = append(out, c)
	}
	return out, nil
}

func parseCheck(text string) (statusCheck, error) {
	for _, op := range comparisons {
		name, value, found := strings.Cut(text, op)
		if !found {
			continue
		}
		fact, err := findFact(strings.TrimSpace(name))
		if err != nil {
			return statusCheck{}, err
		}
		number, err := parseNumber(strings.TrimSpace(value), strings.HasSuffix(fact.name, "Seconds"))
		if err != nil {
			return statusCheck{}, usage("--check %s: %v", text, err)
		}
		return statusCheck{text: text, fact: fact, op: op, value: number}, nil
	}
	return statusCheck{}, usage("--check %s compares nothing: write a name, one of %s, and a number, as in 'lag_seconds<300'", text, strings.Join(comparisons[:6], " "))
}

// findFact takes a name as it stands in JSON, or in the words of a configuration: lagSeconds is lag_seconds.
func findFact(name string) (*statusFact, error) {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	i := slices.IndexFunc(statusFacts, func(f statusFact) bool { return plain(f.name) == plain(name) })
	if i >= 0 {
		return &statusFacts[i], nil
	}
	var names []string
	for _, f := range statusFacts {
		names = append(names, snake(f.name))
	}
	return nil, usage("--check: a status has no %q; %s", name, didYouMean(name, names, "there are "+strings.Join(names, ", ")))
}

// snake is the name with an underscore in place of each capital.
func snake(name string) string {
	var b strings.Builder
	for _, r := range name {
		if r >= 'A' && r <= 'Z' {
			b.WriteByte('_')
			r += 'a' - 'A'
		}
		b.WriteRune(r)
	}
	return b.String()
}

// parseNumber takes a number, and a duration where seconds are meant.
func parseNumber(text string, seconds bool) (float64, error) {
	if n, err := strconv.ParseFloat(text, 64); err == nil && n == n {
		return n, nil
	}
	if d, err := time.ParseDuration(text); err == nil && seconds {
		return d.Seconds(), nil
	}
	if seconds {
		return 0, fmt.Errorf("%q is no number of seconds, and no duration such as 5m", text)
	}
	return 0, fmt.Errorf("%q is no number", text)
}

// checkStatus says of every check that does not hold what it found, and ends with the exit code for a difference. What
// only a broker could tell, and none did, may be known on another try.
func checkStatus(w io.Writer, checks []statusCheck, s *batch.Status) error {
	failed, unknown := false, false
	for i := range checks {
		c := &checks[i]
		value, ok := c.fact.of(s)
		switch {
		case !ok && c.fact.lag && s.LagOffsets == nil:
			unknown = true
			fmt.Fprintf(w, "millrace: check %s: %s is not known, because a broker did not answer\n", c.text, snake(c.fact.name))
		case !ok:
			failed = true
			fmt.Fprintf(w, "millrace: check %s: %s is not known\n", c.text, snake(c.fact.name))
		case !c.holds(value):
			failed = true
			fmt.Fprintf(w, "millrace: check %s: %s is %s\n", c.text, snake(c.fact.name), strconv.FormatFloat(value, 'f', -1, 64))
		}
	}
	switch {
	case failed:
		return exitWith(exitDifferent)
	case unknown:
		return exitWith(exitFailed)
	}
	return nil
}

func (c *statusCheck) holds(value float64) bool {
	switch c.op {
	case "<":
		return value < c.value
	case "<=":
		return value <= c.value
	case ">":
		return value > c.value
	case ">=":
		return value >= c.value
	case "!=":
		return value != c.value
	}
	return value == c.value
}
