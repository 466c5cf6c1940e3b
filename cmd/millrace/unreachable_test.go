package main

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
)

// What cannot be reached is given up after some patience. These tests wait for it side by side, each with a process of its
// own, because the library of the command line has variables that all of its runs share.

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
	code, stderr = process(t, "run", job)
	if left := glob(t, filepath.Join(filepath.Dir(job), "*")); len(left) != 1 {
		t.Errorf("a first start that was refused leaves %v", left)
	}
	return code, healthLine.ReplaceAllString(stderr, "")
}

// healthLine is what a run says of retries that take long; on a busy machine any may.
var healthLine = regexp.MustCompile(`(?m)^millrace: warning: source s: (degraded|recovered).*\n`)

// process runs a command line as a process: this program, see TestMain.
func process(t *testing.T, args ...string) (code int, stderr string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), atMost)
	defer cancel()
	cmd := exec.CommandContext(ctx, os.Args[0], args...)
	cmd.Env = append(os.Environ(), beMillrace+"=1")
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	if cmd.ProcessState == nil || ctx.Err() != nil || out.Len() > 0 {
		t.Fatalf("%v, output %q, %s", err, out.String(), errs.String())
	}
	return cmd.ProcessState.ExitCode(), errs.String()
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
	want := fmt.Sprintf("millrace: ask where source s ends: topic \"t\" does not exist on %s\n", addr)
	if code != exitUsage || stderr != want {
		t.Errorf("exit %d: %swant %s", code, stderr, want)
	}
}

func TestGenNoBroker(t *testing.T) {
	t.Parallel()
	addr := freePort(t)
	code, stderr := process(t, "gen", "ysb", "--records", "1", "--brokers", addr)
	if code != exitFailed || !strings.HasPrefix(stderr, "millrace: kafka: no broker answered at "+addr) {
		t.Errorf("exit %d: %s", code, stderr)
	}
}
