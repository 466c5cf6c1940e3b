// Package bench holds workloads that measure whole jobs; see bench/ysb. Benchmarks of single operators stand beside
// them, in the tests of their packages.
package bench
