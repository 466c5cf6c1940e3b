package batch

import (
	"context"
	"fmt"
	"io"
	"path"
	"testing"

	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
)

// loseLog removes every record of the log.
func (w *world) loseLog(objects *storetest.Objects) {
	w.t.Helper()
	names := w.checkpointNames(objects, "wal/")
	if len(names) == 0 {
		w.t.Fatal("there is no log")
	}
	for _, name := range names {
		if objects != nil {
			w.check(objects.Delete(w.t.Context(), name))
			continue
		}
		w.check(w.disk.Remove(simCheckpoint + "/" + name))
	}
}

// keepOnly removes all but one kind of what a checkpoint holds beside its log.
func (w *world) keepOnly(objects *storetest.Objects, prefix string) {
	w.t.Helper()
	for _, other := range behindPlans {
		for _, name := range w.checkpointNames(objects, other) {
			switch {
			case other == prefix:
			case objects != nil:
				w.check(objects.Delete(w.t.Context(), name))
			default:
				w.check(w.disk.Remove(simCheckpoint + "/" + name))
			}
		}
	}
}

// TestLogGone: a checkpoint whose log was deleted is never taken for that of a job which has not begun, whatever else is left of it
// and wherever it lies.
func TestLogGone(t *testing.T) {
	for _, objects := range []*storetest.Objects{nil, {}} {
		for _, prefix := range []string{statePrefix, snapshotsPrefix, prunedPrefix} {
			at := "/ck/"
			var mine *storetest.Objects
			w := oldWorld(t, nil, 0)
			if objects != nil {
				at, mine = "s3://bucket/ck/", &storetest.Objects{}
				w = oldWorld(t, mine, 0)
			}
			w.mustRun(w.retainJob(mine, continuous, retaining), w.retainOptions(mine), ticks(w, 5, w.threeQuarters))
			w.loseLog(mine)
			w.keepOnly(mine, prefix)
			w.removeAll(simOutput) // what the output says is for the next test
			env, job := envWith(w, mine), w.retainJob(mine)
			want := []string{"the log of checkpoint " + at[:len(at)-1] + " is gone: " + at + "wal holds nothing, but " + at + path.Clean(prefix), "restore the whole checkpoint from a copy"}
			_, err := Inspect(t.Context(), env, job.Checkpoint)
			wantError[*RefusedError](t, err, want...)
			_, err = LookUp(t.Context(), env, job)
			wantError[*RefusedError](t, err, want...)
			_, err = Verify(t.Context(), VerifyOptions{Job: job, Resolve: w.resolve, Env: env})
			wantError[*RefusedError](t, err, want...)
			_, err = Replay(t.Context(), ReplayOptions{Job: job, Resolve: w.resolve, Cores: 1, Env: env})
			wantError[*RefusedError](t, err, want...)
			wantError[*RefusedError](t, w.run(job, w.retainOptions(mine)), want...)
			if n := len(w.files()) + len(w.checkpointNames(mine, "wal/")); n > 0 {
				t.Errorf("%s: %d files in output and log", prefix, n)
			}
			t.Log(err)
		}
	}
}

// TestLogGoneOutputThere: where only the output knows that there were batches, whoever looks at the job is told so, and a run refuses and
// changes nothing of it.
func TestLogGoneOutputThere(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(100)
	w.mustRun(w.job(stateless, rowsMax(50)))
	w.loseLog(nil)
	job, before := w.job(stateless), w.everything(simOutput)
	want := []string{"the log of checkpoint /ck is gone", "sink lake has committed batch 2 to /out", "restore the whole checkpoint from a copy"}
	_, err := LookUp(t.Context(), w.env(), job)
	wantError[*RefusedError](t, err, want...)
	_, err = CheckOutputs(t.Context(), w.env(), job)
	wantError[*RefusedError](t, err, want...)
	wantError[*RefusedError](t, w.run(w.job(stateless)), `sink "lake" has committed batch 2 but the log of this checkpoint is empty`)
	if after := w.everything(simOutput); fmt.Sprint(before) != fmt.Sprint(after) {
		t.Error("the output is not what it was")
	}
}

// TestCheckpointGoneOutputThere: a job without any checkpoint has not run yet, unless an output knows better.
func TestCheckpointGoneOutputThere(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(100)
	if s := w.look(w.job(stateless), false); s.ID != "" || len(s.Warnings) > 0 {
		t.Errorf("before the first run: %+v", s)
	}
	w.mustRun(w.job(stateless))
	job := w.job(stateless, func(j *Job) { j.Checkpoint = "/elsewhere" })
	_, err := LookUp(t.Context(), w.env(), job)
	wantError[*output.OwnedError](t, err, "was the checkpoint deleted or moved? put it back")
	if _, err = LookUp(t.Context(), w.env(), w.job(stateless, named("other"), func(j *Job) { j.Checkpoint = "/elsewhere" })); err != nil {
		t.Errorf("a job of another name: %v", err)
	}
}

// TestLogNotBegun: nothing is gone of a job that has run and found nothing, whose outputs cannot be looked at, or whose first batch is
// committed while somebody looks.
func TestLogNotBegun(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.source.Create(simTopic, 3)
	w.mustRun(w.job(stateless)) // nothing to read
	unreachable := func(j *Job) {
		j.Sinks[0].Committed = func(context.Context, output.Owner) (int64, error) { return 0, io.ErrUnexpectedEOF }
	}
	if s := w.look(w.job(stateless), false); s.ID == "" || len(s.Warnings) > 0 {
		t.Errorf("a job that found nothing: %+v", s)
	}
	if s := w.look(w.job(stateless, unreachable), false); len(s.Warnings) != 1 {
		t.Errorf("warned %q, want of the output that cannot be looked at", s.Warnings)
	}
	met := 0
	meanwhile := func(j *Job) {
		look := j.Sinks[0].Committed
		j.Sinks[0].Committed = func(ctx context.Context, o output.Owner) (int64, error) {
			w.generate(60)
			w.mustRun(w.job(stateless))
			met++
			return look(ctx, o)
		}
	}
	if _, err := LookUp(t.Context(), w.env(), w.job(stateless, meanwhile)); err != nil || met != 1 {
		t.Errorf("%v after %d batches that came meanwhile", err, met)
	}
}

// TestLogBegunMeanwhile: a log that is begun between the look at it and the look at what is behind plans is read once more.
func TestLogBegunMeanwhile(t *testing.T) {
	w, objects := newWorld(t, simSeed(t)), &storetest.Objects{}
	job := func(change ...func(*Job)) *Job { return w.retainJob(objects, change...) }
	w.source.Create(simTopic, 3)
	w.mustRun(job(), w.retainOptions(objects))
	met := 0
	objects.Fail = func(op, name string) (error, bool) {
		if op == "list" && name == statePrefix && met == 0 {
			met++
			w.generate(200)
			w.mustRun(job(), w.retainOptions(objects), everySnapshot)
		}
		return nil, false
	}
	in, err := Inspect(t.Context(), envWith(w, objects), job().Checkpoint)
	if err != nil || met != 1 || in.History.Last == nil {
		t.Errorf("%v after %d looks; %+v", err, met, in)
	}
}
