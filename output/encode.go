package output

import (
	"bytes"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"

	"github.com/millrace/millrace/columnar"
)

// Constants that decide the bytes of a file (docs/formats/output.md §5). Changing one changes the bytes of a rerun
// under a new version, not its rows.
const (
	createdBy     = "millrace version 1"
	rowGroupRows  = 1 << 17
	chunkRows     = 256 // values handed over at once: parquet-go cuts pages at such a call only
	dictionaryMax = 1 << 20
	pageBytes     = 256 << 10
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
	leaves  []leaf
	config  *parquet.WriterConfig
	buf     bytes.Buffer
	hash    *rowHash
	chunks  [][]parquet.Value // by leaf
	each    func(n int, f func(i int) error) error
}

// largeRows is how many rows of a row group are worth several columns at a time.
const largeRows = 1 << 13

func newEncoder(l Layout, compression string) (*encoder, error) {
	codec, err := codecOf(compression)
	if err != nil {
		return nil, err
	}
	schema, err := parquetSchema(l.File())
	if err != nil {
		return nil, err
	}
	cfg := parquet.DefaultWriterConfig()
	cfg.CreatedBy = createdBy
	cfg.Schema = schema
	cfg.Compression = codec
	cfg.DataPageVersion = 1
	cfg.PageBufferSize = pageBytes
	cfg.DictionaryMaxBytes = dictionaryMax
	cfg.SkipPageBounds = unboundedColumns(schema)
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	file := l.File()
	leaves := leavesOf(file)
	return &encoder{
		columns: l.Columns, schema: file, leaves: leaves, chunks: make([][]parquet.Value, len(leaves)), config: cfg, hash: newRowHash(file),
	}, nil
}

func codecOf(name string) (compress.Codec, error) {
	switch name {
	case "zstd":
		return &parquet.Zstd, nil
	case "snappy":
		return &parquet.Snappy, nil
	case "none":
		return &parquet.Uncompressed, nil
	}
	return nil, fmt.Errorf("unknown compression %q: zstd, snappy or none", name)
}

// footerKey is one entry of a file's key-value metadata.
type footerKey struct{ key, value string }

// file encodes rows as one file and returns its bytes, which belong to the caller, and its rows_sha256.
//
// Each file gets a writer of its own: one that was Reset forgets the column paths in its footers (parquet-go 0.32).
func (e *encoder) file(rows runs, footer []footerKey) ([]byte, string, error) {
	e.buf.Reset()
	e.hash.reset(rows.rows())
	w := parquet.NewGenericWriter[any](&e.buf, e.config)
	for rest := rows; len(rest) > 0; {
		var g runs
		g, rest = rest.cut(rowGroupRows)
		if err := e.rowGroup(w, g); err != nil {
			return nil, "", err
		}
	}
	sum := e.hash.sum()
	for _, k := range footer {
		w.SetKeyValueMetadata(k.key, k.value)
	}
	w.SetKeyValueMetadata(keyRows, sum)
	if err := w.Close(); err != nil {
		return nil, "", err
	}
	return slices.Clone(e.buf.Bytes()), sum, nil
}

func (e *encoder) rowGroup(w *parquet.GenericWriter[any], rows runs) error {
	columns := w.ColumnWriters()
	err := e.leafByLeaf(rows.rows())(len(columns), func(i int) error {
		if err := e.column(i, columns[i], rows); err != nil {
			return fmt.Errorf("column %q: %w", e.schema.Fields[e.leaves[i].column].Name, err)
		}
		return nil
	})
	if err != nil {
		return err
	}
	return w.Flush()
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

// column hands over full chunks of a leaf, the last one aside, however rows are cut into batches. The first leaf of a
// column also feeds the digest of its rows. Leaves share nothing.
func (e *encoder) column(i int, w *parquet.ColumnWriter, rows runs) error {
	l, first := e.leaves[i], i == 0 || e.leaves[i-1].column != e.leaves[i].column
	chunk, n := e.chunks[i][:0], 0
	for c := (cursor{runs: rows}); c.more(); {
		r := c.next(chunkRows - n)
		v := r.batch.Cols[e.columns[l.column]]
		if first {
			e.hash.add(l.column, v, r.sel)
		}
		chunk, n = l.append(chunk, v, r.sel), n+len(r.sel)
		if n < chunkRows && c.more() {
			continue
		}
		if _, err := w.WriteRowValues(chunk); err != nil {
			return err
		}
		chunk, n = chunk[:0], 0
	}
	e.chunks[i] = chunk[:0]
	return nil
}
