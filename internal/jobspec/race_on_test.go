//go:build race

package jobspec

// slower is how much longer things may take: the race detector is on.
const slower = 20
