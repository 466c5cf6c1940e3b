package yaml

import "fmt"

// Kind says what a node is.
type Kind uint8

// The kinds of nodes.
const (
	Null    Kind = iota // nothing, ~ or null
	Scalar              // text
	Mapping             // keys and values, in the order of the file
	List
)

// Style says how a scalar is written.
type Style uint8

// The styles of scalars.
const (
	Plain Style = iota
	SingleQuoted
	DoubleQuoted
	Literal // |
	Folded  // >
)

// Place counts lines and characters from 1.
type Place struct{ Line, Column int }

// Node is a value. Aliases are resolved: the same node may stand in several places, so the nodes are a graph without
// cycles that must not be walked as a tree.
type Node struct {
	Kind    Kind
	Style   Style
	Text    string  // of a scalar
	Entries []Entry // of a mapping
	Items   []*Node // of a list
	Place           // of the first character; of a mapping, its first key

	index map[string]int // key → place in Entries, for mappings of many keys
}

// Entry is a key and its value.
type Entry struct {
	Key    string
	Value  *Node
	Place       // of the key
	merged bool // from "<<": gives way to the mapping's own keys
}

// Error is a mistake in a text.
type Error struct {
	Place
	Msg     string // without the place
	Hint    string // what to write instead; may be empty
	Refused bool   // it may be YAML, but not here
}

func (e *Error) Error() string {
	s := fmt.Sprintf("%d:%d: %s", e.Line, e.Column, e.Msg)
	if e.Hint != "" {
		s += "; " + e.Hint
	}
	return s
}

// Limits keep the work small that a text can ask for. What people write stays far below.
const (
	MaxBytes   = 1 << 20
	MaxNesting = 50
	maxNodes   = 50_000
	maxMerged  = 10_000 // keys that "<<" brings into mappings, in all
)

// indexed is from how many keys on a mapping has an index.
const indexed = 16

// find returns the place of a key in Entries, or −1.
func (n *Node) find(key string) int {
	if n.index != nil {
		if i, ok := n.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range n.Entries {
		if n.Entries[i].Key == key {
			return i
		}
	}
	return -1
}

func (n *Node) append(e Entry) {
	n.Entries = append(n.Entries, e)
	switch {
	case n.index != nil:
		n.index[e.Key] = len(n.Entries) - 1
	case len(n.Entries) == indexed:
		n.index = make(map[string]int, 2*indexed)
		for i, e := range n.Entries {
			n.index[e.Key] = i
		}
	}
}

// add appends a key of the mapping's own.
func (n *Node) add(e Entry) error {
	i := n.find(e.Key)
	switch {
	case i < 0:
		n.append(e)
	case n.Entries[i].merged:
		n.Entries[i] = e
	default:
		return &Error{Place: e.Place, Msg: fmt.Sprintf("key %q stands twice in this mapping; the first is in line %d", shorten(e.Key), n.Entries[i].Line)}
	}
	return nil
}

// shorten keeps messages short.
func shorten(s string) string {
	if r := []rune(s); len(r) > 60 {
		return string(r[:59]) + "…"
	}
	return s
}
