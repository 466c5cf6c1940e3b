package batch

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
)

// leftPending is a world whose last run has died with rows that are in no file yet: nothing of the result is to be seen.
func leftPending(t *testing.T, q simQuery) *world {
	t.Helper()
	w := newWorld(t, simSeed(t)).rolled(time.Hour, 1000)
	w.fill(q, 100)
	n := 0
	h := &hooks{publish: func() error {
		if n++; n == 4 {
			return errDead
		}
		return nil
	}}
	if err := w.run(w.job(q, rowsMax(20), continuous, hooked(h)), alone); !errors.Is(err, errDead) {
		t.Fatalf("the run ended with %v", err)
	}
	if rows := output.PendingRows(w.history().Pending["lake"]); rows == 0 || len(w.files()) > 0 {
		t.Fatalf("%d rows pending, %d files", rows, len(w.files()))
	}
	return w
}

// TestRolledVisible: rows wait until their file is full, until they have waited max_age by plan time, or until the run ends,
// whichever comes first; a batch without records is planned for that and for nothing else.
func TestRolledVisible(t *testing.T) {
	w := newWorld(t, simSeed(t)).rolled(20*time.Second, 1000)
	w.fill(stateless, 60)
	want := w.expected(stateless)
	seen, reported := map[int]int{}, 0
	every := func(j *Job) { j.Trigger = Trigger{Every: 5 * time.Second} }
	w.mustRun(w.job(stateless, every), alone, ticks(w, 9, func(tick int) {
		seen[tick], reported = len(w.files()), len(w.reports)
	}))
	for tick := 1; tick <= 9; tick++ {
		if visible := seen[tick] > 0; visible != (tick > 4) {
			t.Errorf("%d files behind the wait of trigger %d, 5 s apart, with max_age 20 s", seen[tick], tick)
		}
	}
	if reported != 2 || len(w.reports) != 2 {
		t.Errorf("%d batches, want the one with records and the one that rolls", len(w.reports))
	}
	if p := w.reports[0].Sinks[0]; p.NumRowsPending != int64(len(want)) || p.NumOutputRows != 0 {
		t.Errorf("the first batch reports %d rows pending and %d written, of %d", p.NumRowsPending, p.NumOutputRows, len(want))
	}
	w.wantRows("after max_age", want, equalRows)

	w.fill(stateless, 40)
	before := len(w.files())
	w.mustRun(w.job(stateless, every), alone, ticks(w, 1, func(int) {
		if len(w.files()) != before {
			t.Error("rows did not wait")
		}
	}))
	w.wantRows("stopped in good order", w.expected(stateless), equalRows)

	w.fill(stateless, 100)
	before = len(w.files())
	w.mustRun(w.job(stateless, rowsMax(10)))
	w.wantRows("available now", w.expected(stateless), equalRows)
	if made := len(w.files()) - before; made == 0 || made > 12 {
		t.Errorf("a run of 10 batches made %d files", made)
	}
}

// TestRolledBytes: the bytes of files, and how rows are divided among them, do not depend on crashes, on what is planned ahead or on
// cores. A process dies, or the power goes, at every seventh change of the disk in turn; its successors plan at the same times.
func TestRolledBytes(t *testing.T) {
	seed := simSeed(t)
	fresh := func() *world {
		w := newWorld(t, seed).rolled(time.Hour, 15)
		w.fill(windowed, 200)
		return w
	}
	story := func(w *world, change ...func(*Options)) map[string][]byte {
		w.mustRun(w.job(windowed, rowsMax(20), flushing), change...)
		files := w.everything(simOutput)
		maps.DeleteFunc(files, func(name string, _ []byte) bool { return !strings.HasSuffix(name, ".parquet") })
		return files
	}
	same := func(name string, want, got map[string][]byte) {
		t.Helper()
		for file, data := range want {
			if string(got[file]) != string(data) {
				t.Errorf("%s: %s is not the same", name, file)
			}
		}
		if len(got) != len(want) {
			t.Errorf("%s: %d files, want %d", name, len(got), len(want))
		}
	}
	plain := fresh()
	want := story(plain)
	for name, change := range map[string]func(*Options){"3 cores": cores(3), "one at a time": alone, "a snapshot each time": everySnapshot} {
		same(name, want, story(fresh(), change))
	}
	crashes, open := 0, 0
	for at := 3; at < plain.disk.Count(); at += simStep(7) {
		w := fresh()
		w.disk.StopAfter(at)
		err := w.run(w.job(windowed, rowsMax(20), flushing), alone)
		if !errors.Is(err, storetest.ErrPower) {
			break
		}
		if w.disk.Restart(); at%2 == 0 {
			w.disk = w.disk.Crash(uint64(at))
			w.fs = w.disk
		}
		if in, err := w.inspect(); err == nil && len(in.History.Pending) > 0 {
			open++
		}
		crashes++
		same(fmt.Sprintf("a crash at operation %d", at), want, story(w, alone))
	}
	prooftest.Figure(t, "rolled files, bytes across crashes", "%d crashes, %d while rows wait for their file: %d files with the same bytes", crashes, open, len(want))
	if open < 5 && !testing.Short() {
		t.Errorf("rows waited in %d of %d crashes", open, crashes)
	}
}

// TestRolledMaxRows: no file has more rows than max_rows, and of each directory and shard all but those that a run ended with are
// full.
func TestRolledMaxRows(t *testing.T) {
	w := newWorld(t, simSeed(t)).rolled(time.Hour, 7)
	w.fill(stateless, 300)
	w.mustRun(w.job(stateless, rowsMax(11), shards(1)))
	w.wantRows("in the end", w.expected(stateless), equalRows)
	short := map[string]int{}
	for _, e := range w.entries() {
		c, ok := e.Record.(*Committed)
		if !ok {
			continue
		}
		for _, f := range c.Files["lake"] {
			if f.Rows > 7 {
				t.Errorf("%s has %d rows", f.Path, f.Rows)
			}
			if f.Rows < 7 {
				short[path.Dir(f.Path)+path.Base(f.Path)[strings.Index(path.Base(f.Path), "-s"):][:5]]++
			}
		}
	}
	for group, n := range short {
		if n > 1 {
			t.Errorf("%d files of %s are not full", n, group)
		}
	}
}

// TestRolledReplay: batches run again to the same bytes, all or some, with those whose rows are in the same files; nothing of it
// needs what the checkpoint had of pending rows.
func TestRolledReplay(t *testing.T) {
	widened, files := 0, 0
	for _, q := range []simQuery{stateless, windowed, fanOut, aside, changing} {
		w := newWorld(t, simSeed(t)).rolled(20*time.Second, 25)
		w.fill(q, 300/q.weight())
		every := func(j *Job) { j.Trigger = Trigger{Every: 5 * time.Second} }
		w.mustRun(w.job(q, rowsMax(20), every), alone, ticks(w, 9, nil), snapshotEach(3))
		w.mustRun(w.job(q, rowsMax(20), flushing), snapshotEach(3))
		published := w.everything(simOutput)
		w.wantVerified(q.name, w.job(q), true)
		out, _, err := w.replay(w.job(q), func(o *ReplayOptions) { o.Into = simAgain })
		if err != nil || out.Differences > 0 || out.Unmade > 0 {
			t.Fatalf("%s: replay %+v, %v", q.name, out, err)
		}
		for i := range w.job(q).Plan.Sinks {
			wantAgain(t, w, q, w.job(q).Plan.Sinks[i].Name, published)
		}
		last := w.history().Last.Batch
		for range 8 {
			first := 1 + w.rng.Int64N(last)
			s := Selection{First: first, Last: first + w.rng.Int64N(3)}
			out, told, err := w.replay(w.job(q), func(o *ReplayOptions) { o.Batches = s })
			if err != nil || out.Differences > 0 || len(told) == 0 {
				t.Fatalf("%s: replay of %+v: %+v, %v", q.name, s, out, err)
			}
			if out.First < s.First || out.Last > s.Last {
				widened++
			}
			files += out.Files
		}
	}
	prooftest.Figure(t, "rolled files, replayed", "%d files again, %d of 40 selections widened to whole files, 0 differ", files, widened)
	if widened == 0 {
		t.Error("no selection was widened")
	}
}

// TestRolledVerify: verify names a file with rows of several batches that is changed, gone or there twice, and pending rows that the
// checkpoint has lost; a run refuses to go on without them.
func TestRolledVerify(t *testing.T) {
	for _, d := range damages[:6] {
		w := newWorld(t, simSeed(t)).rolled(time.Hour, 25)
		w.fill(stateless, 200)
		w.mustRun(w.job(stateless, rowsMax(20)))
		name := ""
		for f := range w.files() {
			if first, last, _ := output.BatchesOf(f, "sim"); first < last {
				name = strings.TrimPrefix(f, simOutput+"/")
			}
		}
		if name == "" {
			t.Fatal("no file has rows of several batches")
		}
		told := d.do(w, name)
		found := false
		for _, f := range w.verify(w.job(stateless), false).Findings {
			found = found || f.Kind == d.kind && f.Path == told
		}
		if !found {
			t.Errorf("%s: verify does not find %s %s", d.name, d.kind, told)
		}
	}
	for what, damage := range map[string]func(w *world, name string){
		"gone":    func(w *world, name string) { w.check(w.disk.Remove(name)) },
		"changed": func(w *world, name string) { w.flip(name) },
	} {
		w := leftPending(t, stateless)
		w.wantVerified("as it was left", w.job(stateless), false)
		blocks := w.checkpointNames(nil, pendingPrefix)
		damage(w, path.Join(simCheckpoint, blocks[0]))
		v := w.verify(w.job(stateless), false)
		if len(v.Findings) != 1 || !strings.Contains(v.Findings[0].String(), blocks[0]) {
			t.Errorf("%s: verify finds %v", what, v.Findings)
		}
		wantError[*RefusedError](t, w.run(w.job(stateless)), "pending rows", "restore it from a copy")
		if len(w.files()) > 0 {
			t.Errorf("%s: files are made without them", what)
		}
	}
}

// flip changes a byte of a file.
func (w *world) flip(name string) {
	data, err := w.disk.ReadFile(name)
	w.check(err)
	files := maps.Clone(keptFiles(w.t, w.disk, "/"))
	data[len(data)/2] ^= 1
	files[name] = data
	w.disk = diskOf(w.t, files)
	w.fs = w.disk
}

// TestRolledEdits: what would lose pending rows, or mix two kinds of them in a file, is refused; limits may change, and so may the
// query behind the same columns.
func TestRolledEdits(t *testing.T) {
	for _, q := range []simQuery{windowed, twoWindows} {
		w := leftPending(t, stateless)
		before := fmt.Sprint(keptFiles(t, w.disk, simOutput))
		err := w.run(w.job(q))
		if len(w.history().Open) == 0 {
			wantError[*RefusedError](t, err, "lake", "in no file yet", "run the job as it was once more")
		} else {
			t.Fatal("the open batch was not finished")
		}
		w.mustRun(w.job(stateless))
		w.wantRows("by the job as it was", w.expected(stateless), equalRows)
		if after := fmt.Sprint(keptFiles(t, w.disk, simOutput)); after == before {
			t.Error("nothing was written")
		}
	}
	for _, limits := range []struct {
		age  time.Duration
		rows int64
	}{{0, 0}, {0, 5}, {time.Second, 1000}, {time.Hour, 3}, {2 * time.Hour, 5000}} {
		w := leftPending(t, stateless)
		w.rolled(limits.age, limits.rows)
		w.mustRun(w.job(stateless))
		what := fmt.Sprintf("max_age %s, max_rows %d", limits.age, limits.rows)
		w.wantRows(what, w.expected(stateless), equalRows)
		w.wantHistory(what)
		if left := w.checkpointNames(nil, pendingPrefix); len(left) > 0 || len(w.history().Pending) > 0 {
			t.Errorf("%s: the checkpoint still has %v", what, left)
		}
	}
}

// TestRolledLeftover: what a crash leaves of rows that are in files by then is removed by the next run, also when its files do not
// roll over batches any more.
func TestRolledLeftover(t *testing.T) {
	seed, leftovers := simSeed(t), 0
	fresh := func() *world {
		w := newWorld(t, seed).rolled(time.Hour, 1000)
		w.fill(stateless, 60)
		return w
	}
	plain := fresh()
	plain.mustRun(plain.job(stateless, rowsMax(20), flushing), alone)
	for at := plain.disk.Count(); at > plain.disk.Count()-40; at-- {
		w := fresh()
		w.disk.StopAfter(at)
		err := w.run(w.job(stateless, rowsMax(20), flushing), alone)
		w.disk.Restart()
		if h := w.history(); len(h.Open) > 0 || len(h.Pending) > 0 || len(w.checkpointNames(nil, pendingPrefix)) == 0 {
			continue // nothing is left that nobody needs
		}
		leftovers++
		w.rolled(0, 0).mustRun(w.job(stateless))
		if left := w.checkpointNames(nil, pendingPrefix); len(left) > 0 {
			t.Errorf("crash at operation %d (%v): the checkpoint still has %v", at, err, left)
		}
		w.wantRows("behind the leftover", w.expected(stateless), equalRows)
	}
	if leftovers == 0 {
		t.Error("no crash left anything")
	}
}
