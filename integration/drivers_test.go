package integration

import (
	"fmt"
	"path/filepath"
	"slices"
	"syscall"
	"testing"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/kafkatest"
)

// TestSecondDriver starts a job that runs already.
func TestSecondDriver(t *testing.T) {
	broker := kafkatest.Start(t)
	topic := broker.Topic(t, 1)
	writeFlights(t, producer(t, broker), topic, 0, 3)
	p, _ := flightsProgram(t, broker.Addr, topic)
	l := p.start(landJob, "--set", "trigger={every: 50ms}")
	<-l.progress
	code, stderr := p.fails("run", landJob, "--available-now")
	wantExit(t, code, stderr, 5, "another run holds this checkpoint", fmt.Sprintf("process %d on ", l.cmd.Process.Pid))
	l.signal(t, syscall.SIGTERM)
	if _, err := l.wait(); err != nil {
		t.Errorf("the first run: %v", err)
	}
	if code, stderr := p.fails("run", landJob, "--available-now"); code != 0 {
		t.Errorf("the job is free, but exit %d: %s", code, stderr)
	}
}

// TestTakeOverOfPausedDrivers pauses three drivers in turn, each at another moment, and takes the job over from each. When
// they wake up they must end without publishing.
func TestTakeOverOfPausedDrivers(t *testing.T) {
	duckdbtest.Need(t)
	broker := kafkatest.Start(t)
	topic := broker.Topic(t, 4)
	p, lake := flightsProgram(t, broker.Addr, topic)
	p.must("gen", "flights", "--brokers", broker.Addr, "--topic", topic, "--file", januaryFlights)
	args := []string{flightsJob, "--available-now", "--flush-windows", "--take-over", "--set", "limits.rows=40000",
		"--set", "sinks.lake.parquet.partition_by=[date(hour) AS dt, hour(hour) / 6 AS part]"} // many files: publishing takes a while

	// a batch planned; the moment after a batch; some files of a batch published
	var paused []*life
	for _, moment := range []func(testing.TB) *batch.Planned{p.openPlan, p.lastPlan, p.publishing(lake)} {
		l := p.start(args...)
		plan := l.pauseWhen(t, moment)
		t.Logf("driver %d paused at batch %d", len(paused)+1, plan.Batch)
		paused = append(paused, l)
	}
	p.must(append([]string{"run"}, args...)...)
	before := files(t, lake)
	for i, l := range paused {
		l.signal(t, syscall.SIGCONT)
		_, _ = l.wait() // its exit code is what counts
		wantExit(t, l.cmd.ProcessState.ExitCode(), l.stderr.String(), 5, fmt.Sprintf("another run has taken this job over from epoch %d", i+1))
	}
	wantSameFiles(t, before, files(t, lake))
	compareFlights(t, expectedFlights(t, januaryFlights), lake, 70_000)
}

// lastPlan is the newest plan, whether its batch is done or not.
func (p *program) lastPlan(t testing.TB) *batch.Planned {
	t.Helper()
	entries := p.inspect(t).Entries
	for _, e := range slices.Backward(entries) {
		if plan, ok := e.Record.(*batch.Planned); ok {
			return plan
		}
	}
	return nil
}

// publishing is the open plan when some of its files are there.
func (p *program) publishing(lake string) func(testing.TB) *batch.Planned {
	return func(t testing.TB) *batch.Planned {
		t.Helper()
		plan := p.openPlan(t)
		if plan == nil {
			return nil
		}
		names, err := filepath.Glob(filepath.Join(lake, "*", "*", fmt.Sprintf("*-b%012d-*.parquet", plan.Batch)))
		if err != nil {
			t.Fatal(err)
		}
		if len(names) == 0 {
			return nil
		}
		return plan
	}
}

// TestSignals ends a job in the middle of a batch: by one signal, after which the batch is finished, and by two.
func TestSignals(t *testing.T) {
	broker := kafkatest.Start(t)
	topic := broker.Topic(t, 2)
	p, _ := flightsProgram(t, broker.Addr, topic)
	p.must("gen", "flights", "--brokers", broker.Addr, "--topic", topic, "--records", "300000", "--file", januaryFlights)
	args := []string{landJob, "--available-now", "--set", "limits.rows=20000"}

	l := p.start(args...)
	inWork := l.pauseWhen(t, p.openPlan).Batch
	l.signal(t, syscall.SIGTERM)
	l.signal(t, syscall.SIGCONT)
	all, err := l.wait()
	if err != nil || !slices.ContainsFunc(all, func(r batch.Progress) bool { return r.BatchID == inWork }) {
		t.Fatalf("SIGTERM in batch %d: %d more batches, %v", inWork, len(all), err)
	}
	if open := p.openPlan(t); open != nil {
		t.Errorf("SIGTERM left batch %d open", open.Batch)
	}

	open := twoSignals(t, p, args)
	again, err := p.start(args...).wait()
	if err != nil || len(again) == 0 || !again[0].Rerun || again[0].BatchID != open {
		t.Errorf("after two signals in batch %d: %v, %+v", open, err, again)
	}
}

// twoSignals ends the job at once, in a batch, which it returns. A batch that was about to end may come to its end all the
// same: then it is tried again.
func twoSignals(t *testing.T, p *program, args []string) (open int64) {
	t.Helper()
	for {
		l := p.start(args...)
		inWork := l.pauseWhen(t, p.openPlan).Batch
		l.signal(t, syscall.SIGTERM)
		l.signal(t, syscall.SIGINT) // two of a kind might arrive as one
		l.signal(t, syscall.SIGCONT)
		_, _ = l.wait() // its exit code is what counts
		if code := l.cmd.ProcessState.ExitCode(); code != 0 {
			wantExit(t, code, l.stderr.String(), 130, "stopped at once by a second signal")
			return inWork
		}
	}
}
