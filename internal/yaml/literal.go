package yaml

import "strings"

// blockScalar reads | or > and the lines that are indented more than owner.
func (p *parser) blockScalar(owner int) (*Node, error) {
	n, err := p.newNode(Scalar, p.place())
	if err != nil {
		return nil, err
	}
	n.Style = Literal
	if p.peek() == '>' {
		n.Style = Folded
	}
	p.pos++
	h, err := p.blockHeader()
	if err != nil {
		return nil, err
	}
	indent := max(owner, 0) + h.indent
	if h.indent == 0 {
		if indent, err = p.detectIndent(owner); err != nil {
			return nil, err
		}
	}
	lines, err := p.blockLines(indent)
	if err != nil {
		return nil, err
	}
	kept := lines
	for len(kept) > 0 && kept[len(kept)-1] == "" {
		kept = kept[:len(kept)-1]
	}
	n.Text = strings.Join(kept, "\n")
	if n.Style == Folded {
		n.Text = foldLines(kept)
	}
	if h.chomp != '-' && len(kept) > 0 && (len(lines) > len(kept) || p.peek() == '\n') {
		n.Text += "\n" // which a last line without one has not
	}
	if h.chomp == '+' {
		n.Text += strings.Repeat("\n", len(lines)-len(kept))
	}
	return n, nil
}

// blockHead is what stands behind | or >.
type blockHead struct {
	indent int  // 0: that of the first line
	chomp  byte // '-' no line break at the end, '+' all of them, 0 one
}

func (p *parser) blockHeader() (blockHead, error) {
	var h blockHead
	for ; !isGap(p.peek()); p.pos++ {
		switch c := p.peek(); {
		case c >= '1' && c <= '9' && h.indent == 0:
			h.indent = int(c - '0')
		case (c == '-' || c == '+') && h.chomp == 0:
			h.chomp = c
		default:
			return h, p.fail("begin the text in the next line", "unexpected %q behind | or >", string(c))
		}
	}
	for isBlank(p.peek()) {
		p.pos++
	}
	if c := p.peek(); c == '#' && isBlank(p.text[p.pos-1]) {
		p.toLineEnd()
	}
	if c := p.peek(); c != '\n' && c != 0 {
		return h, p.fail("begin the text in the next line", "text in the line of | or >")
	}
	return h, nil
}

// detectIndent is how far the first line that is not empty is indented; where there is none, the longest of the others.
func (p *parser) detectIndent(owner int) (int, error) {
	line, longest := p.line+1, owner+1
	for i := p.pos; p.at(i) == '\n'; line++ {
		i++
		start := i
		for p.at(i) == ' ' {
			i++
		}
		switch c := p.at(i); {
		case c == '\t':
			return 0, &Error{Place: Place{line + 1, i - start + 1}, Msg: "a tab indents this line", Hint: spacesHint}
		case c != '\n' && c != 0 && i-start > owner && longest > i-start && longest > owner+1:
			return 0, &Error{Place: Place{line + 1, i - start + 1}, Msg: "an empty line above is indented more than the text that begins here", Hint: "take the blanks out of that line"}
		case c != '\n' && c != 0 && i-start > owner:
			return i - start, nil
		case c != '\n' && c != 0:
			return longest, nil
		}
		longest = max(longest, i-start)
	}
	return longest, nil
}

// blockLines takes the lines that are indented at least so far, without their indentation. It leaves pos at the end of
// the last of them.
func (p *parser) blockLines(indent int) ([]string, error) {
	var lines []string
	for p.peek() == '\n' {
		start := p.pos + 1
		i := start
		for p.at(i) == ' ' && i-start < indent {
			i++
		}
		end := len(p.text)
		if n := strings.IndexByte(p.text[i:], '\n'); n >= 0 {
			end = i + n
		}
		if i-start < indent && end > i || i == start && isMarkerAt(p.text[i:]) || i == len(p.text) {
			break
		}
		lines = append(lines, p.text[i:end])
		p.line++
		p.lineStart, p.pos, p.first = start, end, -1
		if len(lines) > maxNodes {
			return nil, p.refuse("", "more than %d lines in one text", maxNodes)
		}
	}
	return lines, nil
}

// foldLines joins lines by blanks; empty lines are line breaks, and lines that begin with a blank stay as they are.
func foldLines(lines []string) string {
	var b strings.Builder
	empty := 0
	var last string
	for i, line := range lines {
		if line == "" {
			empty++
			continue
		}
		switch {
		case i == empty: // nothing before it but empty lines
		case isBlank(line[0]) || isBlank(last[0]):
			empty++
		case empty == 0:
			b.WriteByte(' ')
		}
		b.WriteString(strings.Repeat("\n", empty))
		b.WriteString(line)
		empty, last = 0, line
	}
	return b.String()
}
