package columnar

import "unsafe"

// Arrays that hold something of every group grow to the size of the job's state, and are looked up at random. So beyond
// some size they grow by less at a time, and the kernel is asked for large pages.

const (
	hugeBytes   = 4 << 20 // the least size of an array that large pages are worth asking for
	modestBytes = 1 << 20 // from here on an array grows by a quarter instead of a half
	scantBytes  = 8 << 20 // and from here on by an eighth
)

// room is n with what an array of so many values of a size should have to spare.
func room(n int, size uintptr) int {
	switch bytes := uintptr(n) * size; {
	case bytes >= scantBytes:
		return n + n/8
	case bytes >= modestBytes:
		return n + n/4
	}
	return n + n/2
}

// makeLarge is make for an array that may become large. All values are 0.
func makeLarge[T any](n, capacity int) []T {
	var zero T
	s := make([]T, n, capacity)
	if size := uintptr(capacity) * unsafe.Sizeof(zero); size >= hugeBytes {
		hugePages(unsafe.Pointer(unsafe.SliceData(s)), size)
	}
	return s
}

// extended is s with zeros up to length n.
func extended[T any](s []T, n int) []T {
	if n <= cap(s) {
		from := len(s)
		s = s[:n]
		clear(s[min(from, n):])
		return s
	}
	var zero T
	grown := makeLarge[T](n, room(n, unsafe.Sizeof(zero)))
	copy(grown, s)
	return grown
}

// withRoom is s with capacity for n more values.
func withRoom[T any](s []T, n int) []T {
	if len(s)+n <= cap(s) {
		return s
	}
	var zero T
	grown := makeLarge[T](len(s), room(len(s)+n, unsafe.Sizeof(zero)))
	copy(grown, s)
	return grown
}
