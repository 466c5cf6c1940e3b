package mutants

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/millrace/millrace/internal/prooftest"
)

// root is where the module begins, from here.
const root = "../.."

// mutant is a fault: in a file, one text for another.
type mutant struct {
	name, file, old, new string
	seenBy               []sight
}

// sight is a test that must fail.
type sight struct{ test, pkg string }

// TestMutants plants the faults of testdata, and wants the tests that they name to fail.
func TestMutants(t *testing.T) {
	all := readMutants(t)
	for _, m := range all {
		m.overlay(t) // it must fit the code, also when it is not planted
	}
	if os.Getenv("MILLRACE_MUTANTS") == "" {
		t.Skipf("skipped: planting %d faults takes minutes; run it with make mutants", len(all))
	}
	var planted, caught atomic.Int32
	sound := newSoundness(t.TempDir())
	t.Cleanup(func() { // behind the parallel ones
		prooftest.Figure(t, "planted bugs, each caught by the test that it names", "%d of %d", caught.Load(), planted.Load())
	})
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			t.Parallel()
			planted.Add(1)
			overlay := m.overlay(t)
			for _, s := range m.seenBy {
				t.Logf("seen by %s in %s: %s", s.test, s.pkg, s.fails(t, overlay, sound))
			}
			caught.Add(1)
		})
	}
}

func readMutants(t *testing.T) []mutant {
	files, err := filepath.Glob("testdata/*")
	if err != nil || len(files) == 0 {
		t.Fatalf("testdata: %v, %v", files, err)
	}
	var all []mutant
	names := make(map[string]bool)
	for _, name := range files {
		data, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, block := range blocks(string(data)) {
			m := parseMutant(block)
			if m.name == "" || m.file == "" || m.old == "" || len(m.seenBy) == 0 {
				t.Fatalf("%s: no mutant: %q", name, block)
			}
			if names[m.name] {
				t.Fatalf("%s: a second mutant of the name %s", name, m.name)
			}
			names[m.name] = true
			all = append(all, m)
		}
	}
	return all
}

// blocks cuts a file at the lines that begin with "mutant ", without the remarks before them.
func blocks(text string) (out []string) {
	for _, part := range strings.Split(text, "\n\n") {
		for strings.HasPrefix(part, "#") {
			_, part, _ = strings.Cut(part, "\n")
		}
		switch {
		case strings.HasPrefix(part, "mutant "):
			out = append(out, strings.TrimRight(part, "\n"))
		case strings.TrimSpace(part) != "" && len(out) > 0: // the texts may have empty lines
			out[len(out)-1] += "\n\n" + strings.TrimRight(part, "\n")
		}
	}
	return out
}

func parseMutant(block string) mutant {
	var m mutant
	for {
		line, rest, _ := strings.Cut(block, "\n")
		words := strings.Fields(line)
		switch {
		case len(words) == 2 && words[0] == "mutant" && m.name == "":
			m.name = words[1]
		case len(words) == 2 && words[0] == "in" && m.file == "":
			m.file = words[1]
		case len(words) == 5 && words[0] == "seen" && words[1] == "by" && words[3] == "in":
			m.seenBy = append(m.seenBy, sight{test: words[2], pkg: words[4]})
		default:
			m.old, m.new, _ = strings.Cut(block+"\n", "\n----\n")
			m.new = strings.TrimSuffix(m.new, "\n")
			return m
		}
		block = rest
	}
}

// overlay writes the file with the fault, and the list that makes the go command read it.
func (m mutant) overlay(t *testing.T) string {
	path, err := filepath.Abs(filepath.Join(root, m.file))
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("mutant %s: %s has %q %d times: testdata is out of date", m.name, m.file, m.old, n)
	}
	dir := t.TempDir()
	faulty, list := filepath.Join(dir, "faulty.go"), filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(faulty, []byte(strings.Replace(string(source), m.old, m.new, 1)), 0o600); err != nil {
		t.Fatal(err)
	}
	data, err := json.Marshal(map[string]map[string]string{"Replace": {path: faulty}})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(list, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return list
}
