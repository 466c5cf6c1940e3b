package columnar

import (
	"fmt"
	"slices"
	"unicode/utf8"

	"github.com/millrace/millrace/offsets"
)

// JSONDecoder is the [Decoder] of JSON objects, one in each record value. It is compiled from its columns once.
//
// A record is taken or refused as a whole. The value must be one object by RFC 8259 with nothing but white space
// around it, in valid UTF-8, without lone surrogate escapes, nested at most 1,000 deep; keys that no column wants are
// checked like the others. Of a key that stands twice the last value counts.
//
// Values become column values when nothing is lost: "12", 1.2e1 and 12.0 are the bigint 12; a string column takes
// numbers, true and false as written and objects and arrays as their text; a boolean takes true, false and the strings
// "true" and "false"; a date takes "YYYY-MM-DD"; for timestamps see [ParseTimestamp] and [DecodeField].Unit, epoch
// numbers are rounded down to the microsecond. null and a missing key are NULL. Everything else, among it "", numbers
// out of range and fractions in integers, makes the record bad.
//
// Two tiers do the work: a fast one that predicts the keys from the records before (decode_json_fast.go), and for any
// record that it does not get through a careful one (decode_json_slow.go). Both give the same columns.
type JSONDecoder struct {
	schema *Schema
	cols   []jsonColumn
	keyed  []*jsonColumn          // the columns read from the object
	meta   []*jsonColumn          // the columns read from the record around it
	byKey  map[string]*jsonColumn // the first column of each key; the others hang on its twin
	shape  jsonShape
	scan   jsonScanner
	text   []byte // an unescaped string, with Slack
	padded []byte // a copy of a buffer that came without Slack

	rows     int
	offsets  []int64
	origin   Origin
	bad      []BadRecord
	badBytes []byte
	counts   RowCounts
	batch    Batch
	flushed  bool // the rows were handed out: the next Append starts anew

	careful bool // leaves out the fast tier, for tests
}

var _ Decoder = (*JSONDecoder)(nil)

// jsonColumn is one column of a [JSONDecoder].
type jsonColumn struct {
	Builder
	field DecodeField
	twin  *jsonColumn // another column read from the same key
	found jsonValue   // careful tier: the value in the record under way
}

// NewJSONDecoder returns a decoder for the columns fields of the source with that name. A field named as a metadata
// column is filled from the record's place, time or key and must have its type, see [Metadata]. The error names the
// column that JSON cannot fill.
func NewJSONDecoder(source string, fields []DecodeField) (*JSONDecoder, error) {
	d := &JSONDecoder{
		schema: &Schema{},
		cols:   make([]jsonColumn, len(fields)),
		byKey:  map[string]*jsonColumn{},
		origin: Origin{Source: source},
	}
	for i, f := range fields {
		if slices.ContainsFunc(fields[:i], func(o DecodeField) bool { return o.Name == f.Name }) {
			return nil, fmt.Errorf("column %q is declared twice", f.Name)
		}
		if err := d.addColumn(&d.cols[i], f); err != nil {
			return nil, err
		}
		d.schema.Fields = append(d.schema.Fields, f.Field)
	}
	d.batch = Batch{Schema: d.schema, Cols: make([]*Vector, len(fields)), Origin: &d.origin}
	d.shape.reset()
	return d, nil
}

// addColumn sets up c and files it under its key or under the metadata.
func (d *JSONDecoder) addColumn(c *jsonColumn, f DecodeField) error {
	if t, ok := Metadata(f.Name); ok {
		if f.Type != t {
			return fmt.Errorf("column %q: the metadata column has type %s, not %s", f.Name, t, f.Type)
		}
		*c = jsonColumn{Builder: *NewBuilder(t), field: f}
		d.meta = append(d.meta, c)
		return nil
	}
	if err := checkTextType(f); err != nil {
		return err
	}
	*c = jsonColumn{Builder: *NewBuilder(f.Type), field: f, twin: d.byKey[f.JSONKey()]}
	d.byKey[f.JSONKey()] = c
	d.keyed = append(d.keyed, c)
	return nil
}

// Schema describes the batches that Flush returns: the fields in order.
func (d *JSONDecoder) Schema() *Schema { return d.schema }

// Rows is the number of rows gathered since the last Flush.
func (d *JSONDecoder) Rows() int {
	if d.flushed {
		return 0
	}
	return d.rows
}

// Bytes is the size of the largest string column gathered. Whoever cuts batches flushes before it nears 2 GiB, the
// bound of 32-bit offsets, behind which Append panics; a record adds at most its own length.
func (d *JSONDecoder) Bytes() int {
	if d.flushed {
		return 0
	}
	n := 0
	for i := range d.cols {
		n = max(n, d.cols[i].Builder.Bytes())
	}
	return n
}

// Counts adds up the records since the last call of Counts: In = Out + Bad + Tombstone.
func (d *JSONDecoder) Counts() RowCounts {
	c := d.counts
	d.counts = RowCounts{}
	return c
}

// Append decodes recs, see [Decoder]. All records between two calls of Flush must come from one partition, because
// the batch has one Origin; Append panics otherwise.
func (d *JSONDecoder) Append(recs *offsets.Records) {
	d.begin()
	if d.origin.Topic != recs.Topic || d.origin.Partition != recs.Partition {
		if len(d.offsets)+len(d.bad) > 0 {
			panic(fmt.Sprintf("columnar: records of %s/%d and %s/%d in one batch",
				d.origin.Topic, d.origin.Partition, recs.Topic, recs.Partition))
		}
		d.origin.Topic, d.origin.Partition = recs.Topic, recs.Partition
	}
	buf := d.withSlack(recs.Buf)
	for i := range recs.Rows {
		d.record(buf, &recs.Rows[i])
	}
}

// begin forgets the rows that were handed out.
func (d *JSONDecoder) begin() {
	if !d.flushed {
		return
	}
	d.flushed = false
	d.rows = 0
	d.rollBack()
	d.offsets, d.bad, d.badBytes = d.offsets[:0], d.bad[:0], d.badBytes[:0]
}

// withSlack returns b with the Slack bytes behind it, which [offsets.Records] promises. Everything in the decoder that
// loads whole words relies on this slice, so a broken promise costs a copy and not a wrong read.
func (d *JSONDecoder) withSlack(b []byte) []byte {
	if cap(b)-len(b) >= offsets.Slack {
		return b[:len(b)+offsets.Slack]
	}
	d.padded = append(append(d.padded[:0], b...), make([]byte, offsets.Slack)...)
	return d.padded
}

// record decodes one record into a row, a bad record or nothing.
func (d *JSONDecoder) record(buf []byte, r *offsets.Record) {
	d.counts.In++
	if r.Value.Len < 0 {
		d.counts.Tombstone++
		return
	}
	start := int(r.Value.Start)
	end := start + int(r.Value.Len)
	if d.careful || !d.fast(buf, start, end) {
		d.rollBack()
		if reason := d.slow(buf, start, end); reason != "" {
			d.refuse(r, buf[start:end], reason)
			return
		}
	}
	if reason := d.appendMetadata(buf, r); reason != "" {
		d.refuse(r, buf[start:end], reason)
		return
	}
	d.offsets = append(d.offsets, r.Offset)
	d.rows++
	d.counts.Out++
}

// rollBack removes what the record under way has left in the columns.
func (d *JSONDecoder) rollBack() {
	for i := range d.cols {
		d.cols[i].Truncate(d.rows)
	}
}

// refuse makes the record under way a bad record.
func (d *JSONDecoder) refuse(r *offsets.Record, value []byte, reason string) {
	d.rollBack()
	d.counts.Bad++
	from := len(d.badBytes)
	d.badBytes = append(d.badBytes, value[:min(len(value), BadValueBytes)]...)
	d.bad = append(d.bad, BadRecord{
		Topic: d.origin.Topic, Partition: d.origin.Partition, Offset: r.Offset,
		Reason: reason,
		Value:  d.badBytes[from:len(d.badBytes):len(d.badBytes)],
	})
}

// appendMetadata fills the metadata columns, or returns why the record is bad.
func (d *JSONDecoder) appendMetadata(buf []byte, r *offsets.Record) (reason string) {
	for _, c := range d.meta {
		switch {
		case c.field.Name == "_topic":
			c.AppendString(d.origin.Topic)
		case c.field.Name == "_partition":
			c.AppendInt32(d.origin.Partition)
		case c.field.Name == "_offset":
			c.AppendInt64(r.Offset)
		case c.field.Name == "_timestamp" && r.Timestamp >= 0:
			c.AppendInt64(r.Timestamp * 1000)
		case c.field.Name == "_key" && r.Key.Len >= 0:
			c.AppendBytes(r.Key.Of(buf))
		case c.field.Required:
			return fmt.Sprintf("column %q: the record has none, but it is required", c.field.Name)
		default:
			c.AppendNull()
		}
	}
	return ""
}

// Flush hands out the gathered rows, see [Decoder]. Batch, columns and bad records live in the decoder's memory, which
// the next Append uses again.
func (d *JSONDecoder) Flush() (*Batch, []BadRecord) {
	d.begin()
	for i := range d.cols {
		d.batch.Cols[i] = d.cols[i].Vector()
	}
	d.batch.Rows, d.batch.Offsets, d.batch.Sel = d.rows, d.offsets, nil
	d.flushed = true
	return &d.batch, d.bad
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
