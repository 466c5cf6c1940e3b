// Package mutants keeps faults that somebody might write into the code on which "exactly once" and event time rest, and has
// each planted and found: a test that never sees a fault has proven nothing.
//
// testdata has them by the part of the house they are in, in blocks with empty lines between:
//
//	mutant skip-fsync
//	in internal/wal/log.go
//	seen by TestPowerLoss in ./batch
//	<the text that is there, exactly once>
//	----
//	<the text instead>
//
// A remark, with # before it, may stand before a block. Each line "seen by" names a test that must fail with the fault in
// place; there may be several, and each of them must.
//
// Every run of the tests checks that the texts are where the blocks say; `make mutants` plants them, without touching the
// code: the go command is given other bytes for the file. A test that fails counts if it passes, with as many cases, on the code as
// it is. `make mutants ONLY='close|late'` plants those alone.
package mutants
