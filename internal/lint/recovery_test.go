package lint

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestRecoveryNamesTests looks for the tests that stand behind the rows of the tables of recovery.
func TestRecoveryNamesTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "recovery.md"))
	if err != nil {
		t.Fatal(err)
	}
	var sources strings.Builder
	for _, path := range files(t, ".go") {
		if strings.HasSuffix(path, "_test.go") {
			source, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			sources.Write(source)
		}
	}
	rows, all := 0, sources.String()
	for line := range strings.Lines(string(text)) {
		cells := strings.Split(strings.TrimSpace(line), " | ")
		if !strings.HasPrefix(line, "| ") || strings.HasSuffix(cells[len(cells)-1], "tests |") {
			continue
		}
		rows++
		tests := testWord.FindAllStringSubmatch(cells[len(cells)-1], -1)
		if len(tests) == 0 {
			t.Errorf("no test behind: %s", line)
		}
		for _, m := range tests {
			if !strings.Contains(all, "func "+m[1]+"(t *testing.T)") {
				t.Errorf("no test %s: %s", m[1], cells[0])
			}
		}
	}
	if rows < 25 {
		t.Errorf("found %d rows only", rows)
	}
}
