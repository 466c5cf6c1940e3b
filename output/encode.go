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
)

// encoder writes Parquet files, one after the other. The bytes of a file depend on its rows and footer keys only.
type encoder struct {
	columns []int // of the batches that it is given
	schema  *columnar.Schema
	leaves  []leaf
	config  *parquet.WriterConfig
	buf     bytes.Buffer
	hash    *rowHash
	chunk   []parquet.Value
}

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
	return &encoder{
		columns: l.Columns, schema: file, leaves: leavesOf(file), config: cfg, hash: newRowHash(file), chunk: make([]parquet.Value, 0, chunkRows),
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
	for i, c := range w.ColumnWriters() {
		l := e.leaves[i]
		if err := e.column(l, i == 0 || e.leaves[i-1].column != l.column, c, rows); err != nil {
			return fmt.Errorf("column %q: %w", e.schema.Fields[l.column].Name, err)
		}
	}
	return w.Flush()
}

// column hands over full chunks, the last one aside, however rows are cut into batches. The first leaf of a column also
// feeds the digest of its rows.
func (e *encoder) column(l leaf, first bool, w *parquet.ColumnWriter, rows runs) error {
	chunk, n := e.chunk[:0], 0
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
	e.chunk = chunk[:0]
	return nil
}
