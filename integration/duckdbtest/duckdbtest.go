package duckdbtest

import (
	"bytes"
	"encoding/csv"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
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

// install puts DuckDB into the cache directory, once for all runs, and returns the directory for PYTHONPATH.
var install = sync.OnceValues(func() (string, error) {
	if _, err := exec.LookPath("python3"); err != nil {
		return "", fmt.Errorf("no python3: %w", err)
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("find cache directory: %w", err)
	}
	lib := filepath.Join(cache, "millrace", "duckdb-"+version+"-pytz-"+pytz)
	if usable(lib) == nil {
		return lib, nil
	}
	if err := os.MkdirAll(filepath.Dir(lib), 0o755); err != nil {
		return "", fmt.Errorf("make cache directory: %w", err)
	}
	half, err := os.MkdirTemp(filepath.Dir(lib), "duckdb-*")
	if err != nil {
		return "", fmt.Errorf("make cache directory: %w", err)
	}
	defer os.RemoveAll(half)
	cmd := exec.Command("python3", "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", half, "duckdb=="+version, "pytz=="+pytz)
	if out, err := cmd.CombinedOutput(); err != nil {
		return "", fmt.Errorf("pip install duckdb: %w\n%s", err, out)
	}
	if err := os.Rename(half, lib); err != nil && usable(lib) != nil { // another process may have been faster
		return "", fmt.Errorf("put DuckDB into the cache: %w", err)
	}
	return lib, usable(lib)
})

func usable(lib string) error {
	cmd := exec.Command("python3", "-c", "import duckdb, pytz; print(duckdb.__version__)")
	cmd.Env = append(os.Environ(), "PYTHONPATH="+lib, "PYTHONNOUSERSITE=1")
	out, err := cmd.CombinedOutput()
	if err != nil {
		return fmt.Errorf("import duckdb: %w\n%s", err, out)
	}
	if got := strings.TrimSpace(string(out)); got != version {
		return fmt.Errorf("found DuckDB %s, want %s", got, version)
	}
	return nil
}
