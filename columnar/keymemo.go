package columnar

// keyMemo remembers the numbers of keys that were looked up, where a key is a reference and at most one other
// value, stored as an int64: the start of a window, say, which changes seldom. Then a key that was seen before costs one
// look into an array, without a hash and without a comparison of texts.
type keyMemo struct {
	tables [memoTables]*Vector // whose rows are referred to
	ways   [memoWays]memoWay
	// made counts the values that took a way, from 1 on: numbers carry the count of theirs, so that an old value's are
	// not taken for those of the next one.
	made uint32

	misses  []int32 // scratch: positions in the rows that are looked up
	rows    []int32
	numbers []uint32
}

// memoWay is what is remembered of keys with one value beside the reference.
type memoWay struct {
	value   int64
	made    uint32   // 0: none
	numbers []uint64 // by reference: made << 32 | number + 1
}

const (
	memoTables = 4       // columns of references in a key
	memoWays   = 4       // rows of windows that meet in time come mixed
	memoSize   = 1 << 16 // the largest table: half a MiB a way
)

// memoKey is a batch whose keys a memo can remember.
type memoKey struct {
	tables [memoTables]*Vector // by column of references
	refs   []int32
	values []int64 // nil: the key is the reference alone
	size   int     // references are below it
}

// memoKeyOf finds the references and the value beside them in key columns without NULL. Several columns of references may stand for
// one when they share their references, as the columns of one table do.
func memoKeyOf(b *Batch, keys []int) (m memoKey, ok bool) {
	n := 0
	for _, k := range keys {
		v := b.Cols[k]
		switch {
		case v.Valid != nil || v.N == 0:
			return m, false
		case v.Values == nil && v.Type.Kind.Storage() == StoredI64 && m.values == nil:
			m.values = v.I64
		case v.Values == nil || v.Values.N > memoSize || n == memoTables || n > 0 && &v.I32[0] != &m.refs[0]:
			return m, false
		default:
			m.tables[n], m.refs, m.size = v.Values, v.I32, max(m.size, v.Values.N)
			n++
		}
	}
	return m, n > 0
}

// forget is for when numbers change their meaning.
func (m *keyMemo) forget() {
	for i := range m.ways {
		m.ways[i].made = 0
	}
}

// way finds the way of a value, or gives it one that another value had. There are places for references below n.
func (m *keyMemo) way(value int64, n int) *memoWay {
	w := &m.ways[fold(hashSeed, uint64(value))%memoWays]
	if w.made == 0 || w.value != value {
		if m.made++; m.made == 0 { // once in 4 billion
			m.forget()
			for i := range m.ways {
				clear(m.ways[i].numbers)
			}
			m.made = 1
		}
		w.value, w.made = value, m.made
		w.numbers = extended(w.numbers[:min(len(w.numbers), n)], n)
	}
	return w
}

// start makes the memo one of the keys of a batch.
func (m *keyMemo) start(key *memoKey) {
	if m.tables != key.tables {
		m.forget()
		m.tables = key.tables
	}
	m.misses = m.misses[:0]
}

// recall sets the numbers of the rows whose keys are remembered, and lists the positions of the others in m.misses.
func (m *keyMemo) recall(dst []uint32, key *memoKey, rows []int32) {
	if key.values == nil {
		m.recallWay(m.way(0, key.size), dst, key.refs, rows, 0)
		return
	}
	for from := 0; from < len(rows); {
		value, to := key.values[rows[from]], from+1
		for to < len(rows) && key.values[rows[to]] == value {
			to++
		}
		m.recallWay(m.way(value, key.size), dst[from:to], key.refs, rows[from:to], from)
		from = to
	}
}

// recallWay is recall for rows, which begin at a position, with one value.
func (m *keyMemo) recallWay(w *memoWay, dst []uint32, refs, rows []int32, at int) {
	numbers, made := w.numbers, w.made
	for i, r := range rows {
		n := numbers[refs[r]]
		if uint32(n>>32) != made {
			m.misses = append(m.misses, int32(at+i))
			continue
		}
		dst[i] = uint32(n) - 1
	}
}

// learn remembers the numbers of the rows that were missed, and sets them.
func (m *keyMemo) learn(dst []uint32, key *memoKey) {
	value := int64(0)
	for i, at := range m.misses {
		r := m.rows[i]
		dst[at] = m.numbers[i]
		if key.values != nil {
			value = key.values[r]
		}
		w := m.way(value, key.size)
		w.numbers[key.refs[r]] = uint64(w.made)<<32 | uint64(m.numbers[i]+1)
	}
}

func (m *keyMemo) sizeBytes() int64 {
	size := int64(cap(m.misses)+cap(m.rows)+cap(m.numbers)) * 4
	for i := range m.ways {
		size += int64(cap(m.ways[i].numbers)) * 8
	}
	return size
}

// numberRows finds the numbers of the selected rows' keys and gives new numbers to new keys, in the order of the rows.
func (t *keyTable) numberRows(dst []uint32, b *Batch, keys []int, rows []int32) []uint32 {
	key, ok := memoKeyOf(b, keys)
	if !ok {
		t.bind(b, keys, rows)
		return t.number(dst, rows)
	}
	if t.memo == nil {
		t.memo = &keyMemo{}
	}
	dst = resized(dst, len(rows))
	m := t.memo
	m.start(&key)
	m.recall(dst, &key, rows)
	if len(m.misses) == 0 {
		return dst
	}
	m.rows = m.rows[:0]
	for _, at := range m.misses {
		m.rows = append(m.rows, rows[at])
	}
	t.bind(b, keys, m.rows)
	m.numbers = t.number(m.numbers, m.rows)
	m.learn(dst, &key)
	return dst
}
