package columnar

import (
	"fmt"
	"math"
	"unsafe"

	"github.com/millrace/millrace/offsets"
)

// What a filter pushed into the decoder adds to the fast tier: behind each record it is looked whether the row stays. One that
// does not is overwritten by the next, and long strings are not even copied. The careful tier hands out all its rows.

// jsonFilter is the part of a [JSONDecoder] that leaves rows out.
type jsonFilter struct {
	on     bool
	tests  []rowTest
	time   *decodeColumn   // nil without an event time
	latest int64           // the last event time to go by
	built  []*decodeColumn // the columns that are not straight

	nulls   bool            // the record under way may have a NULL in a straight column
	long    laterTexts      // the strings of it that are not copied yet
	missing []*decodeColumn // the columns without a value so far, see [Census]

	rows     int   // left out since the last Flush
	leftOut  int64 // since the last call of LeftOut
	greatest int64 // their greatest event time
}

// laterTexts are long strings of the record under way.
type laterTexts struct {
	buf  []byte // what records stand in
	list []laterText
}

// laterText is where a string stands in the buffer.
type laterText struct {
	column   *decodeColumn
	from, to int
}

// LeftOut is what a [JSONDecoder] knows of rows that it left out, see [RowFilter].
type LeftOut struct {
	Rows    int64
	MaxTime int64 // their greatest event time, math.MinInt64 where there is none
}

// setFilter makes the fast tier leave out rows.
func (d *JSONDecoder) setFilter(f *RowFilter) error {
	for _, e := range f.Where {
		t, ok := cheapTest(e)
		if !ok {
			return fmt.Errorf("a decoder cannot look at %s", e.describe())
		}
		if _, err := compileNode(e, d.schema); err != nil {
			return fmt.Errorf("look at %s while decoding: %w", e.describe(), err)
		}
		t.aim(&d.cols[t.of])
		d.filter.tests = append(d.filter.tests, t)
	}
	for i := range d.cols {
		c := &d.cols[i]
		if c.bit == 0 {
			d.filter.built = append(d.filter.built, c)
		} else if c.field.Type.Kind == String {
			c.later = &d.filter.long
		}
	}
	for _, t := range d.filter.tests {
		t.column.later = nil
	}
	if f.Time >= 0 {
		d.filter.time = &d.cols[f.Time]
	}
	d.filter.on, d.filter.latest, d.filter.greatest = true, math.MaxInt64, math.MinInt64
	d.filter.beginCensus(d)
	return nil
}

// SetLatest tells the last event time to go by of the records that come: rows with a later one are handed out, whatever the
// filter says.
func (d *JSONDecoder) SetLatest(us int64) { d.filter.latest = us }

// LeftOut returns what was left out since the last call, and begins anew. Rows that are left out count as Out in Counts.
func (d *JSONDecoder) LeftOut() LeftOut {
	out := LeftOut{Rows: d.filter.leftOut, MaxTime: d.filter.greatest}
	d.filter.leftOut, d.filter.greatest = 0, math.MinInt64
	return out
}

// Gathered is how many rows there would be without a [RowFilter] since the last Flush.
func (d *JSONDecoder) Gathered() int {
	if d.flushed {
		return 0
	}
	return d.rows + d.filter.rows
}

// begin prepares for records in buf.
func (f *jsonFilter) begin(buf []byte) {
	f.long.buf = buf
	f.beginRecord()
}

// beginRecord forgets what a record has left that the fast tier did not get through, or what is done with.
func (f *jsonFilter) beginRecord() { f.long.list, f.nulls = f.long.list[:0], false }

// admit makes a row of the record that stands in the columns behind the last row, or leaves it out. No branch follows the tests:
// which way a record goes cannot be guessed.
func (d *JSONDecoder) admit(r *offsets.Record) {
	f, row := &d.filter, d.rows
	stays := 1
	for i := range f.tests {
		if t := &f.tests[i]; t.kind == testShort {
			c, s := t.column, &t.texts[0]
			from := *c.end(row - 1)
			stays &= s.short(unsafe.Add(c.data, from), *c.end(row)-from)
		} else {
			stays &= t.holds(row)
		}
	}
	if f.time != nil {
		at := f.time.wordAt(row)
		if at > f.latest || f.time.nullAt(row) {
			stays = 1 // no time to go by: a bad record, which others see to
		} else {
			f.greatest = max(f.greatest, at)
		}
	}
	d.offsets = append(d.offsets, r.Offset)[:len(d.offsets)+stays]
	d.rows += stays
	d.counts.In++
	d.counts.Out++
	f.rows += 1 - stays
	f.leftOut += int64(1 - stays)
	if f.nulls || len(f.long.list)+len(f.built)+len(f.missing) > 0 {
		d.settle(row, stays == 1)
	}
}

// settle does what is left to do for a record that was row: long strings of one that stays are copied; what one that does not has
// left in the columns is removed. What the fast tier writes itself is overwritten by the next record, but for NULLs.
func (d *JSONDecoder) settle(row int, stays bool) {
	f := &d.filter
	if stays {
		for _, t := range f.long.list {
			t.column.copyText(f.long.buf, t.from, t.to, row)
		}
		f.beginRecord()
		return
	}
	f.noteValues(row)
	for _, c := range f.built {
		c.Truncate(row)
	}
	if f.nulls {
		for _, c := range d.straight {
			c.dropNull(row)
		}
	}
	f.beginRecord()
}

// beginCensus looks for columns without a value, where somebody asks for them.
func (f *jsonFilter) beginCensus(d *JSONDecoder) {
	if f.on && d.census.max > 0 {
		f.missing = append(f.missing[:0], d.keyed...)
	}
}

// noteValues finds the columns of which the row has the first value: a column is not absent because the rows that have it are
// left out.
func (f *jsonFilter) noteValues(row int) {
	n := 0
	for _, c := range f.missing {
		if c.hasValue = c.hasValue || !c.nullAt(row); !c.hasValue {
			f.missing[n] = c
			n++
		}
	}
	f.missing = f.missing[:n]
}

// takes notes a string that is not short, and stands in the record as it is, without escapes.
func (l *laterTexts) takes(c *decodeColumn, buf []byte, from, to, row int) bool {
	if to-from <= Slack || unsafe.SliceData(buf) != unsafe.SliceData(l.buf) {
		return false
	}
	l.list = append(l.list, laterText{c, from, to})
	*c.end(row) = *c.end(row - 1) + int32(to-from)
	return true
}

// dropNull takes back the NULL of the row under way.
func (c *decodeColumn) dropNull(row int) {
	if c.valid > row {
		c.nulls--
		c.vec.Valid, c.valid = cutBits(c.vec.Valid, row), row
	}
}

// nullAt reports whether the value of the last row, which is under way, is NULL.
func (c *decodeColumn) nullAt(row int) bool {
	if c.bit != 0 {
		return c.valid > row
	}
	return c.nulls > 0 && c.vec.IsNull(row)
}

// wordAt is that value, of a column stored as integers.
func (c *decodeColumn) wordAt(row int) int64 {
	switch {
	case c.bit != 0:
		return *c.word(row)
	case c.vec.Type.Kind.Storage() == StoredI32:
		return int64(c.vec.I32[row])
	}
	return c.vec.I64[row]
}

// textAt is that value, of a column of strings.
func (c *decodeColumn) textAt(row int) (at unsafe.Pointer, n int32) {
	if c.bit != 0 {
		from := *c.end(row - 1)
		return unsafe.Add(c.data, from), *c.end(row) - from
	}
	from := c.vec.Off[row]
	return unsafe.Add(unsafe.Pointer(unsafe.SliceData(c.vec.Data)), from), c.vec.Off[row+1] - from
}

// aim lets the test look at a column. The most frequent one, a string of up to eight bytes, needs no look for NULL, which is empty.
func (t *rowTest) aim(c *decodeColumn) {
	t.column = c
	if t.kind == testText && len(t.texts) == 1 && !t.not && c.bit != 0 && t.texts[0].size > 0 && t.texts[0].size <= 8 {
		t.kind = testShort
	}
}

// holds is 1 where the condition is TRUE for the last row, which is under way, else 0.
func (t *rowTest) holds(row int) int {
	null := t.column.nullAt(row)
	switch {
	case t.kind == testNull:
		return int(bit(null != t.not))
	case null:
		return 0
	}
	return t.is(row) ^ int(bit(t.not))
}

// is is 1 where the value is what the test asks for.
func (t *rowTest) is(row int) (is int) {
	switch t.kind {
	case testText:
		at, n := t.column.textAt(row)
		for i := range t.texts {
			is |= t.texts[i].is(at, n)
		}
	case testRange:
		v := t.column.wordAt(row)
		is = int(bit(t.least <= v) & bit(v <= t.most))
	case testWords:
		v := t.column.wordAt(row)
		for _, w := range t.words {
			is |= int(bit(v == w))
		}
	default:
		is = int(bit(t.column.vec.Bool(row)))
	}
	return is
}

// is is 1 where the n bytes there, with [Slack] behind them, are the text.
func (s *literalText) is(at unsafe.Pointer, n int32) int {
	if same := s.short(at, n); same == 0 || n <= 8 {
		return same
	}
	return int(bit(unsafe.String((*byte)(at), n) == s.text))
}

// short is that for a text of at most eight bytes, of others it looks at the length and so many.
func (s *literalText) short(at unsafe.Pointer, n int32) int {
	return int(bit((load(at, 0)^s.word)&s.mask|uint64(uint32(n)^s.size) == 0))
}
