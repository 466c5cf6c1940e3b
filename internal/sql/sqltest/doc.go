// Package sqltest runs SQL over tables in memory, for tests: CREATE TABLE and INSERT fill a [Database], each SELECT
// becomes a bounded job that reads the tables as topics, through the same driver as any job, and its rows are what the
// job's sink got.
//
// [File] reads and runs files in the format of sqllogictest (https://www.sqlite.org/sqllogictest), as far as our suites
// use it.
package sqltest
