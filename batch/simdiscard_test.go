package batch

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
)

func discarding(batch int64) func(*Options) { return func(o *Options) { o.Discard = batch } }

// failAfterFiles runs a job, which has no reason to fail, until the first files of a batch are visible and nothing else of it is.
func (w *world) failAfterFiles(job *Job) int64 {
	w.t.Helper()
	reset := failpoint.Set(failpoint.DriverNextSink, func() error {
		open := w.history().Open[0].Batch
		if len(w.filesOf(open)) > 0 {
			return errNetwork
		}
		return nil
	})
	err := w.run(job)
	reset()
	if !errors.Is(err, errNetwork) {
		w.t.Fatalf("run: %v, want the fault", err)
	}
	return w.history().Open[0].Batch
}

// filesOf are the files that a reader sees of a batch.
func (w *world) filesOf(batch int64) map[string][]byte {
	w.t.Helper()
	out := map[string][]byte{}
	for name, data := range w.files() {
		if _, last, ok := output.BatchesOf(name, "sim"); ok && last == batch {
			out[name] = data
		}
	}
	return out
}

// doubleOneOf leaves a file of a batch once more, under the name of a shard that there is not: no rerun makes it.
func (w *world) doubleOneOf(batch int64) {
	w.t.Helper()
	names := slices.Sorted(maps.Keys(w.filesOf(batch)))
	if len(names) == 0 {
		w.t.Fatalf("batch %d has no files", batch)
	}
	w.write(path.Join(simOutput, strings.Replace(names[0], "-s00", "-s05", 1)), string(w.filesOf(batch)[names[0]])) // durable
}

// wantSetAside checks that files are kept as they were where no reader looks, and that the log says where.
func (w *world) wantSetAside(what string, batch int64, were map[string][]byte) {
	w.t.Helper()
	listed := 0
	for _, e := range w.entries() {
		c, ok := e.Record.(*Cancelled)
		if !ok || c.Batch != batch {
			continue
		}
		if !strings.Contains(Describe(c), "discarded with --discard-open-batch") {
			w.t.Errorf("%s: %s", what, Describe(c))
		}
		for sink, files := range c.Discarded {
			for _, f := range files {
				listed++
				at := w.rootOf(sink)
				data, err := w.disk.ReadFile(path.Join(simOutput, at, f.To))
				if want := were[path.Join(at, f.Path)]; err != nil || string(data) != string(want) || len(want) == 0 {
					w.t.Errorf("%s: %s is kept as %s: %d bytes, want %d (%v)", what, f.Path, f.To, len(data), len(want), err)
				}
			}
		}
	}
	if listed != len(were) {
		w.t.Errorf("%s: the log lists %d files, there were %d", what, listed, len(were))
	}
}

// rootOf is the directory of a sink below simOutput.
func (w *world) rootOf(sink string) string {
	if _, err := w.disk.ReadDir(path.Join(simOutput, sink)); err == nil {
		return sink
	}
	return ""
}

// discardCases are the states that a run refuses to go on from, and out of which it is told to discard the open batch.
var discardCases = []struct {
	name    string
	q       simQuery
	refused []string // of a run without the flag
	open    func(w *world) (batch int64)
	job     func(w *world) *Job // of the runs behind that
	topics  bool
	notDeep bool // this program does not understand the batches before
}{
	{name: "a file that the rerun does not make", q: stateless, refused: []string{"earlier attempt at batch 2", "--discard-open-batch 2"},
		open: func(w *world) int64 {
			n := w.failAfterFiles(w.job(stateless))
			w.doubleOneOf(n)
			return n
		}},
	{name: "other rows under a name", q: stateless, refused: []string{"was there before", "--discard-open-batch 2"},
		open: func(w *world) int64 {
			n := w.failAfterFiles(w.job(stateless))
			name := slices.Min(slices.Collect(maps.Keys(w.filesOf(n))))
			other := slices.Min(slices.Collect(maps.Keys(w.filesOf(1))))
			w.check(w.disk.Remove(path.Join(simOutput, name)))
			w.copyFile(other, name)
			return n
		}},
	{name: "its records are gone", q: stateless, refused: []string{"batch 2 is open and part of its output is visible", "accept the loss once more with --discard-open-batch 2"},
		open: func(w *world) int64 {
			at := w.reached(simTopic, 1)
			n := w.failAfterFiles(w.job(stateless))
			w.source.DeleteBefore(simTopic, 1, at+7)
			w.lose(func(e simEvent) bool { return e.partition == 1 && e.at >= at && e.at < at+7 })
			return n
		},
		job: func(w *world) *Job { return w.job(stateless, accepting("events")) }, notDeep: true},
	{name: "another program means something else by the job", q: stateless, refused: []string{"batch 2 is open", "finish it with the program version that planned it", "--discard-open-batch 2"},
		open: func(w *world) int64 { return w.failAfterFiles(w.job(stateless)) },
		job: func(w *world) *Job {
			job := w.job(stateless)
			job.Hash = strings.Repeat("ab", 32)
			return job
		}, notDeep: true},
	{name: "windows that were closed", q: windowed, refused: []string{"earlier attempt at batch", "--discard-open-batch"},
		open: func(w *world) int64 {
			n := w.failAfterFiles(w.job(windowed, flushing))
			w.doubleOneOf(n)
			return n
		}},
	{name: "dead letters", q: aside, refused: []string{"earlier attempt at batch 2", "--discard-open-batch 2"},
		open: func(w *world) int64 {
			n := w.failAfterFiles(w.job(aside))
			w.doubleOneOf(n)
			return n
		}},
	{name: "a topic that does not have it", q: published, topics: true, refused: []string{"earlier attempt at batch 2", "--discard-open-batch 2"},
		open: func(w *world) int64 {
			n := w.failAfterFiles(w.job(published))
			w.doubleOneOf(n)
			return n
		}},
}

// TestDiscard gives up the open batch out of each state that a run refuses to go on from: its files are moved where no reader looks, its
// records are planned anew, and there is every row once.
func TestDiscard(t *testing.T) {
	seed := simSeed(t)
	for _, test := range discardCases {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, seed)
			if test.topics {
				w.publish()
			}
			w.fill(test.q, 150)
			w.mustRun(w.job(test.q))
			w.fill(test.q, 100)
			n := test.open(w)
			job := func() *Job { return w.job(test.q) }
			if test.job != nil {
				job = func() *Job { return test.job(w) }
			}
			wantText(t, w.run(job()), test.refused...)
			were := w.filesOf(n)
			wantText(t, w.run(job(), discarding(n+3)), fmt.Sprintf("batch %d is open, not batch %d", n, n+3), "nothing was discarded")
			if h := w.history(); len(h.Open) == 0 || h.Open[0].Batch != n || len(w.filesOf(n)) != len(were) {
				t.Fatalf("a refused run changed something: %d open, %d files of %d", len(h.Open), len(w.filesOf(n)), len(were))
			}
			w.warned = nil
			wantText(t, w.run(job(), discarding(n-1)), test.refused...)
			wantText(t, errors.New(strings.Join(w.warned, "\n")), fmt.Sprintf("batch %d is not open any more: nothing is discarded; batch %d is, of which there are files in sink", n-1, n))
			w.warned = nil
			behind := job()
			flushing(behind)
			w.mustRun(behind, discarding(n))
			w.wantRows("discarded", w.expected(test.q), equalRows)
			w.wantSetAside("discarded", n, were)
			if said := strings.Join(w.warned, "\n"); !strings.Contains(said, fmt.Sprintf("batch %d is discarded; %d file", n, len(were))) {
				t.Errorf("warned of %q", said)
			}
			if h := w.history(); h.Last.Batch <= n || len(h.Open) > 0 || len(h.Discarded) > 0 {
				t.Errorf("the log ends with batch %d, %d are open, %d discarded", h.Last.Batch, len(h.Open), len(h.Discarded))
			}
			w.wantVerified("discarded", job(), !test.notDeep)
			_, _, err := w.replay(job(), func(o *ReplayOptions) { o.Batches = Selection{First: n, Last: n} })
			wantError[*SelectionError](t, err, fmt.Sprintf("batch %d was never published: discarded with --discard-open-batch", n), "planned anew")
			w.warned = nil
			again := job()
			flushing(again)
			w.mustRun(again, discarding(n))
			wantText(t, errors.New(strings.Join(w.warned, "\n")), fmt.Sprintf("batch %d is not open", n))
			w.wantRows("told once more", w.expected(test.q), equalRows)
		})
	}
}

// TestDiscardRolled discards a batch whose files have rows of earlier batches too: these wait on.
func TestDiscardRolled(t *testing.T) {
	w := newWorld(t, simSeed(t)).rolled(time.Hour, 25)
	w.generate(60)
	w.mustRun(w.job(stateless, continuous, rowsMax(20)), ticks(w, 4, nil))
	w.generate(60)
	n := w.failAfterFiles(w.job(stateless, rowsMax(20)))
	spanning := 0
	for name := range w.filesOf(n) {
		if first, last, _ := output.BatchesOf(name, "sim"); first < last {
			spanning++
		}
	}
	if spanning == 0 {
		t.Fatal("no file of the batch has rows of earlier ones")
	}
	w.doubleOneOf(n)
	were := w.filesOf(n)
	wantError[*output.ConflictError](t, w.run(w.job(stateless)), "--discard-open-batch")
	w.mustRun(w.job(stateless, flushing), discarding(n))
	w.wantRows("discarded", w.expected(stateless), equalRows)
	w.wantSetAside("discarded", n, were)
	w.wantVerified("discarded", w.job(stateless), true)
}

// discardWorld has a batch open, with all its files there and one that the rerun does not make.
func discardWorld(t *testing.T, seed uint64) (w *world, n int64) {
	w = newWorld(t, seed)
	w.generate(150)
	w.mustRun(w.job(stateless))
	w.generate(100)
	n = w.failAfterFiles(w.job(stateless))
	w.doubleOneOf(n)
	return w, n
}

// TestDiscardCrashes ends the process, or cuts the power, at every operation of the disk while a batch is discarded. Whoever comes next
// without the flag is refused as before, or ends what the log says was decided; told once more, it comes to the same end; and no power
// that fails later brings a file back.
func TestDiscardCrashes(t *testing.T) {
	seed := simSeed(t)
	step, open, decided, crashes := 1, 0, 0, 0
	if testing.Short() {
		step = 5
	}
	for _, power := range []bool{false, true} {
		for at := 1; ; at += step {
			w, n := discardWorld(t, seed)
			were := w.filesOf(n)
			what := fmt.Sprintf("power %v, operation %d", power, at)
			w.disk.StopAfter(at)
			err := w.run(w.job(stateless), discarding(n))
			if err == nil {
				break
			}
			if !errors.Is(err, storetest.ErrPower) {
				t.Fatalf("%s: %v", what, err)
			}
			crashes++
			w.goOn(power)
			if h := w.history(); len(h.Open) > 0 && h.Open[0].Batch == n {
				open++
				wantError[*output.ConflictError](t, w.run(w.job(stateless)), "--discard-open-batch 2")
			} else if at%2 == 0 {
				decided++
				w.mustRun(w.job(stateless))
				w.wantRows(what+", without the flag", w.expected(stateless), equalRows)
			}
			w.mustRun(w.job(stateless), discarding(n))
			w.goOn(true)
			w.wantRows(what, w.expected(stateless), equalRows)
			w.wantHistory(what)
			w.wantSetAside(what, n, were)
			w.wantVerified(what, w.job(stateless), false)
		}
	}
	t.Logf("%d crashes: at %d the batch was open yet, %d runs without the flag ended what was decided", crashes, open, decided)
	if open == 0 || decided == 0 {
		t.Errorf("the crashes miss a state: %d open, %d decided", open, decided)
	}
}

// goOn is a disk as the next driver finds it.
func (w *world) goOn(power bool) {
	if power {
		w.disk = w.disk.Crash(w.rng.Uint64())
		w.fs = w.disk
		return
	}
	w.disk.Restart()
}

// TestDiscardTwoDrivers pauses a driver that discards at each of its steps, has a second one take over and go on without the flag, and
// wakes the first: a batch that the second one finishes keeps its files, and one that the log says is given up has none.
func TestDiscardTwoDrivers(t *testing.T) {
	seed := simSeed(t)
	for _, p := range []failpoint.Point{failpoint.ParquetAside, failpoint.DriverDiscard, failpoint.DriverDiscarded, failpoint.ParquetRemove} {
		w := newWorld(t, seed)
		w.generate(150)
		w.mustRun(w.job(stateless))
		w.generate(100)
		n := w.failAfterFiles(w.job(stateless)) // which a rerun makes, all of it
		hits := 0
		reset := failpoint.Set(p, func() error {
			if hits++; hits == 1 {
				w.mustRun(w.job(stateless), takeOver)
			}
			return nil
		})
		err := w.run(w.job(stateless), discarding(n))
		reset()
		if hits == 0 {
			t.Fatalf("the driver never came to %s", p)
		}
		finished := p == failpoint.ParquetAside || p == failpoint.DriverDiscard
		if finished {
			wantError[*SupersededError](t, err, "another run has taken this job over")
		}
		w.wantRows(fmt.Sprintf("woken at %s", p), w.expected(stateless), equalRows)
		w.wantHistory(string(p))
		if got := len(w.filesOf(n)) > 0; got != finished {
			t.Errorf("woken at %s: files of batch %d: %v, want %v", p, n, got, finished)
		}
		w.wantVerified(string(p), w.job(stateless), true)
	}
}

// TestDiscardRefused: a batch is not given up that somebody may still publish, or that a topic has; and one that is not there.
func TestDiscardRefused(t *testing.T) {
	t.Run("planner alive", func(t *testing.T) {
		w, n := discardWorld(t, simSeed(t))
		wantError[*output.ConflictError](t, w.run(w.job(stateless)), "earlier attempt")
		lock, err := w.disk.Lock(w.lockOf(2))
		w.check(err)
		files := len(w.filesOf(n))
		wantError[*RefusedError](t, w.run(w.job(stateless), discarding(n)), "batch 2 is open and", "has not ended: end that process, then discard it")
		if len(w.filesOf(n)) != files || len(w.history().Open) != 1 {
			t.Error("a refused run changed something")
		}
		w.check(lock.Close())
		w.mustRun(w.job(stateless), discarding(n))
		w.wantRows("when it has ended", w.expected(stateless), equalRows)
	})
	t.Run("a topic has it", func(t *testing.T) {
		w, _ := publishWorld(t, simSeed(t))
		w.mustRun(w.job(published))
		w.generate(100)
		reset := failpoint.Set(failpoint.KafkaCommitted, func() error { return errNetwork })
		err := w.run(w.job(published))
		reset()
		if !errors.Is(err, errNetwork) {
			t.Fatalf("run: %v, want the fault", err)
		}
		n := w.history().Open[0].Batch
		files := len(w.filesOf(n))
		wantError[*RefusedError](t, w.run(w.job(published), discarding(n)), fmt.Sprintf(`sink "copies" has committed batch %d, and cannot give it back`, n))
		if len(w.filesOf(n)) != files || files == 0 {
			t.Errorf("%d files, were %d", len(w.filesOf(n)), files)
		}
		w.mustRun(w.job(published, flushing))
		w.wantRows("finished instead", w.expected(published), equalRows)
	})
	t.Run("a topic has lost its record", func(t *testing.T) {
		w, _ := publishWorld(t, simSeed(t))
		w.mustRun(w.job(published))
		w.generate(100)
		n := w.failAfterFiles(w.job(published))
		w.kafka.ForgetRecords()
		said := func(published bool) func(*Options) {
			return func(o *Options) { assume("copies", n, published)(o); assume("counts", n, false)(o) }
		}
		wantError[*RefusedError](t, w.run(w.job(published), discarding(n)), fmt.Sprintf("--assume-unpublished copies=%d", n))
		wantError[*RefusedError](t, w.run(w.job(published), discarding(n), said(true)), `sink "copies" has committed`)
		w.mustRun(w.job(published, flushing), discarding(n), said(false))
		w.wantRows("with what is assumed", w.expected(published), equalRows)
	})
	t.Run("no such batch", func(t *testing.T) {
		w := newWorld(t, simSeed(t))
		w.generate(50)
		w.mustRun(w.job(stateless))
		wantError[*RefusedError](t, w.run(w.job(stateless), discarding(7)), "there is no batch 7: none is open, the next one will be 2")
	})
	t.Run("a sink that cannot say", func(t *testing.T) {
		w := newWorld(t, simSeed(t))
		w.generate(50)
		w.leaveOpen(1, stateless)
		job := w.job(stateless)
		wrapSinks(job, func(s output.Sink) output.Sink { return struct{ output.Sink }{s} })
		wantError[*RefusedError](t, w.run(job, discarding(1)), `cannot say what it has of batch 1`)
		w.mustRun(w.job(stateless), discarding(1))
		w.wantRows("without files", w.expected(stateless), equalRows)
	})
}

// TestDiscardInS3: where only heartbeats tell, somebody has to say by its name that the process has ended that planned the batch.
func TestDiscardInS3(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.onObjects()
	w.generate(150)
	w.mustRun(w.job(stateless))
	w.generate(100)
	alive := w.objects.Fail
	w.objects.Fail = func(op, name string) (error, bool) { // it dies without a last heartbeat
		if op == "beat" {
			return errNetwork, false
		}
		return alive(op, name)
	}
	n := w.failAfterFiles(w.job(stateless))
	w.objects.Fail = alive
	ended := func(names ...string) func(*Options) { return func(o *Options) { o.HolderEnded = names } }
	for _, wrong := range [][]string{nil, {"sim:1"}, {"other:2"}} {
		wantError[*RefusedError](t, w.run(w.job(stateless), discarding(n), ended(wrong...)), "has not said that it ended", "then run with --holder-ended sim:2 and discard it")
	}
	if len(w.filesOf(n)) == 0 || len(w.history().Open) != 1 {
		t.Fatal("a refused run changed something")
	}
	w.mustRun(w.job(stateless), discarding(n), ended("sim:2"))
	w.wantRows("discarded", w.expected(stateless), equalRows)
	if len(w.filesOf(n)) > 0 {
		t.Error("files of the batch are there")
	}
}

// TestDiscardedAgain: a copy of an attempt that was broken off stays when the batch has other rows by then.
func TestDiscardedAgain(t *testing.T) {
	w, n := discardWorld(t, simSeed(t))
	name := slices.Min(slices.Collect(maps.Keys(w.filesOf(n))))
	first := path.Join(simOutput, fmt.Sprintf("_millrace/discarded/%012d", n), strings.TrimSuffix(name, ".parquet")+".discard")
	w.write(first, "what was there when it was broken off")
	were := w.filesOf(n)
	w.mustRun(w.job(stateless), discarding(n))
	w.wantSetAside("a second copy", n, were)
	if w.text(first) != "what was there when it was broken off" {
		t.Error("the first copy was changed")
	}
	w.wantRows("discarded", w.expected(stateless), equalRows)
}
