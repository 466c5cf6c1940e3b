package windows

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"

	"github.com/millrace/millrace/columnar"
)

// changer is a pipeline whose results change.
type changer struct {
	*pipeline
	emit Emission
}

// changeRow is a row of the changelog.
type changeRow struct {
	outRow
	op string
}

func (r changeRow) String() string { return r.op + " " + r.outRow.String() }

func newChanger(t testing.TB, w Window, e Emission, maxDisorder int64, partitions, shards int) *changer {
	c := &changer{newPipeline(t, w, maxDisorder, partitions, 0), e}
	for range shards {
		c.shards = append(c.shards, NewAggregate(Operator{Window: w, In: c.assign.Schema(), Spec: specOf(w), Emit: e}))
	}
	return c
}

// run takes one batch through the job and returns what it has changed.
func (c *changer) run(events []event) []changeRow {
	c.begin()
	var seen []Seen
	for i := range c.mark.Partitions {
		mine := ofPartition(events, int32(i))
		c.merge(mine)
		seen = append(seen, Seen{Topic: "events", Partition: int32(i), MaxEventTime: latest(mine), Read: len(mine) > 0})
	}
	c.mark = Advance(c.mark, seen, c.bounds, 0)
	return c.close()
}

// begin tells both sides of the watermark at the start of the batch.
func (c *changer) begin() {
	mark := c.emit.LateMark(c.mark.Watermark)
	c.assign.SetWatermark(mark)
	for _, shard := range c.shards {
		shard.SetWatermark(mark)
	}
	c.late, c.unassigned = 0, 0
}

func (c *changer) flush() []changeRow {
	c.begin()
	c.mark = Final(c.mark)
	return c.close()
}

// close also keeps the books: rows in = rows that left + rows held.
func (c *changer) close() []changeRow {
	var out []changeRow
	for _, shard := range c.shards {
		held := shard.RowsHeld()
		closed, err := shard.Close(c.mark.Watermark)
		c.must(err)
		if closed.Rows+closed.Late+shard.RowsHeld() != held || closed.Late != 0 && c.window.Kind != Session {
			c.t.Fatalf("%d rows held, then %d, %d have left and %d were late", held, shard.RowsHeld(), closed.Rows, closed.Late)
		}
		c.late += closed.Late
		rows := changeRows(closed.Groups)
		for i := range rows {
			if c.window.Kind == Cumulative {
				rows[i].step = rows[i].end
			}
		}
		if !slices.IsSortedFunc(rows, compareChanges) {
			c.t.Fatalf("a shard gives rows out of order: %v", rows)
		}
		out = append(out, rows...)
	}
	slices.SortStableFunc(out, compareChanges)
	return out
}

// compareChanges keeps the halves of an update in their order.
func compareChanges(a, b changeRow) int {
	return cmp.Or(compareRows(a.outRow, b.outRow), cmp.Compare(half(a.op), half(b.op)))
}

func half(op string) int {
	if op == UpdateAfter {
		return 1
	}
	return 0
}

func changeRows(b *columnar.Batch) []changeRow {
	var out []changeRow
	for i, r := range outRows(b) {
		out = append(out, changeRow{r, string(b.Cols[len(b.Cols)-1].Str(i))})
	}
	return out
}

// TestChanges runs testdata/changes over 1, 2 and 8 shards.
func TestChanges(t *testing.T) {
	for _, shards := range []int{1, 2, 8} {
		t.Run(fmt.Sprint(shards), func(t *testing.T) {
			var c *changer
			datadriven.RunTest(t, "testdata/changes", func(t *testing.T, d *datadriven.TestData) string {
				switch d.Cmd {
				case "job":
					e := Emission{Changelog: true, Early: d.HasArg("early"), Lateness: intArg(t, d, "lateness")}
					kind, unit, w := string(Tumbling), "", Window{Size: intArg(t, d, "size"), Slide: intArg(t, d, "slide")}
					d.MaybeScanArgs(t, "kind", &kind)
					d.MaybeScanArgs(t, "unit", &unit)
					d.MaybeScanArgs(t, "zone", &w.Zone)
					w.Kind, w.Unit = Kind(kind), Unit(unit)
					c = newChanger(t, w, e, intArg(t, d, "disorder"), int(intArg(t, d, "partitions")), shards)
					return ""
				case "batch":
					return c.show(c.run(parseEvents(t, d.Input)))
				case "flush":
					return c.show(c.flush())
				}
				d.Fatalf(t, "unknown command %s", d.Cmd)
				return ""
			})
		})
	}
}

func (c *changer) show(rows []changeRow) string {
	var b strings.Builder
	fmt.Fprintf(&b, "W %s\n", showTime(c.mark.Watermark))
	if c.late > 0 {
		fmt.Fprintf(&b, "%d late\n", c.late)
	}
	for _, r := range rows {
		fmt.Fprintln(&b, r)
	}
	next := int64(MaxWatermark)
	for _, shard := range c.shards {
		if at, held := shard.NextClose(); held {
			next = min(next, at)
		}
		_, err := shard.Delta()
		c.must(err)
	}
	fmt.Fprintf(&b, "%d rows held, next at %s\n", c.rowsHeld(), showTime(next))
	return b.String()
}

// changeOracle is the definition of the changelog: rows that are not late go into their window's list, and after each
// batch every list gives its result anew.
type changeOracle struct {
	window    Window
	emit      Emission
	watermark int64
	groups    map[string]*oracleRow
	out       map[string]outRow // what has come out
	late      int64
}

func newChangeOracle(w Window, e Emission) *changeOracle {
	return &changeOracle{window: w, emit: e, watermark: NoWatermark, groups: map[string]*oracleRow{}, out: map[string]outRow{}}
}

// run returns the changes of a batch behind which the watermark is after.
func (o *changeOracle) run(events []event, after int64) []changeRow {
	for _, e := range events {
		if e.nullKey {
			e.key = "NULL"
		}
		open := false
		all := exactWindows(o.window, e.ts)
		for _, w := range all {
			if saturatingAdd(w[1], o.emit.Lateness) <= o.watermark {
				continue
			}
			open = true
			id := fmt.Sprint(w[0], " ", w[1], " ", e.key)
			if o.groups[id] == nil {
				o.groups[id] = &oracleRow{start: w[0], end: w[1], key: e.key, first: e.ts}
			}
			o.groups[id].add(e)
		}
		if !open && len(all) > 0 {
			o.late++
		}
	}
	o.watermark = after
	var out []changeRow
	for id, g := range o.groups {
		old, came := o.out[id]
		now := g.row()
		if o.window.Kind == Cumulative {
			now.step, now.end = g.end, g.end
		}
		switch {
		case !o.emit.Early && g.end > after, came && old.String() == now.String():
			continue
		case came:
			out = append(out, changeRow{old, UpdateBefore}, changeRow{now, UpdateAfter})
		default:
			out = append(out, changeRow{now, Insert})
		}
		o.out[id] = now
	}
	slices.SortFunc(out, compareChanges)
	return out
}

// row is the finished group. Values are whole numbers, so sums are exact.
func (o *oracleRow) row() outRow {
	r := outRow{start: o.start, key: o.key, first: o.first, rows: o.rows, values: int64(len(o.values)), sum: math.NaN(), avg: math.NaN(), max: math.NaN()}
	if len(o.values) > 0 {
		r.sum = 0
		for _, v := range o.values {
			r.sum += v
		}
		r.avg, r.max = r.sum/float64(len(o.values)), slices.Max(o.values)
	}
	return r
}

// randomChanges is a random input with rows that come far too late among the others, and whole numbers as values.
func randomChangesInput(r *rand.Rand) (input, Emission) {
	in := randomInput(r, randomWindow(r))
	for i := range in.events {
		in.events[i].value = float64(r.IntN(5))
		if r.IntN(4) == 0 {
			in.events[i].ts -= r.Int64N(60)
		}
	}
	e := Emission{Changelog: true, Early: r.IntN(2) == 0, Lateness: r.Int64N(3) * r.Int64N(25)}
	return in, e
}

// TestChangesAgainstOracle compares batch by batch, with every batch's state restored from blocks in between, on 1, 2 and
// 8 shards.
func TestChangesAgainstOracle(t *testing.T) {
	t.Parallel()
	const seed = 21
	r := rand.New(rand.NewPCG(seed, 0))
	ops, boundary := map[string]int{}, 0
	for n := range cases(500, 100) {
		in, emit := randomChangesInput(r)
		o := newChangeOracle(in.window, emit)
		c := newChanger(t, in.window, emit, in.disorder, in.partitions, []int{1, 2, 8}[r.IntN(3)])
		chain := []stateBlock{}
		batches := append(in.cut(r), nil)
		for i, batch := range batches {
			what := fmt.Sprintf("seed %d case %d batch %d (%+v %+v)", seed, n, i, in.window, emit)
			for _, e := range batch {
				for _, w := range exactWindows(in.window, e.ts) {
					if saturatingAdd(w[1], emit.Lateness) == c.mark.Watermark || w[1] == c.mark.Watermark {
						boundary++
					}
				}
			}
			late := o.late
			var got []changeRow
			if i == len(batches)-1 {
				got = c.flush()
			} else {
				got = c.run(batch)
			}
			want := o.run(batch, c.mark.Watermark)
			if fmt.Sprint(got) != fmt.Sprint(want) {
				t.Fatalf("%s, W %s:\ngot  %v\nwant %v", what, showTime(c.mark.Watermark), got, want)
			}
			if i < len(batches)-1 && c.late != o.late-late {
				t.Fatalf("%s: %d late, want %d", what, c.late, o.late-late)
			}
			for _, row := range got {
				ops[row.op]++
			}
			chain = c.save(r, chain)
			if r.IntN(3) == 0 {
				c = c.restore(chain, []int{1, 2, 8}[r.IntN(3)])
			}
		}
		if c.rowsHeld() != 0 {
			t.Fatalf("seed %d case %d: rows are held at the end", seed, n)
		}
	}
	t.Logf("seed %d: %v, %d rows of windows with a bound at the watermark", seed, ops, boundary)
	if ops[Insert] == 0 || ops[UpdateBefore] == 0 || ops[UpdateBefore] != ops[UpdateAfter] || boundary == 0 {
		t.Error("the cases miss something")
	}
}

// stateBlock is what a commit says of the state.
type stateBlock struct {
	block     []byte
	watermark int64
}

func (c *changer) save(r *rand.Rand, chain []stateBlock) []stateBlock {
	if r.IntN(4) == 0 {
		return []stateBlock{{c.snapshot(), c.mark.Watermark}}
	}
	return append(chain, stateBlock{c.delta(), c.mark.Watermark})
}

// restore is the job in another process, after a crash.
func (c *changer) restore(chain []stateBlock, shards int) *changer {
	again := newChanger(c.t, c.window, c.emit, c.bounds.MaxDisorder, len(c.mark.Partitions), shards)
	again.mark = c.mark
	for _, b := range chain {
		for s, a := range again.shards {
			from, to := keyGroupsOf(s, shards)
			c.must(a.Load(b.block, from, to))
			a.DropClosed(b.watermark)
		}
	}
	if got, want := again.rowsHeld(), c.rowsHeld(); got != want {
		c.t.Fatalf("%d rows restored of %d", got, want)
	}
	return again
}

// TestChangesDoNotDependOnCuts: for input within its bound, whatever the batches, applying the changes gives the results
// that come out once.
func TestChangesDoNotDependOnCuts(t *testing.T) {
	t.Parallel()
	const seed = 22
	r := rand.New(rand.NewPCG(seed, 0))
	for n := range cases(150, 40) {
		in := randomInput(r, randomWindow(r))
		for i := range in.events {
			in.events[i].value = float64(r.IntN(5))
		}
		once := newPipeline(t, in.window, in.disorder, in.partitions, 1)
		want := map[string]outRow{}
		for _, row := range append(once.run(in.events), once.flush()...) {
			want[fmt.Sprint(row.start, " ", row.step, " ", row.key)] = row
		}
		for _, early := range []bool{false, true} {
			c := newChanger(t, in.window, Emission{Changelog: true, Early: early, Lateness: r.Int64N(30)}, in.disorder, in.partitions, 2)
			view := map[string]outRow{}
			for _, batch := range in.cut(r) {
				applyChanges(t, view, c.run(batch))
				c.delta()
			}
			applyChanges(t, view, c.flush())
			same := maps.EqualFunc(view, want, func(a, b outRow) bool { return a.String() == b.String() })
			if !same {
				t.Fatalf("seed %d case %d early %v: %v, want %v", seed, n, early, view, want)
			}
		}
	}
}

// applyChanges takes rows into a view. Every row that is taken back must be there.
func applyChanges(t *testing.T, view map[string]outRow, rows []changeRow) {
	t.Helper()
	for _, r := range rows {
		id := fmt.Sprint(r.start, " ", r.step, " ", r.key)
		old, there := view[id]
		switch {
		case r.op == Insert && there, (r.op == UpdateBefore || r.op == Delete) && (!there || old.String() != r.outRow.String()), r.op == UpdateAfter && there:
			t.Fatalf("%v, but the view has %v %v", r, old, there)
		case r.op == UpdateBefore || r.op == Delete:
			delete(view, id)
		default:
			view[id] = r.outRow
		}
	}
}
