// Package state keeps the half-aggregated groups of an operator between batches and turns them into blocks and back.
//
// A [Table] holds groups by namespace (the start of their window) and by their other keys. [Table.Merge] folds the
// partial groups of a batch into it, [Table.Remove] takes a namespace out as finished rows. [Table.Snapshot] is a
// block of everything held, [Table.Delta] one of what changed since the last of either. A [Loader] reads a snapshot
// and the deltas behind it, oldest first, and yields the table again. Each shard of an operator has a table of its own;
// [MergeBlocks] joins the blocks of all shards into one, which any number of other shards may load.
//
// [Sessions] holds sessions in the same way, and has the same blocks. They have no namespace: a session is known by key and
// start, which moves. So what a block says of a key replaces all that earlier ones say of it.
//
// Law: no clock, randomness, I/O or goroutines. Equal groups give equal blocks, in whatever order they were merged and
// however many shards held them. A block is never changed; what is read from one is checked before it is used.
//
// Format: docs/formats/state.md. Rows are filed under 256 key groups by a pinned hash of the keys without the
// namespace; a shard loads the run of key groups that belongs to it.
package state
