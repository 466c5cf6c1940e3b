package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/internal/prooftest"
)

// proof is a row of package prooftest, and the test that has printed it.
type proof struct {
	by           id
	what, figure string
}

// row is one of the table. The first row of a test has its seconds.
type row struct{ what, seconds, figure string }

// rows are those of all proofs that were seen, those of a package and of a test together.
func (r *report) rows() (out []row) {
	proofs := slices.Clone(r.proofs)
	slices.SortStableFunc(proofs, func(a, b proof) int { return cmp.Compare(a.by.pkg, b.by.pkg) })
	for i, p := range proofs {
		seconds := ""
		if i == 0 || proofs[i-1].by != p.by {
			seconds = strconv.FormatFloat(r.took[p.by], 'f', 1, 64)
		}
		out = append(out, row{p.what, seconds, p.figure})
	}
	return out
}

// printRows writes the table, and behind it the sum of the seconds.
func printRows(to io.Writer, rows []row) {
	if len(rows) == 0 {
		return
	}
	sum := 0.0
	for _, r := range rows {
		seconds, _ := strconv.ParseFloat(r.seconds, 64)
		sum += seconds
	}
	rows = append(rows, row{"all of them, one after the other; make proofs tells beside one another", strconv.FormatFloat(sum, 'f', 1, 64), duration(sum)})
	width := 0
	for _, r := range rows {
		width = max(width, len([]rune(r.what)))
	}
	for _, r := range rows {
		unit := " s"
		if r.seconds == "" {
			unit = "  "
		}
		fmt.Fprintf(to, "proof  %s%s  %7s%s  %s\n", r.what, strings.Repeat(" ", width-len([]rune(r.what))), r.seconds, unit, r.figure)
	}
}

func duration(seconds float64) string {
	return time.Duration(seconds * float64(time.Second)).Round(time.Second).String()
}

// writeRows keeps rows for [printTable].
func writeRows(path string, rows []row) error {
	var b strings.Builder
	for _, r := range rows {
		fmt.Fprintf(&b, "%s\t%s\t%s\n", r.what, r.seconds, r.figure)
	}
	return os.WriteFile(path, []byte(b.String()), 0o600)
}

// printTable prints one table of what several runs have written.
func printTable(to io.Writer, paths ...string) error {
	var rows []row
	for _, path := range paths {
		data, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		for line := range strings.Lines(string(data)) {
			what, rest, _ := strings.Cut(strings.TrimSuffix(line, "\n"), "\t")
			seconds, figure, _ := strings.Cut(rest, "\t")
			rows = append(rows, row{what, seconds, figure})
		}
	}
	printRows(to, rows)
	return nil
}

// runProofs runs the tests of prooftest.Proofs, each package in a process of its own beside the others, and prints their table,
// how long all that took, and what of the processors. Those that wait now and then run beside one another, whatever cores there are.
func runProofs(args ...string) error {
	var packages, tests []string
	for _, p := range slices.Sorted(maps.Keys(prooftest.Proofs)) {
		packages, tests = append(packages, "./"+p), append(tests, prooftest.Proofs[p]...)
	}
	began, r := time.Now(), newReport(os.Stdout)
	cpu, err := r.run(slices.Concat([]string{"-count=1", "-timeout=60m", "-parallel=4", "-run=^(" + strings.Join(tests, "|") + ")$"}, args, packages)...)
	_ = finish(r, "")
	if missing := r.missing(tests); err == nil && len(missing) > 0 {
		err = fmt.Errorf("no figure of %s", strings.Join(missing, ", "))
	}
	fmt.Printf("proof  beside one another in %s, with %s of the processors' time\n", time.Since(began).Round(time.Second), cpu.Round(time.Second))
	return err
}

// missing are those of tests that have proven nothing.
func (r *report) missing(tests []string) []string {
	return slices.DeleteFunc(slices.Clone(tests), func(test string) bool {
		return slices.ContainsFunc(r.proofs, func(p proof) bool { return p.by.test == test || strings.HasPrefix(p.by.test, test+"/") })
	})
}
