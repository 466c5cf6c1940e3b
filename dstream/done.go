package dstream

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	sinks "github.com/millrace/millrace/output" // output is what an operator yields here
	"github.com/millrace/millrace/windows"
)

// Done says when the directories of a sink are complete: which of their levels tell a time, and how the watermark follows
// that time in each of the streams that come into the sink.
type Done struct {
	Dirs  sinks.TimeDirs
	Feeds []DoneFeed
}

// DoneFeed is the time of the directories in the rows of one stage. It is the event time of a source, or the start or the
// end of a window, and what was computed from it. Exactly one of Source and Exchange is not −1.
type DoneFeed struct {
	Stage    int // that the rows come from
	Source   int
	Exchange int
	End      bool // of the window; else its start
	steps    []doneStep
}

// doneStep computes a time from another one, without changing the order of two.
type doneStep struct {
	add   int64          // µs
	start windows.Window // its start; the zero Window: none
}

// Done says when the directories of a sink are complete. An error says why that cannot be known.
func (p *Plan) Done(sink string) (*Done, error) {
	i := slices.IndexFunc(p.Sinks, func(k SinkPlan) bool { return k.Name == sink })
	if i < 0 || len(p.fed(sink)) == 0 {
		return nil, errors.New("its rows come from beside the queries, and no watermark follows them")
	}
	if len(p.Sinks[i].Partitions) == 0 {
		return nil, errors.New("it needs partition_by with a time, such as date(window_start) AS dt")
	}
	var out *Done
	for _, stage := range p.fed(sink) {
		d, err := p.doneBehind(stage, &p.Sinks[i])
		switch {
		case err != nil:
			return nil, err
		case out == nil:
			out = d
		case !slices.EqualFunc(out.Dirs.Keys, d.Dirs.Keys, sameKey):
			return nil, errors.New("the streams that come into it have different times in their directories")
		default:
			out.Feeds = append(out.Feeds, d.Feeds...)
		}
	}
	return out, nil
}

// fed are the stages that feed a sink.
func (p *Plan) fed(sink string) []int {
	return p.stages(func(s *Stage) bool { return slices.Contains(s.Sinks, sink) })
}

func sameKey(a, b columnar.TimeKey) bool {
	return a.Form == b.Form && a.Unit == b.Unit && a.Zone == b.Zone
}

// doneBehind is Done for the rows of one stage. Of several times in the directories the first that the watermark follows
// counts; levels that tell another one, or go by another calendar, say nothing.
func (p *Plan) doneBehind(stage int, k *SinkPlan) (*Done, error) {
	out := &Done{Dirs: sinks.TimeDirs{Keys: make([]columnar.TimeKey, len(k.Partitions))}}
	why := errors.New("no level of partition_by tells a time: write a timestamp, date(), date_trunc(), or year(), month(), day(), hour(), minute() of one")
	time := ""
	for i, part := range k.Partitions {
		root, e := p.expand(stage, part.Expr)
		key, ok := columnar.TimeKeyOf(e)
		if !ok || time != "" && (key.Time.String() != time || key.Zone != out.Dirs.Zone) {
			continue
		}
		if time == "" {
			feed, err := p.doneFeed(root, key.Time)
			if err != nil {
				why = fmt.Errorf("partition %s: %w", part.Name, err)
				continue
			}
			feed.Stage = stage
			out.Feeds = []DoneFeed{feed}
			time, out.Dirs.Zone = key.Time.String(), key.Zone
		}
		out.Dirs.Keys[i] = key
	}
	switch {
	case time == "":
		return nil, why
	case len(out.Dirs.Depths()) == 0:
		return nil, errors.New("its directories tell a part of a time that comes again and again: add the day, as in date(window_start) AS dt")
	}
	return out, nil
}

// expand writes an expression over the rows of a stage as one over the rows that its source or exchange yields. root is the
// stage that takes those.
func (p *Plan) expand(stage int, e *columnar.Expr) (root int, out *columnar.Expr) {
	for {
		st := &p.Stages[stage]
		for i, op := range slices.Backward(st.Ops) {
			in := st.In
			if i > 0 {
				in = st.Ops[i-1].Out
			}
			e = substitute(e, func(c *columnar.Expr) *columnar.Expr { return op.before(in, c) })
		}
		switch {
		case st.From.Stage >= 0:
			stage = st.From.Stage
		case st.From.Exchange >= 0 && p.deduplicates(st.From.Exchange):
			stage = p.Senders(st.From.Exchange)[0]
			e = substitute(e, func(c *columnar.Expr) *columnar.Expr {
				if c.Col >= len(p.Stages[stage].Out.Fields) {
					return elsewhere(c)
				}
				return columnar.Col(p.Stages[stage].Out, c.Col)
			})
		default:
			return stage, e
		}
	}
}

// deduplicates reports whether whole rows of one stage go through an exchange: they come out as they went in, in the same batch.
func (p *Plan) deduplicates(exchange int) bool {
	x, senders := &p.Exchanges[exchange], p.Senders(exchange)
	return x.Window.Kind == windows.Dedup && len(senders) == 1 && len(x.Final.Fields) >= len(p.Stages[senders[0]].Out.Fields)
}

// elsewhere is a column that no time of the stream is: it comes from a table, or out of an array.
func elsewhere(c *columnar.Expr) *columnar.Expr {
	return &columnar.Expr{Op: "elsewhere", Type: c.Type, Name: c.Name}
}

// before is what a column behind the operator is in the rows in front of it.
func (o *Op) before(in *columnar.Schema, c *columnar.Expr) *columnar.Expr {
	switch {
	case c.Op != "col":
		return c
	case o.Project != nil:
		return o.Project.Exprs[c.Col]
	case o.Map != nil, o.Join != nil && c.Col >= len(in.Fields):
		return elsewhere(c)
	case o.Unnest != nil:
		if c.Col >= len(o.Unnest.Keep) {
			return elsewhere(c)
		}
		return columnar.Col(in, o.Unnest.Keep[c.Col])
	}
	return columnar.Col(in, c.Col)
}

// doneFeed is what a timestamp over the rows that a stage takes is.
func (p *Plan) doneFeed(root int, t *columnar.Expr) (DoneFeed, error) {
	out := DoneFeed{Source: -1, Exchange: -1}
	for t.Op != "col" {
		step, of, ok := stepOf(t)
		if !ok {
			return out, errors.New("it is computed from a time in a way that the watermark cannot follow: use the event time of the source, window_start or window_end, or add an interval to one of them")
		}
		out.steps, t = append([]doneStep{step}, out.steps...), of
	}
	switch from := p.Stages[root].From; {
	case from.Source >= 0 && t.Col == p.Sources[from.Source].EventTime:
		out.Source = from.Source
		return out, nil
	case from.Source >= 0:
		return out, fmt.Errorf("%s is not the event time of source %q, and the watermark does not follow it", t.Name, p.Sources[from.Source].Name)
	case p.Exchanges[from.Exchange].Unwindowed():
		return out, errors.New("groups without a window come out at the end of the input only")
	default:
		out.Exchange = from.Exchange
		err := out.windowTime(&p.Exchanges[from.Exchange], t)
		return out, err
	}
}

func (f *DoneFeed) windowTime(x *Exchange, t *columnar.Expr) error {
	switch {
	case t.Col == 0:
		return nil
	case x.Window.HasEnd() && x.Final.Fields[t.Col].Name == windows.EndColumn:
		f.End = true
		return nil
	}
	return fmt.Errorf("%s is not a bound of the window that its rows come out of: use window_start or window_end", t.Name)
}

// stepOf takes one computation off a timestamp: an interval without months and days added to it, or the start of a tumbling
// window of it.
func stepOf(t *columnar.Expr) (doneStep, *columnar.Expr, bool) {
	switch {
	case (t.Op == "+" || t.Op == "-") && len(t.Args) == 2 && t.Args[0].Type.Kind == columnar.Timestamp:
		us, ok := constMicros(t.Args[1])
		if t.Op == "-" {
			us = -us
		}
		return doneStep{add: us}, t.Args[0], ok
	case t.Op == "tumble_start" && len(t.Args) == 3:
		size, ok := constMicros(t.Args[1])
		offset, ok2 := constMicros(t.Args[2])
		return doneStep{start: windows.Window{Kind: windows.Tumbling, Size: size, Offset: offset}}, t.Args[0], ok && ok2 && size > 0
	}
	return doneStep{}, nil, false
}

// constMicros is the length of a constant interval that has one.
func constMicros(e *columnar.Expr) (int64, bool) {
	if e.Op != "const" || e.Type.Kind != columnar.Interval || e.Value.Null {
		return 0, false
	}
	months, days, us := columnar.Int128{Lo: uint64(e.Value.I), Hi: e.Value.Hi}.Interval()
	return us, months == 0 && days == 0
}

// Describe says of which time the directories are, for people.
func (f *DoneFeed) Describe(p *Plan) string {
	switch {
	case f.Source >= 0:
		return "the event time of " + p.Sources[f.Source].Name
	case f.End:
		return "the end of " + p.Exchanges[f.Exchange].Name
	}
	return "the start of " + p.Exchanges[f.Exchange].Name
}

// Frontier is the least time that on-time rows still to come can have in the directories, when the least that the source or
// window can still have is t.
func (f *DoneFeed) Frontier(t int64) int64 {
	for _, s := range f.steps {
		switch {
		case t == windows.NoWatermark || t == windows.MaxWatermark:
			return t
		case s.start != (windows.Window{}):
			t = s.start.Start(t)
		case s.add > 0 && t > windows.MaxWatermark-s.add:
			return windows.MaxWatermark - 1
		case s.add < 0 && t < windows.NoWatermark-s.add:
			return windows.NoWatermark
		default:
			t += s.add
		}
	}
	return t
}
