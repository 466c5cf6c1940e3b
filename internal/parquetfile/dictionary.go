package parquetfile

import (
	"encoding/binary"
	"hash/maphash"
)

// dictionary gives each distinct string of a column a code, in the order in which they come first.
type dictionary struct {
	slots []slot   // a power of two of them, three quarters of them free
	ends  []uint32 // where each entry ends in plain
	plain []byte   // the entries as a dictionary page has them: length in 4 bytes, bytes
	seen  []uint32 // by code: the page that it was last seen in
	seed  maphash.Seed
}

type slot struct {
	tag  uint32 // of the hash
	code uint32 // and one; 0: free
}

const firstSlots = 1 << 10

func newDictionary() *dictionary {
	return &dictionary{slots: make([]slot, firstSlots), seed: maphash.MakeSeed()}
}

func (d *dictionary) reset() {
	if len(d.ends) > 0 {
		clear(d.slots)
	}
	d.ends, d.plain, d.seen = d.ends[:0], d.plain[:0], d.seen[:0]
}

func (d *dictionary) len() int { return len(d.ends) }

// entry is the string of a code, valid until reset.
func (d *dictionary) entry(code uint32) []byte {
	from := uint32(0)
	if code > 0 {
		from = d.ends[code-1]
	}
	return d.plain[from+4 : d.ends[code]]
}

func (d *dictionary) hashOf(s []byte) uint64 { return maphash.Bytes(d.seed, s) }

// code finds the string, or adds it. h is its hash.
func (d *dictionary) code(s []byte, h uint64) uint32 {
	tag, mask := uint32(h>>32), uint32(len(d.slots)-1)
	for at := uint32(h) & mask; ; at = (at + 1) & mask {
		e := d.slots[at]
		if e.code == 0 {
			return d.add(at, tag, s)
		}
		if e.tag == tag && string(d.entry(e.code-1)) == string(s) {
			return e.code - 1
		}
	}
}

func (d *dictionary) add(at, tag uint32, s []byte) uint32 {
	code := uint32(len(d.ends))
	d.slots[at] = slot{tag, code + 1}
	d.plain = binary.LittleEndian.AppendUint32(d.plain, uint32(len(s)))
	d.plain = append(d.plain, s...)
	d.ends, d.seen = append(d.ends, uint32(len(d.plain))), append(d.seen, 0)
	if 4*len(d.ends) > len(d.slots) {
		d.grow()
	}
	return code
}

func (d *dictionary) grow() {
	d.slots = make([]slot, 2*len(d.slots))
	mask := uint32(len(d.slots) - 1)
	for code := range uint32(len(d.ends)) {
		h := d.hashOf(d.entry(code))
		at := uint32(h) & mask
		for d.slots[at].code != 0 {
			at = (at + 1) & mask
		}
		d.slots[at] = slot{uint32(h >> 32), code + 1}
	}
}
