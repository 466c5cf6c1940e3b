package columnar

import (
	"fmt"
	"math"
	"unicode/utf8"

	"github.com/millrace/millrace/offsets"
)

// mostMillis is the latest timestamp of a record, in milliseconds, that has microseconds.
const mostMillis = math.MaxInt64 / 1000

// appendMetadata fills the metadata columns, or returns why the record is bad.
func (g *gather) appendMetadata(buf []byte, r *offsets.Record) (reason string) {
	for _, c := range g.meta {
		switch {
		case c.field.Name == "_topic":
			c.AppendString(g.origin.Topic)
		case c.field.Name == "_partition":
			c.AppendInt32(g.origin.Partition)
		case c.field.Name == "_offset":
			c.AppendInt64(r.Offset)
		case c.field.Name == "_timestamp" && r.Timestamp > mostMillis:
			if !g.nulls || c.field.Required {
				return fmt.Sprintf("column %q: the record's timestamp, %d ms, is out of range", c.field.Name, r.Timestamp)
			}
			c.AppendNull()
			g.nulled++
		case c.field.Name == "_timestamp" && r.Timestamp >= 0:
			c.AppendInt64(r.Timestamp * 1000)
		case c.field.Name == "_key" && r.Key.Len >= 0:
			c.AppendBytes(r.Key.Of(buf))
		case c.field.Name == "_headers":
			if reason := g.appendHeaders(c, buf, r); reason != "" {
				return reason
			}
		case c.field.Required:
			return fmt.Sprintf("column %q: the record has none, but it is required", c.field.Name)
		default:
			c.AppendNull()
		}
	}
	return ""
}

// appendHeaders appends the record's headers, in their order; a record without any has an empty array. Headers that
// cannot be read are a value that does not fit.
func (g *gather) appendHeaders(c *decodeColumn, buf []byte, r *offsets.Record) (reason string) {
	fault := readHeaders(c.Kid(0), buf, r)
	switch {
	case fault == "":
		c.AppendNested()
		return ""
	case g.nulls && !c.field.Required:
		c.CutParts()
		c.AppendNull()
		g.nulled++
		return ""
	}
	return fmt.Sprintf("column %q: %s", c.field.Name, fault)
}

// AppendHeaders appends the headers of a record to a column of the type of _headers, and reports whether they could be
// read. When not, the row is NULL.
func AppendHeaders(b *Builder, buf []byte, r *offsets.Record) bool {
	if fault := readHeaders(b.Kid(0), buf, r); fault != "" {
		b.CutParts()
		b.AppendNull()
		return false
	}
	b.AppendNested()
	return true
}

// readHeaders appends one struct of key and value for each header, or says what is wrong.
func readHeaders(b *Builder, buf []byte, r *offsets.Record) (fault string) {
	keys, values := b.Kid(0), b.Kid(1)
	for h := offsets.ReadHeaders(buf, r); ; {
		key, value, ok := h.Next()
		switch {
		case !ok && h.Err() != nil:
			return h.Err().Error()
		case !ok:
			return ""
		case !utf8.Valid(key.Of(buf)):
			return fmt.Sprintf("the header key %q is not UTF-8", shown(key.Of(buf)))
		}
		keys.AppendBytes(key.Of(buf))
		if value.Len < 0 {
			values.AppendNull()
		} else {
			values.AppendBytes(value.Of(buf))
		}
		b.AppendNested()
	}
}
