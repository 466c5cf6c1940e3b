package columnar

import (
	"encoding/binary"
	"math/bits"
)

// bitmapBytes is the length of a bitmap of n bits.
func bitmapBytes(n int) int { return (n + 7) >> 3 }

// resized returns s with length n, reusing its memory where it is large enough. The content is undefined.
func resized[T any](s []T, n int) []T {
	if cap(s) >= n {
		return s[:n]
	}
	return make([]T, n, n+n/4)
}

// bit is 1 when b holds; the compiler turns it into a SETcc without a branch.
func bit(b bool) byte {
	if b {
		return 1
	}
	return 0
}

func bitSet(m []byte, i int) bool { return m[i>>3]>>(i&7)&1 == 1 }

// isNullAt reports whether row i is NULL in a validity bitmap that may be nil.
func isNullAt(valid []byte, i int32) bool { return valid != nil && valid[i>>3]>>(i&7)&1 == 0 }

func setBitTo(m []byte, i int, v bool) {
	m[i>>3] = m[i>>3]&^(1<<(i&7)) | bit(v)<<(i&7)
}

// bitAnd writes a AND b.
func bitAnd(dst, a, b []byte) {
	n := len(dst) &^ 7
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(a[i:])&binary.LittleEndian.Uint64(b[i:]))
	}
	for i := n; i < len(dst); i++ {
		dst[i] = a[i] & b[i]
	}
}

// bitOr writes a OR b.
func bitOr(dst, a, b []byte) {
	n := len(dst) &^ 7
	for i := 0; i < n; i += 8 {
		binary.LittleEndian.PutUint64(dst[i:], binary.LittleEndian.Uint64(a[i:])|binary.LittleEndian.Uint64(b[i:]))
	}
	for i := n; i < len(dst); i++ {
		dst[i] = a[i] | b[i]
	}
}

// bitNot writes the complement of a.
func bitNot(dst, a []byte) {
	for i := range dst {
		dst[i] = ^a[i]
	}
}

// onesUpTo counts the bits set among the first n.
func onesUpTo(m []byte, n int) int {
	ones := 0
	for _, x := range m[:n>>3] {
		ones += bits.OnesCount8(x)
	}
	if n&7 != 0 {
		ones += bits.OnesCount8(m[n>>3] & (1<<(n&7) - 1))
	}
	return ones
}

// appendOnes appends the positions of the bits set among the first n.
func appendOnes(dst []int32, m []byte, n int) []int32 {
	for base := 0; base < n; base += 64 {
		for w := maskWord(m, base, n); w != 0; w &= w - 1 {
			dst = append(dst, int32(base+bits.TrailingZeros64(w)))
		}
	}
	return dst
}

// maskWord is the 64 bits from position base on, with zeros from n on.
func maskWord(m []byte, base, n int) uint64 {
	if base+64 <= n {
		return binary.LittleEndian.Uint64(m[base>>3:])
	}
	var w uint64
	for i := base; i < n; i += 8 {
		w |= uint64(m[i>>3]) << (i - base)
	}
	return w & (1<<(n-base) - 1)
}
