// Package output publishes the rows of a batch exactly once.
//
// A [Sink] is driven by package batch: all sinks prepare a batch before any of them publishes it; publishing is
// idempotent under (job, batch id), so a rerun after a crash finds its own work and goes on. [Parquet] writes files
// that any reader can list; [Kafka] writes records in transactions, a [Recorder] that knows by a record beside them how far
// it is; [Stdout] is for looking and promises at-least-once only.
//
// Law: what is visible is never overwritten and never removed. Equal rows already there mean done; other rows are an
// error that stops the job ([ConflictError]). What the data alone decides is an error of Prepare, so it is met before
// anything is visible and by every process alike ([PartitionLimitError], [PartitionValueError], [MessageTooLargeError],
// [TimestampRangeError]).
//
// Format: docs/formats/output.md. The bytes of a Parquet file depend on its rows, its footer keys and the compression
// only, never on how rows were cut into batches. Sinks have no goroutines of their own.
package output
