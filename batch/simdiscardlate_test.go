package batch

import (
	"errors"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/failpoint"
)

// TestDiscardLateFile: a file that comes when the batch was given up, whether there were others before or none, is said, and the next run
// moves it out of the output too.
func TestDiscardLateFile(t *testing.T) {
	for _, others := range []bool{false, true} {
		w, n := discardWorld(t, simSeed(t))
		name := slices.Min(slices.Collect(maps.Keys(w.filesOf(n))))
		data := w.text(path.Join(simOutput, name))
		for there := range w.filesOf(n) {
			if there == name || !others {
				w.check(w.disk.Remove(path.Join(simOutput, there)))
			}
		}
		reset := failpoint.Set(failpoint.DriverDiscarded, func() error {
			w.write(path.Join(simOutput, name), data)
			return nil
		})
		err := w.run(w.job(stateless), discarding(n))
		reset()
		wantText(t, err, "files of it have come since", name, "run again")
		if were := w.filesOf(n); len(were) != 1 {
			t.Fatalf("batch %d has the files %v, want the late one", n, slices.Collect(maps.Keys(were)))
		}
		w.mustRun(w.job(stateless, flushing))
		w.wantRows("behind it", w.expected(stateless), equalRows)
		w.wantHistory("behind it")
		if aside := w.text(path.Join(simOutput, fmt.Sprintf("_millrace/discarded/%012d", n), strings.TrimSuffix(name, ".parquet")+".discard")); aside != data {
			t.Errorf("%d bytes are kept of the late file, want %d", len(aside), len(data))
		}
	}
}

// TestAcceptLossLateFile: a file of an open batch that is given up with its records, which comes when the batch is cancelled, or when the
// run that did so has ended without a commit, is moved out of the output too: its rows are planned anew.
func TestAcceptLossLateFile(t *testing.T) {
	for _, behind := range []bool{false, true} {
		w := newWorld(t, simSeed(t))
		w.lossWorld()
		at := w.reached(simTopic, 1)
		if err := w.run(w.job(stateless, publishThenFail)); !errors.Is(err, errNetwork) {
			t.Fatalf("run: %v, want the fault", err)
		}
		late := w.filesOf(2)
		name := slices.Min(slices.Collect(maps.Keys(late)))
		data := w.text(path.Join(simOutput, name))
		for there := range late {
			w.check(w.disk.Remove(path.Join(simOutput, there)))
		}
		w.source.DeleteBefore(simTopic, 1, at+7)
		w.lose(func(e simEvent) bool { return e.topic == "" && e.partition == 1 && e.at >= at && e.at < at+7 })
		arrives := func() error {
			w.write(path.Join(simOutput, name), data)
			return nil
		}
		point := failpoint.DriverDiscarded
		if behind {
			point, arrives = failpoint.DriverPlan, func() error {
				w.write(path.Join(simOutput, name), data)
				return errNetwork
			}
		}
		reset := failpoint.Set(point, arrives)
		err := w.run(w.job(stateless, accepting("events")))
		reset()
		if behind && !errors.Is(err, errNetwork) {
			t.Fatalf("run: %v, want the fault", err)
		}
		if !behind {
			wantText(t, err, "batch 2 was given up", "files of it have come since", name, "run again")
		}
		w.mustRun(w.job(stateless, accepting("events")))
		w.wantRows("behind it", w.expected(stateless), equalRows)
		w.wantHistory("behind it")
		if len(w.losses()) != 1 {
			t.Errorf("losses %q", w.losses())
		}
		if aside := w.text(path.Join(simOutput, "_millrace/discarded/000000000002", strings.TrimSuffix(name, ".parquet")+".discard")); aside != data {
			t.Errorf("%d bytes are kept of the late file, want %d", len(aside), len(data))
		}
	}
}
