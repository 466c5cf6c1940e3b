package columnar

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Values of nested types. The record has been checked and the value been found when they are read, so the scanner cannot
// meet a fault here; what may be wrong is only that values do not fit.

// jsonType is a column's type, compiled for reading JSON.
type jsonType struct {
	typ    Type
	kids   []*jsonType    // array: element; struct: fields; map: value
	fields map[string]int // of a struct: the position of the field with that key
}

// newJSONType compiles t, which is at depth from 1 inside a column's type, or says why JSON has no such values.
func newJSONType(t Type, depth int) (*jsonType, error) {
	out := &jsonType{typ: t}
	switch {
	case depth > maxTypeDepth:
		return nil, fmt.Errorf("the type is nested more than %d deep", maxTypeDepth)
	case !t.IsNested():
		return out, checkScalar(t)
	case t.Kind == Map && t.KeyType().Kind != String:
		return nil, fmt.Errorf("type %s: the keys of a JSON object are strings; declare map<string, %s>", t, t.Elem())
	case t.Kind == Struct:
		return out, out.addFields(depth)
	}
	elem, err := newJSONType(t.Elem(), depth+1)
	out.kids = []*jsonType{elem}
	return out, err
}

// addFields compiles the fields of a struct.
func (t *jsonType) addFields(depth int) error {
	if len(t.typ.Fields()) == 0 {
		return errors.New("a struct without fields")
	}
	t.fields = map[string]int{}
	for i, f := range t.typ.Fields() {
		if _, twice := t.fields[f.Name]; twice {
			return fmt.Errorf("type %s has two fields %q", t.typ, f.Name)
		}
		t.fields[f.Name] = i
		kid, err := newJSONType(f.Type, depth+1)
		if err != nil {
			return err
		}
		t.kids = append(t.kids, kid)
	}
	return nil
}

// jsonInner is the scratch memory of a nested value under way, used as stacks: a value inside another one takes what lies
// behind the other's.
type jsonInner struct {
	rules   *textRules
	values  []jsonValue // of the fields of structs
	members []jsonEntry // of maps
	keys    []byte      // the keys of maps, without escapes
	order   []int

	// Where and why the last value did not fit.
	wrong  jsonValue
	wanted Type
	way    Path // from inside out
}

// jsonEntry is a member of an object that becomes a map.
type jsonEntry struct {
	from, to int // the key in keys
	value    jsonValue
	dead     bool // a member with the same key stands before
}

// appendColumn appends the value found for a column of a nested type, or appends nothing and says why.
func (d *JSONDecoder) appendColumn(c *decodeColumn) textFault {
	d.inner.rules = &c.rules
	d.inner.values, d.inner.members, d.inner.keys, d.inner.way = d.inner.values[:0], d.inner.members[:0], d.inner.keys[:0], d.inner.way[:0]
	fault := d.appendValue(&c.Builder, c.nested, c.found)
	if fault != textOK {
		c.CutParts()
	}
	return fault
}

// appendValue appends the value v to b. At a fault it leaves parts behind, which the column cuts off.
func (d *JSONDecoder) appendValue(b *Builder, t *jsonType, v jsonValue) (fault textFault) {
	first := byte(0)
	if v.kind == jsonBare {
		first = d.scan.buf[v.from]
	}
	switch {
	case !t.typ.IsNested():
		fault = d.appendScalar(b, v, d.inner.rules)
	case v.kind <= jsonNull:
		b.AppendNull()
	case t.typ.Kind == Array && first == '[':
		return d.appendArray(b, t, v)
	case t.typ.Kind == Struct && first == '{':
		return d.appendStruct(b, t, v)
	case t.typ.Kind == Map && first == '{':
		return d.appendMap(b, t, v)
	default:
		fault = textMismatch
	}
	if fault != textOK {
		d.inner.wrong, d.inner.wanted = v, t.typ
	}
	return fault
}

// inside is a scanner behind the bracket or brace that a value opens with.
func (d *JSONDecoder) inside(v jsonValue) jsonScanner {
	return jsonScanner{buf: d.scan.buf, pos: v.from + 1, end: v.to}
}

func (d *JSONDecoder) appendArray(b *Builder, t *jsonType, v jsonValue) textFault {
	s := d.inside(v)
	for index := 0; s.element(index == 0) == jsonMember; index++ {
		element, _ := s.located(0)
		if fault := d.appendValue(b.Kid(0), t.kids[0], element); fault != textOK {
			d.inner.way = append(d.inner.way, PathStep{Index: index, IsIndex: true})
			return fault
		}
	}
	b.AppendNested()
	return textOK
}

// appendStruct finds the fields before it appends any: of a key that stands twice only the last value counts.
func (d *JSONDecoder) appendStruct(b *Builder, t *jsonType, v jsonValue) textFault {
	s, in := d.inside(v), &d.inner
	base := len(in.values)
	in.values = slices.Grow(in.values, len(t.kids))[:base+len(t.kids)]
	clear(in.values[base:])
	for first := true; ; first = false {
		key, next := s.member(first)
		if next != jsonMember {
			break
		}
		i, ok := t.fields[string(d.keyText(key))]
		value, _ := s.located(0)
		if ok {
			in.values[base+i] = value
		}
	}
	for i, kid := range t.kids {
		if fault := d.appendValue(b.Kid(i), kid, in.values[base+i]); fault != textOK {
			in.way = append(in.way, PathStep{Key: t.typ.Fields()[i].Name})
			return fault
		}
	}
	in.values = in.values[:base]
	b.AppendNested()
	return textOK
}

// appendMap appends the members in the order in which their keys first stand.
func (d *JSONDecoder) appendMap(b *Builder, t *jsonType, v jsonValue) textFault {
	in := &d.inner
	base, keys := len(in.members), len(in.keys)
	d.collectMembers(v)
	in.dropRepeated(base)
	for i := base; i < len(in.members); i++ {
		m := in.members[i]
		if m.dead {
			continue
		}
		b.Kid(0).AppendBytes(in.keys[m.from:m.to])
		if fault := d.appendValue(b.Kid(1), t.kids[0], m.value); fault != textOK {
			in.way = append(in.way, PathStep{Key: string(in.keys[m.from:m.to])})
			return fault
		}
	}
	in.members, in.keys = in.members[:base], in.keys[:keys]
	b.AppendNested()
	return textOK
}

func (d *JSONDecoder) collectMembers(v jsonValue) {
	s, in := d.inside(v), &d.inner
	for first := true; ; first = false {
		key, next := s.member(first)
		if next != jsonMember {
			return
		}
		from := len(in.keys)
		in.keys = append(in.keys, d.keyText(key)...)
		value, _ := s.located(0)
		in.members = append(in.members, jsonEntry{from: from, to: len(in.keys), value: value})
	}
}

// dropRepeated lets the first of the members from base on that have the same key take the value of the last.
func (in *jsonInner) dropRepeated(base int) {
	members := in.members[base:]
	in.order = in.order[:0]
	for i := range members {
		in.order = append(in.order, i)
	}
	key := func(i int) []byte { return in.keys[members[i].from:members[i].to] }
	slices.SortFunc(in.order, func(a, b int) int {
		if c := bytes.Compare(key(a), key(b)); c != 0 {
			return c
		}
		return a - b
	})
	for first, i := 0, 1; i < len(in.order); i++ {
		if !bytes.Equal(key(in.order[first]), key(in.order[i])) {
			first = i
			continue
		}
		members[in.order[first]].value, members[in.order[i]].dead = members[in.order[i]].value, true
	}
}

// describeInner says where and why the last nested value did not fit.
func (d *JSONDecoder) describeInner(fault textFault, unit TimeUnit) string {
	in := &d.inner
	place := ""
	if len(in.way) > 0 {
		way := slices.Clone(in.way)
		slices.Reverse(way)
		place = " at " + shown([]byte(strings.ToValidUTF8(way.String(), "")))
	}
	return place + ": " + fault.describe(shown(d.scan.buf[in.wrong.from:in.wrong.to]), in.wanted, unit)
}
