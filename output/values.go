package output

import (
	"slices"

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

// grown makes room for n more values. The definition level of each is 0, which says NULL, until it is set to 1.
func grown(dst []parquet.Value, n int) (all, added []parquet.Value) {
	all = slices.Grow(dst, n)[:len(dst)+n]
	return all, all[len(dst):]
}

// appendAny is for the kinds that are not worth a loop of their own.
func appendAny(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	dst, added := grown(dst, len(sel))
	for i, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			added[i] = parquet.Value{}
			continue
		}
		added[i] = valueOf(v, int(r))
		added[i].SetDefinitionLevel(1)
	}
	return dst
}

func appendBools(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	dst, added := grown(dst, len(sel))
	for i, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			added[i] = parquet.Value{}
			continue
		}
		added[i] = parquet.BooleanValue(v.Bool(int(r)))
		added[i].SetDefinitionLevel(1)
	}
	return dst
}

func appendInt32s(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	dst, added := grown(dst, len(sel))
	for i, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			added[i] = parquet.Value{}
			continue
		}
		added[i] = parquet.Int32Value(v.I32[r])
		added[i].SetDefinitionLevel(1)
	}
	return dst
}

func appendInt64s(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	dst, added := grown(dst, len(sel))
	for i, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			added[i] = parquet.Value{}
			continue
		}
		added[i] = parquet.Int64Value(v.I64[r])
		added[i].SetDefinitionLevel(1)
	}
	return dst
}

func appendDoubles(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	dst, added := grown(dst, len(sel))
	for i, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			added[i] = parquet.Value{}
			continue
		}
		added[i] = parquet.DoubleValue(v.F64[r])
		added[i].SetDefinitionLevel(1)
	}
	return dst
}

func appendBytes(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	dst, added := grown(dst, len(sel))
	for i, r := range sel {
		if v.Valid != nil && v.IsNull(int(r)) {
			added[i] = parquet.Value{}
			continue
		}
		added[i] = parquet.ByteArrayValue(v.Data[v.Off[r]:v.Off[r+1]])
		added[i].SetDefinitionLevel(1)
	}
	return dst
}
