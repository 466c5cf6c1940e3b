package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

func (p *Plan) explainExchange(i int) ExchangeExplanation {
	x := &p.Exchanges[i]
	out := ExchangeExplanation{Name: x.Name, Senders: p.Senders(i), Behind: p.Behind(i), Watermark: p.inputWatermark(i), WindowMicros: longestMicros(x.Window, x.Window.Size), Changes: changesOf(x.Emit)}
	for _, k := range x.Spec.Keys {
		if k != len(x.Assigned.Fields)-1 || !x.Unwindowed() {
			out.Columns = append(out.Columns, x.Assigned.Fields[k].Name)
		}
	}
	for _, a := range x.Spec.Aggs {
		out.Columns = append(out.Columns, a.Name)
		if grows(a) {
			out.Growing = append(out.Growing, a.Name)
		}
	}
	out.Columns[len(out.Columns)-1] = string(columnar.CountStar)
	out.BytesPerGroup = bytesPerGroup(x)
	if x.Window.Kind == windows.Dedup {
		out.dedup(x.Window.Size, p.disorder(i))
		return out
	}
	src := p.withoutTime(i)
	if x.Unwindowed() || src != "" {
		out.Watermark, out.Bound = "the end of the input alone counts", "every group is held until the end of the input"
		if !x.Unwindowed() {
			out.Bound += fmt.Sprintf(", because source %s has no event time", src)
		}
		return out
	}
	disorder := p.disorder(i)
	if x.Window.Clock {
		out.Watermark, disorder = "the time at which a batch is planned", 0
	}
	out.bound(x.Window, disorder, x.Emit.Lateness)
	return out
}

// dedup says how long a deduplication remembers a key.
func (out *ExchangeExplanation) dedup(within, disorder int64) {
	out.Columns[0], out.Columns = "event time", out.Columns[:len(out.Columns)-1]
	out.HeldMicros = 2*within + disorder
	out.Bound = fmt.Sprintf("a key is remembered until the watermark has left it behind by %s, and up to %s more", duration(within), duration(within))
	if disorder > 0 {
		out.Bound += ": with the disorder of its source for at most " + duration(out.HeldMicros)
	}
}

// bound says for how long a group is held.
func (out *ExchangeExplanation) bound(w windows.Window, disorder, lateness int64) {
	behind := ""
	if disorder > 0 {
		behind = " and the disorder of its source"
	}
	if lateness > 0 {
		behind += " and the allowed lateness"
	}
	disorder += lateness
	if w.Kind == windows.Session {
		out.Bound = fmt.Sprintf("a session is held for as long as rows of its key keep coming, and until the watermark is behind the last by more than the gap%s: %s",
			behind, duration(w.Size+disorder))
		return
	}
	size, slide := longestMicros(w, w.Size), longestMicros(w, w.Size)
	if w.Slide > 0 {
		slide = longestMicros(w, w.Slide)
	}
	out.HeldMicros = size + disorder
	out.OpenWindows = (size+slide-1)/slide + (disorder+slide-1)/slide
	out.Bound = fmt.Sprintf("a group is held until the watermark passes the end of its window: for at most %s, which is the window%s; about %s open at a time",
		duration(out.HeldMicros), behind, counted(int(out.OpenWindows), "window"))
	if !w.Clock {
		out.Bound += ", more while partitions are apart"
	}
}

// longestMicros is the most that a length of a window can be, in microseconds: one day in a year has 25 hours.
func longestMicros(w windows.Window, n int64) int64 {
	const hour = microsPerDay / 24
	switch w.Unit {
	case windows.Day:
		return n*microsPerDay + hour
	case windows.Week:
		return n*7*microsPerDay + hour
	case windows.Month:
		return n*31*microsPerDay + hour
	}
	return n
}

// withoutTime is a source without a watermark that sends into the exchange, "" for none.
func (p *Plan) withoutTime(exchange int) string {
	if p.Exchanges[exchange].Window.Clock {
		return ""
	}
	for _, s := range p.Senders(exchange) {
		if in := p.rootOf(s); in.Source >= 0 && p.Sources[in.Source].EventTime < 0 {
			return p.Sources[in.Source].Name
		}
	}
	return ""
}

// inputWatermark says what the watermark of an exchange is.
func (p *Plan) inputWatermark(exchange int) string {
	var of []string
	for _, s := range p.Senders(exchange) {
		name := p.explainInput(p.rootOf(s))
		if !slices.Contains(of, name) {
			of = append(of, name)
		}
	}
	if len(of) == 1 {
		return "that of " + of[0]
	}
	return "the least of those of " + strings.Join(of[:len(of)-1], ", ") + " and " + of[len(of)-1]
}

// rootOf is the source or the exchange that the rows of a stage come from.
func (p *Plan) rootOf(stage int) Input {
	in := p.Stages[stage].From
	for in.Stage >= 0 {
		in = p.Stages[in.Stage].From
	}
	return in
}

// disorder is the greatest disorder of the sources that send into an exchange. Groups of other exchanges come in order.
func (p *Plan) disorder(exchange int) int64 {
	most := int64(0)
	for _, s := range p.Senders(exchange) {
		if in := p.rootOf(s); in.Source >= 0 {
			most = max(most, p.Sources[in.Source].Bounds.MaxDisorder)
		}
	}
	return most
}

// grows reports whether the state of an aggregate holds the values that it has met.
func grows(a columnar.Agg) bool {
	return a.Distinct || a.Func == columnar.ArrayAgg || a.Func == columnar.StringAgg
}

// A group stands in a hash table (a hash, and a slot of eight bytes of which about half are taken) and in one column for
// each key and each part of an aggregate.
const (
	tableBytes = 24
	textBytes  = 16 // assumed of texts, beside their offset
)

func bytesPerGroup(x *Exchange) int64 {
	sum := int64(tableBytes)
	for _, f := range x.Spec.PartialSchema(x.Assigned).Fields {
		sum += width(f.Type)
	}
	return sum
}

// width is about how many bytes a value takes.
func width(t columnar.Type) int64 {
	const offset = 4
	switch t.Kind {
	case columnar.Bool:
		return 1
	case columnar.Int8, columnar.Int16, columnar.Int32, columnar.Date:
		return 4
	case columnar.Decimal, columnar.Interval:
		return 16
	case columnar.String:
		return offset + textBytes
	case columnar.Binary, columnar.Array, columnar.Map:
		return offset // what is in it comes on top
	case columnar.Struct:
		sum := int64(0)
		for _, f := range t.Fields() {
			sum += width(f.Type)
		}
		return sum
	}
	return 8
}
