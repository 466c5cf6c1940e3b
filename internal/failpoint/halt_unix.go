//go:build unix

package failpoint

import (
	"os"
	"os/signal"
	"syscall"
)

// halt stops the process until it gets a SIGCONT. It waits for that itself: which thread takes the stop is up to the system,
// and until it does the others run on, on a busy machine for many milliseconds.
func halt() error {
	on := make(chan os.Signal, 1)
	signal.Notify(on, syscall.SIGCONT)
	defer signal.Stop(on)
	if err := syscall.Kill(os.Getpid(), syscall.SIGSTOP); err != nil {
		return err
	}
	<-on
	return nil
}
