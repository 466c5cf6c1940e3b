package columnar

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"sort"
)

// nestedCasts are those of arrays, structs and maps: part by part, structs by the position of their fields, and from and
// to JSON text.
func nestedCasts() map[castPair]castRule {
	casts := map[castPair]castRule{}
	for k := Bool; int(k) < len(storages); k++ {
		casts[castPair{Null, k}] = casting(castNull)
	}
	for _, k := range []Kind{Array, Struct, Map} {
		casts[castPair{k, k}] = castRule{kernel: partsKernel, fails: true, zone: true}
		casts[castPair{k, String}] = castRule{kernel: formatKernel, zone: true}
		casts[castPair{String, k}] = castRule{kernel: jsonKernel, fails: true, zone: true}
	}
	return casts
}

// castNull casts what has no type, as the elements of an empty array.
func castNull(n *node, f *frame, _ rowSet) error {
	if n.out.N = f.batch.Rows; len(n.out.Valid) != bitmapBytes(n.out.N) {
		n.out = *newVector(n.expr.Type, n.out.N)
	}
	return nil
}

// partsKernel casts each part as a column of its own. A part that does not convert is an error, or with TRY_CAST NULL; a
// key makes all of its map NULL, since keys are not.
func partsKernel(e *Expr) kernel {
	from, to := e.Args[0].Type, e.Type
	parts := make([]*node, len(to.nested.fields))
	for i := range parts {
		part, err := compileNode(partCast(e.Op, from.nested.fields[i].Type, to.nested.fields[i].Type, e.Args[1:]), &Schema{Fields: from.nested.fields[i : i+1]})
		if err != nil {
			return nil
		}
		parts[i] = part
	}
	c := partsCast{parts: parts, batch: &Batch{Cols: make([]*Vector, 1)}}
	return func(n *node, f *frame, rows rowSet) error {
		if err := n.evalArgs(f, rows); err != nil {
			return err
		}
		n.mergeValid()
		return c.run(n, f, rows)
	}
}

// partCast is the cast of one part, or the part itself where its type stays.
func partCast(op string, from, to Type, zone []*Expr) *Expr {
	col := &Expr{Op: "col", Type: from, Name: "part"}
	needsZone, _ := castable(from, to)
	switch {
	case from == to:
		return col
	case !needsZone:
		zone = nil
	}
	return &Expr{Op: op, Type: to, Args: append([]*Expr{col}, zone...)}
}

type partsCast struct {
	parts []*node
	batch *Batch
	frame frame
	rows  []int32
}

func (c *partsCast) run(n *node, f *frame, rows rowSet) error {
	v := n.in[0]
	n.out.Off = v.Off
	n.out.Kids = resized(n.out.Kids, len(c.parts))
	c.rows = c.rows[:0]
	isList := v.Type.Kind.Storage() == StoredList
	for _, r := range rows.list {
		switch {
		case isNullAt(n.out.Valid, r):
		case isList:
			c.rows = v.elements(c.rows, []int32{r})
		default:
			c.rows = append(c.rows, r)
		}
	}
	for i, part := range c.parts {
		c.batch.Cols[0], c.batch.Rows, c.batch.Env = v.Kids[i], v.Kids[i].N, f.batch.Env
		c.frame.batch, c.frame.folding = c.batch, f.folding
		out, err := part.eval(&c.frame, rowSet{list: c.rows})
		if err != nil {
			return partError(n, v, err)
		}
		n.out.Kids[i] = out
	}
	if n.out.Type.Kind == Map {
		return n.checkKeys(rows)
	}
	return nil
}

// partError moves the error of a part to the row that holds it.
func partError(n *node, v *Vector, err error) error {
	var row *RowError
	if !errors.As(err, &row) {
		return err
	}
	at := row.Row
	if v.Type.Kind.Storage() == StoredList {
		at = sort.Search(v.N, func(i int) bool { return int(v.Off[i+1]) > row.Row })
	}
	return n.rowError(int32(at), row.Reason)
}

// checkKeys refuses the maps of which a key became NULL, or two the same.
func (n *node) checkKeys(rows rowSet) error {
	keys := n.out.Kids[0]
	compare := nullsLast(keys, keys)
	var order []int32
	for _, r := range rows.list {
		if isNullAt(n.out.Valid, r) {
			continue
		}
		order = n.out.elements(order[:0], []int32{r})
		slices.SortFunc(order, compare)
		if len(order) > 0 && keys.IsNull(int(order[len(order)-1])) {
			n.nullInstead(r) // only TRY_CAST has such keys
			continue
		}
		for i := 1; i < len(order); i++ {
			if compare(order[i-1], order[i]) != 0 {
				continue
			}
			if !n.nullInstead(r) {
				return n.rowError(r, fmt.Sprintf("the key %s stands twice", formatter(keys.Type, nil)(nil, keys, order[i])))
			}
		}
	}
	return nil
}

// jsonKernel reads nested values from JSON text; that of JSON's null is NULL.
func jsonKernel(e *Expr) kernel {
	b := NewBuilder(e.Type)
	var in jsonValues
	return zoned(1, func(n *node, rows rowSet, z *Zone) error {
		b.Reset()
		in.zone = z
		next := rows.list
		for r := range int32(n.out.N) {
			if len(next) == 0 || next[0] != r {
				b.AppendNull()
				continue
			}
			next = next[1:]
			if isNullAt(n.out.Valid, r) {
				b.AppendNull()
				continue
			}
			text := n.in[0].Str(int(r))
			if in.append(b, bytes.TrimSpace(text)) {
				continue
			}
			if n.expr.Op != "try_cast" {
				return n.rowError(r, castError(string(text), n.out.Type))
			}
			b.AppendNull()
		}
		n.out = *b.Vector()
		return nil
	})
}
