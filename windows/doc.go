// Package windows puts rows into windows of event time, tracks watermarks and closes what they have passed.
//
// A batch goes through it in this order:
//
//	planned := windows.Idle(before, probes, rule)               // into the plan: watermarks before, idle set
//	assign.SetWatermark(planned.Watermark)
//	rows, err := assign.Process(batch)                          // sending side: window_start, without late rows
//	err = local.Add(rows)                                       // their groups, half-aggregated: local.Partial()
//	err = aggregate.Merge(partial)                              // receiving side
//	after := windows.Advance(planned, seen, bounds, planTime)   // into the commit: watermarks after
//	closed, err := aggregate.Close(after.Watermark)           // closed.Groups
//	block, err := aggregate.Delta()
//
// Event time, watermarks and window bounds are microseconds since the epoch. A watermark W says: no more rows with
// time < W are expected. A window [s, e) closes when e ≤ W, a session when e < W. Rows of a batch are judged late against the
// watermark at the start of the batch, windows close with the one at its end, in the same batch.
//
// Between both sides, and in state, rows of all windows but sessions are kept by cell, the longest run of time with the same
// windows, so that a row is there once however many windows it is in. [Aggregate.Close] merges the cells of a window. Windows of
// the calendar need the rules of their zone: [Aggregate.SetZone]; [Assign] finds them with the batch.
//
// [LocalAggregate] is the sending half of the aggregation, [Aggregate] the receiving one, with the state.
//
// Law: no clock, randomness, I/O or goroutines. What happens depends only on rows, plan and watermarks, never on the
// number of shards or of cores or on the order of rows.
//
// Format: [SourceMark] stands in log records as JSON; state blocks are those of internal/state.
package windows
