//go:build unix

package windows

import (
	"syscall"
	"time"
)

// processTime is how long the cores have worked for this process: others on the machine change it little.
func processTime() time.Duration {
	var used syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &used); err != nil {
		panic(err)
	}
	return time.Duration(used.Utime.Nano() + used.Stime.Nano())
}
