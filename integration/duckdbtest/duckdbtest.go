package duckdbtest

import (
	"bytes"
	"encoding/csv"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/integration/pylib"
)

const (
	version = "2.0.1"
	pytz    = "2025.2" // DuckDB's Python module hands out timestamps with time zone through it
)

// script runs the SQL on standard input and prints the last result as CSV, with NULL as \N.
const script = `
import sys, csv, duckdb
c = duckdb.connect()
c.execute("SET TimeZone='UTC'; SET enable_progress_bar=false")
r = c.execute(sys.stdin.read())
w = csv.writer(sys.stdout)
w.writerow([d[0] for d in r.description])
while True:
    rows = r.fetchmany(10000)
    if not rows:
        break
    w.writerows([["\\N" if v is None else v for v in row] for row in rows])
`

// Need returns nil when DuckDB can be used, else it skips or fails the test.
func Need(t testing.TB) {
	t.Helper()
	if _, err := install(); err != nil {
		if os.Getenv("MILLRACE_REQUIRE_DUCKDB") == "1" {
			t.Fatalf("DuckDB is required: %v", err)
		}
		t.Skipf("skipped: no DuckDB: %v", err)
	}
}

// Query runs SQL statements and returns the rows of the last one, without the header, as text; NULL is \N.
func Query(t testing.TB, sql string) [][]string {
	t.Helper()
	Need(t)
	lib, err := install()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-c", script)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+lib)
	cmd.Stdin = strings.NewReader(sql)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("DuckDB: %v\n%s\n%s", err, stderr.String(), sql)
	}
	rows, err := csv.NewReader(bytes.NewReader(out)).ReadAll()
	if err != nil {
		t.Fatalf("read DuckDB's answer: %v", err)
	}
	return rows[1:]
}

var install = sync.OnceValues(pylib.Library{Name: "duckdb-" + version + "-pytz-" + pytz, Packages: []string{"duckdb==" + version, "pytz==" + pytz},
	Version: version, Show: "import duckdb, pytz; print(duckdb.__version__)"}.Install)
