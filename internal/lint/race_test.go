package lint

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// goroutines is how code comes to have more than one.
var goroutines = regexp.MustCompile(`(?m)^\s*go [\w.]+\(|^\s*go func|\.Go\(|\.Parallel\(|\.RunParallel\(|errgroup|httptest|net/http"`)

// TestPackagesWithoutRaces reads in the Makefile which packages the race detector leaves out. They and their tests must have one
// goroutine only.
func TestPackagesWithoutRaces(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("..", "..", "Makefile"))
	if err != nil {
		t.Fatal(err)
	}
	line := regexp.MustCompile(`(?m)^ALONE += (.*)$`).FindStringSubmatch(string(text))
	if line == nil {
		t.Fatal("the Makefile has no line that begins with ALONE")
	}
	seen := map[string]int{}
	for _, s := range sources(t) {
		seen[s.pkg]++
		if strings.Contains(" "+line[1]+" ", " "+s.pkg+" ") {
			if found := goroutines.FindString(s.text); found != "" {
				t.Errorf("%s has %q: the race detector must see package %s, see ALONE in the Makefile", s.path, strings.TrimSpace(found), s.pkg)
			}
		}
	}
	for _, pkg := range strings.Fields(line[1]) {
		if seen[pkg] == 0 {
			t.Errorf("the Makefile leaves out package %s, which is not there", pkg)
		}
	}
}
