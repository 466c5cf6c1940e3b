package columnar

import (
	"slices"

	"github.com/millrace/millrace/offsets"
)

// Census says which keys records have, so that a declared column that no record has can be told from one that is
// misspelt. It is a value to be merged over tasks and batches.
type Census struct {
	Records int64    `json:"records"`          // looked at
	Seen    []string `json:"seen,omitempty"`   // paths of the keys they have, sorted; see [Path]
	Absent  []string `json:"absent,omitempty"` // paths of columns that no record has, sorted
}

// Merge adds the census of other records of the same columns: a path is absent when it is absent from both.
func (c *Census) Merge(o Census) {
	switch {
	case o.Records == 0:
		return
	case c.Records == 0:
		*c = o
		return
	}
	c.Records += o.Records
	c.Seen = slices.Compact(slices.Sorted(slices.Values(slices.Concat(c.Seen, o.Seen))))
	c.Absent = slices.DeleteFunc(slices.Clone(c.Absent), func(p string) bool {
		_, both := slices.BinarySearch(o.Absent, p)
		return !both
	})
}

// The bounds of a census, against records whose keys are data.
const (
	maxCensusKeys  = 1000
	maxCensusBytes = 200 // of one path
)

// census is the count under way of a [JSONDecoder].
type census struct {
	max     int // records to look at
	left    int // of these, still to come
	records int64
	seen    map[string]bool
	path    []byte // scratch: the place that is looked at
}

// Census returns what the decoder has seen since it was made, or since the last call, and begins anew. Of the first
// [DecodeOptions].CensusRecords records it has looked at the keys of the object and of the objects that paths of columns
// lead into; Absent takes all records into account. It asks for rows that were handed out by Flush.
func (d *JSONDecoder) Census() Census {
	out := Census{Records: d.census.records}
	if out.Records == 0 {
		return out
	}
	for path := range d.census.seen {
		out.Seen = append(out.Seen, path)
	}
	for _, c := range d.keyed {
		if path := c.field.JSONPath().String(); !c.hasValue && !d.census.seen[path] {
			out.Absent = append(out.Absent, path)
		}
		c.hasValue = false
	}
	slices.Sort(out.Seen)
	slices.Sort(out.Absent)
	out.Absent = slices.Compact(out.Absent)
	d.census = census{left: d.census.max, max: d.census.max, path: d.census.path}
	d.filter.beginCensus(d)
	return out
}

// Flush hands out the gathered rows, see [Decoder]. Batch, columns and bad records live in the decoder's memory, which
// the next Append uses again.
func (d *JSONDecoder) Flush() (*Batch, []BadRecord) {
	b, bad := d.gather.Flush()
	d.filter.rows = 0
	if d.census.max > 0 {
		for _, c := range d.keyed {
			c.hasValue = c.hasValue || c.nulls < c.Len()
		}
	}
	return b, bad
}

// takeCensus looks at the keys of records until it has seen enough.
func (d *JSONDecoder) takeCensus(buf []byte, rows []offsets.Record) {
	for i := 0; i < len(rows) && d.census.left > 0; i++ {
		r := &rows[i]
		if r.Value.Len < 0 {
			continue
		}
		d.census.left--
		d.census.records++
		d.scan.reset(buf, int(r.Value.Start), int(r.Value.Start+r.Value.Len))
		d.scan.space()
		d.census.path = d.census.path[:0]
		d.censusValue(&d.root, 0)
	}
}

// censusValue takes the value at the place n, nil for one that no path leads into, and notes the keys in it.
func (d *JSONDecoder) censusValue(n *jsonNode, depth int) bool {
	s := &d.scan
	object := n != nil && n.keys != nil && s.at('{')
	array := n != nil && n.items != nil && s.at('[')
	if !object && !array {
		return s.value(depth)
	}
	s.pos++
	for index, at := 0, len(d.census.path); ; index++ {
		child, next := d.censusStep(n, index, object)
		if next != jsonMember {
			return next == jsonClosed
		}
		d.census.note(child != nil)
		if !d.censusValue(child, depth+1) {
			return false
		}
		d.census.path = d.census.path[:at]
	}
}

// censusStep moves to the next member or element, and appends its step to the path.
func (d *JSONDecoder) censusStep(n *jsonNode, index int, object bool) (child *jsonNode, next jsonNext) {
	path := d.census.path
	if !object {
		next = d.scan.element(index == 0)
		d.census.path = PathStep{Index: index, IsIndex: true}.append(path)
		return n.item(index), next
	}
	key, next := d.scan.member(index == 0)
	if next != jsonMember {
		return nil, next
	}
	text := d.keyText(key)
	if len(path) > 0 {
		path = append(path, '.')
	}
	d.census.path = appendPathKey(path, text)
	return n.keys[string(text)], next
}

// note remembers the path. Those that columns are read from always have room.
func (c *census) note(wanted bool) {
	if c.seen == nil {
		c.seen = map[string]bool{}
	}
	if c.seen[string(c.path)] {
		return
	}
	if wanted || len(c.seen) < maxCensusKeys && len(c.path) <= maxCensusBytes {
		c.seen[string(c.path)] = true
	}
}
