package batch

import (
	"reflect"
	"slices"
	"testing"
	"time"
)

// next asks what the next plan would be, and checks that this changes nothing.
func (w *world) next(job *Job) (*NextPlan, error) {
	w.t.Helper()
	before := w.disk.Count()
	n, err := Next(w.t.Context(), Env{Clock: w.clock, FS: w.disk}, job)
	if w.disk.Count() != before {
		w.t.Errorf("%d changes of the disk", w.disk.Count()-before)
	}
	return n, err
}

func (w *world) mustNext(job *Job) *NextPlan {
	w.t.Helper()
	n, err := w.next(job)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// TestNextIsWhatComes compares what is said of the next plan with the plan that the log then has, batch by batch.
func TestNextIsWhatComes(t *testing.T) {
	for _, change := range [][]func(*Job){{rowsMax(37)}, {rowsMax(37), continuous}} {
		w := newWorld(t, simSeed(t))
		w.generate(300)
		for batch := int64(1); ; batch++ {
			job := w.job(twoWindows, change...)
			n := w.mustNext(job)
			if n.Planned == nil {
				if w.tail() > 0 {
					t.Fatalf("batch %d: no plan though %d records are left", batch, w.tail())
				}
				break
			}
			w.mustRun(job, stopAfter(1))
			got, want := n.Planned, w.planned(batch)
			if got.Batch != want.Batch || got.At != want.At || RangeHash(withShards(got, want.Shards)) != RangeHash(want) {
				t.Errorf("batch %d: said %+v, planned %+v", batch, got, want)
			}
			if last := w.reports[len(w.reports)-1]; n.Records != last.NumInputRows {
				t.Errorf("batch %d: said %d records, there were %d", batch, n.Records, last.NumInputRows)
			}
			if got, want := withoutMemory(w.mustNext(job).Operators), withoutMemory(w.reports[len(w.reports)-1].StateOperators); !slices.Equal(got, want) {
				t.Errorf("batch %d: state %+v, reported was %+v", batch, got, want)
			}
			w.clock.now = w.clock.now.Add(time.Second)
		}
	}
}

// withoutMemory leaves out what depends on how a state came about.
func withoutMemory(ops []OperatorProgress) []OperatorProgress {
	out := slices.Clone(ops)
	for i := range out {
		out[i].MemoryUsedBytes = 0
	}
	return out
}

// withShards is a plan as it would be logged with that number of shards.
func withShards(p *Planned, shards int) *Planned {
	out := *p
	out.Shards = shards
	return &out
}

// TestNextSaysWhyNot: an open batch, a flush, nothing to do, silence that closes a window, records that can't be skipped.
func TestNextSaysWhyNot(t *testing.T) {
	w := timeWorld(t)
	if n := w.mustNext(w.countedJob()); n.Planned != nil || n.Open != nil {
		t.Errorf("a job that has nothing to read: %+v", n)
	}
	w.at(0, 1, 31)
	w.at(1, 5)
	w.leaveOpen(1, counted, w.inMemory)
	if n := w.mustNext(w.countedJob()); n.Open == nil || n.Open.Batch != 1 || n.Planned != nil {
		t.Errorf("with a batch open: %+v", n)
	}
	w.mustRun(w.countedJob())
	n := w.mustNext(w.countedJob())
	if n.Planned != nil || len(n.Operators) != 1 || n.Operators[0].NumWindowsOpen != 2 || n.Operators[0].HeldBy != "events" {
		t.Errorf("nothing to do: %+v", n)
	}
	w.clock.now = simStart.Add(30 * time.Second)
	n = w.mustNext(w.countedJob())
	if n.Planned == nil || n.Records != 0 || len(n.Closes) != 1 || n.Closes[0] != n.Operators[0].OperatorName {
		t.Errorf("silence that closes a window: %+v", n)
	}
	if n = w.mustNext(w.countedJob(continuous)); n.Planned != nil {
		t.Errorf("a driver that starts now has not waited yet: %+v", n)
	}
	_, err := w.next(w.countedJob(skipping("events/0/1")))
	wantError[*SkipError](t, err, "committed already")
	w.mustRun(w.countedJob(flushing))
	w.at(0, 50)
	if n = w.mustNext(w.countedJob()); n.Planned != nil || n.Flushed == "" {
		t.Errorf("after a flush: %+v", n)
	}
	_, err = w.next(w.countedJob(named("other")))
	wantError[*RefusedError](t, err, `belongs to job "sim", not to "other"`)
}

// TestAbsentColumns warns once of a column that is in none of the first records, and says which key comes near.
func TestAbsentColumns(t *testing.T) {
	key := func(field, key string) func(*Job) {
		return func(j *Job) {
			for i := range j.Plan.Sources[0].Fields {
				if f := &j.Plan.Sources[0].Fields[i]; f.Name == field {
					f.Key = key
				}
			}
		}
	}
	for _, test := range []struct{ field, key, want string }{
		{"n", "nn", `source events: column "n" is in none of the records of batch 1, the first that this run has read: no "nn" in them; the nearest key is "n"`},
		{"price", "cost", `source events: column "price" is in none of the records of batch 1, the first that this run has read: no "cost" in them; their other keys are price, tags`},
		{"price", "price", ""},
	} {
		for _, run := range []func(*Options){cores(1), cores(3), throughBytes} {
			w := newWorld(t, simSeed(t))
			w.generate(200)
			w.mustRun(w.job(stateless, rowsMax(60), key(test.field, test.key)), run)
			if want := []string{test.want}; test.want != "" && !reflect.DeepEqual(w.warned, want) || test.want == "" && len(w.warned) > 0 {
				t.Errorf("%s as %s: warned of %q, want %q", test.field, test.key, w.warned, test.want)
			}
		}
	}
}

// TestAbsentFromOneTask does not warn when any record of the batch has the key.
func TestAbsentFromOneTask(t *testing.T) {
	w := newWorld(t, simSeed(t))
	for i := range 100 {
		w.appendRaw(int32(i%3), []byte(`{"ad":"a1","n":900,"ts":1800000000000}`))
	}
	w.append(simEvent{partition: 2, ad: "a0", kind: "view", ms: simStart.UnixMilli()})
	w.mustRun(w.job(stateless), cores(2))
	if len(w.warned) > 0 {
		t.Errorf("warned of %q", w.warned)
	}
}
