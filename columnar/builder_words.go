package columnar

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

// The functions here, and those of decode_direct.go, are the only ones of the decoders that go around Go's bounds checks.
// They are right because every buffer they are given has Slack readable (and for a destination writable) bytes behind the
// last position asked for: offsets.Records and the builders promise that, [JSONDecoder.Append] makes sure of it where data
// enters, and a position is compared with the end of the record before it comes here.

// wordAt reads the 8 bytes of b from i on as a little-endian word. They may lie behind the record, never behind b.
func wordAt(b []byte, i int) uint64 {
	return binary.LittleEndian.Uint64((*[8]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))[:])
}

// byteAt reads one byte like wordAt.
func byteAt(b []byte, i int) byte {
	return *(*byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(b)), i))
}

// load and loadByte are wordAt and byteAt for a loop that keeps where the buffer begins.
func load(base unsafe.Pointer, i int) uint64 { return *(*uint64)(unsafe.Add(base, i)) }

func loadByte(base unsafe.Pointer, i int) byte { return *(*byte)(unsafe.Add(base, i)) }

// copyWords copies n ≤ Slack bytes from src[from:] to dst[at:], and up to 15 more that nobody looks at.
func copyWords(dst []byte, at int, src []byte, from, n int) {
	to := unsafe.Add(unsafe.Pointer(unsafe.SliceData(dst)), at)
	of := unsafe.Add(unsafe.Pointer(unsafe.SliceData(src)), from)
	for k := 0; k < n; k += 16 {
		*(*[16]byte)(unsafe.Add(to, k)) = *(*[16]byte)(unsafe.Add(of, k))
	}
}

// copySlack copies Slack bytes from src[from:] to dst, which is faster than copying fewer, one by one.
func copySlack(dst unsafe.Pointer, src []byte, from int) {
	*(*[Slack]byte)(dst) = *(*[Slack]byte)(unsafe.Add(unsafe.Pointer(unsafe.SliceData(src)), from))
}

const (
	wordOnes  = 0x0101010101010101
	wordHighs = 0x8080808080808080
)

// special has the high bit set in the lowest byte of w, and maybe in bytes above it, that is no plain byte of a string:
// a quote, a backslash, a control character, or not ASCII. The other bits say nothing.
//
// Taking 1 from every byte of a word sets the high bit of those that were 0, and maybe of their upper neighbours (Mycroft
// 1987). Flipping bit 1 puts the quote just above the control characters, and nothing else in front of it, so one
// subtraction finds both.
func special(w uint64) uint64 {
	return ((w ^ wordOnes*2) - wordOnes*('"'^2+1)) | ((w ^ wordOnes*'\\') - wordOnes) | w
}

// plainLength returns how many plain bytes, as [special] has them, b has from pos on, at most those before end.
func plainLength(b []byte, pos, end int) int {
	for at := pos; at < end; at += 8 {
		if hit := special(wordAt(b, at)) & wordHighs; hit != 0 {
			return min(at+bits.TrailingZeros64(hit)>>3, end) - pos
		}
	}
	return end - pos
}

// whiteLength is how many of the bytes of w, from the lowest on, are white space of JSON.
func whiteLength(w uint64) int {
	other := nonZero(w^wordOnes*' ') & nonZero(w^wordOnes*'\n') & nonZero(w^wordOnes*'\r') & nonZero(w^wordOnes*'\t')
	return bits.TrailingZeros64(other&wordHighs) >> 3
}

// nonZero has the high bit set in every byte of w that is not 0, and in no other. The other bits say nothing.
func nonZero(w uint64) uint64 { return (w&^wordHighs + wordOnes*0x7f) | w }

var digitPowers = [16]int64{1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8}
