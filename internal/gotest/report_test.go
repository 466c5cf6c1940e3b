package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"testing"
)

var rewrite = flag.Bool("rewrite", false, "rewrite the golden file from what the code prints today")

// TestReport reads the events of packages with a test that fails in a part of it, one that prints a lot and then fails by a
// nil pointer, one that ends the process, one that does not compile, one that skips, and some that are well.
func TestReport(t *testing.T) {
	events, err := os.Open("testdata/events.json")
	if err != nil {
		t.Fatal(err)
	}
	defer events.Close()
	var b strings.Builder
	r := newReport(&b)
	r.readAll(events)
	if err := finish(r, ""); err != nil || !r.failed() {
		t.Errorf("failed: %v, %v", r.failed(), err)
	}
	const golden = "testdata/report.txt"
	if *rewrite {
		if err := os.WriteFile(golden, []byte(b.String()), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || b.String() != string(want) {
		t.Errorf("printed, %v:\n%s", err, b.String())
	}
}

// TestProofsGoToAFile has the rows in files, and one table of them with the seconds of each test and their sum.
func TestProofsGoToAFile(t *testing.T) {
	first := proofsOf(t, `{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: proof: kills | 500, 0 lost\n"}`,
		`{"Action":"output","Package":"q","Test":"TestC","Output":"    c_test.go:9: proof: power loss | 100,000\n"}`,
		`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:4: proof: - reading | 30\n"}`,
		`{"Action":"pass","Package":"p","Test":"TestA","Elapsed":61.25}`, `{"Action":"pass","Package":"q","Test":"TestC","Elapsed":1.5}`)
	second := proofsOf(t, `{"Action":"output","Package":"p","Test":"TestB/x","Output":"    b_test.go:3: proof: zombies | 40\n"}`,
		`{"Action":"pass","Package":"p","Test":"TestB/x","Elapsed":2}`, `{"Action":"pass","Package":"p","Test":"TestB","Elapsed":5}`)
	var b strings.Builder
	if err := printTable(&b, first, second); err != nil {
		t.Fatal(err)
	}
	want := `
proof  kills                                                                      61.2 s  500, 0 lost
proof  - reading                                                                          30
proof  power loss                                                                  1.5 s  100,000
proof  zombies                                                                     2.0 s  40
proof  all of them, one after the other; make proofs tells beside one another     64.7 s  1m5s
`
	if b.String() != want[1:] {
		t.Errorf("\n%s", b.String())
	}
}

// proofsOf is the file with the rows of some events.
func proofsOf(t *testing.T, events ...string) string {
	t.Helper()
	var b strings.Builder
	r := newReport(&b)
	r.readAll(strings.NewReader(strings.Join(events, "\n") + "\n"))
	path := t.TempDir() + "/proofs"
	if err := finish(r, path); err != nil || b.Len() > 0 {
		t.Fatalf("%v; printed %q", err, b.String())
	}
	return path
}

// TestProofsThatAreMissing names the tests without a figure.
func TestProofsThatAreMissing(t *testing.T) {
	r := newReport(io.Discard)
	r.proofs = []proof{{id{"p", "TestA/part"}, "x", "1"}, {id{"p", "TestCount"}, "y", "2"}}
	if got := r.missing([]string{"TestA", "TestB", "TestC", "TestCount"}); fmt.Sprint(got) != "[TestB TestC]" {
		t.Error(got)
	}
}
