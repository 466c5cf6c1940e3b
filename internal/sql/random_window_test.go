package sql

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// TestRandomWindows plans random queries over windows of every kind, most of them with their columns in places where they
// may or may not stand, some with a sink of late rows. Each is planned or refused with a place; none panics.
func TestRandomWindows(t *testing.T) {
	const seed = 7
	rng := rand.New(rand.NewPCG(seed, 0))
	n := 8_000
	if testing.Short() {
		n = 2_000
	}
	planned, refused := 0, map[string]int{}
	for i := range n {
		m := windowMaker{rng}
		query := m.query(0)
		func() {
			defer func() {
				if r := recover(); r != nil {
					t.Fatalf("seed %d, query %d: %s\npanic: %v", seed, i, query, r)
				}
			}()
			g := testGraph(t)
			if rng.IntN(4) == 0 {
				check(t, g.SetEmission(windows.Emission{Changelog: true, Early: rng.IntN(2) == 0, Lateness: rng.Int64N(2) * 1_000_000}))
			}
			r, err := Compile(g, "q.sql", query, dstream.Pos{})
			if err == nil {
				r.Stream.To("out")
				if rng.IntN(3) == 0 {
					err = g.LateRows("late", dstream.Pos{File: "job.yaml", Line: 1, Column: 1})
				}
			}
			if err == nil {
				_, err = g.Plan()
			}
			if err == nil {
				planned++
				return
			}
			if _, ok := Position(err); !ok {
				t.Fatalf("seed %d, query %d: %s\n%v has no place", seed, i, query, err)
			}
			refused[reason(err)]++
		}()
	}
	t.Logf("%d planned, %d refused for %d reasons", planned, n-planned, len(refused))
	if planned < n/10 || len(refused) < 10 {
		t.Errorf("the queries do not tell much: %d of %d planned, %v", planned, n, refused)
	}
}

// reason is the message of an error without what differs from query to query.
func reason(err error) string {
	text := err.Error()
	if i := strings.LastIndex(text, ": "); i >= 0 {
		text = text[i:]
	}
	return text[:min(len(text), 40)]
}

type windowMaker struct{ rng *rand.Rand }

func (m windowMaker) pick(of ...string) string { return of[m.rng.IntN(len(of))] }

// query is a grouping over a window, perhaps over the result of another one.
func (m windowMaker) query(depth int) string {
	from, time := "events", "event_time"
	if depth < 2 && m.rng.IntN(3) == 0 {
		from = fmt.Sprintf("(SELECT %s, * FROM (%s) i)", m.pick("1 AS one", "window_start AS ws", "window_end AS we", "date(window_start) AS d"), m.query(depth+1))
		time = m.pick("window_time", "window_time", "window_end", "window_start", "event_time")
	}
	source := m.window(from, time)
	if m.rng.IntN(3) == 0 {
		source = fmt.Sprintf("(SELECT *, %s AS x FROM %s) s", m.pick("date(window_start)", "window_end", "1", "ad_id", "event_time - window_start"), source)
	}
	join, where := "", ""
	if m.rng.IntN(6) == 0 {
		join = " JOIN ads ON ads.ad_id = " + m.pick("CAST(window_start AS string)", "CAST(one AS string)", "event_type")
	}
	if m.rng.IntN(4) == 0 {
		where = " WHERE " + m.pick("window_start > TIMESTAMP '2020-01-01'", "n > 1", "event_time < window_end", "x IS NOT NULL")
	}
	if m.rng.IntN(8) == 0 {
		return "SELECT DISTINCT " + m.pick("window_start", "*", "window_end, n", "x, window_start") + " FROM " + source + join + where
	}
	if m.rng.IntN(10) == 0 {
		return "SELECT * FROM " + source + join + where
	}
	keys := m.pick("window_start", "window_start, window_end", "window_end", "window_time", "ad_id, window_start", "date(window_start), window_start", "x, window_end", "one, window_start, window_time")
	having := ""
	if m.rng.IntN(4) == 0 {
		having = " HAVING " + m.pick("count(*) > 1", "window_end > TIMESTAMP '2020-01-01'", "max(n) > 1")
	}
	return fmt.Sprintf("SELECT %s, %s FROM %s%s%s GROUP BY %s%s", m.pick("window_start, window_time", "window_start, window_end, window_time", "window_time, date(window_end) AS event_time"),
		m.pick("count(*) AS n", "max(n) AS n", "max(event_time) AS event_time, count(*) AS n", "min(window_start) AS n", "count(*) FILTER (WHERE window_end IS NULL) AS n"), source, join, where, keys, having)
}

func (m windowMaker) window(from, time string) string {
	if m.rng.IntN(12) == 0 {
		time = "now()"
	}
	length := func() string {
		return "INTERVAL " + m.pick("'1' SECOND", "'1' HOUR", "'1' DAY", "'2' DAY", "'1' WEEK", "'1' MONTH", "'6' HOUR")
	}
	zone := ""
	if m.rng.IntN(4) == 0 {
		zone = ", timezone => 'America/Chicago'"
	}
	switch m.rng.IntN(4) {
	case 0:
		return fmt.Sprintf("TUMBLE(%s, %s, %s%s)", from, time, length(), zone)
	case 1:
		return fmt.Sprintf("HOP(%s, %s, %s, %s%s)", from, time, length(), length(), zone)
	case 2:
		return fmt.Sprintf("CUMULATE(%s, %s, %s, %s%s)", from, time, length(), length(), zone)
	}
	by := ""
	if m.rng.IntN(3) == 0 {
		by = " PARTITION BY " + m.pick("ad_id", "n")
	}
	return fmt.Sprintf("SESSION(%s%s, %s, %s)", from, by, time, length())
}
