package columnar

import "fmt"

// The careful tier: check the whole record first and note where the wanted values stand, then convert them. It is the
// only one that finds reasons.

// jsonValue is where the value of a column stands.
type jsonValue struct {
	kind     jsonValueKind
	from, to int // the value as written, a string with its quotes
}

type jsonValueKind uint8

const (
	jsonAbsent  jsonValueKind = iota
	jsonNull                  // null
	jsonBare                  // a number, true, false, an object or an array
	jsonString                // a string without escapes
	jsonEscaped               // a string with escapes
)

// slow appends the record buf[start:end] to the keyed columns, or returns why it is bad.
func (d *JSONDecoder) slow(buf []byte, start, end int) (reason string) {
	d.scan.reset(buf, start, end)
	if reason := d.open(start); reason != "" {
		return reason
	}
	for _, c := range d.keyed {
		c.found = jsonValue{}
	}
	if !d.locate() {
		return d.scan.reason(start)
	}
	for _, c := range d.keyed {
		if reason := d.convert(c); reason != "" {
			return reason
		}
	}
	return ""
}

// open takes the brace that a record begins with.
func (d *JSONDecoder) open(start int) (reason string) {
	s := &d.scan
	s.space()
	if s.take('{') {
		return ""
	}
	if s.pos == s.end {
		return "the value is empty, want an object"
	}
	first := s.pos
	if !s.value(0) {
		return s.reason(start)
	}
	if s.space(); s.pos < s.end {
		s.fail(s.pos, "want the end")
		return s.reason(start)
	}
	return fmt.Sprintf("the value is %s, want an object", jsonKindText(s.buf[first]))
}

// jsonKindText names the kind of value that begins with c.
func jsonKindText(c byte) string {
	switch c {
	case '[':
		return "an array"
	case '"':
		return "a string"
	case 't', 'f':
		return "a boolean"
	case 'n':
		return "null"
	}
	return "a number"
}

// locate takes the members of the object and notes the values of the wanted keys.
func (d *JSONDecoder) locate() bool {
	s := &d.scan
	for first := true; ; first = false {
		key, next := s.member(first)
		switch next {
		case jsonBroken:
			return false
		case jsonClosed:
			if s.space(); s.pos < s.end {
				return s.fail(s.pos, "want the end behind the object")
			}
			return true
		}
		value, ok := d.member()
		if !ok {
			return false
		}
		for c := d.column(key); c != nil; c = c.twin {
			c.found = value
		}
	}
}

// member takes the value of a member of the record.
func (d *JSONDecoder) member() (v jsonValue, ok bool) {
	s := &d.scan
	v = jsonValue{kind: jsonBare, from: s.pos}
	switch {
	case s.at('"'):
		var escaped bool
		escaped, ok = s.text()
		v.kind = jsonString
		if escaped {
			v.kind = jsonEscaped
		}
	case s.at('n'):
		ok = s.word()
		v.kind = jsonNull
	default:
		ok = s.value(1)
	}
	v.to = s.pos
	return v, ok
}

// column is the first column of a key, nil for none.
func (d *JSONDecoder) column(key jsonKey) *jsonColumn {
	text := d.scan.buf[key.from:key.to]
	if key.escaped {
		d.text = unescape(d.text[:0], text)
		text = d.text
	}
	return d.byKey[string(text)]
}

// convert appends the value found for the column, or returns why the record is bad.
func (d *JSONDecoder) convert(c *jsonColumn) (reason string) {
	buf, from, to := d.scan.buf, c.found.from, c.found.to
	switch c.found.kind {
	case jsonAbsent, jsonNull:
		return c.appendMissing()
	case jsonString:
		from, to = from+1, to-1
	case jsonEscaped:
		d.text = unescape(d.text[:0], buf[from+1:to-1])
		from, to = 0, len(d.text)
		d.text = append(d.text, make([]byte, Slack)...)
		buf = d.text
	}
	if fault := c.appendText(buf, from, to, c.field.Unit); fault != textOK {
		return fault.describe(c.field, shown(d.scan.buf[c.found.from:c.found.to]))
	}
	return ""
}

// appendMissing appends NULL where that is allowed.
func (c *jsonColumn) appendMissing() (reason string) {
	if !c.field.Required {
		c.AppendNull()
		return ""
	}
	if c.found.kind == jsonNull {
		return fmt.Sprintf("column %q: null, but it is required", c.field.Name)
	}
	return fmt.Sprintf("column %q: key %q is missing, but it is required", c.field.Name, c.field.JSONKey())
}
