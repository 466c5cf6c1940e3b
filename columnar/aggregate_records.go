package columnar

// A table of many groups keeps keys and numbers of each group side by side, in [groupRecords]. That is a form for folding
// rows in and for handing all groups over, see [HashAggregate.Drain]: everything else finds columns, into which settle brings the
// groups back, and there they stay until the next Reset.

// recordGroups is the least number of groups that are worth it: their columns do not fit into the second cache. Tests
// lower it.
var recordGroups = 1 << 14

// foldedRows are how many rows go through all aggregates at a time: their records fit into the second cache. Tests lower
// it.
var foldedRows = 1024

// recordState is an [aggState] that can keep its numbers in records.
type recordState interface {
	// lanes is how many words of a record it needs.
	lanes() int
	// fits reports whether so many are enough for the rows too; after false lanes says what is.
	fits(in *aggInput) bool
	// pack moves the numbers of all groups to their records, to the words from at on.
	pack(r *groupRecords, at int)
	// unpack takes those of n groups from number first on back; until it takes all, the state holds no others.
	unpack(r *groupRecords, at, first, n int)
	// addRecords is add, to numbers in records.
	addRecords(in *aggInput, r *groupRecords, at int) error
}

// arrange decides where the groups are while the rows of b are folded in, and reports whether they are in records.
func (h *HashAggregate) arrange(b *Batch, rows []int32) bool {
	switch {
	case h.keys.records == nil && (h.settled || h.keys.n < recordGroups):
		return false
	case !h.keys.recordable(b, h.spec.Keys, rows):
		h.settle()
		return false
	case h.keys.records == nil:
		h.pack()
	}
	return true
}

// pack moves all groups into records.
func (h *HashAggregate) pack() {
	r := newGroupRecords(h.keys.cols)
	for i := range h.folds {
		f := &h.folds[i]
		if f.inRecords, _ = f.state.(recordState); f.inRecords != nil {
			f.lane = r.lane(f.inRecords.lanes())
		}
	}
	h.keys.pack(r)
	for i := range h.folds {
		if f := &h.folds[i]; f.inRecords != nil {
			f.inRecords.pack(r, f.lane)
		}
	}
}

// settle moves all groups into columns.
func (h *HashAggregate) settle() {
	if h.keys.records != nil {
		h.unpack()
		h.settled = true
	}
}

func (h *HashAggregate) unpack() {
	r := h.keys.records
	h.keys.unpack()
	for i := range h.folds {
		if f := &h.folds[i]; f.inRecords != nil {
			f.inRecords.unpack(r, f.lane, 0, r.n)
			f.inRecords = nil
		}
	}
}

// addRecords is Add where the groups are in records: some rows at a time, so that the records in which rows were found
// are still in the cache when their values are added.
func (h *HashAggregate) addRecords(b *Batch, rows []int32) error {
	b = h.flatArguments(b, rows)
	h.makeFit(b, rows)
	h.keys.bind(b, h.spec.Keys, rows)
	h.groups = resized(h.groups, len(rows))
	for from := 0; from < len(rows); from += foldedRows {
		to := min(from+foldedRows, len(rows))
		h.keys.numberRun(h.groups[from:to], rows[from:to], h.keys.hashes[from:to])
		h.extend()
		if err := h.fold(b, rows[from:to], h.groups[from:to]); err != nil {
			return err
		}
	}
	h.touch()
	return nil
}

// flatArguments is b without references in the columns that are arguments: making them texts costs as much for some rows
// of a batch as for all.
func (h *HashAggregate) flatArguments(b *Batch, rows []int32) *Batch {
	if !b.hasReferences() {
		return b
	}
	h.args = *b
	h.args.Cols = append([]*Vector(nil), b.Cols...)
	for i := range h.folds {
		for _, c := range h.folds[i].args {
			h.args.Cols[c] = h.flat.column(c, b.Cols[c], rows)
		}
	}
	return &h.args
}

// makeFit makes records larger where the rows need it.
func (h *HashAggregate) makeFit(b *Batch, rows []int32) {
	fit := true
	for i := range h.folds {
		if f := &h.folds[i]; f.inRecords != nil {
			fit = f.inRecords.fits(h.inputOf(f, b, rows, nil)) && fit
		}
	}
	if !fit {
		h.unpack()
		h.pack()
	}
}
