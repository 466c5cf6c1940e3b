package output

import (
	"encoding/binary"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
)

// The widest decimals that Parquet keeps in an INT32 and in an INT64; wider ones take 16 bytes.
const (
	decimalInt32 = 9
	decimalInt64 = 18
	decimalBytes = 16
)

// decimalNode is the required column of a decimal.
func decimalNode(t columnar.Type) parquet.Node {
	precision, scale := int(t.Precision), int(t.Scale)
	switch {
	case precision <= decimalInt32:
		return parquet.Decimal(scale, precision, parquet.Int32Type)
	case precision <= decimalInt64:
		return parquet.Decimal(scale, precision, parquet.Int64Type)
	}
	node := parquet.Decimal(scale, precision, parquet.FixedLenByteArrayType(decimalBytes))
	return parquet.Leaf(wideDecimal{node.Type()})
}

// wideDecimal is a decimal of 16 bytes without bounds: the library orders such columns as unsigned bytes (parquet-go
// 0.32), which puts negative numbers above the others, and a reader would skip pages that hold what it looks for.
type wideDecimal struct{ parquet.Type }

// NewColumnIndexer implements parquet.Type.
func (wideDecimal) NewColumnIndexer(int) parquet.ColumnIndexer { return &unboundedIndexer{} }

// unboundedIndexer writes the widest bounds for each page.
type unboundedIndexer struct{ index format.ColumnIndex }

// Reset implements parquet.ColumnIndexer.
func (x *unboundedIndexer) Reset() { x.index = format.ColumnIndex{} }

// IndexPage implements parquet.ColumnIndexer.
func (x *unboundedIndexer) IndexPage(values, nulls int64, _, _ parquet.Value) {
	least, greatest := make([]byte, decimalBytes), make([]byte, decimalBytes)
	least[0] = 0x80
	for i := range greatest {
		greatest[i] = 0xff
	}
	greatest[0] = 0x7f
	if values == nulls {
		least, greatest = []byte{}, []byte{}
	}
	x.index.NullPages = append(x.index.NullPages, values == nulls)
	x.index.MinValues = append(x.index.MinValues, least)
	x.index.MaxValues = append(x.index.MaxValues, greatest)
	x.index.NullCounts = append(x.index.NullCounts, nulls)
}

// ColumnIndex implements parquet.ColumnIndexer.
func (x *unboundedIndexer) ColumnIndex() format.ColumnIndex { return x.index }

// decimalValue is a decimal as decimalNode stores it: the narrow ones as numbers, the others big-endian.
func decimalValue(t columnar.Type, v columnar.Int128) parquet.Value {
	switch {
	case t.Precision <= decimalInt32:
		return parquet.Int32Value(int32(v.Lo))
	case t.Precision <= decimalInt64:
		return parquet.Int64Value(int64(v.Lo))
	}
	b := binary.BigEndian.AppendUint64(make([]byte, 0, decimalBytes), uint64(v.Hi))
	return parquet.FixedLenByteArrayValue(binary.BigEndian.AppendUint64(b, v.Lo))
}

// unboundedColumns are the paths of the leaves without bounds, which must not get statistics either.
func unboundedColumns(s *parquet.Schema) [][]string {
	var out [][]string
	for _, path := range s.Columns() {
		leaf, _ := s.Lookup(path...)
		if _, wide := leaf.Node.Type().(wideDecimal); wide {
			out = append(out, path)
		}
	}
	return out
}
