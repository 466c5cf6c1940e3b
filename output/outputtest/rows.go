package outputtest

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// Row is the values of a row: nil, bool, int64 (also for int, date and timestamp), float64, string or []byte.
type Row []any

// Batch returns a batch of rows. It panics on values that do not fit the schema.
func Batch(s *columnar.Schema, rows ...Row) *columnar.Batch {
	b := &columnar.Batch{Schema: s, Rows: len(rows)}
	for i, f := range s.Fields {
		builder := columnar.NewBuilder(f.Type)
		for _, row := range rows {
			appendValue(builder, f.Type.Kind, row[i])
		}
		b.Cols = append(b.Cols, builder.Vector())
	}
	return b
}

func appendValue(b *columnar.Builder, k columnar.Kind, x any) {
	switch x := x.(type) {
	case nil:
		b.AppendNull()
	case bool:
		b.AppendBool(x)
	case int64:
		appendInt(b, k, x)
	case float64:
		b.AppendFloat64(x)
	case string:
		b.AppendBytes([]byte(x))
	case []byte:
		b.AppendBytes(x)
	default:
		panic(fmt.Sprintf("outputtest: no column holds a %T", x))
	}
}

func appendInt(b *columnar.Builder, k columnar.Kind, x int64) {
	if k == columnar.Int32 || k == columnar.Date {
		b.AppendInt32(int32(x))
		return
	}
	b.AppendInt64(x)
}
