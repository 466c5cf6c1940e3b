package output

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/parquetfile"
)

// Constants that decide the bytes of a file, with those of parquetfile (docs/formats/output.md §5). Changing one changes the
// bytes of a rerun under a new version, not its rows.
const (
	createdBy    = "millrace version 2"
	rowGroupRows = 1 << 17
	// rowGroupBytes ends a row group earlier, with the 1,024 rows that reach it by estimate: one is in memory, encoded and not.
	rowGroupBytes = 16 << 20
)

// Footer keys; part of the format.
const (
	keyWriter = "millrace.writer"
	keyJob    = "millrace.job"
	keyBatch  = "millrace.batch"
	keyRanges = "millrace.ranges"
	keyRows   = "millrace.rows_sha256"

	keyFirstBatch = "millrace.first_batch" // of files with rows of several batches
)

// encoder writes Parquet files, one after the other. The bytes of a file depend on its rows and footer keys only.
type encoder struct {
	columns []int // of the batches that it is given
	schema  *columnar.Schema
	writer  *parquetfile.Writer
	hash    *rowHash
	each    func(n int, f func(i int) error) error
	passed  func(bytes int64) // see BatchInfo
}

// largeRows is how many rows of a row group are worth several columns at a time.
const largeRows = 1 << 13

func newEncoder(l Layout, compression string) (*encoder, error) {
	codec, err := parquetfile.CodecOf(compression)
	if err != nil {
		return nil, err
	}
	file := l.File()
	w, err := parquetfile.NewWriter(parquetfile.Options{Schema: file, Codec: codec, CreatedBy: createdBy})
	if err != nil {
		return nil, err
	}
	return &encoder{columns: l.Columns, schema: file, writer: w, hash: newRowHash(file)}, nil
}

// footerKey is one entry of a file's key-value metadata.
type footerKey = parquetfile.Key

// file encodes rows as one file and returns its bytes, in pieces that the batch has kept, and its rows_sha256.
func (e *encoder) file(rows runs, footer []footerKey, info *BatchInfo) (out pieces, sum string, err error) {
	e.writer.Begin(info.keep)
	e.passed = info.passed
	e.hash.reset(rows.rows())
	for rest := rows; len(rest) > 0; {
		var g runs
		g, rest = rest.cut(rest.rowGroup(e.columns))
		if err := e.rowGroup(g); err != nil {
			return nil, "", err
		}
	}
	sum = e.hash.sum()
	out, err = e.writer.Finish(append(footer[:len(footer):len(footer)], footerKey{Name: keyRows, Value: sum}))
	return out, sum, err
}

func (e *encoder) rowGroup(rows runs) error {
	n := rows.rows()
	err := e.leafByLeaf(n)(e.writer.Leaves(), func(i int) error {
		if err := e.leaf(i, rows); err != nil {
			return fmt.Errorf("column %q: %w", e.schema.Fields[e.writer.Column(i)].Name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return e.writer.EndRowGroup(n)
}

// leafByLeaf is how the leaves of so many rows are gone through.
func (e *encoder) leafByLeaf(rows int) func(n int, f func(i int) error) error {
	if e.each != nil && rows >= largeRows {
		return e.each
	}
	return inTurn
}

func inTurn(n int, f func(i int) error) error {
	for i := range n {
		if err := f(i); err != nil {
			return err
		}
	}
	return nil
}

// leaf hands over the rows of a leaf. The first leaf of a column also feeds the digest of its rows. Leaves share nothing.
func (e *encoder) leaf(i int, rows runs) error {
	column := e.writer.Column(i)
	first := i == 0 || e.writer.Column(i-1) != column
	for _, r := range rows {
		v := r.batch.Cols[e.columns[column]]
		if first {
			e.hash.add(column, v, r.sel)
		}
		if err := e.writer.Append(i, v, r.sel); err != nil {
			return err
		}
		e.passed(touched(v, r.sel))
	}
	return e.writer.EndLeaf(i)
}

// touched is about how many bytes of memory the values of rows are in.
func touched(v *columnar.Vector, sel []int32) int64 {
	n := 8 * int64(len(sel))
	if k := v.Type.Kind; len(sel) > 0 && (k == columnar.String || k == columnar.Binary) {
		n += max(0, int64(v.Off[sel[len(sel)-1]+1])-int64(v.Off[sel[0]]))
	}
	return n
}
