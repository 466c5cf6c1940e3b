package columnar

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestCasts runs testdata/casts, where each line of a "cast" is an expression in SQL, as [TestExamples] does.
func TestCasts(t *testing.T) {
	datadriven.Walk(t, "testdata/casts", func(t *testing.T, path string) {
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			s := Session{}
			d.MaybeScanArgs(t, "zone", &s.Zone)
			var out strings.Builder
			for _, line := range strings.Split(d.Input, "\n") {
				fmt.Fprintln(&out, runExample(t, s, line))
			}
			return out.String()
		})
	})
}

// TestCastsHaveExamples finds each pair of kinds of the table in testdata/casts, with CAST and with TRY_CAST where values
// may fail.
func TestCastsHaveExamples(t *testing.T) {
	seen := map[string]bool{}
	files, err := filepath.Glob("testdata/casts/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		for _, line := range exampleLines(t, file) {
			if e, _, err := parseExample(line, Session{}); err == nil {
				noteCasts(seen, e)
			}
		}
	}
	for pair, rule := range castTable {
		if pair.from == Null {
			continue
		}
		for _, op := range []string{"cast", "try_cast"} {
			if name := fmt.Sprintf("%s %s to %s", op, pair.from, pair.to); !seen[name] && (op == "cast" || rule.fails) {
				t.Errorf("no example of %s", name)
			}
		}
	}
}

func noteCasts(seen map[string]bool, e *Expr) {
	if e.Op == "cast" || e.Op == "try_cast" {
		seen[fmt.Sprintf("%s %s to %s", e.Op, e.Args[0].Type.Kind, e.Type.Kind)] = true
	}
	for _, a := range e.Args {
		noteCasts(seen, a)
	}
}
