package parquetfile_test

import (
	"bytes"
	"errors"
	"io"
	"iter"
	"math"
	"slices"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
)

// compared is a value so that greater ones are greater; ok is false for NULL and NaN.
func compared(v parquet.Value, typ columnar.Type) (x any, ok bool) {
	switch {
	case v.IsNull():
		return nil, false
	case typ.Kind == columnar.Float32:
		return float64(v.Float()), !math.IsNaN(float64(v.Float()))
	case typ.Kind == columnar.Float64:
		return v.Double(), !math.IsNaN(v.Double())
	case v.Kind() == parquet.FixedLenByteArray:
		b := bytes.Clone(v.ByteArray())
		b[0] ^= 0x80
		return string(b), true
	case v.Kind() == parquet.ByteArray:
		return string(v.ByteArray()), true
	case v.Kind() == parquet.Boolean:
		return v.Uint64() & 1, true
	case v.Kind() == parquet.Int32:
		return int64(v.Int32()), true
	}
	return v.Int64(), true
}

func less(a, b any) bool {
	switch a := a.(type) {
	case int64:
		return a < b.(int64)
	case uint64:
		return a < b.(uint64)
	case float64:
		return a < b.(float64)
	}
	return a.(string) < b.(string)
}

// pagesIn are the values of each page of a chunk, as parquet-go reads them.
func pagesIn(t *testing.T, chunk parquet.ColumnChunk) iter.Seq2[int, []parquet.Value] {
	return func(yield func(int, []parquet.Value) bool) {
		pages := chunk.Pages()
		defer pages.Close()
		for i := 0; ; i++ {
			page, err := pages.ReadPage()
			if errors.Is(err, io.EOF) {
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			vals := make([]parquet.Value, page.NumValues())
			if n, err := page.Values().ReadValues(vals); n != len(vals) {
				t.Fatalf("page %d: %d of %d values: %v", i, n, len(vals), err)
			}
			if !yield(i, vals) {
				return
			}
		}
	}
}

func checkPages(t *testing.T, f *parquet.File, column int, want *columnar.Vector) format.BoundaryOrder {
	t.Helper()
	typ := want.Type
	chunk := f.RowGroups()[0].ColumnChunks()[column]
	meta := f.Metadata().RowGroups[0].Columns[column].MetaData
	index, err := chunk.ColumnIndex()
	told := err == nil
	row, nulls := 0, int64(0)
	var least, most any
	for i, vals := range pagesIn(t, chunk) {
		pageNulls, ordered := int64(0), 0
		var low, high any
		for _, v := range vals {
			if v.IsNull() != want.IsNull(row) {
				t.Fatalf("row %d is %v", row, v)
			}
			row++
			if v.IsNull() {
				pageNulls++
			}
			if x, ok := compared(v, typ); ok {
				if ordered++; ordered == 1 || less(x, low) {
					low = x
				}
				if ordered == 1 || less(high, x) {
					high = x
				}
			}
		}
		nulls += pageNulls
		if ordered > 0 {
			if least == nil || less(low, least) {
				least = low
			}
			if most == nil || less(most, high) {
				most = high
			}
		}
		if told {
			if index.NullPage(i) != (pageNulls == int64(len(vals))) || index.NullCount(i) != pageNulls {
				t.Fatalf("page %d: %d NULLs of %d, the index says %d", i, pageNulls, len(vals), index.NullCount(i))
			}
			if ordered > 0 {
				a, _ := compared(index.MinValue(i), typ)
				z, _ := compared(index.MaxValue(i), typ)
				if less(low, a) || less(z, high) {
					t.Fatalf("page %d has %v to %v, the index says %v to %v", i, low, high, a, z)
				}
				if s, text := a.(string); !(text && len(s) >= 63) && (low != a || high != z) {
					t.Fatalf("page %d has %v to %v, the index says %v to %v, which is wider", i, low, high, a, z)
				}
			} else if !index.NullPage(i) {
				t.Fatalf("page %d has no bounds, but the index has some", i)
			}
		} else if typ.Kind != columnar.Float32 && typ.Kind != columnar.Float64 {
			t.Fatalf("no index: %v", err)
		}
	}
	if row != want.N || meta.Statistics.NullCount != nulls {
		t.Fatalf("%d rows, %d NULLs; want %d rows, the statistics say %d NULLs", row, nulls, want.N, meta.Statistics.NullCount)
	}
	if h := meta.SizeStatistics.DefinitionLevelHistogram; !slices.Equal(h, []int64{nulls, int64(want.N) - nulls}) {
		t.Fatalf("levels %v of %d rows with %d NULLs", h, want.N, nulls)
	}
	if least == nil {
		if len(meta.Statistics.MinValue)+len(meta.Statistics.MaxValue) > 0 {
			t.Fatalf("bounds of nothing")
		}
		return format.Unordered
	}
	a, _ := compared(chunk.Type().Kind().Value(meta.Statistics.MinValue), typ)
	z, _ := compared(chunk.Type().Kind().Value(meta.Statistics.MaxValue), typ)
	if a != least || z != most {
		t.Fatalf("column has %v to %v, the statistics say %v to %v", least, most, a, z)
	}
	if !told {
		return format.Unordered
	}
	return ordersRight(t, f.ColumnIndexes()[column], chunk, typ)
}

// ordersRight checks what the index says about how pages follow on each other.
func ordersRight(t *testing.T, index format.ColumnIndex, chunk parquet.ColumnChunk, typ columnar.Type) format.BoundaryOrder {
	t.Helper()
	var lows, highs []any
	for i := range index.NullPages {
		if index.NullPages[i] {
			continue
		}
		a, _ := compared(chunk.Type().Kind().Value(index.MinValues[i]), typ)
		z, _ := compared(chunk.Type().Kind().Value(index.MaxValues[i]), typ)
		lows, highs = append(lows, a), append(highs, z)
	}
	for i := 1; i < len(lows); i++ {
		if index.BoundaryOrder == format.Ascending && (less(lows[i], lows[i-1]) || less(highs[i], highs[i-1])) ||
			index.BoundaryOrder == format.Descending && (less(lows[i-1], lows[i]) || less(highs[i-1], highs[i])) {
			t.Fatalf("pages %v to %v are said to be %s", lows, highs, index.BoundaryOrder)
		}
	}
	return index.BoundaryOrder
}

// checkOffsets holds where the index says that pages are, and with which row they begin, against the pages, which stand side by side.
func checkOffsets(t *testing.T, f *parquet.File, column int) {
	t.Helper()
	meta := f.Metadata().RowGroups[0].Columns[column].MetaData
	pages := f.RowGroups()[0].ColumnChunks()[column].Pages()
	defer pages.Close()
	end := meta.TotalCompressedSize + meta.DataPageOffset
	if meta.DictionaryPageOffset > 0 {
		end -= meta.DataPageOffset - meta.DictionaryPageOffset
	}
	at, row := meta.DataPageOffset, int64(0)
	for i, l := range f.OffsetIndexes()[column].PageLocations {
		page, err := pages.ReadPage()
		if err != nil {
			t.Fatal(err)
		}
		if l.Offset != at || l.FirstRowIndex != row {
			t.Fatalf("page %d is at %d and begins with row %d, the index says %d and %d", i, at, row, l.Offset, l.FirstRowIndex)
		}
		at, row = at+int64(l.CompressedPageSize), row+page.NumRows()
	}
	if at != end {
		t.Fatalf("pages end at %d, the index says %d", end, at)
	}
}
