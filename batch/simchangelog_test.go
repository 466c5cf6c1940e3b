package batch

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/windows"
)

// changingOf is a query whose results change, in files and in a topic. Groups get into the files and out of them again by
// a condition. Late rows come within the allowed lateness, so in the end all are counted, whatever the batches.
func changingOf(name string, emit windows.Emission) simQuery {
	return simQuery{
		name: name,
		emit: emit,
		graph: func(g *dstream.Graph) {
			addView(g, "grouped", views(g).Window(dstream.Tumbling("ts", 10*time.Second, 0)).
				GroupBy(col("campaign"), col("window_start")).Agg(windowedAggs...))
			g.From("grouped").Filter(col("n").Ge(dstream.Int(500)).And(dstream.Int(5000).Gt(col("n")))).To("lake", col("campaign"))
			g.From("grouped").Select(col("window_end"), col("campaign"), col("views"), col("n"), col("price")).To("counts")
		},
		oracle: windowed.oracle,
	}
}

var (
	changing      = changingOf("changing", windows.Emission{Changelog: true, Lateness: 60_000_000})
	changingEarly = changingOf("changing early", windows.Emission{Changelog: true, Early: true, Lateness: 60_000_000})
)

// changingStays has sessions, which late rows end later, begin earlier and join.
var changingStays = simQuery{
	name: "changing stays",
	emit: windows.Emission{Changelog: true, Lateness: 60_000_000},
	graph: func(g *dstream.Graph) {
		g.From("events").Window(dstream.Session("ts", simGap*time.Millisecond)).GroupBy(col("ad"), col("window_start")).
			Agg(col("window_end"), dstream.Count().As("events"), dstream.Sum(col("price")).As("price"), dstream.Max(col("ts")).As("last")).To("lake")
	},
	oracle: func(events []simEvent, _ map[string]string) (rows []simRow) {
		for _, v := range simVisits(events) {
			start, last, price := v[0].ms*1000, v[len(v)-1].ms*1000, 0.0
			for _, e := range v {
				price += e.price
			}
			rows = append(rows, newSimRow("ad", v[0].ad, "window_start", start, "window_end", last+simGap*1000, "events", int64(len(v)), "price", price, "last", last))
		}
		return rows
	},
}

// changingHops has windows that overlap, with results from their first row on.
var changingHops = simQuery{
	name: "changing hops",
	emit: windows.Emission{Changelog: true, Early: true, Lateness: 60_000_000},
	graph: func(g *dstream.Graph) {
		views(g).Window(dstream.Sliding("ts", 20*time.Second, 5*time.Second, 0)).GroupBy(col("campaign"), col("window_start")).
			Agg(dstream.Count().As("views"), dstream.Max(col("price")).As("dearest")).To("lake")
	},
	oracle: func(events []simEvent, ads map[string]string) (rows []simRow) {
		for shift := int64(0); shift < 20_000; shift += 5000 {
			moved := slices.Clone(events)
			for i := range moved {
				moved[i].ms += 20_000 - shift
			}
			for k, g := range simGroups(moved, ads, "view", 20_000) {
				rows = append(rows, newSimRow("campaign", k.campaign, "window_start", (k.start-20_000+shift)*1000, "views", g.views, "dearest", g.dearest))
			}
		}
		return rows
	},
}

// TestChangelogKindsCrash is TestChangelogCrashes for the other kinds of windows.
func TestChangelogKindsCrash(t *testing.T) {
	seed := simSeed(t)
	for _, q := range []simQuery{changingStays, changingHops} {
		ops, most := map[string]int{}, 0
		few := func() bool {
			return ops[windows.UpdateAfter] == 0 || ops[windows.Delete] == 0 && q.name == changingStays.name
		}
		for i := 0; i < simLong(16) || few() && i < 100; i++ { // what changes is chance
			w := newWorld(t, seed+uint64(i)<<16)
			w.fill(q, 170)
			want := w.expected(q)
			what := fmt.Sprintf("%s, schedule %d", q.name, i)
			if i == 0 {
				w.mustRun(w.crashJob(q))
				most = w.disk.Count()
			} else {
				w.crashes(what, 1+i*11%most, most/2, func(int) (bool, error) {
					w.applied(what, w.changes())
					return true, w.run(w.crashJob(q))
				})
			}
			changes := w.changes()
			if got := w.applied(what, changes); !slices.EqualFunc(got, want, equalRows) {
				t.Fatalf("%s: the view of the files: %s", what, firstDifference(got, want, equalRows))
			}
			for _, c := range changes {
				ops[c.op]++
			}
			w.wantHistory(what)
		}
		t.Logf("%s: rows in files: %v", q.name, ops)
		if few() {
			t.Error("nothing changed")
		}
	}
}

// changingResults are the rows of the result, as the files and as the topic have them.
func changingResults(w *world) (files, records []simRow) {
	for _, r := range w.expected(changing) {
		n := r.int(w.t, "n")
		if n >= 500 && n < 5000 {
			files = append(files, r)
		}
		start := r.int(w.t, "window_start")
		campaign, _, _ := strings.Cut(strings.TrimPrefix(r.text, "campaign="), " ")
		// doubles by name: dearest, mean, price
		records = append(records, newSimRow("campaign", campaign, "window_end", start+10_000_000, "views", r.int(w.t, "views"), "n", n, "price", r.doubles[2]))
	}
	slices.SortFunc(records, compareSimRows)
	return files, records
}

// simChange is a row of a changelog in a file.
type simChange struct {
	op       string
	revision int64
	key      string
	row      simRow
}

// changes are all that a reader of the files sees, by revision.
func (w *world) changes() []simChange {
	w.t.Helper()
	var out []simChange
	for name, data := range w.files() {
		rows, err := parquetRows(name, data)
		if err != nil {
			w.t.Fatalf("a reader can't read %s: %v", name, err)
		}
		for _, r := range rows {
			c := simChange{revision: r.int(w.t, "_revision"), key: fmt.Sprint(r.int(w.t, "window_start"))}
			var rest []string
			for _, cell := range strings.Fields(r.text) {
				switch column, value, _ := strings.Cut(cell, "="); column {
				case "_op":
					c.op = value
				case "campaign", "ad":
					c.key += " " + value
					rest = append(rest, cell)
				case "_revision", "sink":
				default:
					rest = append(rest, cell)
				}
			}
			c.row = simRow{text: strings.Join(rest, " ") + " ", doubles: r.doubles}
			out = append(out, c)
		}
	}
	slices.SortStableFunc(out, func(a, b simChange) int {
		return cmp.Or(cmp.Compare(a.revision, b.revision), strings.Compare(a.key, b.key), strings.Compare(b.op, a.op)) // update_before, update_after
	})
	return out
}

// applied is the result that the changes make. Whatever takes a row back must name it to the bit as it is there.
func (w *world) applied(what string, changes []simChange) []simRow {
	w.t.Helper()
	view := map[string]simRow{}
	last := map[string]int64{}
	for i, c := range changes {
		old, there := view[c.key]
		after := i > 0 && c.op == windows.UpdateAfter && changes[i-1].op == windows.UpdateBefore && changes[i-1].key == c.key && changes[i-1].revision == c.revision
		switch {
		case c.op == windows.Insert && there, c.op == windows.UpdateAfter && !after,
			(c.op == windows.UpdateBefore || c.op == windows.Delete) && (!there || !exactRows(old, c.row)),
			!after && last[c.key] == c.revision:
			w.t.Fatalf("%s: batch %d: %s %s %v; the view has %v %s %v, of batch %d", what, c.revision, c.op, c.row.text, c.row.doubles, there, old.text, old.doubles, last[c.key])
		case c.op == windows.UpdateBefore || c.op == windows.Delete:
			delete(view, c.key)
		default:
			view[c.key] = c.row
		}
		last[c.key] = c.revision
	}
	rows := slices.Collect(maps.Values(view))
	slices.SortFunc(rows, compareSimRows)
	return rows
}

// compacted is what the topic says when of each key the last record is left.
func (w *world) compacted(topic string) (rows []simRow, tombstones int) {
	w.t.Helper()
	view := map[string]string{}
	for _, r := range w.kafka.Records(topic) {
		if r.Key == nil {
			w.t.Fatalf("a record of topic %s has no key: %s", topic, r)
		}
		if r.Value == nil {
			tombstones++
			delete(view, *r.Key)
			continue
		}
		view[*r.Key] = *r.Value
	}
	for key, value := range view {
		rows = append(rows, recordRow(w.t, key, value))
	}
	slices.SortFunc(rows, compareSimRows)
	return rows, tombstones
}

// recordRow reads a record, whose key must be that of its row.
func recordRow(t testing.TB, key, value string) simRow {
	t.Helper()
	var cells struct {
		End      time.Time `json:"window_end"`
		Campaign string    `json:"campaign"`
		Views, N int64
		Price    float64
	}
	if err := json.Unmarshal([]byte(value), &cells); err != nil {
		t.Fatal(err)
	}
	if want := fmt.Sprintf(`{"campaign":"%s","window_end":"%s"}`, cells.Campaign, cells.End.Format("2006-01-02T15:04:05Z")); key != want {
		t.Fatalf("key %s, want %s", key, want)
	}
	return newSimRow("campaign", cells.Campaign, "window_end", cells.End.UnixMicro(), "views", cells.Views, "n", cells.N, "price", cells.Price)
}

// wantResult checks that files and topic make the result.
func (w *world) wantResult(what string) []simChange {
	w.t.Helper()
	files, records := changingResults(w)
	changes := w.changes()
	if got := w.applied(what, changes); !slices.EqualFunc(got, files, equalRows) {
		w.t.Fatalf("%s: the view of the files: %s", what, firstDifference(got, files, equalRows))
	}
	if got, _ := w.compacted("counts"); !slices.EqualFunc(got, records, equalRows) {
		w.t.Fatalf("%s: the topic, compacted: %s", what, firstDifference(got, records, equalRows))
	}
	return changes
}

// changingWorld is a world with late events, and a topic, whose broker may go wrong.
func changingWorld(t *testing.T, seed uint64) (*world, *brokerFaults) {
	w := newWorld(t, seed)
	w.publish()
	w.fill(changing, 170)
	f := &brokerFaults{w: w}
	w.kafka.Fault = f.fault
	return w, f
}

// TestChangelogCrashes ends the process at every request to the brokers and every change of the disk, with other numbers
// of shards in each life. Whatever was visible of the changes at any time makes a view, each row that is taken back is one
// that came out, and in the end the view is the result.
func TestChangelogCrashes(t *testing.T) {
	t.Parallel()
	seed := simSeed(t)
	for _, q := range []simQuery{changing, changingEarly} {
		t.Run(q.name, func(t *testing.T) {
			w, f := changingWorld(t, seed)
			w.mustRun(w.crashJob(q))
			ops := map[string]int{}
			for _, c := range w.wantResult("without a crash") {
				ops[c.op]++
			}
			requests, changes := f.ops, w.disk.Count()
			crashes, reruns, afterCommit := 0, 0, 0
			for i := range simLong(40) {
				w, f := changingWorld(t, seed+uint64(i)<<16)
				f.rough = i%3 > 0
				for crash := 0; ; crash++ {
					what := fmt.Sprintf("schedule %d, crash %d", i, crash)
					if f.ops, f.crashAt = 0, 0; crash < 4 {
						f.arm(i, crash, requests, changes)
					}
					err := w.run(w.crashJob(q))
					if err == nil {
						break
					}
					if !errors.Is(err, storetest.ErrPower) {
						t.Fatalf("%s: %v", what, err)
					}
					crashes++
					w.disk = w.disk.Crash(w.rng.Uint64())
					w.fs = w.disk
					w.applied(what, w.changes())
				}
				w.disk.Restart()
				for _, c := range w.wantResult(fmt.Sprintf("schedule %d", i)) {
					ops[c.op]++
				}
				w.wantHistory(fmt.Sprintf("schedule %d", i))
				afterCommit += f.afterCommit
				for _, p := range w.reports {
					if p.Rerun {
						reruns++
					}
				}
			}
			t.Logf("%d crashes, %d of them between a transaction's end and the log; %d batches run again; rows in files: %v", crashes, afterCommit, reruns, ops)
			for _, op := range []string{windows.Insert, windows.UpdateBefore, windows.UpdateAfter, windows.Delete} {
				if ops[op] == 0 && !testing.Short() { // a few schedules need not have all
					t.Errorf("no row is %s", op)
				}
			}
			if !testing.Short() && (reruns == 0 || afterCommit == 0) {
				t.Error("the schedules miss a kind of fault")
			}
		})
	}
}

// TestChangelogBytes: the same batches give the same files on any number of cores, and through bytes.
func TestChangelogBytes(t *testing.T) {
	seed := simSeed(t)
	var want map[string][]byte
	for name, change := range map[string]func(*Options){"1 core": cores(1), "4 cores": cores(4), "through bytes": throughBytes} {
		w, _ := changingWorld(t, seed)
		w.mustRun(w.job(changingEarly, flushing, rowsMax(60)), change)
		w.wantResult(name)
		if want == nil {
			want = w.files()
		}
		if !maps.EqualFunc(w.files(), want, slices.Equal[[]byte]) {
			t.Errorf("%s: other files", name)
		}
	}
}

// TestChangelogReopened: windows that were flushed do not come back, whatever lateness is allowed, and take nothing back.
func TestChangelogReopened(t *testing.T) {
	for _, q := range []simQuery{changing, changingEarly} {
		w, _ := changingWorld(t, simSeed(t))
		w.mustRun(w.job(q, flushing, rowsMax(60)))
		before := w.wantResult("flushed")
		flushed := int64(0)
		for _, c := range before {
			flushed = max(flushed, c.row.int(t, "window_start"))
		}
		w.fill(q, 150)
		w.mustRun(w.job(q, rowsMax(60)), reopen)
		w.mustRun(w.job(q, rowsMax(60), flushing))
		later := w.changes()
		w.applied("reopened", later)
		for _, c := range later[len(before):] {
			if c.row.int(t, "window_start") <= flushed {
				t.Errorf("%s: a flushed window changes: %+v", q.name, c)
			}
		}
		if len(later) == len(before) {
			t.Errorf("%s: nothing came behind the flush", q.name)
		}
	}
}

// TestChangelogIdle: when nothing comes any more, the watermark of idle partitions brings out what is open, in a batch
// without records. What is held behind that, for late rows, is no reason to plan anything.
func TestChangelogIdle(t *testing.T) {
	w, _ := changingWorld(t, simUsual)
	w.mustRun(w.job(changing, continuous), stopAt(w, w.clock.now.Add(10*time.Minute), nil))
	if in := w.history(); in.held(w.job(changing).Plan.Exchanges[0].Name) == 0 {
		t.Error("no row is held, so what would let go of it is not seen")
	}
	w.applied("idle", w.changes())
	if op := w.reports[len(w.reports)-1].StateOperators[0]; op.NumWindowsOpen != 1 || op.NumRowsTotal <= 3 || op.NextClose <= op.Watermark {
		t.Errorf("%d windows open, %d groups held, %s closes next at watermark %s: windows that wait for late rows have come out", op.NumWindowsOpen, op.NumRowsTotal, op.NextClose, op.Watermark)
	}
	n := w.history().Last.Batch
	w.mustRun(w.job(changing, continuous), stopAt(w, w.clock.now.Add(10*time.Minute), nil))
	if got := w.history().Last.Batch; got != n {
		t.Errorf("%d batches were planned with nothing to do", got-n)
	}
}

// TestChangelogSinkLeavesOut: what a topic leaves out is in the log.
func TestChangelogSinkLeavesOut(t *testing.T) {
	w, _ := changingWorld(t, simSeed(t))
	w.mustRun(w.job(changingEarly, flushing, rowsMax(60)))
	in, err := w.inspect()
	if err != nil {
		t.Fatal(err)
	}
	written, left := int64(0), int64(0)
	for _, e := range in.Entries {
		if c, ok := e.Record.(*Committed); ok {
			written, left = written+c.SinkRows["counts"], left+c.LeftOut["counts"]
			if c.LeftOut["lake"] != 0 {
				t.Errorf("files leave out %d rows", c.LeftOut["lake"])
			}
		}
	}
	if got := int64(len(w.kafka.Records("counts"))); got != written || left == 0 {
		t.Errorf("%d records, %d rows written and %d left out", got, written, left)
	}
}
