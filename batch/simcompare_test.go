package batch

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
)

// compare compares a job of the world with another one.
func (w *world) compare(old, with *Job, s Selection) (*Comparison, error) {
	return Compare(context.Background(), CompareOptions{With: with, Samples: 3,
		ReplayOptions: ReplayOptions{Job: old, Resolve: w.resolve, Batches: s, Cores: 2, Env: Env{Clock: w.clock, FS: w.disk}}})
}

// TestCompareWithItself: a job compared with itself never differs, wherever the comparison begins. So what the new job rebuilds
// is the state that the log has.
func TestCompareWithItself(t *testing.T) {
	seed := simSeed(t)
	rebuilt, skipped := 0, 0
	for _, q := range []simQuery{stateless, windowed, twoWindows, fanOut, merged, daily, unnested, aside, late, lateSessions, visits, frames, changing, firsts} {
		w := newWorld(t, seed)
		w.fill(q, 500/q.weight())
		w.mustRun(w.job(q, rowsMax(40), flushing), func(o *Options) { o.snapshotEvery = 3 })
		last := w.history().Last.Batch
		for range 6 {
			first := 1 + w.rng.Int64N(last)
			c, err := w.compare(w.job(q), w.job(q, shards(5)), Selection{First: first})
			if err != nil {
				t.Fatalf("%s from batch %d: %v", q.name, first, err)
			}
			if c.Different() {
				t.Errorf("%s from batch %d: %+v", q.name, first, c.Sinks)
			}
			if rebuilt += c.Rebuilt; len(w.job(q).Plan.Exchanges) > 0 {
				skipped += int(first) - 1 - c.Rebuilt
			}
		}
	}
	t.Logf("%d batches were read to rebuild state, %d could not matter any more", rebuilt, skipped)
	if rebuilt < 50 || skipped < 10 {
		t.Error("too few")
	}
}

// TestCompareTells: rows that a filter lets through no more, columns, sinks, and what changed under one key.
func TestCompareTells(t *testing.T) {
	counts := func(name string, least int64, more bool) simQuery {
		return simQuery{name: name, stream: func(g *dstream.Graph) *dstream.Stream {
			aggs := []dstream.Expr{dstream.Count().As("views")}
			if more {
				aggs = append(aggs, dstream.Sum(col("n")).As("n"))
			}
			return g.From("events").Filter(col("n").Ge(dstream.Int(least))).Window(dstream.Tumbling("ts", 10*time.Second, 0)).GroupBy(col("ad"), col("window_start")).Agg(aggs...)
		}}
	}
	w := newWorld(t, simSeed(t))
	w.generate(300)
	old := func() *Job { return w.job(counts("all", 0, false), rowsMax(70), flushing) }
	w.mustRun(old())
	c, err := Compare(context.Background(), CompareOptions{With: w.job(counts("some", 500, true)), Samples: 3,
		ReplayOptions: ReplayOptions{Job: old(), Cores: 1, Env: Env{Clock: w.clock, FS: w.disk}}})
	if err != nil {
		t.Fatal(err)
	}
	s := c.Sinks[0]
	if s.Changed == 0 || s.OnlyNew != 0 || s.Old != s.Changed+s.OnlyOld+(s.New-s.Changed) || s.New >= s.Old && s.OnlyOld > 0 || len(s.ChangedRows) != 3 {
		t.Errorf("%+v", s)
	}
	if want := `only the new job has the column "n"`; len(s.Notes) != 1 || s.Notes[0] != want || strings.Join(s.Key, " ") != "ad window_start" {
		t.Errorf("notes %q, key %q", s.Notes, s.Key)
	}
}

// TestCompareSamples: of each kind of row so many are shown as are asked for, and all are counted.
func TestCompareSamples(t *testing.T) {
	k := &rowsOfSink{columns: []string{"id", "n"}, key: 1, rows: map[string]int64{}}
	for i := range 25 {
		k.add(fmt.Appendf(nil, `{"id":"old%02d","n":1}`, i), -1)
		k.add(fmt.Appendf(nil, `{"id":"new%02d","n":1}`, i), 1)
		k.add(fmt.Appendf(nil, `{"id":"both%02d","n":1}`, i), -1)
		k.add(fmt.Appendf(nil, `{"id":"both%02d","n":2}`, i), 1)
		k.add(fmt.Appendf(nil, `{"id":"same%02d","n":1}`, i), -1)
		k.add(fmt.Appendf(nil, `{"id":"same%02d","n":1}`, i), 1)
	}
	for samples, want := range map[int]int{0: 0, DefaultSamples: 20, 100: 25} {
		s, err := k.compare(samples)
		if err != nil || s.OnlyOld != 25 || s.OnlyNew != 25 || s.Changed != 25 {
			t.Fatalf("%+v, %v", s, err)
		}
		if len(s.OnlyOldRows) != want || len(s.OnlyNewRows) != want || len(s.ChangedRows) != want {
			t.Errorf("%d, %d and %d samples of %d", len(s.OnlyOldRows), len(s.OnlyNewRows), len(s.ChangedRows), samples)
		}
	}
}
