package jobspec

import (
	"fmt"
	"slices"
	"strings"

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
	explained := plan.Explain()
	for _, s := range explained.Sources {
		d.decoding(s)
	}
	d.section("watermarks")
	d.watermarks(explained)
	d.section("state")
	d.state(explained)
	d.section("streams")
	d.streams()
	d.section("limits")
	d.limits()
	d.memory()
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
func (d *description) decoding(s dstream.SourceExplanation) {
	what := strings.Join(s.Columns, ", ")
	if len(s.Columns) == 0 {
		what = "no value"
	}
	d.line(s.Name, "%s of each record", what)
	if len(s.Skipped) > 0 {
		d.line("", "declared and not converted: %s", strings.Join(s.Skipped, ", "))
	}
	if len(s.Pushed) > 0 {
		d.line("", "filtered while decoding: %s", strings.Join(s.Pushed, " AND "))
	}
	if s.OnBadValue == "null" && s.Format != columnar.FormatRaw {
		d.line("", "a value that does not fit becomes NULL")
	}
}

// watermarks says what moves time on.
func (d *description) watermarks(e dstream.Explanation) {
	none := true
	for _, s := range e.Sources {
		if s.Watermark != "" {
			none = false
			d.line(s.Name, "%s", s.Watermark)
		}
	}
	for _, x := range e.Exchanges {
		d.line("", "%s: %s", x.Name, x.Watermark)
	}
	if none {
		d.line("", "none: nothing waits for time")
	}
}

// SinkSources are the sources that rows of a sink come from, in the order of the plan.
func SinkSources(plan *dstream.Plan, sink string) []string {
	on := make([]bool, len(plan.Stages))
	var out []string
	side := plan.SideOf(sink)
	for i := range slices.Backward(plan.Stages) {
		st := &plan.Stages[i]
		on[i] = on[i] || slices.Contains(st.Sinks, sink) || side != nil
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

// state says what is kept between batches, and for how long.
func (d *description) state(e dstream.Explanation) {
	for _, x := range e.Exchanges {
		growing := ""
		if len(x.Growing) > 0 {
			growing = ", and the values in " + strings.Join(x.Growing, ", ")
		}
		d.line("", "%s: %s, about %d bytes a group%s; %s", x.Name, strings.Join(x.Columns, ", "), x.BytesPerGroup, growing, x.Bound)
		if x.Changes != "" {
			d.line("", "results %s", x.Changes)
		}
	}
	if len(e.Exchanges) == 0 {
		d.line("", "none")
	}
}

// streams says of every sink what its rows are.
func (d *description) streams() {
	for i := range d.plan.Sinks {
		name := d.plan.Sinks[i].Name
		k, err := d.spec.sink(name)
		if err != nil {
			continue
		}
		what := d.plan.Explain().Sinks[i].Stream()
		if side := d.plan.SideOf(name); side != nil {
			what = side.Kind.Rows() + ", " + what
		}
		d.line(name, "%s, %s, to %s", what, k.Guarantee(), k.place())
		d.changes(k, &d.plan.Sinks[i])
		d.doneMarkers(k, &d.plan.Sinks[i])
	}
}

// doneMarkers says which directories get a marker, and which watermarks they wait for.
func (d *description) doneMarkers(k *Sink, plan *dstream.SinkPlan) {
	done, err := k.done(d.plan)
	if err != nil || done == nil {
		return
	}
	var dirs, waits []string
	for _, depth := range done.Dirs.Depths() {
		var levels []string
		for _, p := range plan.Partitions[:depth] {
			levels = append(levels, p.Name+"=…")
		}
		dirs = append(dirs, strings.Join(levels, "/"))
	}
	for _, f := range done.Feeds {
		waits = append(waits, f.Describe(d.plan))
	}
	d.line("", "_SUCCESS in %s, once complete by %s", strings.Join(dirs, " and "), strings.Join(waits, " and "))
}

// changes says how a reader gets the result out of a changelog.
func (d *description) changes(k *Sink, plan *dstream.SinkPlan) {
	switch {
	case plan.Changelog == nil:
	case k.Parquet != nil:
		d.line("", "_op says what a row does, _revision in which batch; the result is")
		for line := range strings.Lines(layoutOf(plan).View(string(k.Parquet.Path))) {
			d.line("", "  %s", strings.TrimSuffix(line, "\n"))
		}
	case k.Kafka != nil && len(k.Kafka.Key) == 0:
		d.line("", "the key of a record is {%s} as JSON; the last record of a key counts, a tombstone deletes its row", strings.Join(plan.KeyNames(), ", "))
	case k.Kafka != nil:
		d.line("", "the last record of a key counts, a tombstone deletes its row")
	default:
		d.line("", "_op says what a row does")
	}
}

// place is where a sink writes.
func (k *Sink) place() string {
	switch {
	case k.Kafka != nil:
		return k.Kafka.place()
	case k.Parquet == nil:
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
	if e.S3Requests == 0 {
		d.line("S3", "0 requests: checkpoint and sinks are local")
	} else {
		d.line("S3", "%s requests", grouped(e.S3Requests))
	}
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
