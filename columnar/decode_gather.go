package columnar

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/millrace/millrace/offsets"
)

// gather is what all decoders of records have in common: columns under way, the records' places, the bad ones, and
// their counts.
type gather struct {
	schema *Schema
	cols   []decodeColumn
	meta   []*decodeColumn // the columns read from what stands around the value
	nulls  bool            // DecodeOptions.NullBadValues

	rows     int
	offsets  []int64
	origin   Origin
	bad      []BadRecord
	badBytes []byte
	counts   RowCounts
	nulled   int64 // values of the record under way that became NULL
	batch    Batch
	flushed  bool   // the rows were handed out: the next Append starts anew
	padded   []byte // a copy of a buffer that came without Slack
}

// decodeColumn is one column of a decoder.
type decodeColumn struct {
	Builder
	field DecodeField
	rules textRules

	// Of a JSONDecoder:
	nested   *jsonType     // of nested types
	twin     *decodeColumn // another column read from the same value
	found    jsonValue     // the value in the record under way
	hasValue bool          // some row had a value, or one that did not fit: see Census
	later    *laterTexts   // takes long strings, which are copied when the row is known to stay; nil: they are copied at once
	direct
}

// newGather makes the columns. add sets up each that is no metadata.
func newGather(source string, fields []DecodeField, opts DecodeOptions, add func(*decodeColumn) error) (gather, error) {
	g := gather{schema: &Schema{}, cols: make([]decodeColumn, len(fields)), origin: Origin{Source: source}, nulls: opts.NullBadValues}
	for i, f := range fields {
		if slices.ContainsFunc(fields[:i], func(o DecodeField) bool { return o.Name == f.Name }) {
			return g, fmt.Errorf("column %q is declared twice", f.Name)
		}
		c := &g.cols[i]
		c.field, c.rules = f, textRules{unit: f.Unit, zone: opts.Zone}
		if err := g.addColumn(c, add); err != nil {
			return g, fmt.Errorf("column %q: %w", f.Name, err)
		}
		c.Builder = *NewBuilder(f.Type)
		g.schema.Fields = append(g.schema.Fields, f.Field)
	}
	g.batch = Batch{Schema: g.schema, Cols: make([]*Vector, len(fields))}
	return g, nil
}

func (g *gather) addColumn(c *decodeColumn, add func(*decodeColumn) error) error {
	f := c.field
	t, ok := Metadata(f.Name)
	switch {
	case !ok:
		return add(c)
	case f.Type != t:
		return fmt.Errorf("the metadata column has type %s, not %s", t, f.Type)
	case f.Key != "" || f.Path != nil:
		return fmt.Errorf("the metadata column is not read from a key")
	}
	g.meta = append(g.meta, c)
	return nil
}

// Schema describes the batches that Flush returns: the fields in order.
func (g *gather) Schema() *Schema { return g.schema }

// Rows is the number of rows gathered since the last Flush.
func (g *gather) Rows() int {
	if g.flushed {
		return 0
	}
	return g.rows
}

// Bytes is the size of the largest column of strings, or of a nested type, gathered. Whoever cuts batches flushes before it nears 2 GiB, the
// bound of 32-bit offsets, behind which Append panics; a record adds at most its own length.
func (g *gather) Bytes() int {
	if g.flushed {
		return 0
	}
	n := 0
	for i := range g.cols {
		n = max(n, g.cols[i].bytes())
	}
	return n
}

func (c *decodeColumn) bytes() int {
	if c.field.Type.IsNested() {
		return int(c.sizeBytes())
	}
	return c.Builder.Bytes()
}

// Counts adds up the records since the last call of Counts: In = Out + Bad + Tombstone.
func (g *gather) Counts() RowCounts {
	c := g.counts
	g.counts = RowCounts{}
	return c
}

// begin forgets the rows that were handed out.
func (g *gather) begin() {
	if !g.flushed {
		return
	}
	g.flushed = false
	g.rows = 0
	g.rollBack()
	g.offsets, g.bad, g.badBytes = g.offsets[:0], g.bad[:0], g.badBytes[:0]
}

// take begins a run of records and returns its buffer with Slack behind it.
func (g *gather) take(recs *offsets.Records) []byte {
	g.begin()
	if g.origin.Topic != recs.Topic || g.origin.Partition != recs.Partition {
		if len(g.offsets)+len(g.bad) > 0 {
			panic(fmt.Sprintf("columnar: records of %s/%d and %s/%d in one batch",
				g.origin.Topic, g.origin.Partition, recs.Topic, recs.Partition))
		}
		g.origin.Topic, g.origin.Partition = recs.Topic, recs.Partition
	}
	return g.withSlack(recs.Buf)
}

// withSlack returns b with the Slack bytes behind it, which [offsets.Records] promises. Everything in the decoder that
// loads whole words relies on this slice, so a broken promise costs a copy and not a wrong read.
func (g *gather) withSlack(b []byte) []byte {
	if cap(b)-len(b) >= offsets.Slack {
		return b[:len(b)+offsets.Slack]
	}
	g.padded = append(append(g.padded[:0], b...), make([]byte, offsets.Slack)...)
	return g.padded
}

// tombstone counts the record and reports whether it has no value, so that it is no row.
func (g *gather) tombstone(r *offsets.Record) bool {
	g.counts.In++
	if r.Value.Len >= 0 {
		return false
	}
	g.counts.Tombstone++
	return true
}

// finishRow fills the metadata of the record whose other columns have their values, and makes it a row.
func (g *gather) finishRow(buf []byte, r *offsets.Record) {
	if reason := g.appendMetadata(buf, r); reason != "" {
		g.refuse(r, r.Value.Of(buf), reason)
		return
	}
	g.keep(r)
	if g.nulled > 0 {
		g.counts.Nulled += g.nulled
		g.nulled = 0
	}
}

// keep makes a row of the record whose columns have their values.
func (g *gather) keep(r *offsets.Record) {
	g.offsets = append(g.offsets, r.Offset)
	g.rows++
	g.counts.Out++
}

// rollBack removes what the record under way has left in the columns.
func (g *gather) rollBack() {
	for i := range g.cols {
		g.cols[i].Truncate(g.rows)
	}
}

// refuse makes the record under way a bad record.
func (g *gather) refuse(r *offsets.Record, value []byte, reason string) {
	g.rollBack()
	g.nulled = 0
	g.counts.Bad++
	from := len(g.badBytes)
	g.badBytes = append(g.badBytes, value[:min(len(value), BadValueBytes)]...)
	g.bad = append(g.bad, BadRecord{
		Topic: g.origin.Topic, Partition: g.origin.Partition, Offset: r.Offset,
		Reason: CutReason(reason),
		Value:  g.badBytes[from:len(g.badBytes):len(g.badBytes)],
	})
}

// Flush hands out the gathered rows, see [Decoder]. Batch, columns and bad records live in the decoder's memory, which
// the next Append uses again.
func (g *gather) Flush() (*Batch, []BadRecord) {
	g.begin()
	g.view()
	g.flushed = true
	return &g.batch, g.bad
}

// Peek is what [gather.Flush] would hand out, see [Decoder].
func (g *gather) Peek() (*Batch, []BadRecord) {
	if g.flushed {
		return &Batch{Schema: g.schema, Cols: g.batch.Cols[:0]}, nil
	}
	g.view()
	return &g.batch, g.bad
}

// view makes the batch of the rows gathered so far.
func (g *gather) view() {
	for i := range g.cols {
		g.batch.Cols[i] = g.cols[i].Vector()
	}
	g.batch.Rows, g.batch.Offsets, g.batch.Sel, g.batch.Origin = g.rows, g.offsets, nil, &g.origin
}

// shownValue is how much of a value stands in a reason.
const shownValue = 60

// shown shortens a value for a reason.
func shown(value []byte) string {
	if len(value) <= shownValue {
		return string(value)
	}
	cut := shownValue
	for cut > 0 && !utf8.RuneStart(value[cut]) {
		cut--
	}
	return string(value[:cut]) + "…"
}
