package failpoint

import (
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// TestHit goes through what a test in the same process can do.
func TestHit(t *testing.T) {
	if err := Hit(LogAppend); err != nil {
		t.Fatalf("nothing is set: %v", err)
	}
	var seen []Point
	stop := Watch(func(p Point) { seen = append(seen, p) })
	fault := errors.New("disk full")
	reset := Set(LogAppend, func() error { return fault })
	again := Set(StoreSync, func() error { return Hit(LogSync) }) // a point may lead to others
	if err := Hit(LogAppend); !errors.Is(err, fault) || !strings.Contains(err.Error(), string(LogAppend)) {
		t.Errorf("error %v, want one that is the fault and names the point", err)
	}
	if err := Hit(StoreSync); err != nil {
		t.Error(err)
	}
	again()
	reset()
	if err := Hit(LogAppend); err != nil {
		t.Errorf("after reset: %v", err)
	}
	stop()
	_ = Hit(LogAppend)
	if want := []Point{LogAppend, StoreSync, LogSync, LogAppend}; !slices.Equal(seen, want) {
		t.Errorf("seen %v, want %v", seen, want)
	}
}

// TestOffCostsNothing is the law for code that a job runs through.
func TestOffCostsNothing(t *testing.T) {
	if n := testing.AllocsPerRun(1000, func() { _ = Hit(SourceFetch) }); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkOff(b *testing.B) {
	for b.Loop() {
		_ = Hit(SourceFetch)
	}
}

// environment is a getenv of a map.
func environment(pairs ...string) func(string) string {
	return func(name string) string {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1]
			}
		}
		return ""
	}
}

func TestEnvironmentRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"log/append":               "want point=action",
		"log/apend=crash":          "there are log/lock, log/locked",
		"log/append=explode":       "there are crash, stop, error and delay:DURATION",
		"log/append=crash@0":       "not the number of a hit",
		"log/append=crash@x":       "not the number of a hit",
		"log/append=delay:fast":    "not a duration",
		"log/append=delay:-1s":     "not a duration",
		"log/append=delay":         "no action",
		"log/append=crash:1s":      "only delay",
		"log/sync=error;nothing=x": `no point "nothing"`,
	} {
		on, err := FromEnvironment(environment(EnvPoints, text))
		if on || err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), EnvPoints) {
			t.Errorf("%q: on %t, error %v, want one that says %q", text, on, err, want)
		}
	}
	if on, err := FromEnvironment(environment(EnvTrace, "/does/not/exist/trace")); on || err == nil {
		t.Errorf("a trace that cannot be written: on %t, error %v", on, err)
	}
	if on, err := FromEnvironment(environment()); on || err != nil || armed.Load() != nil {
		t.Errorf("nothing is asked for: on %t, error %v", on, err)
	}
}

// TestEnvironment has points fail at their hits, and reads the trace.
func TestEnvironment(t *testing.T) {
	defer armed.Store(nil)
	trace := filepath.Join(t.TempDir(), "trace")
	on, err := FromEnvironment(environment(EnvPoints, " log/append = error@2 ;log/append=delay:1ms@2;store/sync=delay:0s", EnvTrace, trace))
	if !on || err != nil {
		t.Fatalf("on %t, error %v", on, err)
	}
	for i, p := range []Point{LogAppend, LogAppend, StoreSync, LogAppend} {
		if err := Hit(p); errors.Is(err, ErrInjected) != (i == 1) {
			t.Errorf("hit %d: %v", i, err)
		}
	}
	data, err := os.ReadFile(trace)
	if want := "log/append 1\nlog/append 2 error delay:1ms\nstore/sync 1 delay:0s\nlog/append 3\n"; string(data) != want {
		t.Errorf("trace %q (%v), want %q", data, err, want)
	}
}

// TestCrash starts this test in a process of its own, which must die at the second hit, with the trace behind it.
func TestCrash(t *testing.T) {
	if trace := os.Getenv(EnvTrace); trace != "" {
		if _, err := FromEnvironment(os.Getenv); err != nil {
			t.Fatal(err)
		}
		for range 3 {
			_ = Hit(DriverCommit)
		}
		return
	}
	trace := filepath.Join(t.TempDir(), "trace")
	cmd := exec.Command(os.Args[0], "-test.run=^TestCrash$")
	cmd.Env = append(os.Environ(), EnvPoints+"=driver/commit=crash@2", EnvTrace+"="+trace)
	timer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	defer timer.Stop()
	if err := cmd.Run(); err == nil || cmd.ProcessState.Exited() {
		t.Errorf("the process ended with %v, want it killed", err)
	}
	data, err := os.ReadFile(trace)
	if want := "driver/commit 1\ndriver/commit 2 crash\n"; string(data) != want {
		t.Errorf("trace %q (%v), want %q", data, err, want)
	}
}

// TestEveryPointIsListed parses the constants: each has a sentence that says where it is, and is in the list once.
func TestEveryPointIsListed(t *testing.T) {
	f, err := parser.ParseFile(token.NewFileSet(), "points.go", nil, parser.ParseComments)
	if err != nil {
		t.Fatal(err)
	}
	var points []Point
	for _, d := range f.Decls {
		g, ok := d.(*ast.GenDecl)
		if !ok || g.Tok != token.CONST {
			continue
		}
		for _, s := range g.Specs {
			v := s.(*ast.ValueSpec)
			text, err := strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
			if err != nil {
				t.Fatal(err)
			}
			points = append(points, Point(text))
			if begin := fmt.Sprintf("%s is where ", v.Names[0]); !strings.HasPrefix(v.Doc.Text(), begin) {
				t.Errorf("%s: its comment does not begin with %q", v.Names[0], begin)
			}
		}
	}
	if !slices.Equal(points, Points()) {
		t.Errorf("constants %v, listed %v", points, Points())
	}
	slices.Sort(points)
	if n := len(slices.Compact(points)); n != len(all) || n < 30 {
		t.Errorf("%d names of %d points", n, len(all))
	}
}

// TestDocument compares the table of the document with the points.
func TestDocument(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "failpoints.md"))
	if err != nil {
		t.Fatal(err)
	}
	var named []Point
	for line := range strings.Lines(string(data)) {
		if name, ok := strings.CutPrefix(line, "| `"); ok {
			name, _, _ = strings.Cut(name, "`")
			named = append(named, Point(name))
		}
	}
	if !slices.Equal(named, Points()) {
		t.Errorf("the document has %v, the code %v", named, Points())
	}
}
