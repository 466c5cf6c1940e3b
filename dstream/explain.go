package dstream

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// String explains the plan to people: the queries as they were described, what is read, and the stages that run. What
// time and state do is told by [Plan.Explain]; for comparing plans use [Plan.Canonical].
func (p *Plan) String() string {
	var w strings.Builder
	p.Explain().explain(&w, false)
	return w.String()
}

// String is the text of [Plan.String] with the watermarks, the state and what bounds it.
func (e Explanation) String() string {
	var w strings.Builder
	e.explain(&w, true)
	for _, k := range e.Sinks {
		if len(k.Key) > 0 {
			fmt.Fprintf(&w, "stream into %s is %s\n", k.Name, k.Stream())
		}
	}
	if slices.ContainsFunc(e.Sinks, func(k SinkExplanation) bool { return len(k.Key) == 0 }) {
		fmt.Fprintf(&w, "streams are %s\n", AppendOnly)
	}
	return w.String()
}

// Stream says in short what the rows are: append-only, or a changelog with its key.
func (k SinkExplanation) Stream() string {
	if len(k.Key) == 0 {
		return "append-only"
	}
	return "a changelog with the key " + strings.Join(k.Key, ", ")
}

func (e Explanation) explain(w *strings.Builder, whole bool) {
	for _, q := range e.Queries {
		q.explain(w)
	}
	for _, s := range e.Sources {
		s.explain(w, whole)
	}
	for _, t := range e.Tables {
		fmt.Fprintf(w, "table %s: %s\n", t.Name, t.Schema)
	}
	if len(e.Zones) > 0 {
		fmt.Fprintf(w, "rules of time zones: %s\n", strings.Join(e.Zones, ", "))
	}
	for _, s := range e.Stages {
		s.explain(w)
	}
	for _, x := range e.Exchanges {
		if whole {
			x.explain(w)
		}
	}
	for _, k := range e.Sinks {
		k.explain(w)
	}
}

func (q Query) explain(w *strings.Builder) {
	head := "query " + q.Name
	if len(q.Sinks) > 0 {
		head = strings.TrimSpace(head) + " into " + strings.Join(q.Sinks, ", ")
	}
	fmt.Fprintf(w, "%s:\n", head)
	explainSteps(w, q.Steps, "  ")
}

func explainSteps(w *strings.Builder, steps []Step, indent string) {
	for _, s := range steps {
		fmt.Fprintf(w, "%s%s\n", indent, s.Text)
		for i, in := range s.Inputs {
			if i > 0 {
				fmt.Fprintf(w, "%sand\n", indent)
			}
			explainSteps(w, in, indent+"  ")
		}
	}
}

func (s SourceExplanation) explain(w *strings.Builder, whole bool) {
	fmt.Fprintf(w, "source %s (%s): %s\n", s.Name, s.Format, strings.Join(s.Columns, ", "))
	if !whole {
		return
	}
	if len(s.Skipped) > 0 {
		fmt.Fprintf(w, "  declared and not converted: %s\n", strings.Join(s.Skipped, ", "))
	}
	if len(s.Pushed) > 0 {
		fmt.Fprintf(w, "  filtered while decoding: %s\n", strings.Join(s.Pushed, " AND "))
	}
	if s.Watermark != "" {
		fmt.Fprintf(w, "  watermark: %s\n", s.Watermark)
	}
}

func (s StageExplanation) explain(w *strings.Builder) {
	verb := "takes the rows of"
	switch {
	case strings.HasPrefix(s.From, "source "):
		verb = "reads"
	case strings.HasPrefix(s.From, "exchange "):
		verb = "takes the groups of"
	}
	fmt.Fprintf(w, "stage %d %s %s\n", s.ID, verb, s.From)
	for _, op := range s.Ops {
		fmt.Fprintf(w, "  %s\n", op)
	}
	fmt.Fprintf(w, "  to %s\n", strings.Join(s.To, ", "))
}

func (x ExchangeExplanation) explain(w *strings.Builder) {
	fmt.Fprintf(w, "exchange %s, from %s to stage %d\n", x.Name, stageList(x.Senders), x.Behind)
	fmt.Fprintf(w, "  watermark: %s\n", x.Watermark)
	fmt.Fprintf(w, "  state: %s; about %d bytes a group", strings.Join(x.Columns, ", "), x.BytesPerGroup)
	if len(x.Growing) > 0 {
		fmt.Fprintf(w, ", and the values in %s", strings.Join(x.Growing, ", "))
	}
	fmt.Fprintf(w, "\n  bound: %s\n", x.Bound)
	if x.Changes != "" {
		fmt.Fprintf(w, "  results: %s\n", x.Changes)
	}
}

func stageList(ids []int) string {
	parts := make([]string, len(ids))
	for i, id := range ids {
		parts[i] = fmt.Sprint(id)
	}
	if len(ids) == 1 {
		return "stage " + parts[0]
	}
	return "stages " + strings.Join(parts, ", ")
}

func (k SinkExplanation) explain(w *strings.Builder) {
	from := k.Takes
	if from == "" {
		from = stageList(k.Stages)
	}
	fmt.Fprintf(w, "sink %s, from %s: %s\n", k.Name, from, strings.Join(k.Columns, ", "))
	for _, p := range k.Partitions {
		fmt.Fprintf(w, "  partitioned by %s\n", p)
	}
}

const microsPerDay = int64(24 * time.Hour / time.Microsecond)

// instant writes microseconds since the epoch as UTC.
func instant(us int64) string { return time.UnixMicro(us).UTC().Format("2006-01-02 15:04:05.999999") }

// duration writes microseconds for people: 1h, 1m30s.
func duration(us int64) string {
	text := micros(us)
	for _, zero := range []string{"m0s", "h0m"} {
		if strings.HasSuffix(text, zero) {
			text = text[:len(text)-2]
		}
	}
	return text
}
