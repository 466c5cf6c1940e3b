package batch

import (
	"errors"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
)

var errNetwork = errors.New("the network is gone")

// failAt makes a hook that fails from its n-th call on.
func failAt(n int) func() error {
	return func() error {
		if n--; n <= 0 {
			return errNetwork
		}
		return nil
	}
}

// leaveOpen runs a job until its n-th batch is planned and read, and not yet prepared.
func (w *world) leaveOpen(n int, q simQuery, change ...func(*Job)) {
	w.t.Helper()
	err := w.run(w.job(q, append(change, hooked(&hooks{prepare: failAt(n)}))...), alone)
	if !errors.Is(err, errNetwork) {
		w.t.Fatalf("run: %v, want the fault", err)
	}
	if h := w.history(); len(h.Open) != 1 || h.Open[0].Batch != int64(n) {
		w.t.Fatalf("%d plans open, want batch %d", len(h.Open), n)
	}
}

// TestOpenBatchOfAChangedJob runs the open batch with the job that planned it, then goes on with the one at hand.
func TestOpenBatchOfAChangedJob(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(100)
	w.leaveOpen(1, windowed, shards(3))
	views := w.events
	w.generate(100)
	clicks := w.events[len(views):]

	job := w.job(windowed2, flushing)
	refused := w.run(job, func(o *Options) { o.Resolve = nil })
	wantError[*RefusedError](t, refused, "batch 1 is open", "another version of this job")
	other := w.run(job, func(o *Options) {
		o.Resolve = func([]byte) (*Job, error) { return w.job(byAd), nil }
	})
	wantError[*RefusedError](t, other, "batch 1 is open", "which this program understands as job")

	resolved := 0
	w.mustRun(job, func(o *Options) {
		o.Resolve = func(recorded []byte) (*Job, error) {
			resolved++
			return w.resolve(recorded)
		}
	})
	if !w.reports[0].Rerun || w.reports[0].BatchID != 1 || resolved != 1 {
		t.Errorf("the first batch is %d, rerun %v, %d jobs resolved; want batch 1 run again", w.reports[0].BatchID, w.reports[0].Rerun, resolved)
	}
	w.wantSum("views", int64(countKind(views, "view")+countKind(clicks, "click")))
	for name := range w.files() { // batch 1 wrote nothing but by its own job
		if hash := w.job(windowed).Hash[:8]; strings.Contains(name, "b000000000001") != strings.Contains(name, hash) {
			t.Errorf("file %s is of the wrong job", name)
		}
	}
	w.wantHistory("in the end")
}

// countKind counts the events that a job of this kind counts.
func countKind(events []simEvent, kind string) (n int) {
	for _, e := range events {
		if e.kind == kind && strings.Contains(simAds, e.ad+",") {
			n++
		}
	}
	return n
}

// wantSum checks the sum of a column over all rows.
func (w *world) wantSum(column string, want int64) {
	w.t.Helper()
	var sum int64
	for _, r := range w.rows() {
		sum += r.int(w.t, column)
	}
	if sum != want {
		w.t.Errorf("%s add up to %d, want %d", column, sum, want)
	}
}

// TestChangedWindowsWithRowsHeld refuses jobs whose windows or keys differ from those in state, and goes on when nothing
// is held.
func TestChangedWindowsWithRowsHeld(t *testing.T) {
	held := w10s + " by campaign"
	for _, q := range []simQuery{byAd, wideViews, stateless, twoWindows} {
		w := newWorld(t, simSeed(t))
		w.generate(100)
		w.mustRun(w.job(windowed))
		retyped := w.run(w.job(doubleViews))
		wantError[*RefusedError](t, retyped, held, "changed while windows were open", "sum(n) bigint", "sum(n) double")
		refused := wantError[*RefusedError](t, w.run(w.job(q)), held, "rows in open windows", "--flush-windows", "new checkpoint")
		t.Logf("%s: %v", q.name, refused)
		before := w.records()
		wantError[*RefusedError](t, w.run(w.job(q, continuous)), held)
		if w.records() != before {
			t.Errorf("%s: a refused run wrote to the log", q.name)
		}
		w.mustRun(w.job(windowed, flushing)) // the way out that the error names
		w.wantRows(q.name, w.expected(windowed), equalRows)
		w.mustRun(w.job(q, anyOutput), reopen)
	}
}

const w10s = "tumble(ts, 10s)"

// TestMissingManifest repeats the manifest that a dying driver left out.
func TestMissingManifest(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(100)
	crash := &hooks{committed: failAt(2)}
	if err := w.run(w.job(stateless, rowsMax(40), hooked(crash)), alone); !errors.Is(err, errNetwork) {
		t.Fatal(err)
	}
	stopped := make(chan struct{})
	close(stopped)
	w.mustRun(w.job(stateless, rowsMax(1)), func(o *Options) { o.Stop = stopped })
	if n := w.manifests(simOutput); n != 2 {
		t.Errorf("%d manifests beside the output, want 2", n)
	}
}

// TestMovedOutput: a sink whose rows the log knows does not begin anew somewhere else, where its disk may just be missing.
func TestMovedOutput(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(100)
	w.mustRun(w.job(stateless))
	w.generate(100)
	job := w.job(stateless)
	job.Sinks[0] = w.parquet(&job.Plan.Sinks[0], "/new")
	wantError[*output.ConflictError](t, w.run(job), "/new", "has no _millrace/owner although the log has committed rows")
	if n := w.manifests("/new"); n != 0 {
		t.Errorf("%d manifests in the new place", n)
	}
}

// TestOpenBatchAfterAnUpgrade: a program that understands the same job file as another plan must not write that plan's
// files beside those of the open batch.
func TestOpenBatchAfterAnUpgrade(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(100)
	w.leaveOpen(1, stateless)
	upgraded := w.job(stateless)
	upgraded.Hash = strings.Repeat("ab", 32)
	wantError[*RefusedError](t, w.run(upgraded), "batch 1 is open", "finish it with the program version that planned it")
	w.mustRun(w.job(stateless, flushing))
	w.wantRows("after the old version came back", w.expected(stateless), equalRows)
}

// TestRerunThatDiffers: what an earlier attempt made visible and the rerun does not make stops the job, whether the
// rerun would publish or cancel.
func TestRerunThatDiffers(t *testing.T) {
	leftover := func(w *world) {
		job := w.job(stateless)
		w.write(simOutput+"/x=1/"+job.Name+"-b000000000001-s000-"+job.Hash[:8]+".parquet", "rows of an earlier attempt")
	}
	t.Run("publish", func(t *testing.T) {
		w := newWorld(t, simSeed(t))
		w.generate(100)
		w.leaveOpen(1, stateless)
		leftover(w)
		wantError[*output.ConflictError](t, w.run(w.job(stateless)), "earlier attempt at batch 1")
	})
	t.Run("cancel", func(t *testing.T) {
		w := newWorld(t, simSeed(t))
		w.generate(100)
		w.leaveOpen(1, stateless)
		leftover(w)
		full := &hooks{prepare: func() error { return &BadDataError{Err: errors.New("now the data is bad")} }}
		wantError[*output.ConflictError](t, w.run(w.job(stateless, hooked(full))), "earlier attempt at batch 1", "now the data is bad")
		if h := w.history(); len(h.Open) != 1 {
			t.Errorf("%d plans open, want the one that must not be cancelled", len(h.Open))
		}
	})
}

func (w *world) manifests(root string) int {
	w.t.Helper()
	names, err := (&store.Local{Root: root, FS: w.disk}).List(w.t.Context(), "_millrace/manifest/")
	if err != nil {
		w.t.Fatal(err)
	}
	return len(names)
}

// TestChangedKeysAfterClosedWindows has a new operator begin where the watermark stands: rows behind it belong to windows
// that were emitted, if by other keys.
func TestChangedKeysAfterClosedWindows(t *testing.T) {
	w := timeWorld(t)
	view := simEvent{ad: "a0", kind: "view", ms: simStart.UnixMilli() + 1000}
	late := view
	w.append(view)
	for p := range int32(2) {
		w.append(simEvent{partition: p, ad: "a0", kind: "click", ms: view.ms + 40_000})
	}
	w.mustRun(w.job(windowed))
	w.wantRows("first job", w.expected(windowed), equalRows)
	want := w.rows()
	w.append(late)
	w.mustRun(w.job(byAd, flushing, anyOutput))
	if n := w.reports[1].NumRowsLate; n != 1 {
		t.Errorf("%d late rows for a new operator, want 1", n)
	}
	w.wantRows("second job", want, equalRows)
}

// TestEditedTable has the open batch join with the copy that its plan names, and the next one with the file as it is.
func TestEditedTable(t *testing.T) {
	w := newWorld(t, simUsual)
	w.generate(150)
	w.leaveOpen(2, windowed, rowsMax(60))
	read := w.history()
	planned := read.Open[0].Ranges[0].Until + read.Open[0].Ranges[1].Until + read.Open[0].Ranges[2].Until
	w.ads = "ad,campaign\na0,c7\n"
	w.mustRun(w.job(windowed, flushing, rowsMax(60)))
	var before, after int64
	for _, r := range w.rows() {
		if strings.Contains(r.text, "campaign=c7") {
			after += r.int(t, "views")
		} else {
			before += r.int(t, "views")
		}
	}
	first, rest := w.split(read.Open[0])
	if int64(len(first)) != planned {
		t.Fatalf("%d events in the first two batches, %d planned", len(first), planned)
	}
	if want := int64(countKind(first, "view")); before != want {
		t.Errorf("%d views of the old table's campaigns, want %d", before, want)
	}
	if want := int64(countKind(ofAd(rest, "a0"), "view")); after != want || want == 0 {
		t.Errorf("%d views of the new table's campaign, want %d", after, want)
	}
	w.ads = "ad,campaign\na0\n" // nothing is planned with a table that can't be read
	w.generate(10)
	n := w.records()
	if err := w.run(w.job(windowed), reopen); err == nil || !strings.Contains(err.Error(), "read table ads: ads.csv") || w.records() != n+2 {
		t.Errorf("a broken table: %v, %d records written; want Opened and Reopened", err, w.records()-n)
	}
}

// TestTableEditedWhileRunning acts from the next planned batch on.
func TestTableEditedWhileRunning(t *testing.T) {
	w := newWorld(t, simSeed(t))
	a0 := simEvent{ad: "a0", kind: "view", ms: simStart.UnixMilli()}
	w.append(a0)
	w.mustRun(w.job(windowed, continuous), ticks(w, 4, func(tick int) {
		w.append(a0)
		if tick == 2 {
			w.ads = "ad,campaign\na0,c7\n"
		}
	}))
	w.mustRun(w.job(windowed, flushing))
	views := map[string]int64{}
	for _, r := range w.rows() {
		campaign, _, _ := strings.Cut(r.text, " ")
		views[campaign] += r.int(t, "views")
	}
	if views["campaign=c0"] != 2 || views["campaign=c7"] != 3 {
		t.Errorf("views by campaign: %v, want 2 of c0 and 3 of c7", views)
	}
}

// split separates the events in front of the plan's ends from those behind.
func (w *world) split(p *Planned) (first, rest []simEvent) {
	seen := map[int32]int64{}
	for _, e := range w.events {
		until := int64(0)
		for _, r := range p.Ranges {
			if r.Partition == e.partition {
				until = r.Until
			}
		}
		if seen[e.partition] < until {
			first = append(first, e)
		} else {
			rest = append(rest, e)
		}
		seen[e.partition]++
	}
	return first, rest
}

// TestSnapshots takes a snapshot at every fifth commit, or when the deltas weigh enough, and restores the state from it
// and the deltas behind it, whatever the number of shards.
func TestSnapshots(t *testing.T) {
	t.Parallel()
	seed, queries := simSeed(t), []simQuery{windowed, twoWindows, fanOut}
	if testing.Short() {
		queries = queries[:1]
	}
	for _, test := range []struct {
		name           string
		commits, bytes int
		atLeast, most  int // snapshots
	}{
		{"by commits", 5, 1 << 30, 4, 6},
		{"by bytes", 1 << 30, 2000, 3, 20},
		{"never", 1 << 30, 1 << 30, 0, 0},
		{"always", 1, 1 << 30, 20, 1 << 30},
	} {
		for _, q := range queries {
			w := newWorld(t, seed)
			w.generate(400)
			every := func(o *Options) { o.snapshotEvery, o.snapshotBytes = test.commits, test.bytes }
			for w.tail() > 0 {
				w.mustRun(w.job(q, rowsMax(15), shards(1+w.rng.IntN(4))), every, stopAfter(1+w.rng.IntN(7)))
			}
			w.mustRun(w.job(q, flushing, rowsMax(15)), every)
			w.wantRows(test.name, w.expected(q), equalRows)
			n, longest := w.snapshots()
			if n < test.atLeast || n > test.most {
				t.Errorf("%s, %s: %d snapshots, want %d to %d", test.name, q.name, n, test.atLeast, test.most)
			}
			if longest >= test.commits {
				t.Errorf("%s, %s: %d deltas in a row, want fewer than %d", test.name, q.name, longest, test.commits)
			}
			t.Logf("%s, %s: %d batches, %d snapshots, %d deltas in a row, %d runs", test.name, q.name, len(w.reports), n, longest, w.drivers)
		}
	}
}

// snapshots counts the snapshots in the log and the most deltas between two.
func (w *world) snapshots() (n, longest int) {
	w.t.Helper()
	in, err := w.inspect()
	if err != nil {
		w.t.Fatal(err)
	}
	run := 0
	for _, e := range in.Entries {
		if c, ok := e.Record.(*Committed); ok && len(c.FlushedTo) == 0 {
			if run++; c.Base != nil {
				n, run = n+1, 0
			}
			longest = max(longest, run)
		}
	}
	return n, longest
}
