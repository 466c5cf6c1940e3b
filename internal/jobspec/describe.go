package jobspec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// Describe explains a job to people: its plan, what is decoded, watermarks, state, streams, and what a day costs.
func (s *Spec) Describe(plan *dstream.Plan) (string, error) {
	e, err := s.Estimate(plan)
	if err != nil {
		return "", err
	}
	d := &description{spec: s, plan: plan}
	fmt.Fprintf(&d.b, "job %s, time zone %s\n", s.Name, s.Timezone)
	d.section("plan")
	for line := range strings.Lines(plan.String()) {
		d.b.WriteString("  " + line)
	}
	d.section("decoding")
	for i := range plan.Sources {
		d.decoding(&plan.Sources[i])
	}
	d.section("watermarks")
	d.watermarks()
	d.section("state")
	d.state()
	d.section("streams")
	d.streams()
	d.estimate(e)
	return d.b.String(), nil
}

// description is a text under way.
type description struct {
	b    strings.Builder
	spec *Spec
	plan *dstream.Plan
}

func (d *description) section(name string) { fmt.Fprintf(&d.b, "\n%s\n", name) }

func (d *description) line(name, format string, args ...any) {
	fmt.Fprintf(&d.b, "  %-10s %s\n", name, fmt.Sprintf(format, args...))
}

// decoding says which columns are read, and which declared ones are not.
func (d *description) decoding(p *dstream.SourcePlan) {
	src := d.spec.source(p.Name)
	var used []string
	for _, f := range p.Fields {
		text := f.Name + " " + f.Type.String()
		if path := f.JSONPath().String(); len(f.Path) > 0 && path != f.Name {
			text += " from " + path
		}
		used = append(used, text)
	}
	var unused []string
	for _, c := range src.Columns {
		if !slices.ContainsFunc(p.Fields, func(f columnar.DecodeField) bool { return f.Name == c.Name }) {
			unused = append(unused, c.Name)
		}
	}
	what := strings.Join(used, ", ")
	if len(used) == 0 {
		what = "no value"
	}
	d.line(p.Name, "%s of each record", what)
	if len(unused) > 0 {
		d.line("", "declared and not converted: %s", strings.Join(unused, ", "))
	}
	if p.OnBadValue == "null" && p.Format != columnar.FormatRaw {
		d.line("", "a value that does not fit becomes NULL")
	}
}

func (s *Spec) source(name string) *Source {
	for i := range s.Sources {
		if s.Sources[i].Name == name {
			return &s.Sources[i]
		}
	}
	return &Source{}
}

// watermarks says what moves time on.
func (d *description) watermarks() {
	none := true
	for _, p := range d.plan.Sources {
		if p.EventTime < 0 {
			continue
		}
		none = false
		text := "the greatest " + p.Fields[p.EventTime].Name + " of a partition"
		if p.Bounds.MaxDisorder > 0 {
			text += " less " + micros(p.Bounds.MaxDisorder)
		}
		text += "; the least of all partitions, of which one without new records counts as idle after " + micros(p.Bounds.IdleAfter)
		if p.Bounds.MaxFuture >= 0 {
			text += "; a record more than " + micros(p.Bounds.MaxFuture) + " ahead of the plan is bad"
		}
		d.line(p.Name, "%s", text)
	}
	for i, x := range d.plan.Exchanges {
		if !x.Unwindowed() {
			d.line("", "%s: the least of %s", x.Name, strings.Join(d.inputs(i), ", "))
		}
	}
	if none {
		d.line("", "none: nothing waits for time")
	}
}

// SinkSources are the sources that rows of a sink come from, in the order of the plan.
func SinkSources(plan *dstream.Plan, sink string) []string {
	on := make([]bool, len(plan.Stages))
	var out []string
	for i := range slices.Backward(plan.Stages) {
		st := &plan.Stages[i]
		on[i] = on[i] || slices.Contains(st.Sinks, sink)
		switch from := st.From; {
		case !on[i]:
		case from.Source >= 0:
			out = append(out, plan.Sources[from.Source].Name)
		case from.Stage >= 0:
			on[from.Stage] = true
		default:
			for _, sender := range plan.Senders(from.Exchange) {
				on[sender] = true
			}
		}
	}
	slices.Sort(out)
	return out
}

// inputs are the sources and operators whose watermarks an exchange waits for.
func (d *description) inputs(exchange int) []string {
	var out []string
	for _, id := range d.plan.Senders(exchange) {
		from := d.plan.Stages[id].From
		for from.Stage >= 0 {
			from = d.plan.Stages[from.Stage].From
		}
		name := ""
		if from.Source >= 0 {
			name = d.plan.Sources[from.Source].Name
		} else {
			name = d.plan.Exchanges[from.Exchange].Name
		}
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

func micros(us int64) string { return ShortDuration(time.Duration(us) * time.Microsecond) }

// state says what is kept between batches, and for how long.
func (d *description) state() {
	for i := range d.plan.Exchanges {
		x := &d.plan.Exchanges[i]
		if x.Unwindowed() {
			d.line("", "%s: a group for each key, up to the end of the input", x.Name)
			continue
		}
		open := 1 + (d.disorder(i)+x.Window.Size-1)/x.Window.Size
		windows := "1 window"
		if open > 1 {
			windows = fmt.Sprintf("%d windows", open)
		}
		d.line("", "%s: a group for each key in a window, of about %d bytes; of %s at a time while no partition is behind, and until a window closes at the latest",
			x.Name, groupBytes(x), windows)
	}
	if len(d.plan.Exchanges) == 0 {
		d.line("", "none")
	}
}

// disorder is the greatest of the sources that an exchange gets rows of.
func (d *description) disorder(exchange int) int64 {
	most := int64(0)
	for _, name := range d.inputs(exchange) {
		for _, p := range d.plan.Sources {
			if p.Name == name {
				most = max(most, p.Bounds.MaxDisorder)
			}
		}
	}
	return most
}

// groupBytes is about what a group takes: values of no fixed length count as 24 bytes.
func groupBytes(x *dstream.Exchange) int {
	n := 0
	for _, f := range x.Final.Fields {
		switch f.Type.Kind {
		case columnar.Bool, columnar.Int8, columnar.Int16, columnar.Int32, columnar.Float32, columnar.Date, columnar.Int64, columnar.Float64,
			columnar.Timestamp, columnar.LocalTimestamp:
			n += 8
		case columnar.Decimal, columnar.Interval:
			n += 16
		default:
			n += 24
		}
	}
	return n + 16 // the table's own
}

// streams says of every sink what its rows are.
func (d *description) streams() {
	for i := range d.plan.Sinks {
		name := d.plan.Sinks[i].Name
		k, err := d.spec.sink(name)
		if err != nil {
			continue
		}
		d.line(name, "append-only, %s, to %s", k.Guarantee(), k.place())
	}
}

// place is where a sink writes.
func (k *Sink) place() string {
	if k.Parquet == nil {
		return "standard output"
	}
	return string(k.Parquet.Path)
}

// estimate says what to expect of a day, or of a run.
func (d *description) estimate(e Estimate) {
	if e.Once {
		d.section("a run, at least")
		d.line("batches", "1, more when there is more to read than limits allow")
	} else {
		d.section("a day, at most (a trigger without new records writes nothing)")
		d.line("batches", "%s (%s)", grouped(e.Batches), d.spec.Trigger.String())
	}
	for _, f := range e.Sinks {
		if f.Files > 0 {
			d.line("files", "%s: %s (%s)", f.Name, grouped(f.Files), f.Formula())
		}
	}
	state := ""
	if len(d.plan.Exchanges) > 0 {
		state = "; the groups that a batch changes come on top"
	}
	d.line("log", "%s with one partition in each topic, %s for each more%s", sizeText(e.LogBytes), sizeText(e.LogPartition), state)
	d.line("S3", "%d requests: checkpoint and sinks are local", e.S3Requests)
}

// String is the trigger as a job file has it.
func (t Trigger) String() string {
	switch {
	case t.Cron != "":
		return "cron " + t.Cron
	case t.AvailableNow:
		return "available_now"
	}
	return "every " + ShortDuration(t.Every)
}
