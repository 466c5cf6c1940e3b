package columnar

// recordable reports whether the keys, with those of the rows that are bound next, can be records: there is no NULL, all
// columns are numbers or texts of one length, and none is of references, for which there is a quicker way.
func (t *keyTable) recordable(b *Batch, keys []int, rows []int32) bool {
	for i, k := range keys {
		if !t.cols[i].recordable(b.Cols[k], rows) {
			return false
		}
	}
	return len(keys) > 0
}

func (c *keyColumn) recordable(v *Vector, rows []int32) bool {
	if v.Valid != nil || v.Values != nil || c.own.nulls > 0 {
		return false
	}
	switch v.Type.Kind.Storage() {
	case StoredI64, StoredI32, StoredF64:
		return true
	case StoredBytes:
		width, ok := c.width.words()
		return ok && allAsLong(v.Off, rows, width)
	}
	return false
}

func allAsLong(off, rows []int32, width int) bool {
	diff := int32(0)
	for _, r := range rows {
		diff |= off[r+1] - off[r] ^ int32(width)
	}
	return diff == 0
}

// pack moves the keys into records, which have no groups yet, and lets go of the memory of the columns, as unpack does of
// that of the records.
func (t *keyTable) pack(r *groupRecords) {
	r.extend(t.n)
	rows := (&frame{}).identity(t.n)
	for i := range t.cols {
		r.write(&r.fields[i], 0, &t.cols[i].own.vec, rows)
		t.cols[i].own = NewBuilder(t.cols[i].own.vec.Type)
	}
	t.records = r
}

// unpack moves the keys back into columns.
func (t *keyTable) unpack() {
	r := t.records
	t.records = nil
	for i := range t.cols {
		r.read(&r.fields[i], &t.cols[i].own.vec, 0, t.n)
	}
}

// appendRecords is appendFresh for records.
func (t *keyTable) appendRecords() {
	first := t.n - len(t.fresh)
	t.records.extend(t.n)
	for i := range t.cols {
		t.records.write(&t.records.fields[i], first, t.cols[i].in, t.fresh)
	}
}

// verifyRecords is verify for records.
func (t *keyTable) verifyRecords(numbers []uint32, rows []int32) bool {
	for i := range t.cols {
		if !t.records.same(&t.records.fields[i], numbers, t.cols[i].in, rows) {
			return false
		}
	}
	return true
}

// eachRecordHash is eachHash for records.
func (t *keyTable) eachRecordHash(n int, do func(first int, hashes []uint64)) {
	cols := make([]*Vector, len(t.cols))
	for i := range cols {
		cols[i] = &Vector{Type: t.cols[i].own.vec.Type}
	}
	rows := (&frame{}).identity(hashedKeys)
	var hashes []uint64
	for ; n < t.n; n += len(rows) {
		rows = rows[:min(len(rows), t.n-n)]
		for i := range cols {
			t.records.read(&t.records.fields[i], cols[i], n, len(rows))
		}
		hashes = t.hashKeys(hashes, cols, rows)
		do(n, hashes)
	}
}
