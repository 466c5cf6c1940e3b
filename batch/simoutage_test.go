package batch

import (
	"context"
	"testing"
	"time"

	"github.com/millrace/millrace/offsets"
)

// outageSource has a leader that is gone for a while: the brokers have to be asked again and again, until it is back.
type outageSource struct {
	offsets.Source
	gone  *time.Duration // how long the next survey takes
	clock *fakeClock
}

func (s outageSource) Survey(ctx context.Context, reached []offsets.Position) ([]offsets.PartitionState, error) {
	gone := *s.gone
	*s.gone = 0
	s.clock.now = s.clock.now.Add(gone)
	states, err := s.Source.Survey(ctx, reached)
	for i := range states {
		states[i].Interrupted = gone > 0
	}
	return states, err
}

// TestLeaderGoneIsNoSilence: the leader of a partition is gone for twice idle_after. What producers could not write
// meanwhile comes when it is back, a moment later than the driver: none of it is late.
func TestLeaderGoneIsNoSilence(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1)
	w.at(1, 2)
	gone := time.Duration(0)
	through := func(j *Job) {
		j.Sources["events"] = Source{Start: offsets.Earliest, Open: func(context.Context) (offsets.Source, error) {
			return outageSource{w.source, &gone, w.clock}, nil
		}}
	}
	w.mustRun(w.countedJob(continuous, through), ticks(w, 50, func(n int) {
		switch {
		case n < 5: // one partition goes on
			w.at(0, int64(n)+10)
		case n == 5:
			gone = 60 * time.Second
		case n == 6: // both do, from where they were
			w.wantWindows("when the leader is back")
			w.at(0, 16)
			w.at(1, 3)
		case n == 7:
			w.at(1, 4)
			w.at(0, 40)
		}
	}))
	for _, r := range w.reports {
		if r.NumRowsLate != 0 {
			t.Errorf("batch %d: %d late rows", r.BatchID, r.NumRowsLate)
		}
	}
	w.wantWindows("when partition 1 has been silent long enough", 0, 4, 10, 5)
}
