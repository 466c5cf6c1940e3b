package batch

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// timedDecoder adds the computed event time of a source to the rows of its decoder, as the last column. A record of which
// it cannot be computed is a bad one, as if the decoder itself had refused it.
type timedDecoder struct {
	columnar.Decoder
	prog   *columnar.Program
	schema *columnar.Schema
	env    *columnar.Env            // of the task
	hide   func(text string) string // takes secrets out, which the expression may hold

	rows    int                  // of the batch under way whose time is computed
	times   columnar.Vector      // of those rows
	gone    []int32              // those of them that have none
	sel     []int32              // the others, when there are some
	inner   int                  // bad records of the decoder that are in bad
	bad     []columnar.BadRecord // of the batch, in the order in which they were met
	refused int64                // rows without a time since the last Counts
	out     columnar.Batch
}

func newTimedDecoder(dec columnar.Decoder, t *dstream.TimePlan, hide func(text string) string) (*timedDecoder, error) {
	prog, err := columnar.Compile(t.Expr, dec.Schema())
	if err != nil {
		return nil, fmt.Errorf("compile the event time %s: %w", t.Name, err)
	}
	field := columnar.Field{Name: t.Name, Type: t.Expr.Type}
	schema := columnar.NewSchema(append(slices.Clone(dec.Schema().Fields), field)...)
	return &timedDecoder{Decoder: dec, prog: prog, schema: schema, hide: hide, times: columnar.Vector{Type: field.Type}}, nil
}

// Schema implements columnar.Decoder.
func (d *timedDecoder) Schema() *columnar.Schema { return d.schema }

// Peek implements columnar.Decoder.
func (d *timedDecoder) Peek() (*columnar.Batch, []columnar.BadRecord) {
	return d.timed(d.Decoder.Peek())
}

// Flush implements columnar.Decoder.
func (d *timedDecoder) Flush() (*columnar.Batch, []columnar.BadRecord) {
	b, bad := d.timed(d.Decoder.Flush())
	d.rows, d.inner = 0, 0
	return b, bad
}

// Counts implements columnar.Decoder.
func (d *timedDecoder) Counts() columnar.RowCounts {
	c := d.Decoder.Counts()
	c.Bad, c.Out = c.Bad+d.refused, c.Out-d.refused
	d.refused = 0
	return c
}

// timed computes the times of the rows that are new since the last call, and returns all of them.
func (d *timedDecoder) timed(in *columnar.Batch, bad []columnar.BadRecord) (*columnar.Batch, []columnar.BadRecord) {
	if d.rows == 0 && d.inner == 0 { // a new batch
		d.gone, d.bad, d.times.Valid = d.gone[:0], d.bad[:0], nil
	}
	in.Env = d.env
	fresh := d.compute(in)
	d.refused += int64(len(fresh))
	d.bad = append(d.bad, byOffset(bad[d.inner:], fresh)...)
	d.inner = len(bad)
	cols := append(append(d.out.Cols[:0], in.Cols...), &d.times)
	d.out = *in
	d.out.Schema, d.out.Cols = d.schema, cols
	if len(d.gone) > 0 {
		d.out.Sel = d.others()
	}
	return &d.out, d.bad
}

// compute sets the times of the new rows, and returns the records without one.
func (d *timedDecoder) compute(in *columnar.Batch) []columnar.BadRecord {
	from := d.rows
	if d.rows = in.Rows; from == in.Rows {
		return nil
	}
	d.times.I64 = slices.Grow(d.times.I64[:from], in.Rows-from)[:in.Rows]
	d.times.N = in.Rows
	part := *in
	if from > 0 {
		part.Sel = between(from, in.Rows)
	}
	v, err := d.prog.Eval(&part)
	if err != nil {
		return d.computeEach(in, from)
	}
	copy(d.times.I64[from:], v.I64[from:in.Rows])
	for i := from; v.Valid != nil && i < in.Rows; i++ {
		if v.IsNull(i) {
			d.setNull(i)
		}
	}
	d.fillValid()
	return nil
}

// computeEach is compute where a row is at fault: one row at a time, to find all that are.
func (d *timedDecoder) computeEach(in *columnar.Batch, from int) []columnar.BadRecord {
	var bad []columnar.BadRecord
	one := *in
	for i := from; i < in.Rows; i++ {
		one.Sel = []int32{int32(i)}
		v, err := d.prog.Eval(&one)
		switch {
		case err != nil:
			d.gone = append(d.gone, int32(i))
			d.setNull(i)
			bad = append(bad, columnar.BadRecord{Topic: in.Origin.Topic, Partition: in.Origin.Partition, Offset: in.Offsets[i],
				Reason: columnar.CutReason(d.hide("the event time cannot be computed: " + err.Error()))})
		case v.IsNull(i):
			d.setNull(i)
		default:
			d.times.I64[i] = v.I64[i]
		}
	}
	d.fillValid()
	return bad
}

// setNull makes the time of row i NULL.
func (d *timedDecoder) setNull(i int) {
	if d.times.Valid == nil {
		d.times.Valid = []byte{}
	}
	d.fillValid()
	d.times.Valid[i>>3] &^= 1 << (i & 7)
}

// fillValid makes rows valid that no bit says anything of yet; without a NULL there are no bits.
func (d *timedDecoder) fillValid() {
	for d.times.Valid != nil && len(d.times.Valid) < (d.times.N+7)/8 {
		d.times.Valid = append(d.times.Valid, 0xff)
	}
}

// others are the rows that have a time.
func (d *timedDecoder) others() []int32 {
	d.sel = slices.Grow(d.sel[:0], 1) // never nil, which would mean all rows
	gone := d.gone
	for i := range int32(d.rows) {
		if len(gone) > 0 && gone[0] == i {
			gone = gone[1:]
			continue
		}
		d.sel = append(d.sel, i)
	}
	return d.sel
}

// between is the rows from, from+1, …, until−1.
func between(from, until int) []int32 {
	out := make([]int32, 0, until-from)
	for i := from; i < until; i++ {
		out = append(out, int32(i))
	}
	return out
}
