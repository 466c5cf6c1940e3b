package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/failpoint"
)

// deadline is how long a process may take to where it is to be killed. It only ends a test that hangs.
const deadline = 2 * time.Minute

// victim is a process of a job with failpoints and a trace of them. It is waited for by hand: os/exec does not tell of
// processes that stop.
type victim struct {
	t      *testing.T
	cmd    *exec.Cmd
	trace  string // the file
	stderr string // the file
	began  time.Time
	usage  syscall.Rusage // when it has ended
}

// victim starts a process in which things happen at failpoints, see failpoint.EnvPoints.
func (p *program) victim(t *testing.T, dir, points string, args ...string) *victim {
	t.Helper()
	v := &victim{t: t, trace: filepath.Join(dir, "trace"), stderr: filepath.Join(dir, "stderr"), began: time.Now()}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	stderr, err := os.Create(v.stderr)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	v.cmd = exec.Command(p.path, append([]string{"run"}, args...)...)
	v.cmd.Env = append(append(os.Environ(), p.env...), failpoint.EnvPoints+"="+points, failpoint.EnvTrace+"="+v.trace)
	v.cmd.Stderr = stderr
	if err := v.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = v.cmd.Process.Kill() }) // it has ended already, unless the test has failed
	return v
}

// wait returns when the process has stopped or ended.
func (v *victim) wait() syscall.WaitStatus {
	v.t.Helper()
	watchdog := time.AfterFunc(deadline, func() { _ = v.cmd.Process.Kill() })
	var status syscall.WaitStatus
	for {
		_, err := syscall.Wait4(v.cmd.Process.Pid, &status, syscall.WUNTRACED, &v.usage)
		if err == syscall.EINTR {
			continue
		}
		if !watchdog.Stop() {
			v.t.Fatalf("the process neither stopped nor ended in %s; its trace ends with %v\n%s", deadline, tail(v.hits(), 5), v.said())
		}
		if err != nil {
			v.t.Fatal(err)
		}
		return status
	}
}

// stops waits until the process has stopped at a failpoint.
func (v *victim) stops() {
	v.t.Helper()
	if status := v.wait(); !status.Stopped() {
		v.t.Fatalf("the process has ended (exit %d, signal %v) instead of stopping; its trace ends with %v\n%s", status.ExitStatus(), status.Signal(), tail(v.hits(), 5), v.said())
	}
}

// kill ends a process that has stopped, as a crash would.
func (v *victim) kill() {
	v.t.Helper()
	v.signal(syscall.SIGKILL)
	if status := v.wait(); !status.Signaled() {
		v.t.Fatalf("killed, but status %#x", status)
	}
}

func (v *victim) signal(s syscall.Signal) {
	v.t.Helper()
	if err := v.cmd.Process.Signal(s); err != nil {
		v.t.Fatal(err)
	}
}

// exit waits for the end and returns the exit code.
func (v *victim) exit() int {
	v.t.Helper()
	status := v.wait()
	if !status.Exited() {
		v.t.Fatalf("status %#x instead of an end\n%s", status, v.said())
	}
	return status.ExitStatus()
}

// cpu is the time that the process has used, when it has ended.
func (v *victim) cpu() time.Duration {
	return time.Duration(v.usage.Utime.Nano() + v.usage.Stime.Nano())
}

func (v *victim) hits() []hit { return readTrace(v.t, v.trace) }

// said is what the process has written on standard error.
func (v *victim) said() string {
	text, err := os.ReadFile(v.stderr)
	if err != nil {
		v.t.Fatal(err)
	}
	return strings.TrimSpace(string(text))
}

func tail[T any](all []T, n int) []T { return all[max(0, len(all)-n):] }

// stepsOfBatch are points that every batch of every job comes by.
var stepsOfBatch = []string{"driver/planned", "source/fetch", "driver/prepare", "driver/publish", "driver/next-sink", "driver/commit"}

// killed kills a job so many times, each time with a batch open, at another step of it. Every second process has finished the
// batch of the one before when it is killed. So the job must have more than half as many batches.
func (p *program) killed(t *testing.T, kills int, args ...string) {
	t.Helper()
	dir := t.TempDir()
	for i := range kills {
		v := p.victim(t, filepath.Join(dir, strconv.Itoa(i)), fmt.Sprintf("%s=stop@%d", stepsOfBatch[i%len(stepsOfBatch)], 1+i%2), args...)
		v.stops()
		v.kill()
	}
}

// killedToTheEnd does so and has the job come to its end then, which it must begin with the open batch.
func killedToTheEnd(t *testing.T, p *program, kills int, args ...string) {
	t.Helper()
	p.killed(t, kills, args...)
	all, err := p.start(args...).wait()
	if err != nil {
		t.Fatal(err)
	}
	if len(all) == 0 || !all[0].Rerun {
		t.Errorf("%d batches, and the first of them is not the one that was open", len(all))
	}
	t.Logf("%d kills, each with a batch open", kills)
}
