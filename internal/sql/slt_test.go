package sql_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/internal/sql/sqltest"
)

// TestLogic runs the suites in testdata/slt: queries over small tables with their rows, whose values DuckDB computed where
// it has the same function, and are written down by hand from the manuals of PostgreSQL, Spark and Flink where it has not.
// Every suite runs three times: all rows in one batch, row by row, and in shards with batches of three rows.
func TestLogic(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/slt/*.slt")
	if err != nil || len(files) < 10 {
		t.Fatalf("%d suites, %v", len(files), err)
	}
	total, skipped := 0, map[string]int{}
	for _, path := range files {
		name := strings.TrimSuffix(filepath.Base(path), ".slt")
		t.Run(name, func(t *testing.T) {
			tally := sqltest.File(t, path, sqltest.Database{})
			if !testing.Short() {
				sqltest.File(t, path, sqltest.Database{Cut: 1})
				sqltest.File(t, path, sqltest.Database{Cut: 3, Shards: 3, Step: 2})
			}
			total += tally.Passed
			for reason, n := range tally.Skipped {
				skipped[reason] += n
			}
			t.Logf("%s: %d queries passed, %d failed, %d skipped", name, tally.Passed, tally.Failed, sum(tally.Skipped))
		})
	}
	t.Logf("%d queries passed, %d skipped%s", total, sum(skipped), reasons(skipped))
	if total < 1500 {
		t.Errorf("%d queries passed; the suites have 1,500 at least", total)
	}
}

func sum(counts map[string]int) int {
	n := 0
	for _, c := range counts {
		n += c
	}
	return n
}

func reasons(counts map[string]int) string {
	var out strings.Builder
	for _, reason := range slices.Sorted(maps.Keys(counts)) {
		fmt.Fprintf(&out, "\n  %d: %s", counts[reason], reason)
	}
	return out.String()
}
