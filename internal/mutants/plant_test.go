package mutants

import (
	"cmp"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/internal/prooftest"
)

// fails runs a test with a fault in place, with few cases first, and returns what it says when it fails. That failure counts
// only if the test passes, with as many cases, on the code as it is.
func (s sight) fails(t *testing.T, overlay string, sound *soundness) string {
	dir := t.TempDir()
	binary := filepath.Join(dir, "faulty.test")
	if out, err := build(s.pkg, overlay, binary); err != nil {
		t.Fatalf("%s does not compile: %v\n%s", s.pkg, err, out)
	}
	for _, short := range []bool{true, false} {
		said, fails := s.run(t, binary, overlay, dir, short)
		if !fails {
			continue
		}
		if err := sound.check(t, s, short); err != nil {
			t.Fatal(err)
		}
		if !short {
			said += " (not with -short)"
		}
		return said
	}
	t.Fatalf("%s in %s does not fail", s.test, s.pkg)
	return ""
}

// build compiles the tests of a package, with the files of an overlay if there is one. Packages that do not see the fault come
// from the cache.
func build(pkg, overlay, binary string) ([]byte, error) {
	args := []string{"test", "-c", "-vet=off", "-ldflags=-s -w", "-o", binary, pkg}
	cmd := exec.Command("go", args...)
	cmd.Dir = root
	cmd.Env = environment(pkg, overlay)
	return cmd.CombinedOutput()
}

// environment is that of the go command, and of tests: programs that they build have the fault in them, too.
func environment(pkg, overlay string) []string {
	env := os.Environ()
	if overlay != "" {
		env = append(env, "GOFLAGS="+os.Getenv("GOFLAGS")+" -overlay="+overlay)
	}
	if !wholeJobs(pkg) {
		env = append(env, "GOGC=400") // unit tests make small things and drop them, and so does the compiler
	}
	return env
}

// wholeJobs says that the tests of a package start programs and servers, with what they have in production.
func wholeJobs(pkg string) bool { return strings.HasPrefix(pkg, "./integration") }

// run runs a test, and returns what it had to say when it failed. No part of it is begun behind one that has failed.
func (s sight) run(t *testing.T, binary, overlay, dir string, short bool) (said string, fails bool) {
	args := []string{"-test.v", "-test.failfast", "-test.timeout=20m", "-test.run=^(" + s.test + ")$", fmt.Sprintf("-test.short=%t", short)}
	cmd := exec.Command(binary, args...)
	cmd.Dir = filepath.Join(root, s.pkg)
	cmd.Env = append(environment(s.pkg, overlay), "TMPDIR="+dir) // what a test leaves that panics
	out, err := cmd.CombinedOutput()
	if !strings.Contains(string(out), "=== RUN") {
		t.Fatalf("%s has no test %s: %v\n%s", s.pkg, s.test, err, out)
	}
	return complaint(string(out)), err != nil
}

// What a test prints with -v: of which part of it the lines behind are, and that one has failed, or all of it.
var (
	partLine   = regexp.MustCompile(`^=== (?:RUN|CONT|NAME) +(\S+)`)
	failedLine = regexp.MustCompile(`^ *--- FAIL: (\S+) `)
	endLine    = regexp.MustCompile(`^panic: |^fatal error: `)
)

// complaint is the first thing that a part had to say which failed, beside its seed and its figures.
func complaint(out string) string {
	part, first := "", make(map[string]string)
	said := "it fails"
	for line := range strings.Lines(out) {
		if m := partLine.FindStringSubmatch(line); m != nil {
			part = m[1]
		} else if m := failedLine.FindStringSubmatch(line); m != nil {
			said = cmp.Or(first[m[1]], said)
		} else if endLine.MatchString(line) {
			return strings.TrimSpace(line)
		} else if first[part] == "" && speaks(line) {
			first[part] = strings.TrimSpace(line)
		}
	}
	return said
}

func speaks(line string) bool {
	return strings.Contains(line, "_test.go:") && !strings.Contains(line, "run it again") && !strings.Contains(line, prooftest.Prefix)
}

// soundness knows of tests whether they pass on the code as it is. Each is run once, when it is first asked for.
type soundness struct {
	dir   string
	mu    sync.Mutex
	known map[string]*verdict
}

type verdict struct {
	once sync.Once
	err  error
}

func newSoundness(dir string) *soundness {
	return &soundness{dir: dir, known: make(map[string]*verdict)}
}

func (k *soundness) of(key string) *verdict {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known[key] == nil {
		k.known[key] = new(verdict)
	}
	return k.known[key]
}

// check returns an error for a test that fails without any fault.
func (k *soundness) check(t *testing.T, s sight, short bool) error {
	v := k.of(fmt.Sprint(s, short))
	v.once.Do(func() {
		binary, err := k.binary(s.pkg)
		if err != nil {
			v.err = err
			return
		}
		if said, fails := s.run(t, binary, "", t.TempDir(), short); fails {
			v.err = fmt.Errorf("%s in %s fails without any fault: %s", s.test, s.pkg, said)
		}
	})
	return v.err
}

// binary is that of a package's tests, without a fault.
func (k *soundness) binary(pkg string) (string, error) {
	path := filepath.Join(k.dir, strings.ReplaceAll(strings.TrimPrefix(pkg, "./"), "/", "-")+".test")
	v := k.of(path)
	v.once.Do(func() {
		if out, err := build(pkg, "", path); err != nil {
			v.err = fmt.Errorf("build tests of %s: %w\n%s", pkg, err, out)
		}
	})
	return path, v.err
}
