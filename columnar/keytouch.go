package columnar

// A table that is larger than the caches waits for memory at every look. The waits overlap when the places of some rows
// are all read before the first of them is needed: touching costs a nanosecond a row and saves most of them.

const (
	touchRows  = 512     // rows whose places are read ahead: they fit into the first cache
	touchSlots = 1 << 17 // the fewest slots, 1 MiB, that are worth it
	touchBytes = 1 << 20 // the least text
)

// touchSlots reads the slots of these hashes.
func (t *keyTable) touchSlots(hashes []uint64) {
	if len(t.slots) >= touchSlots {
		readSlots(t.slots, hashes)
	}
}

// readSlots has a result so that it is not left out.
//
//go:noinline
func readSlots(slots, hashes []uint64) (sum uint64) {
	mask := uint64(len(slots) - 1)
	for _, h := range hashes {
		sum += slots[h&mask]
	}
	return sum
}

// touchStrings reads the beginnings of these strings, which have [Slack] behind the last one.
func touchStrings(v *Vector, numbers []uint32) {
	if len(v.Data) >= touchBytes {
		readStrings(v.Off, v.Data[:cap(v.Data)], numbers)
	}
}

//go:noinline
func readStrings(off []int32, data []byte, numbers []uint32) (sum byte) {
	for _, g := range numbers {
		sum += data[off[g]]
	}
	return sum
}
