package batch

import (
	"context"
	"errors"
	"fmt"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

func accepting(sources ...string) func(*Job) { return func(j *Job) { j.AcceptLoss = sources } }

// lose forgets events that no run has read: what a query means is from then on without them.
func (w *world) lose(gone func(simEvent) bool) {
	w.events = slices.DeleteFunc(slices.Clone(w.events), gone)
}

// reached is where the job stands in a partition.
func (w *world) reached(topic string, partition int32) int64 {
	w.t.Helper()
	for _, p := range w.history().Positions {
		if p.Topic == topic && p.Partition == partition {
			return p.Next
		}
	}
	return -1
}

// losses are what the log says was given up, in its order.
func (w *world) losses() (out []string) {
	w.t.Helper()
	in, err := w.inspect()
	if err != nil {
		w.t.Fatal(err)
	}
	for _, e := range in.Entries {
		if p, ok := e.Record.(*Planned); ok {
			for _, l := range p.Losses {
				out = append(out, l.String())
			}
		}
	}
	return out
}

// lossCases are the ways in which a log loses what a job wants to read. at is where the job stands in partition 1 of
// simTopic; two topics were read.
var lossCases = []struct {
	name   string
	lose   func(w *world, at int64)
	error  string   // of a run that does not accept it
	losses []string // what the log says then; AT stands for at
}{
	{"retention", func(w *world, at int64) {
		w.source.DeleteBefore(simTopic, 1, at+7)
		w.lose(func(e simEvent) bool { return e.topic == "" && e.partition == 1 && e.at >= at && e.at < at+7 })
	}, "retention has deleted offsets before", []string{"events/1 position AT: retention has deleted offsets before AT+7; 7 offsets unread, goes on at AT+7"}},
	{"topic made anew", func(w *world, _ int64) {
		last := w.lastEvents()
		w.source.Create(simTopic, 3)
		w.lose(func(e simEvent) bool { return e.topic == "" && e.at >= last[e.partition] })
		w.generate(30)
	}, "the topic was deleted and made again", []string{"events/0", "events/1 position AT: the topic was deleted and made again; unread records that nobody can count, goes on at 0", "events/2"}},
	{"topic made anew with fewer partitions", func(w *world, _ int64) {
		last := w.lastEvents()
		w.source.Create(simTopic, 2)
		w.lose(func(e simEvent) bool { return e.topic == "" && e.at >= last[e.partition] })
	}, "the topic was deleted and made again", []string{"events/0", "events/1", "events/2"}},
	{"topic deleted", func(w *world, _ int64) {
		last := w.lastEvents()
		w.source.Delete(simTopic)
		w.lose(func(e simEvent) bool { return e.topic == "" && e.at >= last[e.partition] })
	}, "the topic was deleted, or memory belong to another cluster", []string{"events/0", "events/1 position AT: the topic was deleted, or memory belong to another cluster; unread records that nobody can count, is not read any more", "events/2"}},
	{"topic left out", func(w *world, _ int64) {
		last := w.lastEvents()
		w.source.Topics = []string{"extra"}
		w.lose(func(e simEvent) bool { return e.topic == "" && e.at >= last[e.partition] })
	}, `the checkpoint has read topic "events"; source "events" now reads "extra": put the topic's name back`, []string{"events/0", "events/1 position AT: the source does not read the topic any more; unread records that nobody can count, is not read any more", "events/2"}},
	{"log cut", func(w *world, at int64) {
		w.source.Truncate(simTopic, 1, at-3)
		w.lose(func(e simEvent) bool { return e.topic == "" && e.partition == 1 && e.at >= at })
	}, "the log was cut: it ends at", []string{"events/1 position AT: the log was cut: it ends at AT-3; unread records that nobody can count, goes on at AT-3"}},
	{"log cut and grown again", func(w *world, at int64) {
		w.source.Truncate(simTopic, 1, at-3)
		w.source.SetEpoch(simTopic, 1, 4)
		w.lose(func(e simEvent) bool { return e.topic == "" && e.partition == 1 && e.at >= at })
		for i := range int64(20) {
			w.append(simEvent{partition: 1, ms: simStart.UnixMilli() + i, ad: "a1", kind: "view", n: i})
		}
	}, "the log was cut at", []string{"events/1 position AT: the log was cut at AT-3 and has other records since leader epoch 0; unread records that nobody can count, goes on at AT-3"}},
}

// lastEvents is where the job stands in the partitions of simTopic.
func (w *world) lastEvents() map[int32]int64 {
	out := map[int32]int64{}
	for p := range int32(3) {
		out[p] = w.reached(simTopic, p)
	}
	return out
}

// generateExtra appends events to two partitions of another topic of the same source.
func (w *world) generateExtra(n int) {
	at := simStart.UnixMilli() + int64(len(w.events))*100
	for i := range n {
		w.append(simEvent{topic: "extra", partition: int32(i % 2), ms: at + int64(i)*100, ad: fmt.Sprintf("a%d", w.rng.IntN(7)),
			kind: "view", n: w.rng.Int64N(1000), price: w.rng.Float64()})
	}
}

// TestAcceptLoss: what a log has lost stops the job before anything changes. A run that was told to accept it goes on with
// what is left, says in the log what is not, and later runs need no telling.
func TestAcceptLoss(t *testing.T) {
	for _, test := range lossCases {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t, simSeed(t))
			w.lossWorld()
			at := w.reached(simTopic, 1)
			test.lose(w, at)
			n := w.records()
			wantText(t, w.run(w.job(stateless)), test.error)
			if w.records() != n {
				t.Fatalf("a refused run wrote %d records", w.records()-n)
			}
			if _, err := w.next(w.job(stateless, accepting("events"))); err != nil {
				t.Errorf("the next plan with the loss accepted: %v", err)
			}
			w.mustRun(w.job(stateless, accepting("events")))
			w.wantRows("with the loss accepted", w.expected(stateless), equalRows)
			w.wantLosses(test.losses, at)
			if last := w.reports[len(w.reports)-1]; len(last.DataLoss) != len(test.losses) {
				t.Errorf("progress says %v", last.DataLoss)
			}
			w.source.Topics = nil
			if test.name == "topic left out" {
				w.source.Delete(simTopic)
			}
			w.generateExtra(20)
			w.mustRun(w.job(stateless))
			w.wantRows("afterwards", w.expected(stateless), equalRows)
			w.wantLosses(test.losses, at)
		})
	}
}

// lossWorld has two topics that were read in part.
func (w *world) lossWorld() {
	w.t.Helper()
	w.generate(150)
	w.generateExtra(50)
	w.mustRun(w.job(stateless))
	w.generate(100)
}

// wantLosses compares what the log says was given up; a text without a colon is the beginning only.
func (w *world) wantLosses(want []string, at int64) {
	w.t.Helper()
	got := w.losses()
	if len(got) != len(want) {
		w.t.Fatalf("losses %q, want %d", got, len(want))
	}
	warned := strings.Join(w.warned, "\n")
	for i, text := range want {
		text = strings.NewReplacer("AT+7", fmt.Sprint(at+7), "AT-3", fmt.Sprint(at-3), "AT", fmt.Sprint(at)).Replace(text)
		if !strings.HasPrefix(got[i], text) {
			w.t.Errorf("loss %d is %q, want %q", i, got[i], text)
		}
		if !strings.Contains(warned, "gave up "+got[i]) {
			w.t.Errorf("no warning of %q in %q", got[i], warned)
		}
	}
}

// TestAcceptNothing: there is nothing to give up, and what is lost while the run goes on is not accepted.
func TestAcceptNothing(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.lossWorld()
	at := w.reached(simTopic, 1)
	err := w.run(w.job(stateless, continuous, accepting("events")), ticks(w, 3, func(tick int) {
		if tick == 2 {
			w.generate(60)
			w.source.DeleteBefore(simTopic, 1, at+1000)
		}
	}))
	wantError[*offsets.RangeGoneError](t, err, "events/1")
	if len(w.losses()) != 0 || len(w.warned) != 1 || w.warned[0] != "nothing of source events is lost: there was no need to accept it" {
		t.Errorf("losses %q, warned of %q", w.losses(), w.warned)
	}
	w.warned = nil
	wantError[*offsets.RangeGoneError](t, w.run(w.job(windowed, accepting("more"), anyOutput)), "events/1")
}

// TestGivenUpPartitionHoldsNothing: the watermark does not wait for a partition that is not read any more.
func TestGivenUpPartitionHoldsNothing(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 5, 30)
	w.append(simEvent{topic: "extra", ms: simStart.UnixMilli() + 1000, ad: "a"})
	w.mustRun(w.job(counted, w.inMemory))
	w.wantWindows("while a silent partition holds the watermark")
	w.source.Delete("extra")
	w.at(0, 31)
	w.at(1, 31)
	w.mustRun(w.job(counted, w.inMemory, accepting("events")))
	w.wantWindows("without it", 0, 2)
	for _, p := range w.history().Marks.Sources["events"].Partitions {
		if p.Topic == "extra" {
			t.Errorf("the mark of a partition that was given up: %+v", p)
		}
	}
}

// TestOpenBatchGone: what an open batch reads is gone. It is given up only when told so, when nothing of it is visible, and
// when its planner is dead.
func TestOpenBatchGone(t *testing.T) {
	seed := simSeed(t)
	open := func(t *testing.T, h *hooks) (w *world, at int64) {
		w = newWorld(t, seed)
		w.lossWorld()
		at = w.reached(simTopic, 1)
		if err := w.run(w.job(stateless, hooked(h))); !errors.Is(err, errNetwork) {
			t.Fatalf("run: %v, want the fault", err)
		}
		w.source.DeleteBefore(simTopic, 1, at+7)
		err := w.run(w.job(stateless))
		wantError[*offsets.RangeGoneError](t, err, "retention has deleted offsets before")
		return w, at
	}
	t.Run("accepted", func(t *testing.T) {
		w, at := open(t, &hooks{prepare: failAt(1)})
		w.lose(func(e simEvent) bool { return e.topic == "" && e.partition == 1 && e.at >= at && e.at < at+7 })
		w.mustRun(w.job(stateless, accepting("events")))
		w.wantRows("with the loss accepted", w.expected(stateless), equalRows)
		if len(w.losses()) != 1 || !strings.Contains(w.warned[0], "batch 2 was open and is cancelled: ") {
			t.Errorf("losses %q, warned of %q", w.losses(), w.warned)
		}
		cancelled := 0
		in, err := w.inspect()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range in.Entries {
			if c, ok := e.Record.(*Cancelled); ok && c.Batch == 2 && strings.Contains(c.Reason, "told to accept that") {
				cancelled++
			}
		}
		if cancelled != 1 {
			t.Errorf("batch 2 is cancelled %d times", cancelled)
		}
	})
	t.Run("accepted with windows", func(t *testing.T) { // records in front of the lost ones are merged by then
		w := newWorld(t, seed)
		w.generate(150)
		w.mustRun(w.job(windowed))
		w.generate(100)
		at := w.reached(simTopic, 1)
		if err := w.run(w.job(windowed, hooked(&hooks{prepare: failAt(1)}))); !errors.Is(err, errNetwork) {
			t.Fatalf("run: %v, want the fault", err)
		}
		w.source.DeleteBefore(simTopic, 1, at+7)
		w.lose(func(e simEvent) bool { return e.topic == "" && e.partition == 1 && e.at >= at && e.at < at+7 })
		w.mustRun(w.job(windowed, accepting("events"), flushing))
		w.wantRows("with the loss accepted", w.expected(windowed), equalRows)
	})
	t.Run("visible", func(t *testing.T) {
		w := newWorld(t, seed)
		w.lossWorld()
		at := w.reached(simTopic, 1)
		if err := w.run(w.job(stateless, publishThenFail)); !errors.Is(err, errNetwork) {
			t.Fatalf("run: %v, want the fault", err)
		}
		w.source.DeleteBefore(simTopic, 1, at+7)
		n := w.records()
		refused := w.run(w.job(stateless, accepting("events")))
		wantError[*RefusedError](t, refused, "batch 2 is open and part of its output is visible already", "accept the loss once more with --discard-open-batch 2")
		if w.records() > n+1 { // of the epoch
			t.Errorf("a refused run wrote %d records", w.records()-n)
		}
		w.wantRows("before and after", w.expected(stateless), equalRows)
		moved := 0
		for name := range w.files() {
			if ok, _ := path.Match("*000000000002-s*.parquet", path.Base(name)); ok {
				w.check(w.disk.Remove(path.Join(simOutput, name)))
				moved++
			}
		}
		w.lose(func(e simEvent) bool { return e.topic == "" && e.partition == 1 && e.at >= at && e.at < at+7 })
		w.mustRun(w.job(stateless, accepting("events")))
		w.wantRows("with its files moved away", w.expected(stateless), equalRows)
		if moved == 0 || len(w.losses()) != 1 {
			t.Errorf("%d files were moved, losses %q", moved, w.losses())
		}
	})
	t.Run("a topic has it", func(t *testing.T) {
		text := visibleWay(2, fmt.Errorf("sink %q has committed it", "copies"))
		if strings.Contains(text, "move") || !strings.Contains(text, `(sink "copies" has committed it)`) || !strings.Contains(text, "begin anew") {
			t.Error(text)
		}
	})
	t.Run("planner alive", func(t *testing.T) {
		w, at := open(t, &hooks{prepare: failAt(1)})
		lock, err := w.disk.Lock(w.lockOf(2))
		if err != nil {
			t.Fatal(err)
		}
		n := w.records()
		refused := w.run(w.job(stateless, accepting("events")))
		wantError[*RefusedError](t, refused, "batch 2 is open and", "has not ended", "end that process")
		if err := lock.Close(); err != nil {
			t.Fatal(err)
		}
		w.lose(func(e simEvent) bool { return e.topic == "" && e.partition == 1 && e.at >= at && e.at < at+7 })
		w.mustRun(w.job(stateless, accepting("events")))
		w.wantRows("when it has ended", w.expected(stateless), equalRows)
		if w.records() <= n {
			t.Error("nothing was written")
		}
	})
}

// publishThenFail has the sinks fail when they have published.
func publishThenFail(j *Job) { publishThen(errNetwork)(j) }

func publishThen(failure error) func(*Job) {
	return func(j *Job) {
		wrapSinks(j, func(s output.Sink) output.Sink { return failingSink{s, failure} })
	}
}

type failingSink struct {
	output.Sink
	failure error
}

func (s failingSink) Publish(ctx context.Context, p *output.Prepared) error {
	return errors.Join(s.Sink.Publish(ctx, p), s.failure)
}

// lockOf is the name of an epoch's lock file.
func (w *world) lockOf(epoch int) string {
	w.t.Helper()
	entries, err := w.disk.ReadDir(simCheckpoint + "/epochs")
	if err != nil || len(entries) < epoch {
		w.t.Fatalf("%d epochs: %v", len(entries), err)
	}
	return simCheckpoint + "/epochs/" + entries[epoch-1].Name()
}

// TestAcceptLossCrashes has drivers die at every operation of the disk in turn while they give up what is lost, of an open
// batch and of the ones to come. The flag is given again until the loss stands in a plan.
func TestAcceptLossCrashes(t *testing.T) {
	t.Parallel()
	seed := simSeed(t)
	again, cancelled := 0, 0
	for i := range simLong(36) {
		w := newWorld(t, seed+uint64(i)<<16)
		w.lossWorld()
		at := w.reached(simTopic, 1)
		if i%2 == 0 {
			if err := w.run(w.job(stateless, hooked(&hooks{prepare: failAt(1)}))); !errors.Is(err, errNetwork) {
				t.Fatalf("run: %v, want the fault", err)
			}
		}
		w.source.DeleteBefore(simTopic, 1, at+7)
		w.lose(func(e simEvent) bool { return e.topic == "" && e.partition == 1 && e.at >= at && e.at < at+7 })
		die := 1 + 3*i
		for crash := 0; ; crash++ {
			change := []func(*Job){rowsMax(60)}
			if len(w.losses()) == 0 {
				change = append(change, accepting("events"))
			} else if crash > 0 {
				again++
			}
			if crash < 3 {
				w.disk.StopAfter(die)
			}
			err := w.run(w.job(stateless, change...))
			if err == nil {
				break
			}
			if !errors.Is(err, storetest.ErrPower) {
				t.Fatalf("schedule %d, crash %d at operation %d: %v", i, crash, die, err)
			}
			w.disk = w.disk.Crash(w.rng.Uint64())
			w.fs = w.disk
			die = 1 + w.rng.IntN(60)
		}
		w.disk.Restart()
		w.wantRows(fmt.Sprintf("schedule %d", i), w.expected(stateless), equalRows)
		if len(w.losses()) != 1 {
			t.Fatalf("schedule %d: losses %q", i, w.losses())
		}
		if strings.Contains(strings.Join(w.warned, " "), "was open and is cancelled") {
			cancelled++
		}
	}
	if !testing.Short() && (again == 0 || cancelled == 0) {
		t.Errorf("%d drivers began behind the loss, %d cancelled an open batch", again, cancelled)
	}
	t.Logf("%d drivers began behind the plan that gives up, %d schedules cancelled an open batch", again, cancelled)
}
