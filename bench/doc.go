// Package bench holds workloads that measure whole jobs, see bench/ysb, and the ways to and from Kafka beside those of
// other libraries, see bench/kafka. bench/limit is the stick that they are held against: a bare loop. Benchmarks of single
// operators stand beside them, in the tests of their packages. bench/table runs what has a bar and prints all of it.
package bench
