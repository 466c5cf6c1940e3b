// Package failpoint lets a test make a job fail at a named place: as if the process died there, as if the operation went
// wrong, or after a while only.
//
// The code says where with [Hit]. A test in the same process says what happens with [Set], and sees what was reached with
// [Watch]; the program takes both from its environment, see [FromEnvironment] and docs/failpoints.md.
//
// Its law: off, a point costs one atomic load, and no point stands where a record passes one by one. A point never changes
// what is computed; it only ends a process, yields an error that the operation could have met, or takes time.
package failpoint
