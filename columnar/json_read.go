package columnar

import (
	"bytes"
	"encoding/base64"
	"slices"
)

// jsonValues reads JSON text as values of any type, by the rules of casts: null is NULL, bare words and the insides of
// quotes are cast from text, and a string column takes any value as its text. Structs take the members of their fields'
// names and NULL for those that are missing; of a name that stands twice the last counts.
type jsonValues struct {
	zone *Zone // of texts without an offset; nil is UTC
	scan jsonScanner
	buf  []byte
	text []byte
}

// append appends the value of a whole text, or nothing when it has none.
func (j *jsonValues) append(b *Builder, text []byte) bool {
	j.buf = withSlack(append(j.buf[:0], text...))
	j.scan.reset(j.buf, 0, len(text))
	rows := b.Len()
	j.scan.space()
	if j.value(b, 0) {
		j.scan.space()
		if j.scan.pos == j.scan.end {
			return true
		}
	}
	b.Truncate(rows)
	return false
}

// value takes the value at the scanner's position; depth is the number of arrays and objects around it.
func (j *jsonValues) value(b *Builder, depth int) bool {
	s := &j.scan
	t := b.vec.Type
	switch {
	case s.at('n'):
		b.AppendNull()
		return s.word()
	case t.IsNested() && depth >= maxJSONDepth:
		return false
	case t.Kind == Array:
		return s.take('[') && j.array(b, depth+1)
	case t.Kind == Struct:
		return s.take('{') && j.object(b, depth+1)
	case t.Kind == Map:
		return s.take('{') && j.entries(b, depth+1)
	}
	from := s.pos
	if !s.at('"') {
		return (t.Kind == String || !s.at('[') && !s.at('{')) && s.value(depth) && j.scalar(b, s.buf[from:s.pos])
	}
	escaped, ok := s.text()
	if !ok {
		return false
	}
	text := s.buf[from+1 : s.pos-1]
	if escaped {
		j.text = unescape(j.text[:0], text)
		text = j.text
	}
	return j.scalar(b, text)
}

func (j *jsonValues) array(b *Builder, depth int) bool {
	for first := true; ; first = false {
		if next := j.scan.element(first); next != jsonMember {
			b.AppendNested()
			return next == jsonClosed
		}
		if !j.value(b.Kid(0), depth) {
			return false
		}
	}
}

// object first finds the values of the fields and then reads them.
func (j *jsonValues) object(b *Builder, depth int) bool {
	s := &j.scan
	at := make([]int, len(b.kids))
	for first := true; ; first = false {
		key, next := s.member(first)
		if next == jsonClosed {
			break
		}
		if next != jsonMember {
			return false
		}
		if i := b.vec.Type.FieldIndex(string(j.key(key))); i >= 0 {
			at[i] = s.pos
		}
		if !s.value(depth) {
			return false
		}
	}
	end := s.pos
	for i, pos := range at {
		if s.pos = pos; pos == 0 {
			b.Kid(i).AppendNull()
		} else if !j.value(b.Kid(i), depth) {
			return false
		}
	}
	s.pos = end
	b.AppendNested()
	return true
}

func (j *jsonValues) key(key jsonKey) []byte {
	text := j.scan.buf[key.from:key.to]
	if key.escaped {
		j.text = unescape(j.text[:0], text)
		text = j.text
	}
	return text
}

// entries reads a map. Two equal keys are refused.
func (j *jsonValues) entries(b *Builder, depth int) bool {
	s := &j.scan
	for first := true; ; first = false {
		key, next := s.member(first)
		if next != jsonMember {
			if next != jsonClosed {
				return false
			}
			break
		}
		if b.Kid(0).vec.Type.IsNested() || !j.scalar(b.Kid(0), j.key(key)) || !j.value(b.Kid(1), depth) {
			return false
		}
	}
	from := b.vec.Off[b.vec.N]
	keys := b.Kid(0).Vector()
	var order []int32
	for i := from; int(i) < keys.N; i++ {
		order = append(order, i)
	}
	compare := comparator(keys, keys)
	slices.SortFunc(order, compare)
	for i := 1; i < len(order); i++ {
		if compare(order[i-1], order[i]) == 0 {
			return false
		}
	}
	b.AppendNested()
	return true
}

// scalar appends the value of a text to a column that holds no others.
func (j *jsonValues) scalar(b *Builder, text []byte) bool {
	t := b.vec.Type
	switch t.Kind {
	case String:
		b.AppendBytes(text)
		return true
	case Binary:
		decoded, err := base64.StdEncoding.AppendDecode(nil, text)
		if err == nil {
			b.AppendBytes(decoded)
		}
		return err == nil
	}
	v, ok := parseValue(t, bytes.TrimSpace(text), j.zone)
	if !ok {
		return false
	}
	switch t.Kind.Storage() {
	case StoredBits:
		b.AppendBool(v.i != 0)
	case StoredI32:
		b.AppendInt32(int32(v.i))
	case StoredI64:
		b.AppendInt64(v.i)
	case StoredF64:
		b.AppendFloat64(v.f)
	case StoredWide:
		b.AppendWide(v.wide)
	}
	return true
}
