package output

import (
	"slices"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/columnar"
)

// leaf is one Parquet column: a column of the file, or one of the values inside a nested column.
type leaf struct {
	column int   // of the file
	path   []int // which of Kids at each struct, list and map on the way; nil for a column that is not nested
}

// leavesOf lists the leaves in Parquet's order, depth first.
func leavesOf(s *columnar.Schema) []leaf {
	var out []leaf
	for i, f := range s.Fields {
		for _, path := range leafPaths(f.Type, nil) {
			out = append(out, leaf{i, path})
		}
	}
	return out
}

func leafPaths(t columnar.Type, path []int) [][]int {
	var kids []columnar.Type
	switch t.Kind {
	case columnar.Array:
		kids = []columnar.Type{t.Elem()}
	case columnar.Map:
		kids = []columnar.Type{t.KeyType(), t.Elem()}
	case columnar.Struct:
		for _, f := range t.Fields() {
			kids = append(kids, f.Type)
		}
	default:
		return [][]int{path}
	}
	var out [][]int
	for i, k := range kids {
		out = append(out, leafPaths(k, append(slices.Clone(path), i))...)
	}
	return out
}

// append appends rows sel of v as the leaf's values with their levels, as in Dremel (Melnik et al., 2010): the
// definition level counts what is there on the way down, the repetition level says at which list a value goes on.
func (l leaf) append(dst []parquet.Value, v *columnar.Vector, sel []int32) []parquet.Value {
	if l.path == nil {
		return appendValues(dst, v, sel)
	}
	for _, r := range sel {
		dst = appendLeaf(dst, v, int(r), l.path, levels{})
	}
	return dst
}

// levels is the state of the way down to a leaf.
type levels struct {
	repetition int // of the next value
	definition int
	lists      int // lists and maps passed
}

// appendLeaf appends what row i of v holds below path.
func appendLeaf(dst []parquet.Value, v *columnar.Vector, i int, path []int, at levels) []parquet.Value {
	if v.IsNull(i) {
		return append(dst, parquet.Value{}.Level(at.repetition, at.definition, 0))
	}
	at.definition++
	switch v.Type.Kind {
	case columnar.Struct:
		return appendLeaf(dst, v.Kids[path[0]], i, path[1:], at)
	case columnar.Array, columnar.Map:
		return appendElements(dst, v, i, path, at)
	}
	return append(dst, valueOf(v, i).Level(at.repetition, at.definition, 0))
}

func appendElements(dst []parquet.Value, v *columnar.Vector, i int, path []int, at levels) []parquet.Value {
	from, until := int(v.Off[i]), int(v.Off[i+1])
	if from == until {
		return append(dst, parquet.Value{}.Level(at.repetition, at.definition, 0))
	}
	at.definition++
	at.lists++
	kid := v.Kids[path[0]]
	for j := from; j < until; j++ {
		if v.Type.Kind == columnar.Map && path[0] == 0 { // keys are required: no level of their own
			dst = appendKey(dst, kid, j, path[1:], at)
		} else {
			dst = appendLeaf(dst, kid, j, path[1:], at)
		}
		at.repetition = at.lists
	}
	return dst
}

// appendKey takes the level back that appendLeaf counts for a value that could be NULL.
func appendKey(dst []parquet.Value, v *columnar.Vector, i int, path []int, at levels) []parquet.Value {
	at.definition--
	return appendLeaf(dst, v, i, path, at)
}

// valueOf is row i of v, which is not NULL and not nested.
func valueOf(v *columnar.Vector, i int) parquet.Value {
	switch v.Type.Kind {
	case columnar.Bool:
		return parquet.BooleanValue(v.Bool(i))
	case columnar.Int8, columnar.Int16, columnar.Int32, columnar.Date:
		return parquet.Int32Value(v.I32[i])
	case columnar.Float32:
		return parquet.FloatValue(float32(v.F64[i]))
	case columnar.Float64:
		return parquet.DoubleValue(v.F64[i])
	case columnar.Decimal:
		return decimalValue(v.Type, v.Wide[i])
	case columnar.String, columnar.Binary:
		return parquet.ByteArrayValue(v.Str(i))
	}
	return parquet.Int64Value(v.I64[i])
}
