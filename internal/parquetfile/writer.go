package parquetfile

import (
	"encoding/binary"
	"fmt"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
)

// Options say what all files of a [Writer] have in common.
type Options struct {
	Schema    *columnar.Schema // of a file; every column is optional
	Codec     Codec
	CreatedBy string
}

// Key is one entry of a file's key-value metadata.
type Key struct{ Name, Value string }

const (
	magic       = "PAR1"
	fileVersion = 2
)

// Writer makes Parquet files, one after the other.
type Writer struct {
	options  Options
	elements []format.SchemaElement
	columns  []*column
	out      buffer // the row groups that have ended
	rows     int64
	groups   []format.RowGroup
	indexes  [][]format.ColumnIndex // by row group and column; empty where there are no bounds to tell
	offsets  [][]format.OffsetIndex
}

// NewWriter returns a writer that has begun a file. Types that Parquet cannot hold are an error.
func NewWriter(o Options) (*Writer, error) {
	elements, leaves, err := schemaOf(o.Schema)
	if err != nil {
		return nil, err
	}
	w := &Writer{options: o, elements: elements}
	for _, l := range leaves {
		w.columns = append(w.columns, newColumn(l, o.Codec))
	}
	w.Reset()
	return w, nil
}

// Begin begins a file, whatever has become of the last one. keep takes its bytes, in pieces: pages that are done.
func (w *Writer) Begin(keep Keep) {
	w.Reset()
	w.out.keep = keep
	for _, c := range w.columns {
		c.keep = keep
	}
}

// Reset begins a file, whatever has become of the last one.
func (w *Writer) Reset() {
	w.out = buffer{data: append(w.out.data[:0], magic...)}
	for _, c := range w.columns {
		c.reset()
		c.keep = nil
	}
	w.rows, w.groups, w.indexes, w.offsets = 0, nil, nil, nil
}

// Leaves is the number of Parquet columns: one for each column, but for each value inside of nested ones.
func (w *Writer) Leaves() int { return len(w.columns) }

// Column is the column of the schema that a leaf belongs to.
func (w *Writer) Column(leaf int) int { return w.columns[leaf].column }

// Append hands rows sel of v, the column that the leaf belongs to, to the leaf. It does not keep v behind the end of the
// row group. Several leaves may be fed at a time.
func (w *Writer) Append(leaf int, v *columnar.Vector, sel []int32) error {
	c := w.columns[leaf]
	c.append(v, sel)
	return c.err
}

// EndLeaf ends what a leaf has of the row group, which makes the last of its pages. Several leaves may do so at a time.
func (w *Writer) EndLeaf(leaf int) error { return w.columns[leaf].end() }

// EndRowGroup writes what the leaves have, each of them ended, as a row group of so many rows.
func (w *Writer) EndRowGroup(rows int) error {
	g := format.RowGroup{NumRows: int64(rows), FileOffset: int64(w.out.Len()), Ordinal: int16(len(w.groups))}
	if len(w.groups) > maxRowGroups {
		return fmt.Errorf("a file of more than %d row groups is more than Parquet allows", maxRowGroups)
	}
	var indexes []format.ColumnIndex
	var offsets []format.OffsetIndex
	for _, c := range w.columns {
		chunk, offset, err := c.write(&w.out)
		if err != nil {
			return err
		}
		g.Columns = append(g.Columns, format.ColumnChunk{MetaData: chunk})
		g.TotalByteSize += chunk.TotalUncompressedSize
		g.TotalCompressedSize += chunk.TotalCompressedSize
		indexes, offsets = append(indexes, c.columnIndex()), append(offsets, offset)
		c.reset()
	}
	w.rows += int64(rows)
	w.groups, w.indexes, w.offsets = append(w.groups, g), append(w.indexes, indexes), append(w.offsets, offsets)
	return nil
}

// maxRowGroups is what the ordinal of a row group, 16 bits with a sign, can count.
const maxRowGroups = 1<<15 - 1

// Finish writes the rest of the file and returns its bytes, in pieces, which belong to the caller.
func (w *Writer) Finish(keys []Key) ([][]byte, error) {
	if err := w.pageIndex(); err != nil {
		return nil, fmt.Errorf("encode page index: %w", err)
	}
	meta := format.FileMetaData{Version: fileVersion, Schema: w.elements, NumRows: w.rows, RowGroups: w.groups, CreatedBy: w.options.CreatedBy}
	for _, k := range keys {
		meta.KeyValueMetadata = append(meta.KeyValueMetadata, format.KeyValue{Key: k.Name, Value: k.Value})
	}
	for range w.columns {
		meta.ColumnOrders = append(meta.ColumnOrders, format.ColumnOrder{Value: &format.TypeDefinedOrder{}})
	}
	at := w.out.Len()
	if err := w.encode(&meta); err != nil {
		return nil, fmt.Errorf("encode footer: %w", err)
	}
	var end [8]byte
	binary.LittleEndian.PutUint32(end[:], uint32(w.out.Len()-at))
	copy(end[4:], magic)
	if _, err := w.out.Write(end[:]); err != nil {
		return nil, err
	}
	if err := w.out.flush(); err != nil {
		return nil, err
	}
	return w.out.pieces, nil
}

// pageIndex writes the column indexes, then the offset indexes, and tells the column chunks where.
func (w *Writer) pageIndex() error {
	for g, indexes := range w.indexes {
		for i := range indexes {
			if len(indexes[i].NullPages) == 0 {
				continue
			}
			at := int64(w.out.Len())
			if err := w.encode(&indexes[i]); err != nil {
				return err
			}
			chunk := &w.groups[g].Columns[i]
			chunk.ColumnIndexOffset, chunk.ColumnIndexLength = at, int32(int64(w.out.Len())-at)
		}
	}
	for g, offsets := range w.offsets {
		for i := range offsets {
			at := int64(w.out.Len())
			if err := w.encode(&offsets[i]); err != nil {
				return err
			}
			chunk := &w.groups[g].Columns[i]
			chunk.OffsetIndexOffset, chunk.OffsetIndexLength = at, int32(int64(w.out.Len())-at)
		}
	}
	return nil
}

func (w *Writer) encode(v any) error {
	return thrift.NewEncoder(new(thrift.CompactProtocol).NewWriter(&w.out)).Encode(v)
}
