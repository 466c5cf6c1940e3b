package batch

import (
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// Marks are the watermarks of a job between two batches: of every source with its partitions, and the input watermark of
// every operator with state, by their names.
type Marks struct {
	Sources   map[string]windows.SourceMark `json:"sources,omitempty"`
	Operators map[string]int64              `json:"operators,omitempty"`
}

// source is the mark of a source, also of one that was never planned.
func (m Marks) source(name string) windows.SourceMark {
	if s, ok := m.Sources[name]; ok {
		return s
	}
	return windows.NewSourceMark()
}

// Watermark is how far event time has come in the job: that of its sources together.
func (m Marks) Watermark() int64 {
	var in []windows.Input
	for _, s := range m.Sources {
		in = append(in, s.AsInput())
	}
	return windows.Combine(in).Watermark
}

// operatorMarks takes watermarks from the sources through the graph: the watermark of an operator is how far event time has
// come in all that send into its exchange, as settle decides it of the operator's name and that; of windows of processing
// time it is clock, the plan time, whoever sends. A stage passes its own on, and so does a window operator: whatever is
// still in its windows comes out with times at or behind it. Behind sessions it is a tick less, see
// windows.Window.OutputWatermark.
func operatorMarks(plan *dstream.Plan, sources Marks, clock int64, settle func(name string, input int64) int64) map[string]int64 {
	out := map[string]int64{}
	at := make([]windows.Input, len(plan.Stages)) // output of each stage
	into := make([][]windows.Input, len(plan.Exchanges))
	for i := range plan.Stages {
		switch from := plan.Stages[i].From; {
		case from.Source >= 0:
			at[i] = sources.source(plan.Sources[from.Source].Name).AsInput()
		case from.Stage >= 0:
			at[i] = at[from.Stage]
		default:
			name := plan.Exchanges[from.Exchange].Name
			at[i] = windows.Combine(into[from.Exchange])
			if plan.Exchanges[from.Exchange].Window.Clock {
				at[i] = windows.Input{Watermark: clock}
			}
			at[i].Watermark = settle(name, at[i].Watermark)
			out[name] = at[i].Watermark
			at[i].Watermark = plan.Exchanges[from.Exchange].Window.OutputWatermark(out[name])
			if plan.Exchanges[from.Exchange].Unwindowed() && at[i].Watermark != windows.MaxWatermark {
				at[i] = windows.Input{Watermark: windows.NoWatermark} // all is still to come
			}
		}
		if x := plan.Stages[i].Exchange; x >= 0 {
			into[x] = append(into[x], at[i])
		}
	}
	return out
}

// heldBy is the source that the operator behind an exchange waits for: of those that are not idle the one that is furthest
// behind, through all operators on the way; "" when all are idle, and for windows that wait for the clock.
func heldBy(plan *dstream.Plan, exchange int, at Marks) string {
	if plan.Exchanges[exchange].Window.Clock {
		return ""
	}
	name, least := "", int64(windows.MaxWatermark)
	for _, sender := range plan.Senders(exchange) {
		from := plan.Stages[rootOf(plan, sender)].From
		source, in := "", windows.Input{Idle: true}
		if from.Source >= 0 {
			source = plan.Sources[from.Source].Name
			in = at.source(source).AsInput()
		} else if source = heldBy(plan, from.Exchange, at); source != "" {
			x := &plan.Exchanges[from.Exchange]
			in = windows.Input{Watermark: x.Window.OutputWatermark(at.Operators[x.Name])}
		}
		if !in.Idle && in.Watermark < least {
			name, least = source, in.Watermark
		}
	}
	return name
}

// marksAfter are the watermarks behind a batch, of which the sources' and the plan time are known. No operator's goes back.
func marksAfter(plan *dstream.Plan, before Marks, sources map[string]windows.SourceMark, clock int64) Marks {
	after := Marks{Sources: sources}
	after.Operators = operatorMarks(plan, after, clock, func(name string, input int64) int64 {
		if old, known := before.Operators[name]; known {
			return max(input, old)
		}
		return input
	})
	return after
}

// startMarks are, by exchange, the watermarks of the operators behind them at the start of a batch.
func startMarks(plan *dstream.Plan, before Marks) map[int]int64 {
	at := operatorMarks(plan, before, windows.NoWatermark, func(name string, input int64) int64 {
		if old, known := before.Operators[name]; known {
			return old
		}
		return input
	})
	out := map[int]int64{}
	for i := range plan.Exchanges {
		out[i] = at[plan.Exchanges[i].Name]
	}
	return out
}

// lateMarks are, by exchange, the marks at the start of a batch that rows which go into it are late against: the watermark
// less the lateness that is allowed. Of windows that were flushed it is how far they were; sessions have a floor of their
// own, and a deduplication, which gives out rows with their batch, has none.
func lateMarks(plan *dstream.Plan, before Marks, floor map[string]int64) map[int]int64 {
	out := startMarks(plan, before)
	for i := range plan.Exchanges {
		x := &plan.Exchanges[i]
		out[i] = x.Emit.LateMark(out[i])
		if x.Window.Kind != windows.Session && x.Window.Kind != windows.Dedup {
			out[i] = max(out[i], floorOf(x.Name, before, floor))
		}
	}
	return out
}

// floorMarks are, by exchange, how far sessions were flushed: rows before it are late, because the session of such a row would
// begin before it.
func floorMarks(plan *dstream.Plan, before Marks, floor map[string]int64) map[int]int64 {
	out := map[int]int64{}
	for i := range plan.Exchanges {
		x := &plan.Exchanges[i]
		if at := floorOf(x.Name, before, floor); x.Window.Kind == windows.Session && at != windows.NoWatermark {
			out[i] = at
		}
	}
	return out
}

// floorOf is how far the windows of an operator were flushed, windows.NoWatermark when they were not. For an operator that is
// new in this job the windows are closed that others have flushed.
func floorOf(name string, before Marks, floor map[string]int64) int64 {
	most := int64(windows.NoWatermark)
	if flushed, ok := floor[name]; ok {
		most = flushed
	}
	if _, known := before.Operators[name]; !known {
		most = max(most, greatest(floor))
	}
	return most
}

// greatest is the greatest floor of any operator with windows, NoWatermark when there is none. What came out at the end
// of the input, without a window, says nothing about windows.
func greatest(floor map[string]int64) int64 {
	most := int64(windows.NoWatermark)
	for _, end := range floor {
		if end != windows.MaxWatermark {
			most = max(most, end)
		}
	}
	return most
}

// seen is what the tasks of a source met, by the pieces of its ranges in their order.
func (o *outcome) seen(source int) []windows.Seen {
	var seen []windows.Seen
	results := o.roots[o.job.Plan.Root(source)]
	name := o.job.Plan.Sources[source].Name
	pieces := o.plan.piecesOf(name)
	for i, r := range rangesOf(o.plan.Ranges, name) {
		s := windows.Seen{Topic: r.Topic, Partition: r.Partition, MaxEventTime: windows.NoWatermark}
		for range pieces[i] {
			s.MaxEventTime = max(s.MaxEventTime, results[0].Source.MaxEventTime)
			s.Read = s.Read || results[0].Source.Records > 0
			results = results[1:]
		}
		seen = append(seen, s)
	}
	return seen
}

// rangesOf are the ranges of one source, in their order.
func rangesOf(ranges []offsets.Range, source string) []offsets.Range {
	var out []offsets.Range
	for _, r := range ranges {
		if r.Source == source {
			out = append(out, r)
		}
	}
	return out
}

// positionsOf are the positions in one source.
func positionsOf(positions []offsets.Position, source string) []offsets.Position {
	var out []offsets.Position
	for _, p := range positions {
		if p.Source == source {
			out = append(out, p)
		}
	}
	return out
}

// newEpochs are the marks of all sources as a continuous driver begins with them.
func newEpochs(marks map[string]windows.SourceMark) map[string]windows.SourceMark {
	out := map[string]windows.SourceMark{}
	for name, m := range marks {
		out[name] = windows.NewEpoch(m)
	}
	return out
}

// sameMarks reports whether two sets of watermarks are equal.
func sameMarks(a, b Marks) bool {
	return maps.Equal(a.Operators, b.Operators) && maps.EqualFunc(a.Sources, b.Sources, func(x, y windows.SourceMark) bool {
		return x.Watermark == y.Watermark && slices.Equal(x.Partitions, y.Partitions)
	})
}

// describe lists watermarks by the names of sources and operators.
func (m Marks) describe() string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(m.Sources)) {
		out = append(out, name+" "+windows.FormatTime(m.Sources[name].Watermark))
	}
	for _, name := range slices.Sorted(maps.Keys(m.Operators)) {
		out = append(out, name+" "+windows.FormatTime(m.Operators[name]))
	}
	return strings.Join(out, ", ")
}
