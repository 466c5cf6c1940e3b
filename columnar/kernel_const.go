package columnar

// broadcast returns a vector of at least n rows that all hold the node's constant. It is filled once and again only
// when a larger batch comes.
func (n *node) broadcast(rows int) *Vector {
	if n.done < rows {
		n.fill(rows)
		n.done = rows
	}
	n.out.N = rows
	return &n.out
}

func (n *node) fill(rows int) {
	val, out := n.expr.Value, &n.out
	if val.Null {
		out.Valid = make([]byte, bitmapBytes(rows))
	}
	switch out.Type.Kind {
	case Bool:
		out.Bits = filled(bitmapBytes(rows), -bit(val.I != 0))
	case Int32, Date:
		out.I32 = filled(rows, int32(val.I))
	case Float64:
		out.F64 = filled(rows, val.F)
	case String, Binary:
		out.Off, out.Data = repeated(val.S, rows)
	default:
		out.I64 = filled(rows, val.I)
	}
}

func filled[T any](n int, v T) []T {
	s := make([]T, n)
	for i := range s {
		s[i] = v
	}
	return s
}

func repeated(s string, rows int) ([]int32, []byte) {
	off := make([]int32, rows+1)
	data := make([]byte, 0, rows*len(s)+Slack)
	for i := range rows {
		data = append(data, s...)
		off[i+1] = int32(len(data))
	}
	return off, data
}
