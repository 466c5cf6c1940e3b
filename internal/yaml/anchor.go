package yaml

// anchored reads &name and the value behind it.
func (p *parser) anchored(owner int, underKey bool) (*Node, error) {
	at := p.place()
	name, err := p.anchorName()
	if err != nil {
		return nil, err
	}
	delete(p.anchors, name) // a value cannot hold itself
	line := p.line
	if err := p.advance(); err != nil {
		return nil, err
	}
	var n *Node
	switch crossed := p.line > line; {
	case p.done || crossed && !p.belongs(owner, underKey):
		n, err = p.newNode(Null, at)
	case p.peek() == '&' || p.peek() == '*':
		return nil, p.fail("", "an anchor has no value of its own")
	case crossed:
		n, err = p.node(owner, underKey, ownLine)
	default:
		n, err = p.node(owner, underKey, behindAnchor)
	}
	p.setAnchor(name, n)
	return n, err
}

// setAnchor names a value, unless an anchor of that name stands inside it: that one is the last.
func (p *parser) setAnchor(name string, n *Node) {
	if _, inside := p.anchors[name]; !inside {
		p.anchors[name] = n
	}
}

// anchorName reads & or * and the name behind it.
func (p *parser) anchorName() (string, error) {
	start := p.pos + 1
	end := start
	for c := p.at(end); c == '_' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z'; c = p.at(end) {
		end++
	}
	if next := p.at(end); end == start || !isGap(next) && (p.flows == 0 || next != ',' && next != ']' && next != '}') {
		if p.peek() == '*' {
			return "", p.fail("quote it", "a text cannot begin with *")
		}
		return "", p.fail("it is letters, digits, _ and -; quote a text that begins so", "%q and no name of an anchor behind it", p.text[p.pos:start])
	}
	p.pos = end
	return p.text[start:end], nil
}

// alias reads *name.
func (p *parser) alias() (*Node, error) {
	start := p.pos
	name, err := p.anchorName()
	if err != nil {
		return nil, err
	}
	if p.nodes++; p.nodes > maxNodes {
		return nil, p.refuse("", "more than %d values", maxNodes)
	}
	n, ok := p.anchors[name]
	if !ok {
		p.pos = start
		return nil, p.fail("quote a text that begins with *", "alias *%s has no anchor &%s before it", shorten(name), shorten(name))
	}
	return n, nil
}

// merge adds the keys of a mapping, or of each mapping in a list, that are not there yet.
func (p *parser) merge(n, from *Node, at Place) error {
	switch from.Kind {
	case Mapping:
		for _, e := range from.Entries {
			if p.merged++; p.merged > maxMerged {
				return &Error{Place: at, Msg: "<< brings too many keys", Refused: true}
			}
			if n.find(e.Key) < 0 {
				e.merged = true
				n.append(e)
			}
		}
	case List:
		for _, item := range from.Items {
			if item.Kind != Mapping {
				return &Error{Place: at, Msg: "<< takes a mapping, or a list of mappings"}
			}
			if err := p.merge(n, item, at); err != nil {
				return err
			}
		}
	default:
		return &Error{Place: at, Msg: "<< takes a mapping, or a list of mappings"}
	}
	return nil
}
