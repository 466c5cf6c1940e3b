package jobspec

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/yaml"
)

// tree is a value of a job file with its place: a scalar, a mapping or a list. Anchors and aliases are resolved: several
// parents may share a tree, so it is never changed once it is read, but for [variables].
type tree struct {
	kind     treeKind
	scalar   string
	style    yaml.Style
	expanded bool     // variables are replaced
	secret   string   // of a scalar that must not be shown: it, with references in the place of its secret parts
	masked   string   // the same with *** there
	hides    []string // those parts
	entries  []entry
	items    []*tree
	index    map[string]int // key → place in entries, for mappings of many keys
	pos      dstream.Pos
}

type treeKind int

const (
	nullTree treeKind = iota
	scalarTree
	mapTree
	listTree
)

func (k treeKind) String() string {
	return [...]string{"nothing", "a value", "a mapping", "a list"}[k]
}

type entry struct {
	key string
	pos dstream.Pos
	val *tree

	reach bool // says how the job is reached: not recorded
}

// hidden returns a copy of a scalar that must not be shown.
func (t *tree) hidden() *tree {
	c := *t
	if c.secret == "" {
		c.secret = "***"
	}
	c.masked = "***"
	return &c
}

// shown is the value for a message.
func (t *tree) shown() string {
	switch {
	case t.kind != scalarTree:
		return t.kind.String()
	case t.secret != "":
		return `"***"`
	}
	return fmt.Sprintf("%q", shortened(t.scalar))
}

// shortened keeps messages short.
func shortened(s string) string {
	if r := []rune(s); len(r) > 100 {
		return string(r[:99]) + "…"
	}
	return s
}

func (t *tree) get(key string) *tree {
	if i := t.find(key); i >= 0 {
		return t.entries[i].val
	}
	return nil
}

func (t *tree) find(key string) int {
	if t.index != nil {
		if i, ok := t.index[key]; ok {
			return i
		}
		return -1
	}
	for i := range t.entries {
		if t.entries[i].key == key {
			return i
		}
	}
	return -1
}

// with returns a copy of a scalar with another text.
func (t *tree) with(scalar string) *tree {
	c := *t
	c.scalar = scalar
	return &c
}

func (t *tree) block() bool { return t.style >= yaml.Literal }

func (t *tree) quoted() bool { return t.style == yaml.SingleQuoted || t.style == yaml.DoubleQuoted }

// textPos is where a scalar's text begins.
func (t *tree) textPos() dstream.Pos {
	pos := t.pos
	if t.quoted() && pos.Column > 0 {
		pos.Column++
	}
	return pos
}

// parseTree parses one YAML document.
func parseTree(file string, text []byte) (*tree, error) {
	n, err := yaml.Parse(string(text))
	var y *yaml.Error
	if errors.As(err, &y) {
		msg := y.Msg
		if !y.Refused {
			msg = "not valid YAML: " + msg
		}
		return nil, fail(dstream.Pos{File: file, Line: y.Line, Column: y.Column}, y.Hint, "%s", msg)
	}
	if err != nil {
		return nil, err
	}
	return (&grower{file: file, done: map[*yaml.Node]*tree{}}).grow(n), nil
}

// grower makes trees of nodes, one of each.
type grower struct {
	file string
	done map[*yaml.Node]*tree
}

func (g *grower) grow(n *yaml.Node) *tree {
	if t := g.done[n]; t != nil {
		return t
	}
	t := &tree{kind: treeKind(n.Kind), scalar: n.Text, style: n.Style, pos: g.pos(n.Place)}
	if t.kind != scalarTree {
		t.scalar = ""
	}
	g.done[n] = t
	if len(n.Entries) > 16 {
		t.index = make(map[string]int, len(n.Entries))
	}
	for i, e := range n.Entries {
		t.entries = append(t.entries, entry{key: e.Key, pos: g.pos(e.Place), val: g.grow(e.Value)})
		if t.index != nil {
			t.index[e.Key] = i
		}
	}
	for _, i := range n.Items {
		t.items = append(t.items, g.grow(i))
	}
	return t
}

func (g *grower) pos(p yaml.Place) dstream.Pos {
	return dstream.Pos{File: g.file, Line: p.Line, Column: p.Column}
}
