package integration

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
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
	stderr   strings.Builder
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
