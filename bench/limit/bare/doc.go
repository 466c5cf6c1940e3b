// Command bare runs the loop of bench/limit over a topic of YSB events and prints records per second of processor time:
//
//	millrace gen ysb --topic ysb-lz4 --records 20000000 --ads ads.csv --expected expected.csv
//	go run ./bench/limit/bare -topic ysb-lz4 -ads ads.csv -expected expected.csv -mode full
//
// Mode full fetches, checks the checksum, decompresses, decodes 3 columns, filters, joins and counts, and compares the counts
// with the generator's; records stops at the records' headers, batches at those of the batches. Mode memory needs no broker: it
// decodes events that lie in memory, and then does the rest too. The first run of a process is slower: take the median of
// the others.
package main
