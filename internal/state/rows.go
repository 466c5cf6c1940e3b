package state

import (
	"errors"
	"fmt"
	"math"

	"github.com/millrace/millrace/columnar"
)

// rowAt is the physical row of the i-th selected one.
func rowAt(b *columnar.Batch, i int) int32 {
	if b.Sel != nil {
		return b.Sel[i]
	}
	return int32(i)
}

// firstColumns lists the columns 0 to n−1.
func firstColumns(n int) []int {
	cols := make([]int, n)
	for i := range cols {
		cols[i] = i
	}
	return cols
}

// sumRows adds up the last column, the hidden count of rows.
func sumRows(b *columnar.Batch) int64 {
	counts := b.Cols[len(b.Cols)-1].I64
	var sum int64
	for i := range b.Len() {
		sum += counts[rowAt(b, i)]
	}
	return sum
}

// checkGroups refuses a batch that does not hold partial groups of the schema.
func checkGroups(schema *columnar.Schema, b *columnar.Batch) error {
	if !b.Schema.Equal(schema) {
		return fmt.Errorf("groups have the columns (%s), the job needs (%s)", b.Schema, schema)
	}
	return checkNamespaces(b)
}

// checkNamespaces finds NULL namespaces, which no window has.
func checkNamespaces(b *columnar.Batch) error {
	if k := b.Schema.Fields[0].Type.Kind; k != columnar.Timestamp && k != columnar.Int64 {
		return fmt.Errorf("the first key is a %s, not a timestamp", k)
	}
	if b.Cols[0].Valid == nil {
		return nil
	}
	for i := range b.Len() {
		if b.Cols[0].IsNull(int(rowAt(b, i))) {
			return errors.New("a group without a window")
		}
	}
	return nil
}

// Concat joins batches of one schema; of none it makes an empty batch. The result belongs to the caller.
func Concat(schema *columnar.Schema, parts []*columnar.Batch) (*columnar.Batch, error) {
	if len(parts) == 0 {
		return columnar.EmptyBatch(schema), nil
	}
	for col, f := range schema.Fields {
		if size := textBytes(parts, col); size > math.MaxInt32 {
			return nil, fmt.Errorf("column %q holds %d bytes of text in one shard, more than %d: use more shards", f.Name, size, math.MaxInt32)
		}
	}
	return columnar.Concat(parts), nil
}

func textBytes(parts []*columnar.Batch, col int) int64 {
	var size int64
	for _, b := range parts {
		size += longestText(b.Cols[col])
	}
	return size
}

// longestText is the size of the text in v, of a nested column in the part with the most of it.
func longestText(v *columnar.Vector) int64 {
	size := int64(len(v.Data))
	for _, kid := range v.Kids {
		size = max(size, longestText(kid))
	}
	return size
}
