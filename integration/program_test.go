package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/millrace/millrace/batch"
)

// buildProgram builds the program once for all tests of the package.
var buildProgram = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "millrace-bin-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "millrace")
	if out, err := exec.Command("go", "build", "-o", path, "../cmd/millrace").CombinedOutput(); err != nil {
		return "", fmt.Errorf("build millrace: %w\n%s", err, out)
	}
	return path, nil
})

// program is the built binary with the environment of one job.
type program struct {
	t    testing.TB
	path string
	env  []string

	checkpoint string // of a job of flightsProgram
}

func newProgram(t testing.TB, env ...string) *program {
	t.Helper()
	path, err := buildProgram()
	if err != nil {
		t.Fatal(err)
	}
	return &program{t: t, path: path, env: env}
}

// command prepares a run that ends with the test at the latest.
func (p *program) command(args ...string) *exec.Cmd {
	cmd := exec.CommandContext(p.t.Context(), p.path, args...)
	cmd.Env = append(os.Environ(), p.env...)
	return cmd
}

// must runs to the end and fails the test when the exit code is not 0.
func (p *program) must(args ...string) string {
	p.t.Helper()
	out, err := p.command(args...).CombinedOutput()
	if err != nil {
		p.t.Fatalf("millrace %s: %v\n%s", strings.Join(args, " "), err, out)
	}
	return string(out)
}

// fails runs to the end and returns the exit code and what was printed on standard error.
func (p *program) fails(args ...string) (code int, stderr string) {
	p.t.Helper()
	cmd := p.command(args...)
	var b strings.Builder
	cmd.Stderr = &b
	err := cmd.Run()
	if err == nil {
		return 0, b.String()
	}
	exit, ok := err.(*exec.ExitError)
	if !ok {
		p.t.Fatalf("millrace %s: %v", strings.Join(args, " "), err)
	}
	return exit.ExitCode(), b.String()
}

// life is a running job whose progress can be followed.
type life struct {
	cmd      *exec.Cmd
	progress chan batch.Progress // closed at the end
	stderr   textSoFar
}

// textSoFar is what somebody has written, and may still be writing.
type textSoFar struct {
	mu   sync.Mutex
	text strings.Builder
}

func (s *textSoFar) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.Write(p)
}

func (s *textSoFar) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.text.String()
}

// start runs a job with --json.
func (p *program) start(args ...string) *life {
	p.t.Helper()
	l := &life{cmd: p.command(append([]string{"run", "--json"}, args...)...), progress: make(chan batch.Progress, 10_000)}
	l.cmd.Stderr = &l.stderr
	out, err := l.cmd.StdoutPipe()
	if err != nil {
		p.t.Fatal(err)
	}
	if err := l.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	go l.follow(out)
	return l
}

func (l *life) follow(out io.Reader) {
	defer close(l.progress)
	lines := bufio.NewScanner(out)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var r batch.Progress
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			l.progress <- r
		}
	}
}

// wait returns the rest of the progress and the exit error.
func (l *life) wait() ([]batch.Progress, error) {
	var all []batch.Progress
	for r := range l.progress {
		all = append(all, r)
	}
	err := l.cmd.Wait()
	if err != nil {
		err = fmt.Errorf("%w\n%s", err, l.stderr.String())
	}
	return all, err
}

// kill ends the process as a crash would.
func (l *life) kill() []batch.Progress {
	_ = l.cmd.Process.Signal(syscall.SIGKILL) // it may have ended already
	all, _ := l.wait()
	return all
}

func (l *life) signal(t testing.TB, s syscall.Signal) {
	t.Helper()
	if err := l.cmd.Process.Signal(s); err != nil {
		t.Fatal(err)
	}
}

// pause stops the process as a frozen machine would, and returns when it has stopped.
func (l *life) pause(t testing.TB) {
	t.Helper()
	l.signal(t, syscall.SIGSTOP)
	var status syscall.WaitStatus
	if _, err := syscall.Wait4(l.cmd.Process.Pid, &status, syscall.WUNTRACED, nil); err != nil || !status.Stopped() {
		t.Fatalf("stop process: %v, status %#x\n%s", err, status, l.stderr.String())
	}
}

// pauseWhen pauses the process, some time after its first batch, at a moment that the checkpoint shows.
func (l *life) pauseWhen(t testing.TB, moment func(testing.TB) *batch.Planned) *batch.Planned {
	t.Helper()
	for running := l.reported(true); running; running = l.reported(false) {
		if moment(t) == nil {
			continue
		}
		l.pause(t)
		if plan := moment(t); plan != nil { // it may have passed meanwhile
			return plan
		}
		l.signal(t, syscall.SIGCONT)
	}
	_, err := l.wait()
	t.Fatalf("the job ended before the moment came: %v", err)
	return nil
}

// reported takes a report, if there is one or wait is set. It is false when the job has ended.
func (l *life) reported(wait bool) (running bool) {
	if wait {
		_, running = <-l.progress
		return running
	}
	select {
	case _, running = <-l.progress:
		return running
	default:
		return true
	}
}

// inspect reads the checkpoint, whether the job runs or not.
func (p *program) inspect(t testing.TB) *batch.Inspection {
	t.Helper()
	in, err := batch.Inspect(t.Context(), batch.SystemEnv(), p.checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	return in
}

// openPlan is the plan of the batch in work, planned and not committed; nil for none.
func (p *program) openPlan(t testing.TB) *batch.Planned {
	t.Helper()
	if open := p.inspect(t).History.Open; len(open) > 0 {
		return open[0]
	}
	return nil
}

// wantExit compares an exit code and looks for parts of the message.
func wantExit(t *testing.T, code int, stderr string, want int, parts ...string) {
	t.Helper()
	if code != want {
		t.Errorf("exit %d, want %d: %s", code, want, stderr)
	}
	for _, part := range parts {
		if !strings.Contains(stderr, part) {
			t.Errorf("%q is not in: %s", part, stderr)
		}
	}
}

// files are the Parquet files below a directory, by path, with their bytes.
func files(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".parquet" {
			return err
		}
		data, err := os.ReadFile(path)
		all[path] = string(data)
		return err
	})
	if err != nil || len(all) == 0 {
		t.Fatalf("%d files in %s, %v", len(all), dir, err)
	}
	return all
}

func wantSameFiles(t *testing.T, before, after map[string]string) {
	t.Helper()
	if !maps.Equal(before, after) {
		t.Errorf("the output has changed:\n%q\n%q", slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
	}
}
