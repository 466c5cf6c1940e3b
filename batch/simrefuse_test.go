package batch

import (
	"context"
	"path"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// write puts a file in the place of what has the name.
func (w *world) write(name, text string) {
	w.t.Helper()
	dir, base := path.Split(name)
	_ = w.disk.Remove(name)
	if err := store.PutBytes(w.t.Context(), &store.Local{Root: dir, FS: w.disk}, base, []byte(text)); err != nil {
		w.t.Fatal(err)
	}
}

// text is the content of a file.
func (w *world) text(name string) string {
	w.t.Helper()
	data, err := w.disk.ReadFile(name)
	if err != nil {
		w.t.Fatal(err)
	}
	return string(data)
}

// lastSegment is the name of the newest file of the log.
func (w *world) lastSegment() string {
	w.t.Helper()
	names, err := (&store.Local{Root: simCheckpoint + "/wal", FS: w.disk}).List(w.t.Context(), "")
	if err != nil || len(names) == 0 {
		w.t.Fatalf("no log: %v", err)
	}
	return simCheckpoint + "/wal/" + names[len(names)-1]
}

// TestRefusals spoils a checkpoint or an output: the next run stops before it changes anything, and says why and what to
// do.
func TestRefusals(t *testing.T) {
	marker := simCheckpoint + "/" + markerName
	for _, test := range []struct {
		name  string
		spoil func(*world)
		job   func(*Job)
		want  func(t *testing.T, err error)
	}{
		{"checkpoint of another job", nil, named("other"), refusedWith(`checkpoint /ck belongs to job "sim", not to "other"`, "choose another directory")},
		{"checkpoint of a newer format", func(w *world) { w.write(marker, strings.Replace(w.text(marker), `"format":1`, `"format":2`, 1)) }, nil,
			refusedWith("checkpoint /ck has format 2, this program reads format 1", "a newer millrace wrote it; run that version, or a newer one")},
		{"damaged marker", func(w *world) { w.write(marker, "{") }, nil, refusedWith("/ck/millrace.json is damaged", "restore it from a copy")},
		{"marker of nothing", func(w *world) { w.write(marker, "{}") }, nil, refusedWith("/ck/millrace.json is damaged", "restore it from a copy")},
		{"marker of no job", func(w *world) { w.write(marker, strings.Replace(w.text(marker), `"job":"sim"`, `"job":""`, 1)) }, nil, refusedWith("/ck/millrace.json is damaged")},
		{"marker gone", func(w *world) { _ = w.disk.Remove(marker) }, nil, refusedWith("/ck holds", "but no millrace.json", "not a checkpoint")},
		{"log of a newer format", func(w *world) { w.spoilLog(6, 2) }, nil, refusedWith("has log format 2, this program reads format 1")},
		{"log damaged in the middle", func(w *world) { w.spoilLog(300, 0xff) }, nil, refusedWith("damaged", "restore the checkpoint from a copy", "nothing was changed")},
		{"log gone, output there", func(w *world) { _ = w.disk.Remove(w.lastSegment()) }, nil,
			refusedWith(`sink "lake" has committed batch 2 but the log of this checkpoint is empty`, "restore the whole checkpoint from a newer copy")},
		{"output of another checkpoint", func(w *world) {
			w.write(simOutput+"/_millrace/owner", strings.Replace(w.text(simOutput+"/_millrace/owner"), `"checkpoint_id":"`, `"checkpoint_id":"00`, 1))
		}, nil, func(t *testing.T, err error) {
			wantError[*output.OwnedError](t, err, `/out belongs to job "sim" with checkpoint 00`, "choose another path")
		}},
		{"owner of the output gone", func(w *world) {
			_ = w.disk.Remove(simOutput + "/_millrace/owner")
		}, nil, func(t *testing.T, err error) {
			wantError[*output.ConflictError](t, err, "has no _millrace/owner although the log has committed rows")
		}},
		{"records of the next batch deleted", func(w *world) { w.source.DeleteBefore(simTopic, 1, 60) }, nil, func(t *testing.T, err error) {
			wantError[*offsets.RangeGoneError](t, err, "events/1", "retention has deleted offsets before 60")
		}},
		{"topic made anew", func(w *world) { w.source.Create(simTopic, 3) }, nil, func(t *testing.T, err error) {
			wantError[*offsets.RangeGoneError](t, err, "events/0")
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, 1)
			w.generate(100)
			w.mustRun(w.job(stateless, rowsMax(50)))
			w.generate(100)
			if test.spoil != nil {
				test.spoil(w)
			}
			files := len(w.files())
			change := test.job
			if change == nil {
				change = func(*Job) {}
			}
			err := w.run(w.job(stateless, change))
			test.want(t, err)
			if strings.Contains(err.Error(), "\n") {
				t.Errorf("error of several lines: %v", err)
			}
			if len(w.files()) != files {
				t.Errorf("%d files more", len(w.files())-files)
			}
			t.Logf("%v", err)
		})
	}
}

func refusedWith(parts ...string) func(*testing.T, error) {
	return func(t *testing.T, err error) { wantError[*RefusedError](t, err, parts...) }
}

// spoilLog changes a byte of the newest segment.
func (w *world) spoilLog(at int, b byte) {
	w.t.Helper()
	name := w.lastSegment()
	data := []byte(w.text(name))
	data[at] = b
	_ = w.disk.Remove(name)
	w.write(name, string(data))
}

// TestOldCopyOfACheckpoint goes back to a copy that was made between two runs: the output is ahead of it.
func TestOldCopyOfACheckpoint(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(100)
	beside := storetest.NewCrashFS()
	job := func() *Job {
		j := w.job(stateless, rowsMax(50))
		open := w.parquet(&j.Plan.Sinks[0], simOutput).Open
		j.Sinks[0].Open = func(ctx context.Context, o output.Opening) (output.Sink, error) {
			fs := w.fs
			defer func() { w.fs = fs }()
			w.fs = beside
			return open(ctx, o)
		}
		return j
	}
	w.mustRun(job())
	copied := w.disk.Crash(1)
	w.generate(100)
	w.mustRun(job())
	w.disk, w.fs = copied, copied
	refused := w.run(job())
	wantError[*RefusedError](t, refused, `sink "lake" has committed batch`, "but the log ends with batch", "restore the newer checkpoint")
}

// TestForeignDirectories refuses directories that hold something else, before anything is written to them.
func TestForeignDirectories(t *testing.T) {
	w := newWorld(t, 1)
	w.generate(10)
	w.write(simOutput+"/old.parquet", "somebody's")
	wantError[*output.ConflictError](t, w.run(w.job(stateless)), "/out/old.parquet: is in the way", "choose an empty or new path")
	w = newWorld(t, 1)
	w.generate(10)
	w.write(simCheckpoint+"/notes.txt", "somebody's")
	wantError[*RefusedError](t, w.run(w.job(stateless)), "/ck holds notes.txt but no millrace.json", "choose another directory")
	if entries, err := w.disk.ReadDir(simCheckpoint); err != nil || len(entries) != 1 {
		t.Errorf("%d entries in a foreign directory, error %v; want it as it was", len(entries), err)
	}
	_, err := Inspect(t.Context(), Env{FS: w.disk}, "/nowhere")
	wantError[*RefusedError](t, err, "/nowhere is not a checkpoint")
}

// TestIncompleteJobs names what a job leaves out, before it writes anything.
func TestIncompleteJobs(t *testing.T) {
	for _, test := range []struct {
		change func(*Job)
		want   string
	}{
		{func(j *Job) { delete(j.Sources, "events") }, `job sim: nothing opens source "events"`},
		{func(j *Job) { delete(j.Tables, "ads") }, `job sim: nothing reads table "ads"`},
		{func(j *Job) { j.Sinks = j.Sinks[1:] }, "job sim: 4 sinks are opened, the plan has 5"},
		{func(j *Job) { j.Sinks[0], j.Sinks[1] = j.Sinks[1], j.Sinks[0] }, `job sim: nothing opens sink "biggest"; in its place stands "odd"`},
		{func(j *Job) { j.Plan.Stages[0].ID = 7 }, "job sim: stage 0: has the id 7"},
	} {
		w := newWorld(t, 1)
		w.generate(10)
		wantText(t, w.run(w.job(fanOut, test.change)), test.want)
		_, err := w.next(w.job(fanOut, test.change))
		wantText(t, err, test.want)
		if n := len(w.files()); n > 0 {
			t.Errorf("%d files", n)
		}
	}
}
