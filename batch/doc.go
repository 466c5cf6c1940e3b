// Package batch drives a job: it plans a batch, logs the plan, runs it, publishes it, and logs that it is done. It alone
// looks both ways, to the source and to the sinks, and has the clock that plans go by ([Env]).
//
// Use: [Run] drives a [Job] until it is stopped or caught up; [Inspect] tells what a checkpoint says, and [Next] what the
// next batch would be, also while the job runs.
//
// # The order of one batch
//
//  1. plan: ask the sources where partitions end, cut ranges, decide which partitions are idle (planner.go)
//  2. log Planned, synced, before any byte is read
//  3. run: tasks of all sources, while shards merge what those before have yielded, then of the shards behind one exchange
//     after the other, which close what is due ([Executor], run.go); a task runs all stages down the pipes from its first
//     (tree.go); bad records (dead.go) and late rows (late.go) become rows of side
//     outputs, which join those of the other sinks
//  4. all sinks prepare; nothing is visible yet
//  5. look for a newer driver; then all sinks publish
//  6. log Committed with watermarks, state, manifest and row accounting, synced
//  7. tell the sinks, report progress
//
// Between 3 and 4 the next batch may be planned, logged and begun: its sources are read meanwhile, and what that yields is
// held until 6 (ahead.go).
//
// # Law
//
// Rerun is always right. A crash anywhere between 2 and 6 leaves an open plan, or two; the next driver runs them again, in order, with the
// recorded ranges, plan time, watermarks, side inputs, skipped records and job, and gets the same rows, which the sinks find there
// already. Decisions are pure functions of log records and sink facts ([Fold], [Decide]).
//
// # Formats
//
// The journal's format is docs/formats/journal.md; the directory's is docs/formats/checkpoint.md.
package batch
