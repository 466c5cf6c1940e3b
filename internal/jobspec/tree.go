package jobspec

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/millrace/millrace/dstream"
)

// tree is a YAML value with its place: a scalar, a mapping or a list. Anchors and aliases are resolved: several parents
// may share a tree.
type tree struct {
	kind     treeKind
	scalar   string
	quoted   bool // a string, whatever its text looks like
	block    bool // a block scalar, | or >
	folded   bool // the latter
	expanded bool // variables are replaced
	secret   bool // part of it comes from a file: must not be shown
	entries  []entry
	items    []*tree
	pos      dstream.Pos
}

// shown is the value for a message.
func (t *tree) shown() string {
	switch {
	case t.kind != scalarTree:
		return t.kind.String()
	case t.secret:
		return `"***"`
	}
	return fmt.Sprintf("%q", t.scalar)
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
	key    string
	pos    dstream.Pos
	val    *tree
	merged bool // from "<<": gives way to the mapping's own keys
}

func (t *tree) get(key string) *tree {
	if i := t.index(key); i >= 0 {
		return t.entries[i].val
	}
	return nil
}

// Limits of a job file. They keep the parser's work, which grows with the square of the nesting, small.
const (
	maxText    = 1 << 20
	maxNesting = 50
)

// parseTree parses one YAML document.
func parseTree(file string, text []byte) (*tree, error) {
	if err := checkText(file, text); err != nil {
		return nil, err
	}
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, syntaxError(file, text, err)
	}
	bodies := slices.DeleteFunc(f.Docs, func(d *ast.DocumentNode) bool { return d.Body == nil || d.Body.Type() == ast.DirectiveType })
	if len(bodies) == 0 {
		return nil, fail(dstream.Pos{File: file}, "", "the job file is empty")
	}
	if len(bodies) != 1 {
		return nil, fail(dstream.Pos{File: file, Line: 1, Column: 1}, "", "want one YAML document, found %d", len(bodies))
	}
	r := treeReader{file: file, anchors: map[string]*tree{}}
	return r.read(bodies[0].Body, 0)
}

// checkText refuses what the parser must not be given.
func checkText(file string, text []byte) error {
	if len(text) > maxText {
		return fail(dstream.Pos{File: file}, "", "a job file of %d bytes is too long; at most %d", len(text), maxText)
	}
	pos := dstream.Pos{File: file, Line: 1}
	depth := 0
	for rest := text; len(rest) > 0; {
		c, n := utf8.DecodeRune(rest)
		rest = rest[n:]
		pos.Column++
		switch {
		case c == utf8.RuneError && n == 1:
			return fail(pos, "save the file as UTF-8", "not valid UTF-8")
		case c == '\n':
			pos.Line, pos.Column = pos.Line+1, 0
		case c == '[' || c == '{':
			depth++
		case c == ']' || c == '}':
			depth = max(depth-1, 0)
		}
		if depth > maxNesting {
			return fail(pos, "", "more than %d brackets are open", maxNesting)
		}
	}
	return nil
}

// syntaxError gives the library's message a place, and a hint for the mistake that variables invite.
func syntaxError(file string, text []byte, err error) error {
	e := &dstream.Error{Pos: dstream.Pos{File: file}, Msg: "not valid YAML: " + err.Error()}
	var y yaml.Error
	if errors.As(err, &y) && y.GetToken() != nil {
		p := y.GetToken().Position
		e.Pos.Line, e.Pos.Column, e.Msg = p.Line, p.Column, "not valid YAML: "+y.GetMessage()
	}
	lines := bytes.Split(text, []byte("\n"))
	if e.Pos.Line < 1 || e.Pos.Line > len(lines) {
		return e
	}
	line := string(lines[e.Pos.Line-1])
	switch i := strings.Index(line, "${"); {
	case i >= 0 && strings.ContainsAny(line[:i], "{["):
		e.Hint = "a ${…} inside braces or brackets must be quoted: \"${…}\""
	case strings.HasPrefix(strings.TrimLeft(line, " "), "\t"):
		e.Hint = "YAML is indented with spaces, not tabs"
	}
	return e
}

type treeReader struct {
	file    string
	anchors map[string]*tree
}

func (r *treeReader) pos(n ast.Node) dstream.Pos {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return dstream.Pos{File: r.file, Line: t.Position.Line, Column: t.Position.Column}
	}
	return dstream.Pos{File: r.file}
}

func (r *treeReader) read(n ast.Node, depth int) (*tree, error) {
	pos := r.pos(n)
	if depth > maxNesting {
		return nil, fail(pos, "", "nested more than %d deep", maxNesting)
	}
	switch n := n.(type) {
	case *ast.NullNode:
		return &tree{kind: nullTree, pos: pos}, nil
	case *ast.StringNode:
		return &tree{kind: scalarTree, scalar: n.Value, quoted: quoted(n), pos: pos}, nil
	case *ast.LiteralNode:
		folded := strings.HasPrefix(n.GetToken().Value, ">")
		return &tree{kind: scalarTree, scalar: n.Value.Value, quoted: true, block: true, folded: folded, pos: pos}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return &tree{kind: scalarTree, scalar: n.GetToken().Value, pos: pos}, nil
	case *ast.MappingNode:
		return r.readMap(n.Values, pos, depth)
	case *ast.MappingValueNode:
		return r.readMap([]*ast.MappingValueNode{n}, pos, depth)
	case *ast.SequenceNode:
		return r.readList(n.Values, pos, depth)
	case *ast.AnchorNode:
		v, err := r.read(n.Value, depth)
		if err == nil {
			r.anchors[n.Name.GetToken().Value] = v
		}
		return v, err
	case *ast.AliasNode:
		v, ok := r.anchors[n.Value.GetToken().Value]
		if !ok {
			return nil, fail(pos, "", "alias *%s has no anchor before it", n.Value.GetToken().Value)
		}
		return v, nil
	}
	return nil, fail(pos, "", "a YAML %s is not supported", strings.ToLower(n.Type().String()))
}

func (r *treeReader) readList(values []ast.Node, pos dstream.Pos, depth int) (*tree, error) {
	t := &tree{kind: listTree, pos: pos}
	for _, v := range values {
		item, err := r.read(v, depth+1)
		if err != nil {
			return nil, err
		}
		t.items = append(t.items, item)
	}
	return t, nil
}

func quoted(n *ast.StringNode) bool {
	o := n.GetToken().Origin
	o = strings.TrimSpace(o)
	return strings.HasPrefix(o, `"`) || strings.HasPrefix(o, `'`)
}

func (r *treeReader) readMap(values []*ast.MappingValueNode, pos dstream.Pos, depth int) (*tree, error) {
	t := &tree{kind: mapTree, pos: pos}
	for _, kv := range values {
		val, err := r.read(kv.Value, depth+1)
		if err != nil {
			return nil, err
		}
		if _, merge := kv.Key.(*ast.MergeKeyNode); merge {
			err = t.merge(val)
		} else {
			err = t.add(entry{key: kv.Key.GetToken().Value, pos: r.pos(kv.Key), val: val})
		}
		if err != nil {
			return nil, err
		}
	}
	if len(t.entries) > 0 {
		t.pos = t.entries[0].pos
	}
	return t, nil
}

// add appends a key of the mapping's own.
func (t *tree) add(e entry) error {
	i := t.index(e.key)
	switch {
	case i < 0:
		t.entries = append(t.entries, e)
	case t.entries[i].merged:
		t.entries[i] = e
	default:
		return fail(e.pos, "", "key %q stands twice in this mapping", e.key)
	}
	return nil
}

// merge adds the keys of a mapping, or of each mapping in a list, that are not there yet.
func (t *tree) merge(from *tree) error {
	switch from.kind {
	case mapTree:
		for _, e := range from.entries {
			if t.index(e.key) < 0 {
				e.merged = true
				t.entries = append(t.entries, e)
			}
		}
	case listTree:
		for _, item := range from.items {
			if err := t.merge(item); err != nil {
				return err
			}
		}
	default:
		return fail(from.pos, "", "<< takes a mapping, found %s", from.shown())
	}
	return nil
}

func (t *tree) index(key string) int {
	return slices.IndexFunc(t.entries, func(e entry) bool { return e.key == key })
}
