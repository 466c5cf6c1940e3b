package main

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/prooftest"
)

// Lines of a failed test that are printed: the first ones and the last ones, if there are more than both together.
const (
	headLines = 20
	tailLines = 60
)

// event is one of `go test -json`: see `go doc cmd/test2json`.
type event struct {
	Action, Package, Test, Output string
	ImportPath, FailedBuild       string
	Elapsed                       float64
}

// id names a test, or with an empty name the package itself, or what it is built from.
type id struct{ pkg, test string }

// report is what has been seen so far.
type report struct {
	out     io.Writer
	lines   map[id][]string // of tests that run, or failed
	running map[id]bool
	fails   []id // in the order in which they failed
	skipped []string
	proofs  []proof
	took    map[id]float64 // seconds
}

func newReport(out io.Writer) *report {
	return &report{out: out, lines: map[id][]string{}, running: map[id]bool{}, took: map[id]float64{}}
}

func (r *report) failed() bool { return len(r.fails) > 0 }

func (r *report) take(e event) {
	if e.ImportPath != "" { // of the compiler
		e.Package = e.ImportPath
	}
	at := id{e.Package, e.Test}
	switch e.Action {
	case "run":
		r.running[at] = true
	case "output", "build-output":
		r.line(at, strings.TrimSuffix(e.Output, "\n"))
	case "build-fail":
		r.fails = append(r.fails, at)
	case "pass", "skip", "fail":
		r.end(at, e)
	}
}

// line keeps a line of a test, and finds rows of proofs.
func (r *report) line(at id, text string) {
	if strings.HasPrefix(text, "=== ") {
		return
	}
	if _, row, ok := strings.Cut(text, ".go:"); ok {
		if _, row, ok = strings.Cut(row, ": "+prooftest.Prefix); ok {
			what, figure, _ := strings.Cut(row, prooftest.Separator)
			r.proofs = append(r.proofs, proof{at, what, figure})
		}
	}
	r.lines[at] = append(r.lines[at], text)
}

// end is that of a test or a package.
func (r *report) end(at id, e event) {
	delete(r.running, at)
	r.took[at] = e.Elapsed
	switch {
	case e.Action == "fail":
		r.fail(at, e)
		return
	case e.Action == "skip" && at.test != "":
		r.skipped = append(r.skipped, fmt.Sprintf("skipped %s: %s", at.test, reason(r.lines[at])))
	case e.Action == "pass" && at.test == "":
		r.okLine(at)
	}
	delete(r.lines, at)
}

func (r *report) okLine(at id) {
	for _, l := range r.lines[at] {
		if strings.HasPrefix(l, "ok") {
			fmt.Fprintln(r.out, l)
		}
	}
}

// fail notes a failure. That of a package, or of a test with parts, counts only if nothing in it has failed; tests that had
// not ended have failed with their package.
func (r *report) fail(at id, e event) {
	if at.test == "" {
		fmt.Fprintf(r.out, "FAIL\t%s\t%.3fs\n", at.pkg, e.Elapsed)
		for other := range r.running {
			if other.pkg == at.pkg && !r.hasRunningPart(other) {
				r.line(other, "it had not ended when its package did")
				r.fails = append(r.fails, other)
			}
		}
	}
	inside := func(f id) bool {
		return f.pkg == at.pkg && (at.test == "" || strings.HasPrefix(f.test, at.test+"/")) || e.FailedBuild != "" && f.pkg == e.FailedBuild
	}
	if !slices.ContainsFunc(r.fails, inside) || at.test != "" && len(own(r.lines[at])) > 0 {
		r.fails = append(r.fails, at)
	}
}

func (r *report) hasRunningPart(at id) bool {
	for other := range r.running {
		if other.pkg == at.pkg && strings.HasPrefix(other.test, at.test+"/") {
			return true
		}
	}
	return false
}

// own are the lines that a test has written itself.
func own(lines []string) []string {
	return slices.DeleteFunc(slices.Clone(lines), func(l string) bool { return strings.HasPrefix(strings.TrimSpace(l), "--- ") })
}

// reason is the last line that a test has logged, without its place.
func reason(lines []string) string {
	lines = own(lines)
	if len(lines) == 0 {
		return "no reason given"
	}
	said := strings.TrimSpace(lines[len(lines)-1])
	if _, text, ok := strings.Cut(said, ": "); ok && strings.Contains(said, ".go:") {
		said = text
	}
	return strings.TrimPrefix(said, "skipped: ")
}

func (r *report) printSkipped() {
	for _, s := range r.skipped {
		fmt.Fprintln(r.out, s)
	}
}

// printFailures writes the output of all failed tests, then their names.
func (r *report) printFailures() {
	slices.SortStableFunc(r.fails, func(a, b id) int { return strings.Compare(a.pkg, b.pkg) })
	for _, f := range r.fails {
		fmt.Fprintf(r.out, "\n==== %s\n", f)
		for _, l := range cut(r.lines[f]) {
			fmt.Fprintln(r.out, l)
		}
	}
	if r.failed() {
		fmt.Fprintln(r.out)
	}
	for _, f := range r.fails {
		fmt.Fprintf(r.out, "failed: %s\n", f)
	}
}

func (i id) String() string {
	if i.test == "" {
		return "package " + i.pkg
	}
	return i.test + " in package " + i.pkg
}

// cut leaves out the middle of a long output, except for the lines that say most.
func cut(lines []string) []string {
	if len(lines) <= headLines+tailLines {
		return lines
	}
	out := slices.Clone(lines[:headLines])
	left := 0
	for _, l := range lines[headLines : len(lines)-tailLines] {
		if saysMost(l) && len(out) < headLines+tailLines {
			out = append(out, l)
		} else {
			left++
		}
	}
	out = append(out, fmt.Sprintf("... %d lines left out ...", left))
	return append(out, lines[len(lines)-tailLines:]...)
}

// saysMost is true for what the test itself has logged, and for the first line of a panic and the like.
func saysMost(line string) bool {
	for _, mark := range []string{"panic:", "fatal error:", "DATA RACE", "running tests:"} {
		if strings.Contains(line, mark) {
			return true
		}
	}
	place, _, ok := strings.Cut(strings.TrimSpace(line), ":")
	return ok && strings.HasSuffix(place, "_test.go") && !strings.Contains(place, "/")
}
