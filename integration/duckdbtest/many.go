package duckdbtest

import (
	"bufio"
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"testing"
)

// Answer is what DuckDB says to one of many queries: rows of texts, nil for NULL, or an error.
type Answer struct {
	Rows  [][]*string `json:"rows"`
	Error string      `json:"error"`
}

// many runs the set-up, then each query, and prints an answer a line. Whatever a query leaves behind, a failed
// transaction above all, does not touch the next one.
const many = `
import sys, json, duckdb
work = json.load(sys.stdin)
c = duckdb.connect()
c.execute("SET enable_progress_bar=false; SET threads=1; SET TimeZone='UTC'")
for s in work["setup"]:
    c.execute(s)
def text(v):
    if v is None or isinstance(v, str):
        return v
    if isinstance(v, bool):
        return "true" if v else "false"
    if isinstance(v, float):
        return repr(v)
    return str(v)
for q in work["queries"]:
    try:
        answer = {"rows": [[text(v) for v in row] for row in c.execute(q).fetchall()]}
    except Exception as e:
        answer = {"error": str(e) or "error"}
    print(json.dumps(answer))
`

// Many runs the statements of the set-up and then the queries, in one process, in UTC unless the set-up says otherwise.
// A statement of the set-up that fails ends the test.
func Many(t testing.TB, setup, queries []string) []Answer {
	t.Helper()
	Need(t)
	lib, err := install()
	if err != nil {
		t.Fatal(err)
	}
	work, err := json.Marshal(map[string][]string{"setup": setup, "queries": queries})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("python3", "-c", many)
	cmd.Env = append(os.Environ(), "PYTHONPATH="+lib, "PYTHONIOENCODING=utf-8")
	cmd.Stdin = bytes.NewReader(work)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("DuckDB: %v\n%s", err, stderr.String())
	}
	answers := make([]Answer, 0, len(queries))
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<30)
	for lines.Scan() {
		var a Answer
		if err := json.Unmarshal(lines.Bytes(), &a); err != nil {
			t.Fatalf("read DuckDB's answer: %v", err)
		}
		answers = append(answers, a)
	}
	if len(answers) != len(queries) {
		t.Fatalf("DuckDB gave %d answers to %d queries", len(answers), len(queries))
	}
	return answers
}
