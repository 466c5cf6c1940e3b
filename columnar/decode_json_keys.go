package columnar

// jsonKeys finds the places that the keys of the record's object lead to. It knows before what is asked for, so that a
// short key costs less than with a map.
type jsonKeys struct {
	slots []jsonKeySlot // open addressing; a power of two, at least half of them empty
}

type jsonKeySlot struct {
	head, tail uint64 // the first and the last word, filled up with zeros
	text       string
	node       *jsonNode // nil for an empty slot
}

func newJSONKeys(keys map[string]*jsonNode) jsonKeys {
	size := 2
	for size < 2*len(keys) {
		size *= 2
	}
	k := jsonKeys{make([]jsonKeySlot, size)}
	for text, n := range keys {
		s := jsonKeySlot{wordOf(text, 0), wordOf(text, max(len(text)-8, 0)), text, n}
		at := k.slot(s.head, s.tail)
		for k.slots[at].node != nil {
			at = (at + 1) & (size - 1)
		}
		k.slots[at] = s
	}
	return k
}

func (k *jsonKeys) slot(head, tail uint64) int {
	h := (head ^ tail*0x9e3779b97f4a7c15) * 0xff51afd7ed558ccd
	return int(h>>40) & (len(k.slots) - 1)
}

// find is the place of the key buf[from:to], nil for none. buf has Slack bytes behind it.
func (k *jsonKeys) find(buf []byte, from, to int) *jsonNode {
	head, tail, n := wordAt(buf, from), uint64(0), to-from
	if n < 8 {
		head &= 1<<(8*n) - 1
		tail = head
	} else {
		tail = wordAt(buf, to-8)
	}
	for at := k.slot(head, tail); ; at = (at + 1) & (len(k.slots) - 1) {
		s := &k.slots[at]
		if s.node == nil || s.head == head && s.tail == tail && len(s.text) == n && (n <= 16 || s.text == string(buf[from:to])) {
			return s.node
		}
	}
}
