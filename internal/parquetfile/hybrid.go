package parquetfile

import (
	"encoding/binary"
	"slices"
)

// appendHybrid encodes values of so many bits as runs of equal ones and groups of eight that are packed (Parquet's RLE).
func appendHybrid[T uint8 | uint32](dst []byte, vals []T, width int) []byte {
	dst = slices.Grow(dst, (len(vals)+7)/8*width+32)
	least := max(8, (64+width-1)/width) // shorter runs are not worth the header of the next group
	packed := 0                         // where the values begin that are to be packed
	for i := 0; i < len(vals); {
		n := 1
		if i+least <= len(vals) && vals[i] == vals[i+least-1] {
			n = runLength(vals[i:])
		}
		if n < least {
			i += 8
			continue
		}
		dst = appendPacked(dst, vals[packed:i], width)
		dst = appendRun(dst, vals[i], n, width)
		i += n
		packed = i
	}
	return appendPacked(dst, vals[packed:], width)
}

func runLength[T uint8 | uint32](vals []T) int {
	for i, v := range vals {
		if v != vals[0] {
			return i
		}
	}
	return len(vals)
}

func appendRun[T uint8 | uint32](dst []byte, v T, n, width int) []byte {
	dst = binary.AppendUvarint(dst, uint64(n)<<1)
	for ; width > 0; width -= 8 {
		dst = append(dst, byte(v))
		v = T(uint32(v) >> 8)
	}
	return dst
}

// appendPacked packs values by eight; what is missing from the last group is 0.
func appendPacked[T uint8 | uint32](dst []byte, vals []T, width int) []byte {
	if len(vals) == 0 {
		return dst
	}
	groups := (len(vals) + 7) / 8
	dst = binary.AppendUvarint(dst, uint64(groups)<<1|1)
	at := len(dst)
	dst = slices.Grow(dst, groups*width+16)
	out := dst[at : at+groups*width+16]
	for ; len(vals) >= 8; vals = vals[8:] {
		packGroup(out, (*[8]T)(vals), width)
		out = out[width:]
	}
	if len(vals) > 0 {
		var last [8]T
		copy(last[:], vals)
		packGroup(out, &last, width)
	}
	return dst[:at+groups*width]
}

// packGroup writes eight values of up to 32 bits each. Up to 16 bytes of dst are written, of which width count.
func packGroup[T uint8 | uint32](dst []byte, v *[8]T, width int) {
	w := uint(width)
	if width > 16 {
		packWide(dst, v, w)
		return
	}
	lo := uint64(v[0]) | uint64(v[1])<<w | uint64(v[2])<<(2*w) | uint64(v[3])<<(3*w)
	hi := uint64(v[4]) | uint64(v[5])<<w | uint64(v[6])<<(2*w) | uint64(v[7])<<(3*w)
	binary.LittleEndian.PutUint64(dst, lo|hi<<(4*w))
	binary.LittleEndian.PutUint64(dst[8:], hi>>(64-4*w))
}

func packWide[T uint8 | uint32](dst []byte, v *[8]T, w uint) {
	var acc uint64
	var have uint
	at := 0
	for _, x := range v {
		acc |= uint64(x) << have
		have += w
		for ; have >= 8; have -= 8 {
			dst[at] = byte(acc)
			acc >>= 8
			at++
		}
	}
}
