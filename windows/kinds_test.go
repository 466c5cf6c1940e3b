package windows

import (
	"fmt"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/cockroachdb/datadriven"
)

// TestVectors runs testdata/sliding, testdata/cumulative and testdata/calendar: batches of events through windows, over 1, 2
// and 8 shards, in one life and with a restart behind every batch.
func TestVectors(t *testing.T) {
	for _, file := range []string{"sliding", "cumulative", "calendar"} {
		for _, shards := range []int{1, 2, 8} {
			for _, restarts := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s/%d/%v", file, shards, restarts), func(t *testing.T) {
					v := vector{t: t, shards: shards, restarts: restarts}
					datadriven.RunTest(t, "testdata/"+file, v.run)
				})
			}
		}
	}
}

// vector is a job of the test files.
type vector struct {
	t        *testing.T
	shards   int
	restarts bool
	window   Window
	disorder int64
	*pipeline
	chain []kept
}

func (v *vector) run(t *testing.T, d *datadriven.TestData) string {
	switch d.Cmd {
	case "job":
		return v.job(t, d)
	case "batch":
		return v.batch(v.pipeline.run(parseEvents(t, d.Input)))
	case "flush":
		return v.batch(v.flush())
	case "windows":
		return v.windows(t, d.Input)
	}
	d.Fatalf(t, "unknown command %s", d.Cmd)
	return ""
}

// job begins one; what is wrong with its window is the output.
func (v *vector) job(t *testing.T, d *datadriven.TestData) string {
	var kind, unit string
	v.window = Window{Size: intArg(t, d, "size"), Slide: intArg(t, d, "slide"), Offset: intArg(t, d, "offset")}
	d.MaybeScanArgs(t, "kind", &kind)
	d.MaybeScanArgs(t, "unit", &unit)
	d.MaybeScanArgs(t, "zone", &v.window.Zone)
	v.window.Kind, v.window.Unit, v.disorder = Kind(kind), Unit(unit), intArg(t, d, "disorder")
	if err := v.window.Validate(); err != nil {
		return err.Error() + "\n"
	}
	v.chain = nil
	v.pipeline = newPipeline(t, v.window, v.disorder, max(1, int(intArg(t, d, "partitions"))), v.shards)
	return ""
}

// batch shows what a batch did, and restarts the job.
func (v *vector) batch(closed []outRow) string {
	var b strings.Builder
	fmt.Fprintf(&b, "W %s\n", v.time(v.mark.Watermark))
	for _, n := range []struct {
		rows int64
		what string
	}{{v.late, "late"}, {v.unassigned, "unassigned"}} {
		if n.rows > 0 {
			fmt.Fprintf(&b, "%d %s\n", n.rows, n.what)
		}
	}
	for _, r := range closed {
		sum := "NULL"
		if r.values > 0 {
			sum = showFloat(r.sum)
		}
		fmt.Fprintf(&b, "closed [%s, %s) %s sum=%s rows=%d\n", v.time(r.start), v.time(v.endOf(r)), r.key, sum, r.rows)
	}
	if open := v.open(); len(open) > 0 {
		last := open[len(open)-1]
		fmt.Fprintf(&b, "open %d: [%s, %s) to [%s, %s), %d rows held\n", len(open),
			v.time(open[0].Start), v.time(open[0].End), v.time(last.Start), v.time(last.End), v.rowsHeld())
	}
	if v.restarts {
		v.restart()
	}
	return b.String()
}

// restart goes on with what the log keeps.
func (v *vector) restart() {
	if v.chain = append(v.chain, kept{v.delta(), v.mark.Watermark}); len(v.chain)%3 == 0 {
		v.chain = []kept{{v.snapshot(), v.mark.Watermark}}
	}
	mark := v.mark
	v.pipeline = newPipeline(v.t, v.window, v.disorder, len(mark.Partitions), v.shards)
	v.mark = mark
	v.load(v.chain)
}

// windows shows the windows of single times, as the grid has them.
func (v *vector) windows(t *testing.T, input string) string {
	var b strings.Builder
	g := newGrid(v.window)
	for line := range strings.Lines(input) {
		ts := parseTime(t, strings.TrimSpace(line))
		c := g.at(ts)
		fmt.Fprintf(&b, "%s:", v.time(ts))
		s := g.slotOf(g.local(ts))
		for n := g.firstWindow(s); n <= g.lastWindow(s) && !c.gap; n++ {
			if g.void(n) {
				continue
			}
			fmt.Fprintf(&b, " [%s, %s)", v.time(g.start(n)), v.time(g.end(n)))
		}
		if c.gap {
			b.WriteString(" none")
		}
		if v.window.Unit != Micros && !c.gap {
			fmt.Fprintf(&b, " %d h", (g.end(g.lastWindow(s))-g.start(g.lastWindow(s)))/3_600_000_000)
		}
		b.WriteString("\n")
	}
	return b.String()
}

// time is shown as a number, or as a date where the calendar counts.
func (v *vector) time(us int64) string {
	if v.window.Unit == Micros {
		return showTime(us)
	}
	return FormatTime(us)
}

// parseTime reads a number, or a time as FormatTime writes it.
func parseTime(t *testing.T, s string) int64 {
	if n, err := strconv.ParseInt(s, 10, 64); err == nil {
		return n
	}
	at, err := time.Parse("2006-01-02T15:04:05.999999Z", s)
	if err != nil {
		t.Fatal(err)
	}
	return at.UnixMicro()
}
