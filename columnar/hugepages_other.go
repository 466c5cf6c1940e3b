//go:build !linux

package columnar

import "unsafe"

// hugePages is a wish that only Linux is asked.
func hugePages(unsafe.Pointer, uintptr) {}
