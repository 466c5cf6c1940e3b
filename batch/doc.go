// Package batch drives a job: it plans a batch, logs the plan, runs it, publishes it, and logs that it is done. It is
// the only package with goroutines, a clock and I/O of its own.
//
// # The order of one batch
//
//  1. plan: ask the source where partitions end, cut ranges, decide which partitions are idle ([planner])
//  2. log Planned, synced, before any byte is read
//  3. run: source tasks, exchange, shard tasks ([Executor])
//  4. all sinks prepare; nothing is visible yet
//  5. look for a newer driver; then all sinks publish
//  6. log Committed with watermarks, state, manifest and row accounting, synced
//  7. tell the sinks, report progress
//
// # Law
//
// Rerun is always right. A crash anywhere between 2 and 6 leaves an open plan; the next driver runs it again with the
// recorded ranges, plan time, watermarks, side inputs and job, and gets the same rows, which the sinks find there
// already. Decisions are pure functions of log records and sink facts ([Fold], [Decide]).
//
// The journal's format is docs/formats/journal.md; the directory's is docs/formats/checkpoint.md.
package batch
