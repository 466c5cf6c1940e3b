// Package limit is the stick that the engine is measured with: what the hot path costs on this machine when nothing can
// go wrong.
//
// [Loop] decodes 3 of 7 JSON columns by comparing the text between values with what it must be, filters, joins 1,000 ads
// to 100 campaigns and counts in windows of 10 seconds. It has no watermark, no log, no output, no check of what it does
// not need, and no way to read a record that looks different: an upper bound for an engine, not a design for one.
//
// [NewEvents] lays seeded events out in memory, as [offsets.Records] of Kafka's own layout, so that a benchmark can give
// the same bytes to the loop and to the engine; [Compare] lets them take turns in one process and [Report] prints them
// with their ratios. Command bench/limit/bare runs the loop over a topic of a real Kafka, or over events in memory.
package limit
