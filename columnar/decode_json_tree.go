package columnar

// jsonNode is a place in a record's object that columns are read from, or that lies on the way to such a place.
type jsonNode struct {
	path   Path
	column *decodeColumn // the first column read from here; the others hang on its twin
	keys   map[string]*jsonNode
	items  []*jsonNode

	all      []*decodeColumn // the columns read from here and from below
	inObject []*decodeColumn // of these, the ones below keys
	inArray  []*decodeColumn // and below items
	loose    looseSteps      // for the key of the record's object that leads here
	plain    bool            // nothing stands below, and all columns take the value as one text
}

// add files a column under the rest of its path.
func (n *jsonNode) add(path Path, c *decodeColumn) {
	for i := range path {
		n = n.child(path[:i+1])
	}
	c.twin, n.column = n.column, c
}

// child is the node one step further, made when there is none.
func (n *jsonNode) child(path Path) *jsonNode {
	step := path[len(path)-1]
	if step.IsIndex {
		if c := n.item(step.Index); c != nil {
			return c
		}
		c := &jsonNode{path: path}
		n.items = append(n.items, c)
		return c
	}
	c := n.keys[step.Key]
	if c == nil {
		if n.keys == nil {
			n.keys = map[string]*jsonNode{}
		}
		c = &jsonNode{path: path}
		n.keys[step.Key] = c
	}
	return c
}

// item is the node of an array's element, nil for none.
func (n *jsonNode) item(index int) *jsonNode {
	for _, c := range n.items {
		if c.path[len(c.path)-1].Index == index {
			return c
		}
	}
	return nil
}

// gatherColumns fills the lists of columns, from below.
func (n *jsonNode) gatherColumns() {
	for _, c := range n.keys {
		c.gatherColumns()
		n.inObject = append(n.inObject, c.all...)
	}
	for _, c := range n.items {
		c.gatherColumns()
		n.inArray = append(n.inArray, c.all...)
	}
	n.plain = n.keys == nil && n.items == nil
	for c := n.column; c != nil; c = c.twin {
		n.all = append(n.all, c)
		n.plain = n.plain && c.nested == nil && c.field.Type.Kind != Binary // base64 has its quotes looked at
	}
	n.all = append(append(n.all, n.inObject...), n.inArray...)
}

// aimDirect lists the columns that the fast tier of d writes itself: those that keys of the record's object lead to, and
// nothing below.
func (n *jsonNode) aimDirect(d *JSONDecoder) {
	for _, c := range d.keyed {
		if path := c.field.JSONPath(); len(path) > 1 || !n.keys[path[0].Key].plain {
			continue
		}
		if c.aimDirect(1 << len(d.straight)); c.bit != 0 {
			d.straight = append(d.straight, c)
			d.full |= c.bit
		}
	}
}

// clear forgets what was found at the node and below.
func (n *jsonNode) clear() {
	for _, c := range n.all {
		c.found = jsonValue{}
	}
}

// settle notes the value at the node. Columns below it for which it is no object, or no array, cannot be read.
func (n *jsonNode) settle(v jsonValue, first byte) {
	for c := n.column; c != nil; c = c.twin {
		c.found = v
	}
	if v.kind == jsonNull {
		return
	}
	v.kind, v.steps = jsonBlocked, len(n.path)
	if first != '{' {
		for _, c := range n.inObject {
			c.found = v
		}
	}
	if first != '[' {
		for _, c := range n.inArray {
			c.found = v
		}
	}
}

// locate takes the value at the scanner's position, which is that of the node, and notes what stands there for the
// columns of the node and those below. depth is the number of objects and arrays around the value.
func (d *JSONDecoder) locate(n *jsonNode, depth int) bool {
	s := &d.scan
	v, ok := jsonValue{kind: jsonBare, from: s.pos}, false
	switch {
	case n.keys != nil && s.take('{'):
		ok = d.members(n, depth+1)
		v.to = s.pos
	case n.items != nil && s.take('['):
		ok = d.elements(n, depth+1)
		v.to = s.pos
	default:
		v, ok = s.located(depth)
	}
	if ok {
		n.settle(v, s.buf[v.from])
	}
	return ok
}

// located is value, and tells what it has found.
func (s *jsonScanner) located(depth int) (v jsonValue, ok bool) {
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
		ok = s.value(depth)
	}
	v.to = s.pos
	return v, ok
}

// members takes the members of an object from behind its opening brace.
func (d *JSONDecoder) members(n *jsonNode, depth int) bool {
	s := &d.scan
	for first := true; ; first = false {
		key, next := s.member(first)
		if next != jsonMember {
			return next == jsonClosed
		}
		if !d.child(n.keys[string(d.keyText(key))], depth) {
			return false
		}
	}
}

// elements takes the elements of an array from behind its opening bracket.
func (d *JSONDecoder) elements(n *jsonNode, depth int) bool {
	s := &d.scan
	for index := 0; ; index++ {
		next := s.element(index == 0)
		if next != jsonMember {
			return next == jsonClosed
		}
		if !d.child(n.item(index), depth) {
			return false
		}
	}
}

// child takes the value of a member or an element; nil is one that no column wants. Of a key that stands twice only the
// last value counts, so what was found below the first is forgotten.
func (d *JSONDecoder) child(n *jsonNode, depth int) bool {
	if n == nil {
		return d.scan.value(depth)
	}
	n.clear()
	return d.locate(n, depth)
}

// keyText is a key without escapes; valid until the next call.
func (d *JSONDecoder) keyText(key jsonKey) []byte {
	text := d.scan.buf[key.from:key.to]
	if key.escaped {
		d.text = unescape(d.text[:0], text)
		text = d.text
	}
	return text
}
