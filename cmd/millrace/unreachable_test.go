package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// What cannot be reached is given up after some patience; these tests wait for it side by side.

// atMost is far above the patience, and far below what users call hanging.
const atMost = 12 * time.Second

// runPatiently runs a job that reads topic t from broker.
func runPatiently(t *testing.T, broker string) (code int, stderr string) {
	t.Helper()
	job := filepath.Join(t.TempDir(), "job.yaml")
	write(t, job, fmt.Sprintf(`name: x
sources: {s: {kafka: {brokers: "%s", topic: t}, columns: {a: string}}}
query: SELECT a FROM s
sinks: {out: {parquet: {path: out}}}
trigger: {available_now: true}
checkpoint: cp
`, broker))
	var out, errs bytes.Buffer
	start := time.Now()
	code = run(context.Background(), []string{"run", job}, &out, &errs)
	if d := time.Since(start); d > atMost {
		t.Errorf("gave up after %s", d)
	}
	if out.Len() > 0 {
		t.Errorf("output %q", out.String())
	}
	return code, errs.String()
}

// freePort is an address where nobody listens.
func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	check(t, err)
	defer l.Close()
	return l.Addr().String()
}

func TestNoBroker(t *testing.T) {
	t.Parallel()
	addr := freePort(t)
	code, stderr := runPatiently(t, addr)
	want := fmt.Sprintf("millrace: open source s: kafka: no broker answered at %s (dial tcp %s: connect: connection refused)\n", addr, addr)
	if code != exitFailed || stderr != want {
		t.Errorf("exit %d: %swant %s", code, stderr, want)
	}
}

func TestUnknownTopic(t *testing.T) {
	t.Parallel()
	c, err := kfake.NewCluster(kfake.NumBrokers(1))
	check(t, err)
	defer c.Close()
	addr := c.ListenAddrs()[0]
	code, stderr := runPatiently(t, addr)
	want := fmt.Sprintf("millrace: open source s: topic \"t\" does not exist on %s\n", addr)
	if code != exitUsage || stderr != want {
		t.Errorf("exit %d: %swant %s", code, stderr, want)
	}
}

func TestGenNoBroker(t *testing.T) {
	t.Parallel()
	addr := freePort(t)
	var out, errs bytes.Buffer
	start := time.Now()
	code := run(context.Background(), []string{"gen", "ysb", "--records", "1", "--brokers", addr}, &out, &errs)
	if d := time.Since(start); code != exitFailed || d > atMost || !bytes.Contains(errs.Bytes(), []byte(addr)) {
		t.Errorf("exit %d after %s: %s", code, d, errs.String())
	}
}
