package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var link = regexp.MustCompile(`\]\(([^)#]+)[^)]*\)`)

func TestLinksInDocuments(t *testing.T) {
	documents := files(t, ".md")
	if len(documents) < 5 {
		t.Fatalf("found %d documents only", len(documents))
	}
	for _, path := range documents {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range link.FindAllStringSubmatch(string(text), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), m[1])); err != nil {
				t.Errorf("%s links to %s: %v", path, m[1], err)
			}
		}
	}
}

var codeWord = regexp.MustCompile("`([^`]+)`")

// TestArchitectureNamesFiles looks for the files that the map of rooms says to open, in the rooms of their row, and for
// the files that the text names by folder.
func TestArchitectureNamesFiles(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "architecture.md"))
	if err != nil {
		t.Fatal(err)
	}
	exists := func(parts ...string) bool {
		_, err := os.Stat(filepath.Join(append([]string{root}, parts...)...))
		return err == nil
	}
	rows := 0
	for _, line := range strings.Split(string(text), "\n") {
		rooms := []string{""}
		if cells := strings.Split(line, "|"); len(cells) == 5 && strings.HasPrefix(line, "| `") && strings.Contains(cells[3], ".go`") {
			rooms = codeWords(cells[1])
			rows++
		}
		for _, file := range codeWords(line) {
			inRoom := slices.ContainsFunc(rooms, func(room string) bool { return exists(room, file) })
			if strings.HasSuffix(file, ".go") && !inRoom {
				t.Errorf("docs/architecture.md names %s, which is not in %q", file, rooms)
			}
		}
	}
	if rows < 8 {
		t.Errorf("found %d rooms in docs/architecture.md only", rows)
	}
}

func codeWords(text string) (out []string) {
	for _, m := range codeWord.FindAllStringSubmatch(text, -1) {
		out = append(out, m[1])
	}
	return out
}

var testWord = regexp.MustCompile("`(Test[A-Za-z0-9]+)(/[a-z_]+)?`")

// TestComparisonNamesTests looks for the tests that stand behind the rows of the comparison with other systems.
func TestComparisonNamesTests(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "event-time.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(text), "\n## Compared with ")
	sources := ""
	for _, path := range files(t, ".go") {
		if !strings.HasSuffix(path, "_test.go") {
			continue
		}
		source, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		sources += string(source)
	}
	rows := 0
	for _, line := range strings.Split(table, "\n") {
		cells := strings.Split(line, " | ")
		if !strings.HasPrefix(line, "| ") || len(cells) != 6 || strings.Contains(line, "| test |") {
			continue
		}
		rows++
		tests := testWord.FindAllStringSubmatch(cells[5], -1)
		for _, m := range tests {
			if !strings.Contains(sources, "func "+m[1]+"(t *testing.T)") {
				t.Errorf("no test %s: %s", m[1], cells[0])
			}
		}
		if len(tests) == 0 {
			t.Errorf("no test behind: %s", line)
		}
	}
	if rows < 15 {
		t.Errorf("found %d rows only", rows)
	}
}
