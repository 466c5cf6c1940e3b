package prooftest

import (
	"fmt"
	"strings"
	"testing"
)

// Prefix stands before a row in the log of a test.
const Prefix = "proof: "

// Separator stands between what was proven and its figure.
const Separator = " | "

// Figure logs a row: what was proven, and the figure, which is formatted as by fmt.Sprintf. A test that has failed has proven
// nothing: its row says so. The test, or the one that it is a part of, must be among [Proofs].
func Figure(t testing.TB, what, format string, args ...any) {
	t.Helper()
	if test, _, _ := strings.Cut(t.Name(), "/"); !isProof(test) {
		t.Errorf("%s prints a figure: it belongs into prooftest.Proofs", test)
	}
	figure := fmt.Sprintf(format, args...)
	if t.Failed() {
		figure = "FAILED: " + figure
	}
	t.Log(Prefix + oneLine(what) + Separator + oneLine(figure))
}

// oneLine keeps a row in one line.
func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
