package limit

import (
	"encoding/binary"
	"math/bits"
	"unsafe"
)

const (
	adBytes      = 36
	maxCampaigns = 128
	joinSlots    = 4096
	windowMs     = 10_000
)

// join finds the campaign of an ad: a table with open addressing.
type join struct {
	hash      [joinSlots]uint64
	campaign  [joinSlots]int32
	keys      [joinSlots][adBytes]byte
	campaigns []string
}

func newJoin(ads []Ad) join {
	var j join
	number := map[string]int32{}
	for _, a := range ads {
		c, known := number[a.Campaign]
		if !known {
			c = int32(len(j.campaigns))
			number[a.Campaign] = c
			j.campaigns = append(j.campaigns, a.Campaign)
		}
		b := append([]byte(a.ID), make([]byte, 16)...)
		h := hash36(unsafe.Pointer(unsafe.SliceData(b))) | 1
		s := h >> 40 % joinSlots
		for j.hash[s] != 0 {
			s = (s + 1) % joinSlots
		}
		j.hash[s], j.campaign[s] = h, c
		copy(j.keys[s][:], a.ID)
	}
	return j
}

func mix(a, b uint64) uint64 { h, l := bits.Mul64(a, b); return h ^ l }

func hash36(p unsafe.Pointer) uint64 {
	a := mix(word(p, 0)^0xa0761d6478bd642f, word(p, 8)^0xe7037ed1a0b428db)
	b := mix(word(p, 16)^0x8ebc6af09c88c6e3, word(p, 24)^0x589965cc75374cc3)
	return mix(a^uint64(*(*uint32)(unsafe.Add(p, 32))), b^0x1d8e4e27c47d124f)
}

// find returns the campaign, −1 for none.
func (j *join) find(p unsafe.Pointer) int32 {
	h := hash36(p) | 1
	s := h >> 40 % joinSlots
	for j.hash[s] != 0 {
		if j.hash[s] == h && j.keys[s] == *(*[adBytes]byte)(p) {
			return j.campaign[s]
		}
		s = (s + 1) % joinSlots
	}
	return -1
}

// windows counts views by window and campaign. Events come nearly in the order of time, so the last window is tried first.
type windows struct {
	counts map[int64]*[maxCampaigns]int64
	start  int64
	last   *[maxCampaigns]int64
}

func (w *windows) add(ms int64, campaign int32) {
	if uint64(ms-w.start) >= windowMs || w.last == nil {
		start := ms / windowMs * windowMs
		x := w.counts[start]
		if x == nil {
			x = new([maxCampaigns]int64)
			w.counts[start] = x
		}
		w.start, w.last = start, x
	}
	w.last[campaign%maxCampaigns]++
}

var view = binary.LittleEndian.Uint32([]byte("view"))

// count filters, joins and counts the rows of the batch.
func (l *Loop) count() {
	kinds, ads := unsafe.Pointer(unsafe.SliceData(l.kind.data)), unsafe.Pointer(unsafe.SliceData(l.ad.data))
	for i := range l.ms {
		at := l.kind.off[i]
		if l.kind.off[i+1]-at != 4 || *(*uint32)(unsafe.Add(kinds, int(at))) != view {
			continue
		}
		if l.ad.off[i+1]-l.ad.off[i] != adBytes {
			continue
		}
		if c := l.join.find(unsafe.Add(ads, int(l.ad.off[i]))); c >= 0 {
			l.windows.add(l.ms[i], c)
		}
	}
}

// Counts adds what the loop has counted to counts.
func (l *Loop) Counts(counts map[Group]int64) {
	for start, x := range l.windows.counts {
		for c, n := range x {
			if n > 0 {
				counts[Group{l.join.campaigns[c], start}] += n
			}
		}
	}
}

// Wrong is the number of groups that differ between the counts and the truth.
func Wrong(counts, truth map[Group]int64) (wrong int) {
	for g, n := range truth {
		if counts[g] != n {
			wrong++
		}
	}
	for g := range counts {
		if _, ok := truth[g]; !ok {
			wrong++
		}
	}
	return wrong
}
