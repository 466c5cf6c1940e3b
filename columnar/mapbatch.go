package columnar

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"
)

// BatchFunc is a Go function over rows in Arrow's form.
//
// Ownership: the record is lent for the call. Its memory is the engine's, and used again afterwards: f changes nothing in
// it, and keeps neither it nor its columns. What f returns it gives away: the engine releases it once the rows have been
// used. It may hold columns of the record that f was given, which then pass through uncopied; to return that record itself
// f calls Retain on it first.
//
// Promise: f is a function of single rows. How rows are cut into records, in which order records come, and on which of
// several goroutines at a time f is called must not show in what it makes of a row; nor may the clock, or anything but the
// row. A batch that runs again would else give other rows.
type BatchFunc func(rec arrow.Record) (arrow.Record, error)

// MapBatch turns rows into others by a function in Go. Columns go out and come back without a copy where Arrow has the same
// layout; what is copied is a batch with a selection, columns that are narrower in Arrow or have another form there, and
// strings whose buffer is full to the last bytes, see [Slack].
type MapBatch struct {
	id     string
	in     *Schema
	out    Batch
	f      BatchFunc
	mem    memory.Allocator
	held   arrow.Record // what out looks into
	counts RowCounts
}

// NewMapBatch returns an operator that calls f for batches of schema in and yields rows of schema out. id names f in
// messages.
func NewMapBatch(in, out *Schema, id string, f BatchFunc) (*MapBatch, error) {
	if f == nil {
		return nil, fmt.Errorf("map %q has no function", id)
	}
	for _, s := range []*Schema{in, out} {
		if _, err := ArrowSchema(s); err != nil {
			return nil, fmt.Errorf("map %q: %w", id, err)
		}
	}
	if len(out.Fields) == 0 {
		return nil, fmt.Errorf("map %q yields no column", id)
	}
	return &MapBatch{id: id, in: in, out: Batch{Schema: out}, f: f, mem: memory.DefaultAllocator}, nil
}

// Schema describes the rows that the function returns.
func (m *MapBatch) Schema() *Schema { return m.out.Schema }

// Process calls the function, unless in has no rows. The result looks into the record that it returned, and is valid until
// the next call or [MapBatch.Release].
func (m *MapBatch) Process(in *Batch) (*Batch, error) {
	m.Release()
	m.out.Rows, m.out.Env = 0, in.Env
	m.out.Cols = m.out.Cols[:0]
	if in.Len() == 0 {
		for _, f := range m.out.Schema.Fields {
			m.out.Cols = append(m.out.Cols, newVector(f.Type, 0))
		}
		return &m.out, nil
	}
	if err := m.call(in); err != nil {
		m.Release()
		return nil, fmt.Errorf("map %q: %w", m.id, err)
	}
	n, rows := int64(in.Len()), int64(m.out.Rows)
	m.counts.In += n
	m.counts.Out += rows
	m.counts.Added += max(rows-n, 0)
	m.counts.Filtered += max(n-rows, 0)
	return &m.out, nil
}

// Release gives up the record that the last result looks into.
func (m *MapBatch) Release() {
	if m.held != nil {
		m.held.Release()
		m.held = nil
	}
}

// Counts implements [Operator]. Rows beyond those that went in are added, those short of them filtered.
func (m *MapBatch) Counts() RowCounts { return takeCounts(&m.counts) }

func (m *MapBatch) call(in *Batch) error {
	rec, err := ToArrow(in, m.mem)
	if err != nil {
		return err
	}
	defer rec.Release()
	if m.held, err = guarded(m.f, rec); err != nil {
		return err
	}
	if m.held == nil {
		return errors.New("the function returned no record")
	}
	return m.view(m.held)
}

// guarded makes an error of a panic: the job ends as it does for other faults of the function.
func guarded(f BatchFunc, rec arrow.Record) (out arrow.Record, err error) {
	defer func() {
		if p := recover(); p != nil {
			out, err = nil, fmt.Errorf("the function panicked: %v", p)
		}
	}()
	return f(rec)
}

// view sets out to the rows of rec, which must be what was declared.
func (m *MapBatch) view(rec arrow.Record) error {
	fields := m.out.Schema.Fields
	if int(rec.NumCols()) != len(fields) {
		return fmt.Errorf("the function returned %d columns, declared are %d", rec.NumCols(), len(fields))
	}
	m.out.Rows = int(rec.NumRows()) // columns may be longer
	for i, f := range fields {
		if err := m.column(f, rec.ColumnName(i), rec.Column(i)); err != nil {
			return err
		}
	}
	return nil
}

func (m *MapBatch) column(f Field, name string, col arrow.Array) error {
	if want, err := arrowTypes.arrowType(f.Type); err != nil || name != f.Name || !arrow.TypeEqual(want, col.DataType()) {
		return fmt.Errorf("the function returned column %q of Arrow type %s, declared is %q of type %s", name, col.DataType(), f.Name, want)
	}
	v, err := arrowTypes.view(f.Type, col.Data(), col.Data().Offset(), m.out.Rows)
	if err == nil {
		err = v.settle()
	}
	if err != nil {
		return fmt.Errorf("the function returned column %q: %w", f.Name, err)
	}
	m.out.Cols = append(m.out.Cols, v)
	return nil
}

// settle makes sure of what the engine takes for granted and Arrow does not: strings are UTF-8, and have [Slack] behind
// them.
func (v *Vector) settle() error {
	if v.Type.Kind == String && !v.isUTF8() {
		return errors.New("a string is not UTF-8")
	}
	if v.Type.Kind.Storage() == StoredBytes {
		v.Data = withSlack(v.Data)
	}
	for _, kid := range v.Kids {
		if err := kid.settle(); err != nil {
			return err
		}
	}
	return nil
}

// isUTF8 looks at the rows one by one only where all of them together are not UTF-8, or a row begins inside a rune: it
// may be that what is wrong belongs to no row.
func (v *Vector) isUTF8() bool {
	if v.N == 0 {
		return true
	}
	whole := utf8.Valid(v.Data[v.Off[0]:v.Off[v.N]])
	for i := 0; i < v.N && whole; i++ {
		whole = v.Off[i] == v.Off[v.N] || utf8.RuneStart(v.Data[v.Off[i]])
	}
	for i := 0; i < v.N && !whole; i++ {
		if !v.IsNull(i) && !utf8.Valid(v.Str(i)) {
			return false
		}
	}
	return true
}
