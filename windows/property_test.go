package windows_test

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"reflect"
	"slices"
	"strconv"
	"testing"

	"github.com/millrace/millrace/windows"
)

// propertyCases is how many cases all kinds of windows have together.
const propertyCases = 100_000

// TestProperty compares the operators with the oracle on random small jobs of every kind of windows: batch by batch the
// rows that come out, and how many were late, unassigned and bad, left the state and are still held; with crashes
// anywhere and any number of shards. MILLRACE_SEED sets the seed, MILLRACE_CASE runs one case alone.
func TestProperty(t *testing.T) {
	seed := propertySeed(t, "MILLRACE_SEED", 20261126)
	t.Run("kinds", func(t *testing.T) { testKinds(t, seed) })
}

func testKinds(t *testing.T, seed uint64) {
	for _, k := range kinds {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			first, n := 0, propertyCases*k.share/100
			if testing.Short() {
				n /= 40
			}
			if os.Getenv("MILLRACE_CASE") != "" {
				first, n = int(propertySeed(t, "MILLRACE_CASE", 0)), 1
			}
			var seen tally
			for c := first; c < first+n || n > 1 && c < first+20*n && seen.lacks(k.name) != ""; c++ { // a few cases may be unlucky ones
				s := drawScenario(rand.New(rand.NewPCG(seed, uint64(c))), k.draw)
				if err := seen.check(s, uint64(c)); err != nil {
					small, err := shrink(s, uint64(c), err)
					t.Fatalf("seed %d case %d: %v\n%s", seed, c, err, small)
				}
			}
			t.Logf("%s, seed %d: %s", k.name, seed, &seen)
			if lacks := seen.lacks(k.name); n > 1 && lacks != "" {
				t.Error(lacks)
			}
		})
	}
}

func propertySeed(t *testing.T, name string, otherwise uint64) uint64 {
	text := os.Getenv(name)
	if text == "" {
		return otherwise
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return n
}

// check runs a scenario and its oracle side by side.
func (n *tally) check(s *scenario, seed uint64) error {
	o := newOracle(s)
	var want []answer
	for i := range s.steps {
		want = append(want, o.batch(&s.steps[i]))
	}
	err := newLife(s, rand.New(rand.NewPCG(seed, 1))).run(func(i int, got answer) error {
		w := want[i].withoutFacts()
		if !reflect.DeepEqual(got, w) {
			return fmt.Errorf("got  %+v,\nwant %+v", got, w)
		}
		return nil
	})
	if err == nil {
		err = n.whole(s, want)
	}
	n.count(s, want)
	return err
}

// withoutFacts is what the operators have to say too.
func (a answer) withoutFacts() answer {
	a.facts = facts{}
	if a.second != nil {
		second := a.second.withoutFacts()
		a.second = &second
	}
	return a
}

// last is the answer of the last window.
func (a answer) last() answer {
	if a.second != nil {
		return *a.second
	}
	return a
}

// whole looks at a job from outside. When its rows keep to their bounds and nobody was taken for idle, none is late, and
// the rows that come out are those of all records together, however they were cut.
func (n *tally) whole(s *scenario, want []answer) error {
	if !s.bounded || !s.steps[len(s.steps)-1].flush || s.frame.length > 0 { // of copies with several times the first to come stays
		return nil
	}
	one := *s
	one.steps = []step{{at: s.steps[len(s.steps)-1].at, flush: true, newEpoch: true, ranges: make([]stretch, len(s.sourceOf))}}
	var out []result
	for i, b := range s.steps {
		if want[i].idle || want[i].bad > 0 || b.flush && i < len(s.steps)-1 {
			return nil
		}
		for p, r := range b.ranges {
			if r.unknown {
				return nil
			}
			one.steps[0].ranges[p].records = append(one.steps[0].ranges[p].records, r.records...)
		}
		out = append(out, want[i].last().results...)
	}
	n.cuts++
	all := newOracle(&one).batch(&one.steps[0])
	if in, together := lastOf(out), lastOf(all.last().results); all.late != 0 || !maps.Equal(in, together) {
		return fmt.Errorf("in %d batches: %v\nin one: %v", len(s.steps), in, together)
	}
	return nil
}

// lastOf is what is left of results when all changes are made. One that comes twice is counted double.
func lastOf(results []result) map[group]result {
	last := map[group]result{}
	for _, r := range results {
		g := group{r.span, r.key}
		switch r.op {
		case windows.UpdateBefore, windows.Delete:
			delete(last, g)
			continue
		}
		r.op = ""
		r.rows += last[g].rows
		last[g] = r
	}
	return last
}

// tally is what the cases had in them.
type tally struct {
	cases, batches, records, results    int
	late, unassigned, bad, duplicates   int64
	second                              int64 // results of a window over a window
	boundary, onClose, onLate, onGap    int   // cases
	idle, empty, idleOrEmpty            int   // cases
	flushed, reopened, crashed, crashes int
	shards                              [9]int // batches
	cuts                                int    // cases that were also compared with a single batch
	changelogs, changed                 int    // cases, and results that changed
}

func (n *tally) count(s *scenario, want []answer) {
	n.cases++
	n.changelogs += count(s.emit.Changelog)
	var f facts
	empty, crashed := false, false
	for i, b := range s.steps {
		w := want[i]
		n.batches++
		n.results += len(w.results)
		for _, r := range w.results {
			n.changed += count(r.op == windows.UpdateAfter || r.op == windows.Delete)
		}
		n.duplicates += w.duplicates
		if w.second != nil {
			n.second += int64(len(w.second.results))
			f.onClose, f.onLate, f.onGap = f.onClose || w.second.onClose, f.onLate || w.second.onLate, f.onGap || w.second.onGap
		}
		n.late, n.unassigned, n.bad = n.late+w.late, n.unassigned+w.unassigned, n.bad+w.bad
		n.shards[b.shards]++
		f.onClose, f.onLate, f.onGap, f.idle = f.onClose || w.onClose, f.onLate || w.onLate, f.onGap || w.onGap, f.idle || w.idle
		for _, r := range b.ranges {
			n.records += len(r.records)
			empty = empty || len(r.records) == 0 && !r.unknown
		}
		n.crashes += count(b.dies > 0)
		crashed = crashed || b.dies > 0
		n.flushed += count(b.flush)
		n.reopened += count(b.flush && i+1 < len(s.steps))
	}
	n.onClose, n.onLate, n.onGap = n.onClose+count(f.onClose), n.onLate+count(f.onLate), n.onGap+count(f.onGap)
	n.boundary += count(f.onClose || f.onLate || f.onGap)
	n.idle, n.empty, n.idleOrEmpty = n.idle+count(f.idle), n.empty+count(empty), n.idleOrEmpty+count(f.idle || empty)
	n.crashed += count(crashed)
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

func (n *tally) share(part int) float64 { return 100 * float64(part) / float64(n.cases) }

func (n *tally) String() string {
	return fmt.Sprintf("%d cases, %d batches, %d records, %d results; %d late, %d unassigned, %d bad;"+
		" exactly on a boundary %.0f %% (end = watermark when closing %.0f %%, when judging late %.0f %%; gap %.0f %%);"+
		" idle or empty partition %.0f %% (idle %.0f %%, empty %.0f %%); %.0f %% with %d crashes; %d flushed, %d reopened;"+
		" batches in 1, 2, 8 shards %d, %d, %d; %d also in one batch; %.0f %% changelogs, %d results changed; %d duplicates, %d results of second windows",
		n.cases, n.batches, n.records, n.results, n.late, n.unassigned, n.bad,
		n.share(n.boundary), n.share(n.onClose), n.share(n.onLate), n.share(n.onGap),
		n.share(n.idleOrEmpty), n.share(n.idle), n.share(n.empty), n.share(n.crashed), n.crashes, n.flushed, n.reopened,
		n.shards[1], n.shards[2], n.shards[8], n.cuts, n.share(n.changelogs), n.changed, n.duplicates, n.second)
}

// lacks says why the cases would prove little; "": they do not.
func (n *tally) lacks(kind string) string {
	onClock, dedup := kind == "processing time", kind == "dedup"
	switch {
	case n.share(n.boundary) < 30 && kind != "none":
		return fmt.Sprintf("only %.0f %% of the cases have a time exactly on a boundary", n.share(n.boundary))
	case n.share(n.idleOrEmpty) < 20 || n.share(n.idle) < 5 || n.share(n.crashed) < 20:
		return "too few cases with idle partitions or crashes"
	case n.late == 0 || n.bad == 0 && !onClock || n.cuts == 0 && !dedup:
		return "no late rows, no bad rows, or no cuts compared"
	case dedup && n.duplicates == 0 || kind == "window over a window" && n.second == 0:
		return "no duplicates, or no results of second windows"
	}
	return ""
}

// shrink leaves out records, batches and crashes as long as the case still fails, and describes what remains.
func shrink(s *scenario, seed uint64, err error) (string, error) {
	for again := true; again; {
		again = false
		for _, smaller := range s.smaller() {
			if e := (&tally{}).check(smaller, seed); e != nil {
				s, err, again = smaller, e, true
				break
			}
		}
	}
	return s.String(), err
}

// smaller are scenarios with one thing less.
func (s *scenario) smaller() []*scenario {
	var all []*scenario
	change := func(f func(c *scenario)) {
		c := *s
		c.steps = slices.Clone(s.steps)
		for i := range c.steps {
			c.steps[i].ranges = slices.Clone(c.steps[i].ranges)
		}
		f(&c)
		all = append(all, &c)
	}
	for i, b := range s.steps {
		if len(s.steps) > 1 {
			change(func(c *scenario) {
				c.steps = slices.Delete(c.steps, i, i+1)
				c.steps[0].newEpoch = true
			})
		}
		if b.dies > 0 {
			change(func(c *scenario) { c.steps[i].dies = 0 })
		}
		if b.shards > 1 {
			change(func(c *scenario) { c.steps[i].shards = 1 })
		}
		for p, r := range b.ranges {
			for k := range r.records {
				change(func(c *scenario) { c.steps[i].ranges[p].records = slices.Delete(slices.Clone(r.records), k, k+1) })
			}
		}
	}
	return all
}

func (s *scenario) String() string {
	text := fmt.Sprintf("window %+v, second %+v, emission %+v, keyed %t, continuous %t, partitions of sources %v, sources %+v\n", s.frame.real, s.frame.second, s.emit, s.keyed, s.continuous, s.sourceOf, s.sources)
	for i, b := range s.steps {
		text += fmt.Sprintf("batch %d at %d: shards %d, new epoch %t, flush %t, dies %d\n", i+1, b.at, b.shards, b.newEpoch, b.flush, b.dies)
		for p, r := range b.ranges {
			text += fmt.Sprintf("  partition %d: %+v\n", p, r)
		}
	}
	return text
}
