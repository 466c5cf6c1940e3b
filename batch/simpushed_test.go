package batch

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// pushAll has decoders look at all that they can look at of a filter, whether it is worth while or not; pushNothing at nothing.
func pushAll(j *Job) { j.pushed = (*dstream.Plan).Pushable }

func pushNothing(j *Job) {
	j.pushed = func(*dstream.Plan, int) []*columnar.Expr { return nil }
}

// pushedCase is a job with a random filter over random records, all kinds of bad ones among them.
type pushedCase struct {
	where  dstream.Expr
	text   string
	window bool
	bounds windows.Bounds
	nulls  bool   // values that do not fit become NULL
	policy Policy // of bad records
	above  float64
	rows   int64
	cores  int
}

func newPushedCase(r *rand.Rand) pushedCase {
	c := pushedCase{window: r.IntN(2) == 0, nulls: r.IntN(3) == 0, rows: 1 + r.Int64N(200), cores: 1 + r.IntN(2),
		policy: []Policy{FailOnBad, SkipBad, SkipBad, DeadLetterBad, DeadLetterBad}[r.IntN(5)]}
	c.bounds = windows.Bounds{MaxDisorder: simDisorder, IdleAfter: 30_000_000, MaxFuture: []int64{-1, 0, 60_000_000}[r.IntN(3)]}
	if c.policy != FailOnBad && r.IntN(4) == 0 {
		c.above = 0.3
	}
	for range 1 + r.IntN(4) {
		e, text := randomCondition(r)
		if c.text == "" {
			c.where, c.text = e, text
		} else {
			c.where, c.text = c.where.And(e), c.text+" AND "+text
		}
	}
	return c
}

// randomCondition is one that a decoder can look at, one that it cannot, or one that has no result for some rows.
func randomCondition(r *rand.Rand) (dstream.Expr, string) {
	n := r.Int64N(1000)
	switch r.IntN(12) {
	case 0, 1, 2:
		return col("kind").Eq(dstream.Str("view")), "kind = 'view'"
	case 3:
		return col("kind").Ne(dstream.Str("view")), "kind <> 'view'"
	case 4:
		return dstream.Fn("in", col("ad"), dstream.Str("a1"), dstream.Str("a2"), dstream.Str("a3")), "ad IN ('a1', 'a2', 'a3')"
	case 5:
		return col("n").Lt(dstream.Int(n)), fmt.Sprint("n < ", n)
	case 6:
		return col("n").Ge(dstream.Int(n)), fmt.Sprint("n >= ", n)
	case 7:
		return col("n").IsNotNull(), "n IS NOT NULL"
	case 8:
		return col("kind").IsNull(), "kind IS NULL"
	case 9:
		return dstream.Fn("in", col("n"), dstream.Int(n), dstream.Int(n/2)).Not(), fmt.Sprintf("n NOT IN (%d, %d)", n, n/2)
	case 10:
		return col("price").Gt(dstream.Int(1)), "price > 1"
	}
	return dstream.Int(1000).Div(col("n").Sub(dstream.Int(n))).Gt(dstream.Int(-5)), fmt.Sprintf("1000 / (n - %d) > -5", n)
}

// query is the job: all columns of the rows that stay, or counts in windows.
func (c *pushedCase) query(t *testing.T) simQuery {
	q := simQuery{name: "pushed", graph: func(g *dstream.Graph) {
		s := g.From("events").Filter(c.where)
		if c.window {
			s = s.Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("kind"), col("window_start")).Agg(windowedAggs...)
		}
		s.To("lake")
		if c.policy == DeadLetterBad {
			if err := g.DeadLetters("bad", dstream.DeadLetter{MaxBytes: 30}, dstream.Pos{}); err != nil {
				t.Fatal(err)
			}
		}
	}}
	plan, err := q.plan()
	if err != nil {
		t.Fatal(err)
	}
	plan.Sources[0].Bounds = c.bounds
	if plan.Sources[0].OnBadValue = "fail"; c.nulls {
		plan.Sources[0].OnBadValue = "null"
	}
	q.planned = plan
	return q
}

// fillPushed appends events, of which some are bad, lack a value, hold more than the others, or come from the future.
func (w *world) fillPushed(n int) {
	future := simStart.Add(2 * time.Hour).UnixMilli()
	for i := range n {
		w.generate(1)
		if w.rng.IntN(6) > 0 {
			continue
		}
		ms, long := simStart.UnixMilli()+int64(i)*100, string(bytes.Repeat([]byte("x"), w.rng.IntN(200)))
		values := [][]byte{
			fmt.Appendf(nil, `{"ad":"a%d","n":"many","ts":%d}`, i, ms), fmt.Appendf(nil, `{"kind":"view","n":%d}`, i), nil, []byte(`[]`),
			fmt.Appendf(nil, `{"kind":"click","ad":"%s","ts":%d}`, long, future), fmt.Appendf(nil, `{"kind":"view","ad":"%s","ts":%d}`, long, ms),
			fmt.Appendf(nil, `{"kind":"view","kind":"click","n":1,"ts":%d}`, ms), fmt.Appendf(nil, `{"kind":null,"n":5,"tags":["%s"],"price":1,"ts":%d}`, long, ms),
			fmt.Appendf(nil, `{"ts":%d,"n":7,"price":2,"kind":"cl\u0069ck","ad":null} x`, ms), fmt.Appendf(nil, `{"ts":%d,"n":"12","kind":"cl\u0069ck","price":"no"}`, ms),
		}
		r := offsets.MemoryRecord{Value: values[w.rng.IntN(len(values))], Timestamp: ms}
		w.source.Append(simTopic, int32(w.rng.IntN(3)), r)
	}
}

// outcome is all that somebody sees of a run of the case: files, the reports with accounts and watermarks, warnings, and the error.
func (c *pushedCase) outcome(t *testing.T, seed uint64, push func(*Job)) (files map[string][]byte, said string) {
	w := newWorld(t, seed)
	w.fillPushed(150)
	w.source.RunMax = 1 + w.rng.IntN(40)
	job := w.job(c.query(t), push, flushing, rowsMax(c.rows), func(j *Job) {
		j.OnBadRecord, j.StopAbove, j.Skip = c.policy, c.above, []SkipRecord{{simTopic, 1, 3}}
	})
	err := w.run(job, cores(c.cores))
	for i := range w.reports {
		w.reports[i].RunID, w.reports[i].ID = "", ""
	}
	reports, jsonErr := json.Marshal(w.reports)
	if jsonErr != nil {
		t.Fatal(jsonErr)
	}
	return w.files(), fmt.Sprintf("%s\n%q\n%v", reports, w.warned, err)
}

// TestFilterWhileDecodingDoesNotShow runs jobs whose decoders look at the filter and jobs whose decoders do not.
func TestFilterWhileDecodingDoesNotShow(t *testing.T) {
	seed := simSeed(t)
	ended, failed := 0, 0
	for n := range uint64(max(simLong(180), 30)) {
		c := newPushedCase(rand.New(rand.NewPCG(seed, n)))
		files, said := c.outcome(t, seed+n, pushAll)
		wantFiles, want := c.outcome(t, seed+n, pushNothing)
		if said != want {
			t.Fatalf("case %d, WHERE %s, %+v:\n%s\nwithout:\n%s", n, c.text, c, said, want)
		}
		if !maps.EqualFunc(files, wantFiles, bytes.Equal) {
			t.Fatalf("case %d, WHERE %s: files %q, want %q", n, c.text, slices.Sorted(maps.Keys(files)), slices.Sorted(maps.Keys(wantFiles)))
		}
		if len(files) > 0 {
			ended++
		}
		if !bytes.HasSuffix([]byte(want), []byte("<nil>")) {
			failed++
		}
	}
	if ended < 10 || failed < 3 {
		t.Errorf("%d jobs have written something, %d have failed: the test says little", ended, failed)
	}
}

// TestFilterWhileDecodingCounts says what a run tells of rows that the decoder has left out: all that it would tell of them if
// the filter had dropped them, and their time.
func TestFilterWhileDecodingCounts(t *testing.T) {
	w := newWorld(t, simSeed(t))
	at := simStart.UnixMilli()
	for i, kind := range []string{"view", "click", "click", "view", "click"} {
		w.append(simEvent{ms: at + int64(i)*1000, ad: "a0", kind: kind})
	}
	w.appendRaw(0, fmt.Appendf(nil, `{"kind":"click","ts":%d}`, simStart.Add(2*time.Hour).UnixMilli()))
	w.appendRaw(0, []byte(`{"kind":"click"}`))
	w.appendRaw(0, nil)
	job := w.job(windowed, pushAll, skipBad, bounds(windows.Bounds{MaxDisorder: 1_000_000, MaxFuture: 60_000_000}))
	w.mustRun(job)
	p := w.reports[0]
	want := map[string]columnar.RowCounts{"decode events": {In: 8, Out: 5, Bad: 2, Tombstone: 1}, "filter 1": {In: 5, Out: 2, Filtered: 3}}
	for _, e := range p.Edges {
		if counts, known := want[e.Operator]; known && e.RowCounts != counts {
			t.Errorf("%s: %+v, want %+v", e.Operator, e.RowCounts, counts)
		}
		delete(want, e.Operator)
	}
	if len(want) > 0 {
		t.Errorf("no account of %v", want)
	}
	if got, want := p.EventTime["watermark"], simStart.Add(3*time.Second).Format("2006-01-02T15:04:05Z"); got != want {
		t.Errorf("watermark %s, want %s: the last row, which is left out, less the disorder", got, want)
	}
}

// TestFilterWhileDecodingCuts: rows that are left out fill a batch of the decoder as the others do. So what a task meets first, an
// expression without a result or a record that is bad, does not depend on where a filter is looked at.
func TestFilterWhileDecodingCuts(t *testing.T) {
	said := map[string]bool{}
	for _, push := range []func(*Job){pushAll, pushNothing} {
		w := newWorld(t, simSeed(t))
		w.source.RunMax = 1000
		for i := range int64(2 * decodeRows) {
			e := simEvent{ms: simStart.UnixMilli() + i, ad: "a0", kind: "click", n: 1}
			if i%100 == 0 {
				e.kind, e.n = "view", i-200
			}
			if w.append(e); i == decodeRows+2000 {
				w.appendRaw(0, []byte(`{"n":"many"}`))
			}
		}
		q := simQuery{name: "cuts", stream: func(g *dstream.Graph) *dstream.Stream {
			return g.From("events").Filter(col("kind").Eq(dstream.Str("view")).And(dstream.Int(1000).Div(col("n")).Gt(dstream.Int(-5))))
		}}
		err := w.run(w.job(q, push, func(j *Job) { j.Step = 16 * decodeRows }))
		wantError[*BadDataError](t, err, "events/0 offset 200: division by zero")
		said[err.Error()] = true
	}
	if len(said) > 1 {
		t.Errorf("two errors: %v", said)
	}
}

// TestFilterWhileDecodingVerified computes every batch again, with a decoder that does not look at the filter, because two strings
// are not worth while.
func TestFilterWhileDecodingVerified(t *testing.T) {
	for _, q := range []simQuery{stateless, windowed, aside} {
		w := newWorld(t, simSeed(t))
		w.fill(q, 200)
		w.mustRun(w.job(q, flushing, rowsMax(90), pushAll))
		w.wantRows(q.name, w.expected(q), equalRows)
		w.wantVerified(q.name, w.job(q), true)
	}
}
