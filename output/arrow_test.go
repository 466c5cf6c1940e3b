package output_test

import (
	"bytes"
	"context"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/millrace/millrace/output/outputtest"
)

// read is a file as Arrow's reader, which shares no code with the writer, sees it.
type read struct {
	fields    []arrow.Field
	rows      []outputtest.Row
	groups    []int64 // rows of each row group
	createdBy string
	footer    map[string]string
}

func readArrow(t testing.TB, data []byte) read {
	t.Helper()
	mem := memory.NewCheckedAllocator(memory.DefaultAllocator)
	f, err := file.NewParquetReader(bytes.NewReader(data))
	if err != nil {
		t.Fatalf("open with arrow: %v", err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{BatchSize: 1000}, mem)
	if err != nil {
		t.Fatalf("open with arrow: %v", err)
	}
	table, err := r.ReadTable(context.Background())
	if err != nil {
		t.Fatalf("read with arrow: %v", err)
	}
	out := read{fields: table.Schema().Fields(), rows: tableRows(t, table), createdBy: f.MetaData().GetCreatedBy(), footer: map[string]string{}}
	for i := range f.NumRowGroups() {
		out.groups = append(out.groups, f.MetaData().RowGroup(i).NumRows())
	}
	for _, kv := range f.MetaData().KeyValueMetadata() {
		out.footer[kv.Key] = *kv.Value
	}
	table.Release()
	mem.AssertSize(t, 0)
	return out
}

func tableRows(t testing.TB, table arrow.Table) []outputtest.Row {
	rows := make([]outputtest.Row, table.NumRows())
	for c := range int(table.NumCols()) {
		i := 0
		for _, chunk := range table.Column(c).Data().Chunks() {
			for j := range chunk.Len() {
				rows[i] = append(rows[i], arrowValue(t, chunk, j))
				i++
			}
		}
	}
	return rows
}

func arrowValue(t testing.TB, a arrow.Array, i int) any {
	if a.IsNull(i) {
		return nil
	}
	switch a := a.(type) {
	case *array.Boolean:
		return a.Value(i)
	case *array.Int32:
		return int64(a.Value(i))
	case *array.Int64:
		return a.Value(i)
	case *array.Float64:
		return a.Value(i)
	case *array.String:
		return string([]byte(a.Value(i)))
	case *array.Binary:
		return bytes.Clone(a.Value(i))
	case *array.Date32:
		return int64(a.Value(i))
	case *array.Timestamp:
		return int64(a.Value(i))
	}
	t.Fatalf("arrow reads a %s", a.DataType())
	return nil
}
