package batch

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/output"
)

// badEvents appends events with bad records among them: the first of the plan is at offset at of partition 1, because
// nothing is wrong in partition 0; others follow in the same partition and in partition 2.
func (w *world) badEvents() (at int64) {
	w.generate(300)
	states, err := w.source.Partitions(w.t.Context())
	if err != nil {
		w.t.Fatal(err)
	}
	w.appendRaw(1, []byte(`{"ad":"a1","n":"many"}`))
	w.generate(300)
	w.appendRaw(2, []byte(`[]`))
	w.appendRaw(1, []byte(`{"ad":"a1","n":1`))
	w.generate(30)
	return states[1].End
}

// TestBadRecordFails stops at the first bad record of the plan, whatever the cores, and lets the job go on with another
// policy under a new batch id.
func TestBadRecordFails(t *testing.T) {
	seed := simSeed(t)
	var texts []string
	for _, n := range []int{1, 8, 8, 8, 8, 8, 8, 8, 8} {
		w := newWorld(t, seed)
		at := w.badEvents()
		err := w.run(w.job(windowed, flushing), cores(n))
		wantError[*BadDataError](t, err, fmt.Sprintf("events/1 offset %d", at), `"n"`, "many", "on_bad_record: skip")
		texts = append(texts, err.Error())
		if rows := w.rows(); len(rows) > 0 {
			t.Fatalf("%d rows are visible of a batch with a bad record", len(rows))
		}
		if h := w.history(); h.NextBatch != 2 || len(h.Open) != 0 || h.Last != nil {
			t.Fatalf("next batch %d, %d open, last %v: want batch 1 cancelled", h.NextBatch, len(h.Open), h.Last)
		}
		err = w.run(w.job(windowed, flushing), cores(n)) // nothing has changed
		wantError[*BadDataError](t, err)
		w.mustRun(w.job(windowed, flushing, skipBad), cores(n))
		w.wantRows("with skip", w.expected(windowed), equalRows)
		w.wantSkipped(3)
	}
	if slices.Sort(texts); texts[0] != texts[len(texts)-1] {
		t.Errorf("the error depends on the cores: %q and %q", texts[0], texts[len(texts)-1])
	}
}

// wantSkipped checks the counts of a run that planned batch 3 first.
func (w *world) wantSkipped(bad int64) {
	w.t.Helper()
	var got, in int64
	var shown []string
	for _, p := range w.reports {
		got += p.NumRowsBad
		in += p.NumInputRows
		shown = append(shown, p.BadRecords...)
	}
	if first := w.reports[0].BatchID; first != 3 {
		w.t.Errorf("the first batch that counts is %d, want 3", first)
	}
	if got != bad || in != int64(len(w.events))+bad {
		w.t.Errorf("%d bad of %d records, want %d of %d", got, in, bad, int64(len(w.events))+bad)
	}
	if len(shown) != int(bad) || !strings.Contains(shown[0], "events/1") {
		w.t.Errorf("bad records shown: %q", shown)
	}
}

// TestBadRecordOfAnOpenBatch finds the bad record only when the batch runs again: the next driver cancels it.
func TestBadRecordOfAnOpenBatch(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.badEvents()
	boom := fmt.Errorf("the network is gone")
	if err := w.run(w.job(windowed, flushing, hooked(&hooks{read: func() error { return boom }}))); err == nil || len(w.history().Open) != 1 {
		t.Fatalf("error %v with %d plans open, want one open", err, len(w.history().Open))
	}
	wantError[*BadDataError](t, w.run(w.job(windowed, flushing)), "events/1")
	if h := w.history(); len(h.Open) != 0 || h.NextBatch != 2 {
		t.Errorf("%d plans open, next batch %d; want batch 1 cancelled", len(h.Open), h.NextBatch)
	}
}

// TestDataThatNoRunCanPublish cancels batches whose data alone is at fault behind the decoder too: no run may be stuck
// with a plan that can never be finished.
func TestDataThatNoRunCanPublish(t *testing.T) {
	big := simEvent{ad: "a1", kind: "view", n: 1 << 62, price: 1, ms: simStart.UnixMilli()}
	for _, test := range []struct {
		name   string
		events []simEvent
		q      simQuery
		check  func(error)
	}{
		{"a sum overflows in a task", []simEvent{big, big, big}, windowed, func(err error) {
			wantError[*BadDataError](t, err, "out of range", "sum", "events/0 offset 1")
		}},
		{"a sum overflows between tasks", spread(big), windowed, func(err error) {
			wantError[*BadDataError](t, err, "out of range", "sum")
		}},
		{"too many partitions", manyKinds(13), stateless, func(err error) {
			wantError[*output.PartitionLimitError](t, err, "kind")
		}},
		{"a value that makes no directory", []simEvent{{kind: strings.Repeat("x", 300), n: 600, ms: big.ms}}, stateless, func(err error) {
			wantError[*output.PartitionValueError](t, err, "kind")
		}},
	} {
		w := newWorld(t, 1)
		w.append(test.events...)
		test.check(w.run(w.job(test.q, flushing)))
		if h := w.history(); len(h.Open) != 0 || h.NextBatch != 2 || len(w.files()) != 0 {
			t.Errorf("%s: %d plans open, next batch %d, %d files; want the batch cancelled", test.name, len(h.Open), h.NextBatch, len(w.files()))
		}
	}
}

// TestDataAtFaultBehindPublishing: a batch of which rows are visible is never cancelled, whatever a sink says then. It stays open, and the
// next run publishes it, once.
func TestDataAtFaultBehindPublishing(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(60)
	wantError[*output.MessageTooLargeError](t, w.run(w.job(stateless, publishThen(&output.MessageTooLargeError{Topic: "out", Size: 2, Limit: 1}))))
	if h := w.history(); len(h.Open) != 1 || len(w.files()) == 0 {
		t.Fatalf("%d plans open, %d files; want the batch open and its rows there", len(h.Open), len(w.files()))
	}
	w.mustRun(w.job(stateless, flushing))
	w.wantRows("in the end", w.expected(stateless), equalRows)
}

// TestStopAbove stops a batch of which too great a share is bad, before anything of it is visible, and goes on when more is
// allowed.
func TestStopAbove(t *testing.T) {
	above := func(share float64) func(*Job) { return func(j *Job) { j.StopAbove = share } }
	for _, n := range []int{1, 8} {
		w := newWorld(t, simSeed(t))
		w.generate(95)
		for i := range 5 {
			w.appendRaw(int32(i%3), fmt.Appendf(nil, "no JSON %d", i))
		}
		want := w.expected(windowed)
		wantError[*BadDataError](t, w.run(w.job(windowed, flushing, skipBad, above(0.049)), cores(n)),
			"batch 1: 5 of 100 records are bad (5%), more than on_bad_record.stop_above: 4.9% allows", "bad record at events/0 offset", "no JSON 0", "raise stop_above")
		if h := w.history(); len(h.Open) != 0 || h.NextBatch != 2 || len(w.files()) != 0 {
			t.Fatalf("%d plans open, next batch %d, %d files; want batch 1 cancelled", len(h.Open), h.NextBatch, len(w.files()))
		}
		wantError[*BadDataError](t, w.run(w.job(windowed, flushing, skipBad, above(0.049)), cores(n)), "batch 2")
		w.mustRun(w.job(windowed, flushing, skipBad, above(0.05)), cores(n)) // exactly as many as are allowed
		w.wantRows("with more allowed", want, equalRows)
		w.appendRaw(0, []byte("no JSON"))
		w.mustRun(w.job(windowed, skipBad), reopen) // no bound
	}
}

// TestStopAboveOfAnOpenBatch: a batch that was left open is judged by the job that planned it.
func TestStopAboveOfAnOpenBatch(t *testing.T) {
	w := newWorld(t, simSeed(t))
	w.generate(30)
	w.appendRaw(0, []byte("no JSON"))
	strict := func(j *Job) { j.StopAbove = 0.01 }
	err := w.run(w.job(windowed, flushing, skipBad, strict, hooked(&hooks{read: failAt(2)})))
	if !errors.Is(err, errNetwork) || len(w.history().Open) != 1 {
		t.Fatalf("error %v with %d plans open, want one", err, len(w.history().Open))
	}
	wantError[*BadDataError](t, w.run(w.job(windowed, flushing, skipBad, strict)), "batch 1: 1 of 31 records are bad (3.23%)")
	if h := w.history(); len(h.Open) != 0 || h.NextBatch != 2 {
		t.Errorf("%d plans open, next batch %d; want batch 1 cancelled", len(h.Open), h.NextBatch)
	}
}

// spread puts an event into three partitions.
func spread(e simEvent) (out []simEvent) {
	for p := range int32(3) {
		e.partition = p
		out = append(out, e)
	}
	return out
}

func manyKinds(n int) (out []simEvent) {
	for i := range n {
		out = append(out, simEvent{kind: fmt.Sprint(i), n: 600, ms: simStart.UnixMilli()})
	}
	return out
}
