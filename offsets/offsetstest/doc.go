// Package offsetstest is the contract of [offsets.Source] as a test suite: every source runs it unchanged.
//
// Use: call [Run] with a function that makes an empty topic and says how to write to it. [ReadAll] reads a range to its
// end and checks what every reader owes.
//
// Law: the suite knows nothing of how a source works; what one of them cannot do is not in the contract.
package offsetstest
