package integration

import (
	"fmt"
	"slices"
	"syscall"
	"testing"

	"github.com/millrace/millrace/batch"
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

// cancelled reports whether the log says that a batch will never be.
func (p *program) cancelled(t testing.TB, id int64) bool {
	t.Helper()
	return slices.ContainsFunc(p.inspect(t).Entries, func(e batch.Entry) bool {
		c, ok := e.Record.(*batch.Cancelled)
		return ok && c.Batch == id
	})
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
	finished := slices.ContainsFunc(all, func(r batch.Progress) bool { return r.BatchID == inWork })
	if err != nil || !finished && !p.cancelled(t, inWork) { // it is cancelled if it was only read ahead
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

// twoSignals ends the job at once, in a batch, which it returns. Where the last batch that was open came to its end all the same,
// it is tried again.
func twoSignals(t *testing.T, p *program, args []string) (open int64) {
	t.Helper()
	for {
		l := p.start(args...)
		l.pauseWhen(t, p.openPlan)
		l.signal(t, syscall.SIGTERM)
		l.signal(t, syscall.SIGINT) // two of a kind might arrive as one
		l.signal(t, syscall.SIGCONT)
		_, _ = l.wait() // its exit code is what counts
		if code := l.cmd.ProcessState.ExitCode(); code != 0 {
			wantExit(t, code, l.stderr.String(), 130, "stopped at once by a second signal")
			if plan := p.openPlan(t); plan != nil {
				return plan.Batch
			}
		}
	}
}
