package columnar

// broadcast returns a vector of at least n rows that all hold the node's constant. It is filled once and again only
// when a larger batch comes.
func (n *node) broadcast(rows int) *Vector {
	if n.done < rows || n.out.Type.IsNested() && (n.done != rows || n.out.Kids == nil) { // kids are as long as their parent
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
	switch out.Type.Kind.Storage() {
	case StoredBits:
		out.Bits = filled(bitmapBytes(rows), -bit(val.I != 0))
	case StoredI32:
		out.I32 = filled(rows, int32(val.I))
	case StoredI64:
		out.I64 = filled(rows, val.I)
	case StoredF64:
		out.F64 = filled(rows, val.F)
	case StoredWide:
		out.Wide = filled(rows, val.wide())
	case StoredBytes:
		out.Off, out.Data = repeated(val.S, rows)
	case StoredList, StoredStruct:
		n.fillNested(rows)
	}
}

// fillNested repeats the one row of a nested literal; NULL has none, so its rows come from nowhere.
func (n *node) fillNested(rows int) {
	row := int32(0)
	if n.expr.Value.Null {
		row = -1
	}
	n.out.interleave([]*Vector{n.expr.Value.Vec}, place{rows: filled(rows, row)})
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
