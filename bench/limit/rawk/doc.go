// Package rawk reads record batches over kafka-go's Transport: a Fetch request of its own ([FetchRequest]), the walk over
// batches and records ([NextBatch], [NextRecord]) and the libraries' decompressors. It is what the stick of bench/limit
// reads with, apart from the engine's own client so that the two can be compared. It knows one broker's happy path.
package rawk
