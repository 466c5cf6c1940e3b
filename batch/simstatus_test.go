package batch

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// look looks at a job and checks that this changes nothing.
func (w *world) look(job *Job, ask bool) *Status {
	w.t.Helper()
	before := w.disk.Count()
	l, err := LookUp(w.t.Context(), Env{Clock: w.clock, FS: w.disk}, job)
	if err != nil {
		w.t.Fatalf("status: %v", err)
	}
	if ask {
		l.AskLag(w.t.Context())
	}
	if w.disk.Count() != before {
		w.t.Errorf("%d changes of the disk", w.disk.Count()-before)
	}
	return l.Status
}

// TestStatusCounts: what a status says in all is the sum of what was reported batch by batch, whatever snapshots were taken
// and drivers died in between.
func TestStatusCounts(t *testing.T) {
	for _, every := range []int{1, 3, 400} {
		w := sourcesWorld(t)
		snapshots := func(o *Options) { o.snapshotEvery = every }
		for round := range 12 {
			w.at(0, int64(round*7), int64(round*7+60))
			w.at(1, int64(max(0, round*5-round%2*30)))
			w.moreAt(int64(round * 9))
			w.appendRaw(0, []byte(`{"ad":`))
			w.appendRaw(1, nil)
			if round%4 == 2 {
				if err := w.run(w.job(causes, skipBad, hooked(&hooks{prepare: failAt(1)})), snapshots); !errors.Is(err, errNetwork) {
					t.Fatalf("round %d: %v, want the fault", round, err)
				}
			}
			w.mustRun(w.job(causes, skipBad, rowsMax(3)), snapshots)
		}
		var want Drops
		sinks, batches, records := map[string]int64{}, int64(0), int64(0)
		for _, p := range w.reports {
			want.sum(p.Drops)
			batches, records = batches+1, records+p.NumInputRows
			for _, k := range p.Sinks {
				sinks[k.Description] += k.NumOutputRows
			}
		}
		want.NumGroupsFiltered = 0 // is not kept
		s := w.look(w.job(causes), false)
		if s.Drops != want || want.NumRowsLate == 0 || want.NumRowsBad != 12 || want.NumRowsTombstone != 12 {
			t.Errorf("snapshots every %d: dropped %+v, reported were %+v", every, s.Drops, want)
		}
		if s.NumBatches != batches || s.NumInputRows != records || s.BatchID != w.history().Last.Batch {
			t.Errorf("%d batches with %d rows, the last %d; reported were %d with %d", s.NumBatches, s.NumInputRows, s.BatchID, batches, records)
		}
		for _, k := range s.Sinks {
			if k.NumOutputRows != sinks[k.Description] {
				t.Errorf("sink %s: %d rows, reported were %d", k.Description, k.NumOutputRows, sinks[k.Description])
			}
		}
		last := w.reports[len(w.reports)-1]
		lateBy := int64(0)
		for i, op := range s.StateOperators {
			want := last.StateOperators[i]
			want.MemoryUsedBytes = 0
			if op.OperatorProgress != want {
				t.Errorf("operator %+v, reported was %+v", op.OperatorProgress, want)
			}
			lateBy += op.NumRowsLate
		}
		if lateBy != s.NumRowsLate {
			t.Errorf("operators dropped %d late rows, all together %d", lateBy, s.NumRowsLate)
		}
		t.Logf("snapshots every %d: %d batches, %d rows, %+v", every, batches, records, s.Drops)
	}
}

// sum adds another batch's.
func (d *Drops) sum(o Drops) {
	d.NumRowsLate += o.NumRowsLate
	d.NumRowsBad += o.NumRowsBad
	d.NumRowsUnassigned += o.NumRowsUnassigned
	d.NumRowsFiltered += o.NumRowsFiltered
	d.NumRowsNoMatch += o.NumRowsNoMatch
	d.NumRowsTombstone += o.NumRowsTombstone
	d.NumRowsSkipped += o.NumRowsSkipped
}

// text is a status in one line.
func (s *Status) text() string {
	var b strings.Builder
	number := func(p *float64) string {
		if p == nil {
			return "?"
		}
		return fmt.Sprintf("%g", *p)
	}
	fmt.Fprintf(&b, "batch %d, open %v, running %q;", s.BatchID, s.OpenBatch, s.Running)
	for _, x := range s.Sources {
		fmt.Fprintf(&b, " %s at %s held by %q", x.Name, x.Watermark, x.HeldBy)
		for _, p := range x.Partitions {
			fmt.Fprintf(&b, ", %s/%d: %d", p.Topic, p.Partition, p.NextOffset)
			if p.Lag != nil {
				fmt.Fprintf(&b, " behind %s", lagString(*p.Lag))
			}
		}
		if x.LagError != "" {
			fmt.Fprintf(&b, ", error %s", x.LagError)
		}
	}
	if s.LagOffsets != nil {
		fmt.Fprintf(&b, "; lag %d, %s s", *s.LagOffsets, number(s.LagSeconds))
	}
	fmt.Fprintf(&b, "; watermark %s s old", number(s.WatermarkSeconds))
	return b.String()
}

// silent is a source that does not answer.
type silent struct{ offsets.Source }

func (silent) Survey(context.Context, []offsets.Position) ([]offsets.PartitionState, error) {
	return nil, errNetwork
}

func (silent) Close() error { return nil }

// TestStatusInEverySituation of a job: before its first run, behind, with a batch open, while it runs, when a broker does
// not answer, after a flush.
func TestStatusInEverySituation(t *testing.T) {
	w := timeWorld(t)
	put := func(partition int32, age time.Duration) {
		w.source.Append(simTopic, partition, offsets.MemoryRecord{Value: oneEvent(""), Timestamp: w.clock.now.Add(-age).UnixMilli()})
	}
	want := func(what, text string, ask bool, change ...func(*Job)) *Status {
		t.Helper()
		s := w.look(w.countedJob(change...), ask)
		if got := s.text(); got != text {
			t.Errorf("%s:\n%s\nwant\n%s", what, got, text)
		}
		return s
	}
	put(0, 90*time.Second)
	put(0, 5*time.Second)
	want("before the first run, nobody asked", `batch 0, open [], running ""; events at none held by ""; watermark ? s old`, false)
	want("before the first run", `batch 0, open [], running ""; events at none held by "", events/0: -1 behind 2 (0 held), 90 s, events/1: -1 behind 0 (0 held), 0 s; lag 2, 90 s; watermark ? s old`, true)
	w.leaveOpen(1, counted, w.inMemory)
	want("a batch is open", `batch 0, open [1], running ""; events at none held by "", events/0: -1 behind 2 (0 held), 90 s, events/1: -1 behind 0 (0 held), 0 s; lag 2, 90 s; watermark ? s old`, true)
	var during *Status
	w.mustRun(w.countedJob(), func(o *Options) {
		report := o.Report
		o.Report = func(p Progress) {
			report(p)
			during = w.look(w.countedJob(), false)
		}
	})
	if during == nil || during.BatchID != 1 || !strings.HasPrefix(during.Running, "process ") {
		t.Errorf("while it runs: %+v", during)
	}
	if s := w.look(w.countedJob(), false); s.Running != "" {
		t.Errorf("running behind its end: %s", s.Running)
	}
	w.clock.now = w.clock.now.Add(100 * time.Second)
	put(1, 3*time.Second)
	s := want("behind by a record of three seconds, though the one before is older",
		`batch 1, open [], running ""; events at none held by "events/1", events/0: 2 behind 0 (0 held), 0 s, events/1: 0 behind 1 (0 held), 3 s; lag 1, 3 s; watermark ? s old`, true)
	if *s.BatchSeconds != 100 {
		t.Errorf("the last batch was %g s ago", *s.BatchSeconds)
	}
	w.source.SetStable(simTopic, 1, 0)
	want("an open transaction hides the record",
		`batch 1, open [], running ""; events at none held by "events/1", events/0: 2 behind 0 (0 held), 0 s, events/1: 0 behind 1 (1 held), unknown age; lag 1, ? s; watermark ? s old`, true)
	w.source.SetStable(simTopic, 1, -1)
	want("no broker answers", `batch 1, open [], running ""; events at none held by "events/1", events/0: 2, events/1: 0, error `+errNetwork.Error()+`; watermark ? s old`, true,
		func(j *Job) {
			j.Sources["events"] = Source{Open: func(context.Context) (offsets.Source, error) { return silent{}, nil }, Start: offsets.Earliest}
		})
	w.mustRun(w.countedJob())
	at := windows.FormatTime(w.history().Marks.Sources["events"].Watermark)
	seconds := w.clock.now.Sub(time.UnixMicro(w.history().Marks.Sources["events"].Watermark)).Seconds()
	want("caught up", fmt.Sprintf(`batch 2, open [], running ""; events at %s held by "events/1", events/0: 2 behind 0 (0 held), 0 s, events/1: 1 behind 0 (0 held), 0 s; lag 0, 0 s; watermark %g s old`, at, seconds), true)
	w.mustRun(w.countedJob(flushing))
	if s := want("flushed", `batch 3, open [], running ""; events at end of time held by "", events/0: 2, events/1: 1; watermark ? s old`, false); !strings.Contains(s.Flushed, "--reopen") {
		t.Errorf("flushed: %q", s.Flushed)
	}
}

// TestStatusOfAnotherJobFile: what a checkpoint holds of an operator and a source that the job no longer has is still told.
func TestStatusOfAnotherJobFile(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 31)
	w.at(1, 5, 12)
	w.mustRun(w.countedJob())
	held := w.look(w.countedJob(), false).StateOperators[0]
	if held.NumWindowsOpen == 0 || held.FirstOpen == "" {
		t.Fatalf("operator %+v", held)
	}
	s := w.look(w.job(stateless, w.inMemory), false)
	i := slices.IndexFunc(s.StateOperators, func(o OperatorStatus) bool { return o.OperatorName == held.OperatorName })
	if i < 0 || s.StateOperators[i].NumWindowsOpen != held.NumWindowsOpen || s.StateOperators[i].FirstOpen != held.FirstOpen || s.NumWindowsOpen != held.NumWindowsOpen {
		t.Errorf("operators %+v, want %+v among them", s.StateOperators, held)
	}
	if _, err := LookUp(t.Context(), Env{Clock: w.clock, FS: w.disk}, w.countedJob(named("other"))); err == nil || !strings.Contains(err.Error(), `belongs to job "sim"`) {
		t.Errorf("of another job: %v", err)
	}
}
