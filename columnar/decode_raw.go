package columnar

import (
	"fmt"

	"github.com/millrace/millrace/offsets"
)

// NewDecoder returns the decoder of a format: [FormatJSON] or [FormatRaw].
func NewDecoder(format, source string, fields []DecodeField, opts DecodeOptions) (Decoder, error) {
	switch format {
	case FormatJSON:
		return NewJSONDecoder(source, fields, opts)
	case FormatRaw:
		return NewRawDecoder(source, fields, opts)
	}
	return nil, fmt.Errorf("unknown format %q; the formats are %s and %s", format, FormatJSON, FormatRaw)
}

// RawDecoder is the [Decoder] of records whose values are kept as they are: the column _value (binary), and the metadata.
// A tombstone is no row, as in every format, so _value is never NULL.
type RawDecoder struct {
	gather
	value *decodeColumn // nil when nothing asks for it
}

var _ Decoder = (*RawDecoder)(nil)

// NewRawDecoder returns a decoder for the columns fields of the source with that name, which are among
// [MetadataFields] of [FormatRaw] and have their types.
func NewRawDecoder(source string, fields []DecodeField, opts DecodeOptions) (*RawDecoder, error) {
	d := &RawDecoder{}
	var err error
	d.gather, err = newGather(source, fields, opts, d.addColumn)
	return d, err
}

// addColumn takes the one column that is no metadata.
func (d *RawDecoder) addColumn(c *decodeColumn) error {
	switch f := c.field; {
	case f.Name != rawValue.Name:
		return fmt.Errorf("a source of format raw has no columns but %s and the metadata", rawValue.Name)
	case f.Type != rawValue.Type:
		return fmt.Errorf("the column has type %s, not %s", rawValue.Type, f.Type)
	case f.Key != "" || f.Path != nil:
		return fmt.Errorf("the column is the whole value, not read from a key")
	}
	d.value = c
	return nil
}

// Append decodes recs, see [Decoder]. All records between two calls of Flush must come from one partition, because
// the batch has one Origin; Append panics otherwise.
func (d *RawDecoder) Append(recs *offsets.Records) {
	buf := d.take(recs)
	for i := range recs.Rows {
		r := &recs.Rows[i]
		if d.tombstone(r) {
			continue
		}
		if d.value != nil {
			d.value.AppendBytes(r.Value.Of(buf))
		}
		d.finishRow(buf, r)
	}
}
