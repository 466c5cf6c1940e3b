// Package outputtest tests sinks and what drives them.
//
// Use: [TestSink] is the contract of output.Sink; every sink that is visible to readers runs it unchanged. [Memory] is
// a place in memory that sinks write to, for tests of the driver: it outlives the process that a test pretends to
// kill. [Batch] makes rows from Go values.
//
// Law: a test reads what a reader would see, never what a sink says it wrote.
package outputtest
