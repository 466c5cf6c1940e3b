// Command table measures what docs/performance.md promises and prints a table: measure, bar, figure, holds or falls short.
//
// It runs the benchmarks of the packages and whole jobs on a real Kafka one after the other, prints their lines in Go's
// format as they come, so that benchstat reads them too, and the table at the end. Ratios are taken within one run, by the
// benchmarks themselves. Say something only with what a quiet machine printed. A bar that is missed is no error; a benchmark
// that fails is one, and so is a figure that no benchmark printed.
package main
