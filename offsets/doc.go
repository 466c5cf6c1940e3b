// Package offsets says where a job stands in Kafka: it plans the offset ranges of the next batch and reads exactly
// the records inside a range.
//
// Use: [Source.Survey] answers which partitions exist and where they end, and that the log still holds what a job has
// read; [PlanRanges] turns that and the positions reached so far into the ranges of the next plan; [Source.Read] returns
// the records of one range. When positions cannot be read on from, that is a [RangeGoneError]; [GiveUp] goes on without
// what is gone. All readers of a process share a [Budget] of bytes.
//
// Law: a range [From, Until) is a fact once it is planned. Reading it twice yields the same records in the same
// order, or an error; never fewer records, never others. Offsets are not dense: Until − From is an upper bound of the
// number of records, because control records, aborted transactions and compaction leave gaps.
package offsets
