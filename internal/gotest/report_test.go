package main

import (
	"flag"
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

// TestProofsGoToAFile has the table in a file, and not among what is printed.
func TestProofsGoToAFile(t *testing.T) {
	var b strings.Builder
	r := newReport(&b)
	r.readAll(strings.NewReader(`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:3: proof: kills | 500, 0 lost\n"}` + "\n" +
		`{"Action":"output","Package":"p","Test":"TestA","Output":"    a_test.go:9: proof: power loss | 100,000\n"}` + "\n"))
	path := t.TempDir() + "/proofs"
	if err := finish(r, path); err != nil {
		t.Fatal(err)
	}
	got, err := os.ReadFile(path)
	if want := "proof  kills       500, 0 lost\nproof  power loss  100,000\n"; err != nil || string(got) != want || b.Len() > 0 {
		t.Errorf("%q, %v; printed %q", got, err, b.String())
	}
}
