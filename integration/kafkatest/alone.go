package kafkatest

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"
)

var alone atomic.Int64

// StartAlone starts a broker for one test, to be killed or configured: more are lines of its configuration, format are
// arguments of the tool that prepares its directory. It ends with the test. Like [Start] it skips where there can be none.
func StartAlone(t testing.TB, more string, format ...string) *Broker {
	t.Helper()
	change := func(_, text string) (string, []string, error) { return text + more, format, nil }
	b, err := launchBroker(fmt.Sprintf("-alone-%d", alone.Add(1)), change, shortLived...)
	switch {
	case errors.Is(err, errMissing) && os.Getenv(RequireEnv) != "1":
		t.Skipf("skipped: %v", err)
	case err != nil:
		t.Fatalf("start Kafka %s: %v", Version, err)
	}
	t.Cleanup(func() {
		b.proc.kill()
		os.RemoveAll(b.dir)
	})
	return b
}

// Kill ends the broker at once, as kill -9 does. What it has acknowledged is in its files.
func (b *Broker) Kill() { b.proc.kill() }

// Restart starts the broker again behind Kill, at the same address and with the same files, and waits until it answers.
func (b *Broker) Restart(t testing.TB) {
	t.Helper()
	log := filepath.Join(b.dir, fmt.Sprintf("broker-%d.log", time.Now().UnixNano()))
	proc, err := run(b.java, b.lib, filepath.Join(b.dir, "server.properties"), log, b.options...)
	if err != nil {
		t.Fatal(err)
	}
	b.proc = proc
	if err := b.waitReady(); err != nil {
		t.Fatalf("start broker again: %v\n%s", err, proc.logTail())
	}
}
