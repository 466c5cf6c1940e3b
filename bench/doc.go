// Package bench holds workloads that measure whole jobs, see bench/ysb, and the ways to and from Kafka beside those of
// other libraries, see bench/kafka. Benchmarks of single operators stand beside them, in the tests of their packages.
package bench
