package columnar

import (
	"encoding/binary"
	"unsafe"
)

// The two functions here are the only ones of the decoders that go around Go's bounds checks. They are right because
// every buffer they are given has Slack readable (and for a destination writable) bytes behind the last position asked
// for: offsets.Records and the builders promise that, [JSONDecoder.Append] makes sure of it where data enters, and a
// position is compared with the end of the record before it comes here.

// wordAt reads the 8 bytes of b from i on as a little-endian word. They may lie behind the record, never behind b.
func wordAt(b []byte, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))[:])
}

// copyWords copies n ≤ Slack bytes from src[from:] to dst[at:], and up to 15 more that nobody looks at.
func copyWords(dst []byte, at int, src []byte, from, n int) {
	to := unsafe.Add(unsafe.Pointer(unsafe.SliceData(dst)), at)
	of := unsafe.Add(unsafe.Pointer(unsafe.SliceData(src)), from)
	for k := 0; k < n; k += 16 {
		*(*[16]byte)(unsafe.Add(to, k)) = *(*[16]byte)(unsafe.Add(of, k))
	}
}
