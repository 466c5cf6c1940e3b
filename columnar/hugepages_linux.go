package columnar

import (
	"syscall"
	"unsafe"
)

// hugePages asks the kernel to back a large array, fresh from the allocator, with pages of 2 MiB: an array that is looked
// up at random costs a walk through the page tables at nearly every look otherwise, which takes longer than the look. It
// is a wish that changes no value; where the kernel has no such pages, nothing happens.
func hugePages(at unsafe.Pointer, size uintptr) {
	const page = 4096
	first := (uintptr(at) + page - 1) &^ (page - 1)
	last := (uintptr(at) + size) &^ (page - 1)
	pages := unsafe.Slice((*byte)(unsafe.Add(at, first-uintptr(at))), last-first)
	_ = syscall.Madvise(pages, syscall.MADV_HUGEPAGE) // a kernel without them says so, and that is all
}
