package kafkatest

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"time"
)

// A virtual machine spends half of its start on loading and checking the broker's classes. An archive of them, which Java
// calls class data sharing, is made once for a machine, by a broker that starts and ends in an orderly way. It depends on
// the version of Java and on the jars; where it does not fit any more, Java goes without it.

// archiveOf is where the archive of the jars in lib is.
func archiveOf(lib string) string { return filepath.Join(filepath.Dir(lib), "classes.jsa") }

// archived are the options of a virtual machine that is to use the archive, if there is one.
func archived(lib string) []string {
	if _, err := os.Stat(archiveOf(lib)); err != nil {
		return nil
	}
	return []string{"-XX:SharedArchiveFile=" + archiveOf(lib)}
}

// makeArchive makes the archive, if there is none. Without one brokers start too, only later, so that nobody needs to know
// what went wrong.
func makeArchive(java, lib string) {
	if archived(lib) != nil {
		return
	}
	dir, err := os.MkdirTemp(filepath.Dir(lib), fmt.Sprintf("run-%d-classes-", os.Getpid()))
	if err != nil {
		return
	}
	defer os.RemoveAll(dir)
	made := filepath.Join(dir, "classes.jsa")
	b := &Broker{java: java, lib: lib, dir: filepath.Join(dir, "broker"), options: append([]string{"-XX:ArchiveClassesAtExit=" + made}, shortLived...)}
	if err := b.start(nil); err != nil {
		return
	}
	if b.proc.end() {
		_ = os.Rename(made, archiveOf(lib)) // whole or not at all: Java fails on a half
	}
}

// end asks the process to end, and reports whether it has done so in time, and well.
func (p *process) end() bool {
	_ = p.cmd.Process.Signal(syscall.SIGTERM)
	select {
	case <-p.done:
		return p.cmd.ProcessState.ExitCode() == 128+int(syscall.SIGTERM) // so Java says it
	case <-time.After(readyWithin):
		p.kill()
		return false
	}
}
