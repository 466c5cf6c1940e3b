//go:build !race

package sql

// slower is how much longer things may take: the race detector is off.
const slower = 1
