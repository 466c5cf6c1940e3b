package columnar

import "fmt"

// The careful tier: check the whole record first and note where the wanted values stand, then convert them. It is the
// only one that finds reasons.

// jsonValue is where the value of a column stands.
type jsonValue struct {
	kind     jsonValueKind
	steps    int // of a jsonBlocked: how many steps of the path lead to it
	from, to int // the value as written, a string with its quotes
}

type jsonValueKind uint8

const (
	jsonAbsent  jsonValueKind = iota
	jsonNull                  // null
	jsonBare                  // a number, true, false, an object or an array
	jsonString                // a string without escapes
	jsonEscaped               // a string with escapes
	jsonBlocked               // what stands on the path and has no values below it, or not of the kind that the path says
)

// slow appends the record buf[start:end] to the keyed columns, or returns why it is bad.
func (d *JSONDecoder) slow(buf []byte, start, end int) (reason string) {
	d.scan.reset(buf, start, end)
	if reason := d.open(start); reason != "" {
		return reason
	}
	d.root.clear()
	if !d.members(&d.root, 1) || !d.atEnd() {
		return d.scan.reason(start)
	}
	for _, c := range d.keyed {
		fault := d.convert(c)
		switch {
		case fault == textOK:
		case d.nulls && !c.field.Required:
			c.AppendNull()
			c.hasValue = true
			d.nulled++
		default:
			return d.describe(c, fault)
		}
	}
	return ""
}

// atEnd takes the white space behind the object.
func (d *JSONDecoder) atEnd() bool {
	if d.scan.space(); d.scan.pos < d.scan.end {
		return d.scan.fail(d.scan.pos, "want the end behind the object")
	}
	return true
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

// convert appends the value found for the column, or appends nothing and says why.
func (d *JSONDecoder) convert(c *decodeColumn) textFault {
	switch {
	case c.found.kind == jsonBlocked:
		return textBlocked
	case c.found.kind <= jsonNull && c.field.Required:
		return textMissing
	case c.nested == nil:
		return d.appendScalar(&c.Builder, c.found, &c.rules)
	}
	return d.appendColumn(c)
}

// appendScalar appends a value of a type that is not nested. Words and numbers such as true and 1234 are no base64,
// though their text would be.
func (d *JSONDecoder) appendScalar(b *Builder, v jsonValue, rules *textRules) textFault {
	buf, from, to := d.scan.buf, v.from, v.to
	switch v.kind {
	case jsonAbsent, jsonNull:
		b.AppendNull()
		return textOK
	case jsonString:
		from, to = from+1, to-1
	case jsonEscaped:
		d.text = unescape(d.text[:0], buf[from+1:to-1])
		from, to = 0, len(d.text)
		d.text = append(d.text, make([]byte, Slack)...)
		buf = d.text
	}
	if v.kind == jsonBare && b.vec.Type.Kind == Binary {
		return textMismatch
	}
	return b.appendText(buf, from, to, rules)
}

// describe is the reason why convert found no value for the column.
func (d *JSONDecoder) describe(c *decodeColumn, fault textFault) (reason string) {
	path, v := c.field.JSONPath(), c.found
	value := shown(d.scan.buf[v.from:v.to])
	switch {
	case fault == textMissing && v.kind == jsonNull:
		return fmt.Sprintf("column %q: null, but it is required", c.field.Name)
	case fault == textMissing && len(path) == 1:
		return fmt.Sprintf("column %q: key %q is missing, but it is required", c.field.Name, path[0].Key)
	case fault == textMissing:
		return fmt.Sprintf("column %q: %s is missing, but it is required", c.field.Name, path)
	case fault == textBlocked && path[v.steps].IsIndex:
		return fmt.Sprintf("column %q: %s is %s, want an array with %s", c.field.Name, path[:v.steps], value, path)
	case fault == textBlocked:
		return fmt.Sprintf("column %q: %s is %s, want an object with %s", c.field.Name, path[:v.steps], value, path)
	}
	if c.nested != nil {
		return fmt.Sprintf("column %q%s", c.field.Name, d.describeInner(fault, c.field.Unit))
	}
	return fmt.Sprintf("column %q: %s", c.field.Name, fault.describe(value, c.field.Type, c.field.Unit))
}
