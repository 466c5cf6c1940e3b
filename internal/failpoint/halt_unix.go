//go:build unix

package failpoint

import (
	"os"
	"syscall"
)

// halt stops the process until it gets a SIGCONT.
func halt() error { return syscall.Kill(os.Getpid(), syscall.SIGSTOP) }
