// Package parquetfile writes columns in Arrow's layout as a Parquet file in memory.
//
// A [Writer] makes one file after the other: [Writer.Append] hands rows of a column to one of its leaves,
// [Writer.EndRowGroup] joins what the leaves have, [Writer.Finish] writes page index and footer. Leaves share nothing
// between the ends of two row groups, so several may be fed at a time.
//
// Law: the bytes depend on the rows, where row groups end, the keys and the options only. Pages end at the
// ends of blocks of [BlockRows], so it does not matter how rows were cut into batches. No clock, no goroutines; the seed of
// the hash that finds entries of a dictionary does not show, nor do [Keep] and which leaf has which workspace.
//
// Format: Parquet 2 with data pages of version 1, see docs/formats/output.md §5 for which type takes which encoding.
// Footers and page headers are made by parquet-go's structures; values, levels, dictionaries and bounds are made here,
// because a column goes into that library as one boxed value after the other only, which costs more than all of this.
package parquetfile
