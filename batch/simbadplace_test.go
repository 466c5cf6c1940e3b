package batch

import (
	"context"
	"errors"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// wantUntouched runs a job whose first start must be refused, and checks that nothing below the output is another than before, and that
// no checkpoint was begun, which would be in the way of the next start, nor named.
func (w *world) wantUntouched(job *Job, parts ...string) {
	w.t.Helper()
	before := w.everything(simOutput)
	wantError[*output.OwnedError](w.t, w.run(job), append(parts, "that begins with a new checkpoint")...)
	after := w.everything(simOutput)
	if len(before) == 0 || !maps.EqualFunc(before, after, func(a, b []byte) bool { return string(a) == string(b) }) {
		w.t.Errorf("%d files before, %d after, or other bytes", len(before), len(after))
	}
	w.wantNothing(job.Checkpoint)
}

// wantNothing checks that a directory holds no file.
func (w *world) wantNothing(dir string) {
	w.t.Helper()
	if names, err := (&store.Local{Root: dir, FS: w.disk}).List(w.t.Context(), ""); err != nil || len(names) > 0 {
		w.t.Errorf("%s holds %v, %v", dir, names, err)
	}
}

// TestRefusedFirstStart: what can be seen to be wrong before there is a checkpoint leaves none, and the job that is corrected, under
// whatever name, begins in its place.
func TestRefusedFirstStart(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(60)
	w.write(simOutput+"/dt=1/foreign.parquet", "x")
	wantError[*output.ConflictError](t, w.run(w.job(stateless, named("first"))), "is in the way")
	w.wantNothing(simCheckpoint)
	if err := w.disk.Remove(simOutput + "/dt=1/foreign.parquet"); err != nil {
		t.Fatal(err)
	}
	if err := w.run(w.job(stateless, named("second"), func(j *Job) { j.Sinks = nil })); err == nil {
		t.Fatal("a job without its sinks ran")
	}
	w.wantNothing(simCheckpoint)
	unknown := &offsets.UnknownTopicError{Topic: simTopic, Brokers: []string{"b:1"}}
	wantError[*offsets.UnknownTopicError](t, w.run(w.job(stateless, opening(func(s offsets.Source) (offsets.Source, error) { return knowing{s, unknown}, nil }))), "does not exist")
	w.wantNothing(simCheckpoint)
	wantText(t, w.run(w.job(stateless, opening(func(offsets.Source) (offsets.Source, error) { return nil, errNetwork }))), "open source events")
	w.wantNothing(simCheckpoint)
	w.mustRun(w.job(stateless, flushing, opening(func(s offsets.Source) (offsets.Source, error) { return knowing{s, errNetwork}, nil }))) // which the run would see itself
	w.wantRows("in the end", w.expected(stateless), equalRows)
}

// opening changes what opens the source of a job.
func opening(f func(offsets.Source) (offsets.Source, error)) func(*Job) {
	return func(j *Job) {
		s := j.Sources["events"]
		open := s.Open
		s.Open = func(ctx context.Context) (offsets.Source, error) {
			source, err := open(ctx)
			if err != nil {
				return nil, err
			}
			return f(source)
		}
		j.Sources["events"] = s
	}
}

// knowing is a source that says of its topics what it is told to.
type knowing struct {
	offsets.Source
	err error
}

func (k knowing) TopicsKnown(context.Context) error { return k.err }

// TestFirstStartMeetsAnother: a first start that finds its output taken since it looked for a checkpoint goes on with the one that another
// driver of the job has begun meanwhile.
func TestFirstStartMeetsAnother(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(60)
	met := 0
	w.mustRun(w.job(stateless, func(j *Job) {
		vacant := j.Sinks[0].Vacant
		j.Sinks[0].Vacant = func(ctx context.Context, o output.Opening) error {
			w.mustRun(w.job(stateless))
			met++
			err := vacant(ctx, o)
			wantError[*output.OwnedError](t, err, "belongs to job")
			return err
		}
	}))
	if met != 1 {
		t.Errorf("the place was looked at %d times, want once", met)
	}
	w.wantRows("in the end", w.expected(stateless), equalRows)
}

// TestFailedFirstStart: a first start that fails behind its checkpoint leaves one without a batch, and nothing that is in the way of the
// job once it is mended: another query, other places and all.
func TestFailedFirstStart(t *testing.T) {
	for what, spoil := range map[string]func(*Job){
		"a topic that is not there": func(j *Job) {
			j.Sources["events"] = Source{Start: offsets.Earliest, Open: func(context.Context) (offsets.Source, error) { return nil, errFailpoint }}
		},
		"a sink that is a file": func(j *Job) {
			j.Sinks[0].Open = func(context.Context, output.Opening) (output.Sink, error) { return nil, errFailpoint }
		},
	} {
		w := newWorld(t, simSeed(t))
		w.fill(windowed, 60)
		if err := w.run(w.job(stateless, spoil)); !errors.Is(err, errFailpoint) {
			t.Fatalf("%s: %v", what, err)
		}
		w.warned = nil
		mended := w.job(windowed, flushing)
		mended.Sinks[0] = w.parquet(&mended.Plan.Sinks[0], simOutput+"/elsewhere")
		mended.Sinks[0].Name = mended.Plan.Sinks[0].Name
		w.mustRun(mended)
		if len(w.warned) > 0 {
			t.Errorf("%s: the mended job is told %q", what, w.warned)
		}
		if w.history().Last == nil {
			t.Errorf("%s: the mended job did nothing", what)
		}
	}
}

// TestCheckpointDeleted: an output whose checkpoint is gone belongs to nobody who comes now, and is not written again from the start.
func TestCheckpointDeleted(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(100)
	w.mustRun(w.job(stateless))
	names, err := (&store.Local{Root: simCheckpoint, FS: w.disk}).List(t.Context(), "")
	if err != nil || len(names) < 3 {
		t.Fatalf("%d names, %v", len(names), err)
	}
	for _, name := range names {
		if err := w.disk.Remove(simCheckpoint + "/" + name); err != nil {
			t.Fatal(err)
		}
	}
	w.wantUntouched(w.job(stateless), `/out belongs to job "sim" with checkpoint`, "choose another path")
}

// TestTwoJobsOneOutput: the second one stops before it writes, whatever its name is.
func TestTwoJobsOneOutput(t *testing.T) {
	for _, name := range []string{"other", "sim"} {
		w := newWorld(t, simSeed(t))
		w.generate(100)
		w.mustRun(w.job(stateless))
		w.wantUntouched(w.job(stateless, named(name), func(j *Job) { j.Checkpoint = "/ck2" }), `/out belongs to job "sim" with checkpoint`, "choose another path")
	}
}

// TestClockJumps: a clock that jumps a year ahead and back again loses and doubles nothing; plan times never go back.
func TestClockJumps(t *testing.T) {
	w := newWorld(t, simSeed(t))
	at := int64(0)
	for _, jump := range []time.Duration{0, 365 * 24 * time.Hour, -400 * 24 * time.Hour, time.Minute} {
		w.clock.now = w.clock.now.Add(jump)
		w.generate(60)
		w.mustRun(w.job(stateless, rowsMax(25)))
		last := w.history().Last
		if last.At < at {
			t.Errorf("batch %d has plan time %d, after %d", last.Batch, last.At, at)
		}
		at = last.At
	}
	w.mustRun(w.job(stateless, flushing))
	w.wantRows("in the end", w.expected(stateless), equalRows)
	w.wantHistory("in the end")
}

// TestClockSetBack: a run whose clock is set back between batches says so once for each time, and so does the next run.
func TestClockSetBack(t *testing.T) {
	w := timeWorld(t)
	jumps := map[int]time.Duration{3: -time.Hour, 6: 365 * 24 * time.Hour, 9: -365 * 24 * time.Hour, 12: -time.Hour}
	w.at(0, 1)
	w.mustRun(w.countedJob(continuous), ticks(w, 15, func(tick int) {
		w.clock.now = w.clock.now.Add(jumps[tick])
		w.at(int32(tick%2), int64(tick))
	}))
	w.mustRun(w.countedJob(flushing))
	w.wantWindows("in the end", 0, 10, 10, 6)
	var said []string
	for _, text := range w.warned {
		if strings.HasPrefix(text, "the clock says ") {
			said = append(said, text)
		}
	}
	if len(said) != 3 || !strings.Contains(said[0], " 1h0m before the last batch") || !strings.Contains(said[1], " 365 days before the last batch") {
		t.Errorf("said %q, want it once for each time that the clock is behind, and once by the next run", said)
	}
}
