// Command gotest runs `go test` with its arguments and prints what somebody must know who sees the end of the output only:
//
//	ok lines of packages, as they come
//	what was skipped, and why
//	the rows of package prooftest, as a table
//	the output of each test that failed, the tail of it
//	failed: TestX in package p
//
// It reads the events of `go test -json`, so it knows whose each line is, whatever runs beside it. Its exit code is 0 if all
// passed and 1 otherwise. The table is also written to the file that MILLRACE_PROOFS names, if it names one, instead of being
// printed: `make test` collects those of several runs and prints them together at its end.
package main
