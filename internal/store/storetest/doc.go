// Package storetest tests what keeps objects and what rests on local files.
//
// Use: [TestStore] is the contract of store.Store; every implementation runs it unchanged. [FaultFS] makes the n-th
// operation of a kind fail. [CrashFS] is a file system in memory that can lose power at any operation; what was not
// synced may then be gone, in whole or in part, as a seed decides.
//
// Law: the same operations and the same seed give the same files. (The ideas are Pebble's vfs.MemFS and errorfs.)
package storetest
