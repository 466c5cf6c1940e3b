//go:build race

package sql

// slower is how much longer things may take: the race detector is on.
const slower = 10
