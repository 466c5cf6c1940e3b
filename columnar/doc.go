// Package columnar turns bytes into Arrow columns and runs vectorized operators over them.
//
// A [Batch] is a set of [Vector] columns in Arrow's memory layout, with an optional selection vector. Decoders build
// batches from Kafka records; operators ([Filter], [Project], [HashJoin], [MapBatch], …) take one batch and give the next;
// [HashAggregate] folds batches into groups. Expressions ([Expr]) are typed trees, compiled once into kernels that
// loop over plain slices: no interface call, no allocation and no any per row.
//
// Law: this package has no clock, randomness, I/O or goroutines. Same rows in, same bytes out.
//
// Memory: a batch returned by an operator belongs to that operator and is valid until its next call. Whoever keeps
// rows longer copies them.
package columnar
