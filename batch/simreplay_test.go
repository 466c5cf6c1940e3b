package batch

import (
	"bytes"
	"context"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
)

const simAgain = "/again"

// replay runs recorded batches again.
func (w *world) replay(job *Job, change ...func(*ReplayOptions)) (*Replayed, []ReplayedBatch, error) {
	var told []ReplayedBatch
	o := ReplayOptions{Job: job, Resolve: w.resolve, Cores: 1, Env: w.env(), Report: func(b ReplayedBatch) { told = append(told, b) }}
	for _, c := range change {
		c(&o)
	}
	out, err := Replay(context.Background(), o)
	return out, told, err
}

// everything reads all files below a directory, hidden ones too.
func (w *world) everything(dir string) map[string][]byte {
	w.t.Helper()
	out := map[string][]byte{}
	var walk func(string)
	walk = func(d string) {
		entries, err := w.disk.ReadDir(d)
		if err != nil {
			w.t.Fatal(err)
		}
		for _, e := range entries {
			name := path.Join(d, e.Name())
			if e.IsDir() {
				walk(name)
				continue
			}
			data, err := w.disk.ReadFile(name)
			if err != nil {
				w.t.Fatal(err)
			}
			out[strings.TrimPrefix(name, dir+"/")] = data
		}
	}
	walk(dir)
	return out
}

// TestReplay: whatever a job went through, its batches run again to the same bytes, all of them or some, and nothing of the job is
// touched.
func TestReplay(t *testing.T) {
	seed := simSeed(t)
	batches, onState, onSnapshot := 0, 0, 0
	for _, q := range []simQuery{stateless, windowed, twoWindows, fanOut, merged, whole, daily, unnested, aside, late, lateSessions, visits, frames, changing, changingEarly, firsts} {
		w := newWorld(t, seed)
		w.fill(q, 400/q.weight())
		for w.tail() > 0 {
			w.mustRun(w.job(q, rowsMax(1+w.rng.Int64N(120)), shards(1+w.rng.IntN(5))), stopAfter(1+w.rng.IntN(3)), snapshotEach(1+w.rng.IntN(6)))
		}
		w.mustRun(w.job(q, flushing), snapshotEach(4))
		before := maps.Clone(w.everything(simCheckpoint))
		published := w.everything(simOutput)
		w.wantVerified(q.name, w.job(q), true)

		out, _, err := w.replay(w.job(q), func(o *ReplayOptions) { o.Into, o.Cores = simAgain, 8 })
		if err != nil {
			t.Fatalf("%s: replay: %v", q.name, err)
		}
		if out.Differences != 0 || out.Batches != len(committedBatches(w.entries())) {
			t.Errorf("%s: %+v", q.name, out)
		}
		for i := range w.job(q).Plan.Sinks {
			wantAgain(t, w, q, w.job(q).Plan.Sinks[i].Name, published)
		}
		batches += out.Batches
		for range 10 {
			first := 1 + w.rng.Int64N(out.Last)
			some, told, err := w.replay(w.job(q, shards(7)), func(o *ReplayOptions) { o.Batches = Selection{First: first, Last: first + w.rng.Int64N(3)} })
			if err != nil || some.Differences != 0 {
				t.Errorf("%s: from batch %d: %+v, %v, %+v", q.name, first, some, err, told)
			}
			if some.Snapshot > 0 {
				onSnapshot++
			}
			if some.Deltas > 0 {
				onState++
			}
		}
		if !maps.EqualFunc(before, w.everything(simCheckpoint), bytes.Equal) || !maps.EqualFunc(published, w.everything(simOutput), bytes.Equal) {
			t.Errorf("%s: the replay changed something of the job", q.name)
		}
	}
	t.Logf("%d batches again; of parts, %d began on a snapshot and %d on changes behind one", batches, onSnapshot, onState)
	if onSnapshot < 10 || onState < 10 {
		t.Errorf("too few parts began on state: %d, %d", onSnapshot, onState)
	}
}

// snapshotEach makes a driver take one at least every n batches.
func snapshotEach(n int) func(*Options) { return func(o *Options) { o.snapshotEvery = n } }

// entries is the whole log.
func (w *world) entries() []Entry {
	w.t.Helper()
	in, err := w.inspect()
	if err != nil {
		w.t.Fatal(err)
	}
	return in.Entries
}

// wantAgain compares the files of a sink with those of its replay, byte by byte, owner and manifests too.
func wantAgain(t *testing.T, w *world, q simQuery, sink string, published map[string][]byte) {
	t.Helper()
	want := published
	if q.graph != nil {
		want = map[string][]byte{}
		for name, data := range published {
			if rest, ok := strings.CutPrefix(name, sink+"/"); ok {
				want[rest] = data
			}
		}
	}
	got := w.everything(path.Join(simAgain, sink))
	names := func(files map[string][]byte) []string { return slices.Sorted(maps.Keys(files)) }
	if !slices.Equal(names(got), names(want)) {
		t.Fatalf("%s: sink %s: replay made %q, want %q", q.name, sink, names(got), names(want))
	}
	for name, data := range want {
		if !bytes.Equal(got[name], data) {
			t.Errorf("%s: sink %s: %s has other bytes", q.name, sink, name)
		}
	}
}

// TestReplayTells: what is not as it was is told, by name.
func TestReplayTells(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.fill(windowed, 300)
	w.mustRun(w.job(windowed, flushing, rowsMax(90)))

	_, told, err := w.replay(w.job(windowed), func(o *ReplayOptions) {
		o.executor = func(wk *worker, n int) Executor { return losing{localExecutor(wk, n)} }
	})
	if err != nil {
		t.Fatal(err)
	}
	var all []string
	for _, b := range told {
		for _, d := range b.Differences {
			all = append(all, d.String())
		}
	}
	text := strings.Join(all, "\n")
	for _, part := range []string{"records were read, the log counts", ".parquet: other rows: ", "operator ", "the log has it with"} {
		if !strings.Contains(text, part) {
			t.Errorf("nothing says %q:\n%s", part, text)
		}
	}
}

// losing is an executor whose source tasks read but the first record of their ranges.
type losing struct{ Executor }

func (l losing) Run(ctx context.Context, tasks []Task, then func(int, *Result) []Task) error {
	for i := range tasks {
		if r := tasks[i].Range; r != nil && r.Span() > 1 {
			shorter := *r
			shorter.Until = shorter.From + 1
			tasks[i].Range = &shorter
		}
	}
	return l.Executor.Run(ctx, tasks, then)
}

// TestReplayRefuses: what cannot be replayed is said, and nothing is written.
func TestReplayRefuses(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.fill(windowed, 300)
	if _, _, err := w.replay(w.job(windowed)); err == nil {
		t.Error("a job that never ran was replayed")
	}
	w.mustRun(w.job(windowed, flushing, rowsMax(90)))
	_, _, err := w.replay(w.job(windowed), func(o *ReplayOptions) { o.Batches = Selection{First: 100} })
	wantError[*SelectionError](t, err, "no committed batch", "batches 1 to ")
	_, _, err = w.replay(w.job(windowed, named("other")))
	wantError[*RefusedError](t, err, `belongs to job "sim"`)
	_, _, err = w.replay(w.job(byAd), func(o *ReplayOptions) { o.Resolve = nil })
	wantError[*RefusedError](t, err, "replay batch 1", "planned as job")
	w.source.DeleteBefore(simTopic, 0, 5)
	_, _, err = w.replay(w.job(windowed), func(o *ReplayOptions) { o.Into = simAgain })
	wantError[*RefusedError](t, err, "replay batch 1", "events/0", "choose later batches")
	if files := w.everything(simAgain + "/" + w.job(windowed).Plan.Sinks[0].Name); len(files) != 1 { // the owner
		t.Errorf("%d files were written", len(files))
	}
}

// TestSelection chooses by ids, by plan time, and by what closed.
func TestSelection(t *testing.T) {
	var all []committedBatch
	for i := range int64(5) {
		all = append(all, committedBatch{
			plan:   &Planned{Batch: 3 + i, At: 100 + 10*i, Before: Marks{Operators: map[string]int64{"w": 1000 * i}}},
			commit: &Committed{Batch: 3 + i, At: 100 + 10*i, After: Marks{Operators: map[string]int64{"w": 1000 * (i + 1)}}},
		})
	}
	for _, test := range []struct {
		s           Selection
		first, last int64
		refused     string
	}{
		{s: Selection{}, first: 3, last: 7},
		{s: Selection{First: 4, Last: 5}, first: 4, last: 5},
		{s: Selection{First: 6}, first: 6, last: 7},
		{s: Selection{Last: 3}, first: 3, last: 3},
		{s: Selection{First: 2}, refused: "pruned before batch 3"},
		{s: Selection{From: 95}, refused: "batches planned since"},
		{s: Selection{WindowFrom: -5, WindowTo: 3000}, refused: "batches that closed windows from"},
		{s: Selection{First: 8}, refused: "no committed batch"},
		{s: Selection{From: 110, To: 130}, first: 4, last: 5},
		{s: Selection{From: 140}, first: 7, last: 7},
		{s: Selection{To: 100}, refused: "no committed batch"},
		{s: Selection{WindowFrom: 2000, WindowTo: 3000}, first: 5, last: 5}, // (2000, 3000] closes in the batch from 2000 to 3000
		{s: Selection{WindowFrom: 1500, WindowTo: 3001}, first: 4, last: 6},
		{s: Selection{WindowFrom: 5000, WindowTo: 6000}, refused: "no committed batch"},
		{s: Selection{First: 5, WindowFrom: 500, WindowTo: 3001}, first: 5, last: 6},
	} {
		got, err := test.s.choose(all, &LogStart{Batch: 2, At: 95}, Marks{Operators: map[string]int64{"w": 0}})
		if test.refused != "" {
			if err == nil {
				t.Errorf("%+v: chose %d batches, want a refusal", test.s, len(got))
				continue
			}
			wantText(t, err, test.refused)
			continue
		}
		if err != nil || got[0].plan.Batch != test.first || got[len(got)-1].plan.Batch != test.last {
			t.Errorf("%+v: %v, %v, want %d to %d", test.s, got, err, test.first, test.last)
		}
	}
}

// TestReplayTopics compares topics by their rows.
func TestReplayTopics(t *testing.T) {
	for _, q := range []simQuery{published, asideTopic, lateTopic} {
		w := newWorld(t, simSeed(t))
		w.publish()
		w.fill(q, 400/q.weight())
		w.mustRun(w.job(q, flushing, rowsMax(60)))
		rows := len(w.topicRows())
		out, _, err := w.replay(w.job(q), func(o *ReplayOptions) { o.Into = simAgain })
		if err != nil || out.Differences != 0 || out.Batches < 3 || out.Files != len(w.files()) {
			t.Errorf("%s: %+v, %v, %d files", q.name, out, err, len(w.files()))
		}
		if n := len(w.topicRows()); n != rows || n == 0 {
			t.Errorf("%s: %d rows in the topics, %d before the replay", q.name, n, rows)
		}
		out, _, err = w.replay(w.job(q), func(o *ReplayOptions) {
			o.executor = func(wk *worker, n int) Executor { return losing{localExecutor(wk, n)} }
		})
		if err != nil || out.Differences < out.Batches {
			t.Errorf("%s, losing records: %+v, %v", q.name, out, err)
		}
	}
}

// TestReplayTopicRows: rows in topics are counted as such, and not as rows in files.
func TestReplayTopicRows(t *testing.T) {
	w := newWorld(t, 1)
	w.publish()
	w.fill(published, 300)
	w.mustRun(w.job(published, flushing, rowsMax(60)))
	out, batches, err := w.replay(w.job(published))
	if err != nil {
		t.Fatal(err)
	}
	inTopics, files := int64(len(w.topicRows())), len(w.files())
	if out.TopicRows != inTopics || out.Rows <= inTopics || inTopics == 0 || out.Files != files || out.Differences > 0 {
		t.Errorf("%+v, want %d rows in topics, more in all, and %d files", out, inTopics, files)
	}
	sum := int64(0)
	for _, b := range batches {
		sum += b.TopicRows
	}
	if sum != inTopics {
		t.Errorf("batches have %d rows in topics, want %d", sum, inTopics)
	}
}
