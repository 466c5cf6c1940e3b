package windows_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// mutant is a fault that somebody might write: in a file of the package, one text for another.
type mutant struct{ name, file, old, new string }

// TestMutants plants the faults of testdata/mutants one after the other, and wants TestProperty to fail each time. It
// builds the package anew for each.
func TestMutants(t *testing.T) {
	all := readMutants(t)
	for _, m := range all {
		m.overlay(t) // it must fit the code, also when it is not planted
	}
	if os.Getenv("MILLRACE_MUTANTS") == "" {
		t.Skip("skipped: planting them takes minutes; run it with make mutants")
	}
	for _, m := range all {
		t.Run(m.name, func(t *testing.T) {
			overlay := m.overlay(t)
			failed, out := seenBy(overlay, "-short")
			if failed == "" {
				failed, out = seenBy(overlay)
			}
			if failed == "" {
				t.Fatalf("%s: %q for %q: no case fails\n%s", m.file, m.new, m.old, out)
			}
			t.Logf("seen: %s", failed)
		})
	}
}

// seenBy runs the property test and returns the case that fails, "" for none.
func seenBy(overlay string, flags ...string) (failed string, out []byte) {
	args := append([]string{"test", "-count=1", "-run", "^TestProperty$", "-overlay", overlay}, flags...)
	out, _ = exec.Command("go", append(args, ".")...).CombinedOutput() // its output is what counts
	return failedCase.FindString(string(out)), out
}

var failedCase = regexp.MustCompile(`seed \d+ case \d+`)

// readMutants reads blocks of: mutant NAME FILE, the text that is there, ----, the text instead. Lines with # are remarks.
func readMutants(t *testing.T) []mutant {
	data, err := os.ReadFile("testdata/mutants")
	if err != nil {
		t.Fatal(err)
	}
	var all []mutant
	for _, block := range strings.Split(string(data), "\n\n") {
		head, text, _ := strings.Cut(strings.TrimSpace(block), "\n")
		for strings.HasPrefix(head, "#") {
			head, text, _ = strings.Cut(text, "\n")
		}
		if head == "" {
			continue
		}
		words := strings.Fields(head)
		old, instead, cut := strings.Cut(text, "\n----\n")
		if len(words) != 3 || words[0] != "mutant" || !cut {
			t.Fatalf("testdata/mutants: no mutant: %q", block)
		}
		all = append(all, mutant{words[1], words[2], old, strings.TrimSuffix(instead, "\n")})
	}
	return all
}

// overlay writes the file with the fault, and the list that makes the go command read it.
func (m mutant) overlay(t *testing.T) string {
	path, err := filepath.Abs(m.file)
	if err != nil {
		t.Fatal(err)
	}
	source, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(string(source), m.old); n != 1 {
		t.Fatalf("%s has %q %d times: testdata/mutants is out of date", m.file, m.old, n)
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
