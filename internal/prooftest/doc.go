// Package prooftest prints what a test has proven, as a row of the table at the end of `make test`:
//
//	prooftest.Figure(t, "kill -9 of the program", "%d kills, %d lost, %d doubled", kills, lost, doubled)
//
// The row stands in the test's own log, behind [Prefix]; package gotest finds it there. What was proven goes left and is the
// same in every run; the figure goes right, and how long the test took in the middle. Figures of the race detector's run, which
// has fewer cases, are left out of the table. `make proofs` runs these tests alone.
package prooftest
