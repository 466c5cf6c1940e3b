//go:build !linux

package kafkatest

import "os/exec"

// dieWithParent can do nothing here: only [Main] ends the broker, so a test process that is killed leaves it behind.
func dieWithParent(*exec.Cmd) {}
