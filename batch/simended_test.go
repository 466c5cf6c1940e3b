package batch

import (
	"errors"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/store/storetest"
)

// TestKilledHolderInS3: what a process left open that was killed can be given up when somebody says, by its name, that it has
// ended; its heartbeats do not tell.
func TestKilledHolderInS3(t *testing.T) {
	objects := &storetest.Objects{}
	w := newWorld(t, simSeed(t))
	at := func(o *Options) { o.Env.Objects = objectsAt(objects) }
	remote := func(j *Job) { j.Checkpoint = "s3://bucket/ck" }
	w.generate(150)
	w.mustRun(w.job(stateless, remote), at)
	in, err := Inspect(t.Context(), envWith(w, objects), "s3://bucket/ck")
	if err != nil {
		t.Fatal(err)
	}
	reached := in.History.Positions[1].Next
	w.generate(100)
	objects.Fail = func(op, _ string) (error, bool) { // it dies without a last heartbeat
		if op == "beat" {
			return errNetwork, false
		}
		return nil, false
	}
	if err := w.run(w.job(stateless, remote, hooked(&hooks{prepare: failAt(1)})), at); !errors.Is(err, errNetwork) {
		t.Fatalf("run: %v, want the fault", err)
	}
	objects.Fail = nil
	w.source.DeleteBefore(simTopic, 1, reached+7)
	w.lose(func(e simEvent) bool { return e.partition == 1 && e.at >= reached && e.at < reached+7 })
	ended := func(names ...string) func(*Options) { return func(o *Options) { o.HolderEnded = names } }
	for _, wrong := range [][]string{nil, {"sim:1"}, {"other:4"}} {
		refused := wantError[*RefusedError](t, w.run(w.job(stateless, remote, accepting("events")), at, ended(wrong...)), "has not said that it ended", "--holder-ended sim:")
		if !strings.Contains(refused.Msg, "batch 2 is open") {
			t.Errorf("with %q: %v", wrong, refused)
		}
	}
	w.mustRun(w.job(stateless, remote, accepting("events")), at, ended("sim:3"))
	w.wantRows("with the loss accepted", w.expected(stateless), equalRows)

	// On a disk the lock tells, and nobody's word counts.
	z := newWorld(t, simSeed(t))
	z.generate(100)
	held := z.pausedAt(stateless, 1, func(h *hooks, f func() error) { h.prepare = f })
	z.source.DeleteBefore(simTopic, 1, 3)
	wantError[*RefusedError](t, z.run(z.job(stateless, accepting("events")), takeOver, ended("sim:1")), "has not ended: end that process")
	wantError[*SupersededError](t, held.awake())
}
