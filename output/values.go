package output

import (
	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/columnar"
)

// appendValues appends rows sel of v to dst as values of an optional Parquet column. Strings alias v.
func appendValues(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	switch v.Type.Kind {
	case columnar.Bool:
		return appendBools(dst, v, sel)
	case columnar.Int8, columnar.Int16, columnar.Int32, columnar.Date:
		return appendInt32s(dst, v, sel)
	case columnar.Float64:
		return appendDoubles(dst, v, sel)
	case columnar.Float32, columnar.Decimal:
		return appendAny(dst, v, sel)
	case columnar.String, columnar.Binary:
		return appendBytes(dst, v, sel)
	}
	return appendInt64s(dst, v, sel)
}

// present marks a value that is not NULL. The column index only matters when whole rows are written, so it is 0.
func present(v parquet.Value) parquet.Value { return v.Level(0, 1, 0) }

// appendAny is for the kinds that are not worth a loop of their own.
func appendAny(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	for _, r := range sel {
		if v.IsNull(int(r)) {
			dst = append(dst, parquet.Value{})
			continue
		}
		dst = append(dst, present(valueOf(v, int(r))))
	}
	return dst
}

func appendBools(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			dst = append(dst, parquet.Value{})
			continue
		}
		dst = append(dst, present(parquet.BooleanValue(v.Bool(int(r)))))
	}
	return dst
}

func appendInt32s(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			dst = append(dst, parquet.Value{})
			continue
		}
		dst = append(dst, present(parquet.Int32Value(v.I32[r])))
	}
	return dst
}

func appendInt64s(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			dst = append(dst, parquet.Value{})
			continue
		}
		dst = append(dst, present(parquet.Int64Value(v.I64[r])))
	}
	return dst
}

func appendDoubles(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			dst = append(dst, parquet.Value{})
			continue
		}
		dst = append(dst, present(parquet.DoubleValue(v.F64[r])))
	}
	return dst
}

func appendBytes(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	for _, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			dst = append(dst, parquet.Value{})
			continue
		}
		dst = append(dst, present(parquet.ByteArrayValue(v.Data[v.Off[r]:v.Off[r+1]])))
	}
	return dst
}
