package main

import (
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"golang.org/x/term"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/jobspec"
)

// display shows progress: a live line on a terminal, plain lines into a pipe, JSON lines when asked.
type display struct {
	out, err io.Writer
	json     bool
	quiet    bool
	live     bool
	columns  func() int // of the terminal
	width    int        // of the live line on the screen
	total    tally
}

// newDisplay writes progress to out, or to errw when a sink needs out for its rows.
func newDisplay(out, errw io.Writer, asJSON, quiet, outTaken bool) *display {
	if outTaken {
		out = errw
	}
	d := &display{out: out, err: errw, json: asJSON, quiet: quiet}
	under := out
	if r, ok := out.(*redactor); ok {
		under = r.w
	}
	if f, ok := under.(*os.File); ok && !asJSON && !quiet {
		d.live = term.IsTerminal(int(f.Fd()))
		d.columns = func() int {
			w, _, err := term.GetSize(int(f.Fd()))
			if err != nil {
				return 80
			}
			return w
		}
	}
	return d
}

// batch shows one batch.
func (d *display) batch(p batch.Progress) {
	d.total.add(p)
	switch {
	case d.quiet:
	case d.json:
		data, err := json.Marshal(p)
		if err != nil {
			data = fmt.Appendf(nil, `{"error":%q}`, err)
		}
		fmt.Fprintf(d.out, "%s\n", data)
	case d.live:
		d.redraw(batchLine(p))
	default:
		fmt.Fprintln(d.out, batchLine(p))
	}
	for _, bad := range p.BadRecords {
		d.warn(fateOfBad(p) + bad)
	}
}

// fateOfBad says what became of the bad records that a batch shows.
func fateOfBad(p batch.Progress) string {
	for _, s := range p.Sinks {
		if s.Side == dstream.BadRecords {
			return "kept in sink " + s.Description + ": "
		}
	}
	return "skipped "
}

// waiting keeps what the job waits for, for the end.
func (d *display) waiting(partitions []batch.WaitingPartition) { d.total.waiting = partitions }

// redraw writes over the line on the screen. A line that wraps could not be written over, so it is cut.
func (d *display) redraw(line string) {
	if most := max(d.columns()-1, 1); len(line) > most {
		line = line[:most]
	}
	fmt.Fprintf(d.out, "\r%s%s", line, strings.Repeat(" ", max(d.width-len(line), 0)))
	d.width = len(line)
}

func batchLine(p batch.Progress) string {
	var b strings.Builder
	fmt.Fprintf(&b, "batch %d: %s in", p.BatchID, count(p.NumInputRows, "row"))
	for _, s := range p.Sinks {
		where := count(int64(s.NumFiles), "file")
		if s.Topic != "" {
			where = fmt.Sprintf("topic %s, %s", s.Topic, s.Guarantee)
		}
		fmt.Fprintf(&b, ", %s to %s (%s)", count(s.NumOutputRows, "row"), s.Description, where)
	}
	for _, s := range p.Sinks {
		b.WriteString(completedText(s.Completed))
		if s.NumRowsPending > 0 {
			fmt.Fprintf(&b, ", %s for %s wait for their file", count(s.NumRowsPending, "row"), s.Description)
		}
	}
	for _, c := range []struct {
		n    int64
		name string
	}{{p.NumRowsLate, "late"}, {p.NumRowsBad, "bad"}, {p.NumRowsUnassigned, "unassigned"}} {
		if c.n > 0 {
			fmt.Fprintf(&b, ", %d %s", c.n, c.name)
		}
	}
	if p.NumRowsTombstone > 0 {
		fmt.Fprintf(&b, ", %s", count(p.NumRowsTombstone, "tombstone"))
	}
	if n := nulled(p); n > 0 {
		fmt.Fprintf(&b, ", %s made NULL", count(n, "bad value"))
	}
	fmt.Fprintf(&b, ", %d ms", p.BatchDuration)
	if p.EventTime["watermark"] != "none" {
		fmt.Fprintf(&b, ", watermark %s", p.EventTime["watermark"])
	}
	for _, s := range p.Sources {
		b.WriteString(lagText(s))
	}
	for _, s := range p.Sources {
		if n := len(s.Waiting); n > 0 {
			fmt.Fprintf(&b, ", %s of %s held back by open transactions", count(int64(n), "partition"), s.Name)
		}
	}
	if p.Rerun {
		b.WriteString(", rerun")
	}
	if p.Final {
		b.WriteString(", final")
	}
	return b.String()
}

// completedText names a directory that the batch has completed, and says how many more there are.
func completedText(dirs []string) string {
	switch n := len(dirs); n {
	case 0:
		return ""
	case 1:
		return ", completed " + dirs[0]
	default:
		return fmt.Sprintf(", completed %s and %d more", dirs[0], n-1)
	}
}

// lagText is how far the job is behind in a source, when it is.
func lagText(s batch.SourceProgress) string {
	if s.LagOffsets == nil || *s.LagOffsets == 0 {
		return ""
	}
	text := fmt.Sprintf(", lag %d", *s.LagOffsets)
	if s.LagSeconds != nil {
		text += fmt.Sprintf(" (%s)", jobspec.ShortDuration(time.Duration(*s.LagSeconds*1000)*time.Millisecond))
	}
	return text
}

// nulled is how many values did not fit their columns and became NULL.
func nulled(p batch.Progress) (n int64) {
	for _, e := range p.Edges {
		n += e.Nulled
	}
	return n
}

func count(n int64, what string) string {
	switch {
	case n == 1:
		return "1 " + what
	case strings.HasSuffix(what, "ch"):
		return fmt.Sprintf("%d %ses", n, what)
	}
	return fmt.Sprintf("%d %ss", n, what)
}

// warn shows what an operator should know.
func (d *display) warn(msg string) {
	if d.live && d.width > 0 {
		fmt.Fprintln(d.out)
		d.width = 0
	}
	fmt.Fprintln(d.err, "millrace: warning:", msg)
}

// end finishes the live line and sums the run up: what went in and out, and why nothing came out. A run that failed
// says the latter by its error.
func (d *display) end(err error) {
	if d.live && d.width > 0 {
		fmt.Fprintln(d.out)
	}
	why := ""
	if err == nil {
		why = d.total.why()
	}
	switch {
	case d.quiet:
	case d.json:
		if why != "" {
			fmt.Fprintln(d.err, "millrace:", why)
		}
	default:
		if d.total.batches > 0 {
			fmt.Fprintln(d.out, d.total.String())
		}
		if why != "" {
			fmt.Fprintln(d.out, why)
		}
	}
}
