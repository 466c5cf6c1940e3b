// Package deadletter reads the dead letters of a job back from the sink that took them, as records to feed to a job.
//
// Use: gather [Letters] with [ReadParquet] or [ReadKafka], then [Letters.Source] for each source of the job that is to read them.
//
// Law: only what the job has committed is read, each letter once. Letters keep topic, partition and offset of their
// records, so a job that has read some goes on behind them.
//
// Format: rows of dstream.DeadLetterSchema.
package deadletter
