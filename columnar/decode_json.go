package columnar

import (
	"fmt"

	"github.com/millrace/millrace/offsets"
)

// JSONDecoder is the [Decoder] of JSON objects, one in each record value. It is compiled from its columns once.
//
// A record is judged as a whole. The value must be one object by RFC 8259 with nothing but white space around it, in
// valid UTF-8, without lone surrogate escapes, nested at most 1,000 deep; keys that no column wants are checked like the
// others. Of a key that stands twice the last value counts.
//
// Values become column values when nothing is lost; docs/job-file.md has the table. null and a missing key are NULL, and
// so is everything behind them on a path, and an element behind the end of an array. A value that does not fit makes the
// record bad, or is NULL, see [DecodeOptions].
//
// Two tiers do the work: a fast one that predicts the keys from the records before (decode_json_fast.go), and for any
// record that it does not get through a careful one (decode_json_slow.go). Both give the same columns.
type JSONDecoder struct {
	gather
	keyed    []*decodeColumn // the columns read from the object
	straight []*decodeColumn // of these, the ones that the fast tier writes itself
	root     jsonNode        // where they stand in it

	keys   jsonKeys // of root
	shape  jsonShape
	full   uint64 // the bits of the straight columns
	builds int    // how many columns are not straight
	looks  bool   // something comes behind the columns of a record: metadata, or a filter

	// The record that the fast tier has under way.
	buf      []byte // what it stands in
	filled   uint64 // the bits of the straight columns that have a value; the tier keeps it elsewhere in between
	appended int    // the other columns that have one
	scan     jsonScanner
	text     []byte // an unescaped string, with Slack
	inner    jsonInner
	census   census
	filter   jsonFilter

	careful bool // leaves out the fast tier, for tests
}

var _ Decoder = (*JSONDecoder)(nil)

// NewJSONDecoder returns a decoder for the columns fields of the source with that name. A field named as a metadata
// column is filled from the record's place, time or key and must have its type, see [Metadata]. The error names the
// column that JSON cannot fill.
func NewJSONDecoder(source string, fields []DecodeField, opts DecodeOptions) (*JSONDecoder, error) {
	d := &JSONDecoder{census: census{max: opts.CensusRecords, left: opts.CensusRecords}}
	var err error
	if d.gather, err = newGather(source, fields, opts, d.addColumn); err != nil {
		return nil, err
	}
	d.root.gatherColumns()
	d.root.aimDirect(d)
	d.builds = len(d.keyed) - len(d.straight)
	d.keys = newJSONKeys(d.root.keys)
	d.shape.reset(&d.root)
	d.looks = len(d.meta) > 0 || opts.Filter != nil
	if opts.Filter != nil {
		return d, d.setFilter(opts.Filter)
	}
	return d, nil
}

// addColumn files a column under its path.
func (d *JSONDecoder) addColumn(c *decodeColumn) error {
	f := c.field
	if f.Key != "" && f.Path != nil {
		return fmt.Errorf("it has a key, %q, and a path, %s", f.Key, f.Path)
	}
	path := f.JSONPath()
	if err := path.check(); err != nil {
		return err
	}
	if err := checkUnit(f.Type, f.Unit); err != nil {
		return err
	}
	t, err := newJSONType(f.Type, 1)
	if err != nil {
		return err
	}
	if f.Type.IsNested() {
		c.nested = t
	}
	d.root.add(path, c)
	d.keyed = append(d.keyed, c)
	return nil
}

// Append decodes recs, see [Decoder]. All records between two calls of Flush must come from one partition, because
// the batch has one Origin; Append panics otherwise.
func (d *JSONDecoder) Append(recs *offsets.Records) {
	buf := d.take(recs)
	if d.census.left > 0 {
		d.takeCensus(buf, recs.Rows)
	}
	for rows := recs.Rows; len(rows) > 0; rows = rows[1:] {
		if !d.careful {
			if rows = rows[d.predict(buf, rows):]; len(rows) == 0 {
				return
			}
		}
		d.decide(buf, &rows[0])
	}
}

// decide decodes one record by the careful tier into a row, a bad record or nothing.
func (d *JSONDecoder) decide(buf []byte, r *offsets.Record) {
	if d.tombstone(r) {
		return
	}
	d.rollBack()
	start := int(r.Value.Start)
	end := start + int(r.Value.Len)
	if reason := d.slow(buf, start, end); reason != "" {
		d.refuse(r, buf[start:end], reason)
		return
	}
	d.finishRow(buf, r)
}
