package batch

import (
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// lateSessions has sessions of ads, whose late rows only the shards can tell.
var lateSessions = simQuery{
	name: "late sessions",
	late: "late",
	graph: func(g *dstream.Graph) {
		g.From("events").Select(col("ad"), col("n"), col("ts")).Window(dstream.Session("ts", simGap*time.Millisecond)).
			GroupBy(col("ad"), col("window_start"), col("window_end")).Agg(dstream.Count().As("views"), dstream.Sum(col("n")).As("n")).To("lake")
		if err := g.LateRows("late", dstream.Pos{}); err != nil {
			panic(err)
		}
	},
	fromLog: func(o *lateOracle) { (&sessionOracle{lateOracle: o, live: map[string][]lateSession{}}).run() },
}

// lateSession is a session of an ad: its events, in no order.
type lateSession struct {
	first, last int64
	events      []simEvent
}

// sessionOracle goes through the batches of the log with a list of live sessions for each ad.
type sessionOracle struct {
	*lateOracle
	live map[string][]lateSession
}

func (o *sessionOracle) run() {
	for _, b := range o.batches {
		var name string
		for operator := range b.committed.After.Operators {
			name = operator
		}
		before, known := b.planned.Before.Operators[name]
		if !known {
			before = windows.NoWatermark
		}
		for _, e := range o.w.events {
			if slices.ContainsFunc(b.planned.Ranges, func(r offsets.Range) bool { return r.Partition == e.partition && e.at >= r.From && e.at < r.Until }) {
				o.live[e.ad] = append(o.live[e.ad], lateSession{first: e.ms, last: e.ms, events: []simEvent{e}})
			}
		}
		for ad, sessions := range o.live {
			o.live[ad] = o.close(name, ad, mergeSessions(sessions), before, b.committed.After.Operators[name])
		}
	}
}

// mergeSessions puts together what is no more than the gap apart.
func mergeSessions(in []lateSession) (out []lateSession) {
	slices.SortFunc(in, func(a, b lateSession) int { return int(a.first - b.first) })
	for _, s := range in {
		if n := len(out); n > 0 && s.first <= out[n-1].last+simGap {
			out[n-1].last = max(out[n-1].last, s.last)
			out[n-1].events = append(out[n-1].events, s.events...)
			continue
		}
		out = append(out, s)
	}
	return out
}

// close takes late and closed sessions out.
func (o *sessionOracle) close(operator, ad string, sessions []lateSession, before, after int64) (left []lateSession) {
	for _, s := range sessions {
		end, n := (s.last+simGap)*1000, int64(0)
		for _, e := range s.events {
			n += e.n
		}
		switch {
		case end+o.q.emit.Lateness < before:
			for _, e := range s.events {
				o.rows = append(o.rows, newSimRow("sink", "late", "ad", ad, "n", e.n, "ts", e.ms*1000, "_operator", operator, "_topic", simTopic,
					"_partition", e.partition, "_offset", e.at, "_event_time", e.ms*1000, "_watermark", before, "_window_start", "NULL", "_window_end", "NULL"))
			}
		case end+o.q.emit.Lateness < after:
			o.rows = append(o.rows, newSimRow("sink", "lake", "ad", ad, "window_start", s.first*1000, "window_end", end, "views", len(s.events), "n", n))
		default:
			left = append(left, s)
		}
	}
	return left
}

// TestRowsOfLateSessions: what is late of sessions, only their shard can tell; rows that touch a live one are not.
func TestRowsOfLateSessions(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.fillLate(300)
	w.mustRun(w.job(lateSessions, flushing, rowsMax(90)))
	w.wantRows("late sessions", w.expected(lateSessions), equalRows)
	counted, held := int64(0), 0
	for _, p := range w.reports {
		counted += p.NumRowsLate
	}
	for _, r := range w.rows() {
		if r.has("sink", "late") {
			held++
		}
	}
	if held < 10 || counted != int64(held) {
		t.Errorf("%d late rows, %d counted", held, counted)
	}
}

// TestLateRowsBehindLateness: with lateness that is allowed, rows are late that come later still.
func TestLateRowsBehindLateness(t *testing.T) {
	for _, q := range []simQuery{late, lateSessions} {
		q.emit = windows.Emission{Changelog: true, Lateness: 8_000_000}
		w := newWorld(t, simSeed(t))
		w.fillLate(400)
		w.mustRun(w.job(q, flushing, rowsMax(90)))
		isLate := func(r simRow) bool { return r.has("sink", "late") }
		want := slices.DeleteFunc(w.expected(q), func(r simRow) bool { return !isLate(r) })
		got := slices.DeleteFunc(w.rows(), func(r simRow) bool { return !isLate(r) })
		if !slices.EqualFunc(got, want, equalRows) || len(want) < 5 {
			t.Errorf("%s: %s", q.name, firstDifference(got, want, equalRows))
		}
	}
}
