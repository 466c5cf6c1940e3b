package yaml

// position says where a node of block style begins.
type position uint8

const (
	ownLine    position = iota
	behindItem          // in the line of a "-"
	behindKey           // in the line of a key, or of "---"
	behindAnchor
)

// value reads what belongs to a key or a "-" in column owner. Its lines are indented more; a list under a key may also
// stand in the key's own column.
func (p *parser) value(owner int, underKey bool) (*Node, error) {
	at, line := p.place(), p.line
	if err := p.advance(); err != nil {
		return nil, err
	}
	where := behindItem
	switch {
	case p.done:
		return p.newNode(Null, at)
	case p.line > line || p.pos == p.first:
		where = ownLine
		if !p.belongs(owner, underKey) {
			return p.newNode(Null, at)
		}
	case underKey || owner < 0:
		where = behindKey
	}
	return p.node(owner, underKey, where)
}

// belongs reports whether the token at the beginning of a line is part of what owner owns.
func (p *parser) belongs(owner int, underKey bool) bool {
	return p.column() > owner || p.column() == owner && underKey && p.isItem()
}

func (p *parser) isItem() bool { return p.peek() == '-' && isGap(p.at(p.pos+1)) }

// node reads the value that begins at pos.
func (p *parser) node(owner int, underKey bool, where position) (*Node, error) {
	switch c := p.peek(); {
	case c == '&':
		return p.anchored(owner, underKey)
	case c == '|' || c == '>':
		return p.blockScalar(owner)
	case p.isItem():
		if where >= behindKey {
			return nil, p.fail("begin the list in a line of its own", "a list cannot begin in this line")
		}
		return p.list(p.column())
	case p.isKey():
		if where >= behindKey {
			return nil, p.keyBehind(where)
		}
		return p.mapping(p.column())
	case c == '*':
		return p.alias()
	case c == '[' || c == '{':
		return p.flow(owner)
	}
	return p.scalar(owner, false)
}

func (p *parser) keyBehind(where position) error {
	if where == behindAnchor {
		return p.fail("begin the mapping in a line of its own", "a key cannot stand behind an anchor")
	}
	return p.fail(`quote a text that holds a colon and a blank`, "a key cannot stand here: its line has one already")
}

// isKey reports whether "key:" begins at pos.
func (p *parser) isKey() bool {
	c := p.peek()
	if c == '?' && isGap(p.at(p.pos+1)) {
		return true // refused where keys are read
	}
	i := p.pos
	switch c {
	case '[', '{':
		return false
	case '"', '\'':
		i = p.quotedEnd(i, c)
	default:
		i = p.plainEnd(i, false)
	}
	for isBlank(p.at(i)) {
		i++
	}
	return i > p.pos && p.at(i) == ':' && isGap(p.at(i+1))
}

// quotedEnd is the position behind a quoted text, or of the end of the line where it is not closed there.
func (p *parser) quotedEnd(i int, quote byte) int {
	for i++; p.at(i) != 0 && p.at(i) != '\n'; i++ {
		switch {
		case p.at(i) == '\\' && quote == '"' && p.at(i+1) != '\n':
			i++
		case p.at(i) == quote:
			return i + 1
		}
	}
	return i
}

// mapping reads keys in column col.
func (p *parser) mapping(col int) (*Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	n, err := p.newNode(Mapping, p.place())
	for err == nil {
		if err = p.entry(n, col); err != nil {
			break
		}
		if p.done || p.column() < col {
			return n, nil
		}
		err = p.checkNextKey(col)
	}
	return nil, err
}

// entry reads a key and its value.
func (p *parser) entry(n *Node, col int) error {
	e := Entry{Place: p.place()}
	plain := p.peek() != '"' && p.peek() != '\''
	key, err := p.key()
	if err != nil {
		return err
	}
	for isBlank(p.peek()) {
		p.pos++
	}
	p.pos++ // the colon
	if e.Value, err = p.value(col, true); err != nil {
		return err
	}
	e.Key = key
	if err := p.put(n, e, plain); err != nil {
		return err
	}
	return p.endLine()
}

// put adds an entry, or what a merge key brings.
func (p *parser) put(n *Node, e Entry, plain bool) error {
	if plain && e.Key == "<<" {
		return p.merge(n, e.Value, e.Place)
	}
	return n.add(e)
}

// key reads the text in front of a colon.
func (p *parser) key() (string, error) {
	if p.peek() == '?' && isGap(p.at(p.pos+1)) {
		return "", p.refuse("write key: value", "keys that begin with '?' are not supported")
	}
	if c := p.peek(); c == '"' || c == '\'' {
		n, err := p.quoted(c)
		if err != nil {
			return "", err
		}
		return n.Text, nil
	}
	if err := p.checkPlain(false); err != nil {
		return "", err
	}
	end := p.plainEnd(p.pos, false)
	key := p.text[p.pos:end]
	p.pos = end
	return key, nil
}

func (p *parser) checkNextKey(col int) error {
	switch {
	case p.column() > col:
		return p.fail("keys of one mapping begin in one column", "indented more than the key above that it stands beside")
	case p.isItem():
		return p.fail("", "a list item among the keys of a mapping")
	case !p.isKey():
		return p.fail("write key: value", "want a key and a colon")
	}
	return nil
}

// list reads items whose "-" stands in column col.
func (p *parser) list(col int) (*Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.leave()
	n, err := p.newNode(List, p.place())
	for err == nil {
		p.pos++ // the dash
		if err = p.checkItemTab(); err != nil {
			break
		}
		var item *Node
		if item, err = p.value(col, false); err != nil {
			break
		}
		n.Items = append(n.Items, item)
		if err = p.endLine(); err != nil {
			break
		}
		if p.done || p.column() < col || p.column() == col && !p.isItem() {
			return n, nil
		}
		if p.column() > col {
			err = p.fail("the dashes of one list stand in one column", "indented more than the item above")
		}
	}
	return nil, err
}

// checkItemTab refuses a tab behind a dash, where it would decide how far a mapping is indented.
func (p *parser) checkItemTab() error {
	for p.peek() == ' ' {
		p.pos++
	}
	if p.peek() == '\t' {
		return p.fail(spacesHint, "a tab behind '-'")
	}
	return nil
}
