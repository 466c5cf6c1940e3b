package yaml

// flow reads [ … ] or { … }. Lines in it are indented more than owner, but for those that begin with a bracket.
func (p *parser) flow(owner int) (*Node, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	p.flows++
	defer func() { p.flows--; p.leave() }()
	open := bracket{place: p.place(), char: p.peek(), owner: owner}
	kind := List
	if open.char == '{' {
		kind = Mapping
	}
	n, err := p.newNode(kind, open.place)
	if err != nil {
		return nil, err
	}
	p.pos++
	for {
		if err := p.advanceIn(open); err != nil {
			return nil, err
		}
		if p.peek() == open.close() {
			p.pos++
			break
		}
		if err := p.flowItem(n, open); err != nil {
			return nil, err
		}
		if err := p.separator(open); err != nil {
			return nil, err
		}
	}
	if len(n.Entries) > 0 {
		n.Place = n.Entries[0].Place
	}
	return n, nil
}

// bracket is an opening one.
type bracket struct {
	place Place
	char  byte
	owner int
}

func (b bracket) close() byte { return b.char + 2 } // [ ] and { } in ASCII

func (b bracket) notClosed() error {
	return &Error{Place: b.place, Msg: "\"" + string(b.char) + "\" is not closed", Hint: "want \"" + string(b.close()) + "\""}
}

// advanceIn moves to the next token between the brackets.
func (p *parser) advanceIn(b bracket) error {
	line := p.line
	if err := p.advance(); err != nil {
		return err
	}
	c := p.peek()
	if p.done || p.line > line && p.column() <= b.owner && c != ']' && c != '}' {
		return b.notClosed()
	}
	return nil
}

// separator moves behind a comma, or to the closing bracket.
func (p *parser) separator(b bracket) error {
	if err := p.advanceIn(b); err != nil {
		return err
	}
	switch c := p.peek(); c {
	case ',':
		p.pos++
		return nil
	case b.close():
		return nil
	}
	hint := ""
	if p.peek() == '{' && p.pos > 0 && p.text[p.pos-1] == '$' {
		hint = "a ${…} inside braces or brackets must be quoted: \"${…}\""
	}
	return p.fail(hint, "want ',' or %q", string(b.close()))
}

// flowItem reads an item of a list, or a key and its value.
func (p *parser) flowItem(n *Node, b bracket) error {
	if p.peek() == ',' {
		return p.fail("", "nothing stands in front of this ','")
	}
	if p.peek() == '?' && isGap(p.at(p.pos+1)) {
		return p.refuse("write key: value", "keys that begin with '?' are not supported")
	}
	at, first := p.place(), p.peek()
	item, err := p.flowNode(b)
	if err != nil {
		return err
	}
	isPair, err := p.flowColon(b, item, at, first == '"' || first == '\'')
	if err != nil {
		return err
	}
	if (isPair || n.Kind == Mapping) && (first == '&' || first == '*') {
		return &Error{Place: at, Msg: "an anchor or alias cannot be a key", Hint: "write it as text"}
	}
	if n.Kind == List && !isPair {
		n.Items = append(n.Items, item)
		return nil
	}
	return p.flowPair(n, b, item, at, isPair)
}

// flowPair reads the value of a key. In a list the pair is a mapping of its own.
func (p *parser) flowPair(n *Node, b bracket, key *Node, at Place, hasValue bool) error {
	if key.Kind != Scalar && !(key.Kind == Null && key.Text != "") {
		return &Error{Place: at, Msg: "a key must be text"}
	}
	e := Entry{Key: key.Text, Place: at}
	var err error
	if hasValue {
		e.Value, err = p.flowValue(b)
	} else {
		e.Value, err = p.newNode(Null, at)
	}
	if err != nil {
		return err
	}
	to := n
	if n.Kind == List {
		if to, err = p.newNode(Mapping, at); err != nil {
			return err
		}
		n.Items = append(n.Items, to)
	}
	return p.put(to, e, key.Style == Plain)
}

// flowColon moves behind the colon of a key. Behind a quoted key anything may follow it at once.
func (p *parser) flowColon(b bracket, key *Node, at Place, quoted bool) (bool, error) {
	if err := p.advanceIn(b); err != nil {
		return false, err
	}
	c := p.at(p.pos + 1)
	if p.peek() != ':' || !quoted && key.Kind != List && key.Kind != Mapping && !isGap(c) && !isBracket(c) {
		return false, nil
	}
	if p.line+1 > at.Line {
		return false, p.fail("", "a key and its ':' stand in one line")
	}
	p.pos++
	return true, nil
}

func (p *parser) flowValue(b bracket) (*Node, error) {
	at := p.place()
	if err := p.advanceIn(b); err != nil {
		return nil, err
	}
	if c := p.peek(); c == ',' || c == b.close() {
		return p.newNode(Null, at)
	}
	return p.flowNode(b)
}

// flowNode reads a value between brackets.
func (p *parser) flowNode(b bracket) (*Node, error) {
	switch p.peek() {
	case '&':
		return p.flowAnchor(b)
	case '*':
		return p.alias()
	case '[', '{':
		return p.flow(b.owner)
	}
	return p.scalar(b.owner, true)
}

func (p *parser) flowAnchor(b bracket) (*Node, error) {
	at := p.place()
	name, err := p.anchorName()
	if err != nil {
		return nil, err
	}
	delete(p.anchors, name)
	if err := p.advanceIn(b); err != nil {
		return nil, err
	}
	var n *Node
	switch c := p.peek(); {
	case c == ',' || c == ']' || c == '}':
		n, err = p.newNode(Null, at)
	case c == '&' || c == '*':
		return nil, p.fail("", "an anchor has no value of its own")
	default:
		n, err = p.flowNode(b)
	}
	p.setAnchor(name, n)
	return n, err
}
