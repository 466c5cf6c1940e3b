// Package lint holds the laws of the house that a test can see: who may import whom, what the pure packages must not
// touch, which calls are banned and what to use instead, how long a file may be, and that documents name files that
// exist. It has tests only.
package lint
