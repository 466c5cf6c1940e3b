package jobspec

import (
	"bytes"
	"errors"
	"fmt"
	"strings"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"

	"github.com/millrace/millrace/dstream"
)

// tree is a YAML value with its place: a scalar, a mapping or a list. Anchors and aliases are resolved, variables
// replaced.
type tree struct {
	kind    treeKind
	scalar  string
	quoted  bool // a string, whatever its text looks like
	block   bool // a block scalar (| or >)
	entries []entry
	items   []*tree
	pos     dstream.Pos
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
}

func (t *tree) get(key string) *tree {
	for _, e := range t.entries {
		if e.key == key {
			return e.val
		}
	}
	return nil
}

// parseTree parses one YAML document.
func parseTree(file string, text []byte) (*tree, error) {
	f, err := parser.ParseBytes(text, 0)
	if err != nil {
		return nil, syntaxError(file, text, err)
	}
	if len(f.Docs) != 1 || f.Docs[0].Body == nil {
		return nil, &dstream.Error{Pos: dstream.Pos{File: file, Line: 1, Column: 1}, Msg: fmt.Sprintf("want one YAML document, found %d", bodies(f))}
	}
	r := treeReader{file: file, anchors: map[string]*tree{}}
	return r.read(f.Docs[0].Body)
}

func bodies(f *ast.File) int {
	n := 0
	for _, d := range f.Docs {
		if d.Body != nil {
			n++
		}
	}
	return n
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

func (r *treeReader) read(n ast.Node) (*tree, error) {
	pos := r.pos(n)
	switch n := n.(type) {
	case *ast.NullNode:
		return &tree{kind: nullTree, pos: pos}, nil
	case *ast.StringNode:
		return &tree{kind: scalarTree, scalar: n.Value, quoted: quoted(n), pos: pos}, nil
	case *ast.LiteralNode:
		return &tree{kind: scalarTree, scalar: n.Value.Value, quoted: true, block: true, pos: pos}, nil
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return &tree{kind: scalarTree, scalar: n.GetToken().Value, pos: pos}, nil
	case *ast.MappingNode:
		return r.readMap(n.Values, pos)
	case *ast.MappingValueNode:
		return r.readMap([]*ast.MappingValueNode{n}, pos)
	case *ast.SequenceNode:
		t := &tree{kind: listTree, pos: pos}
		for _, v := range n.Values {
			item, err := r.read(v)
			if err != nil {
				return nil, err
			}
			t.items = append(t.items, item)
		}
		return t, nil
	case *ast.AnchorNode:
		v, err := r.read(n.Value)
		if err == nil {
			r.anchors[n.Name.GetToken().Value] = v
		}
		return v, err
	case *ast.AliasNode:
		v, ok := r.anchors[n.Value.GetToken().Value]
		if !ok {
			return nil, &dstream.Error{Pos: pos, Msg: fmt.Sprintf("alias *%s has no anchor before it", n.Value.GetToken().Value)}
		}
		return v, nil
	}
	return nil, &dstream.Error{Pos: pos, Msg: fmt.Sprintf("YAML %s is not supported here", strings.ToLower(n.Type().String()))}
}

func quoted(n *ast.StringNode) bool {
	o := n.GetToken().Origin
	o = strings.TrimSpace(o)
	return strings.HasPrefix(o, `"`) || strings.HasPrefix(o, `'`)
}

func (r *treeReader) readMap(values []*ast.MappingValueNode, pos dstream.Pos) (*tree, error) {
	t := &tree{kind: mapTree, pos: pos}
	for _, kv := range values {
		val, err := r.read(kv.Value)
		if err != nil {
			return nil, err
		}
		if _, merge := kv.Key.(*ast.MergeKeyNode); merge {
			t.merge(val)
			continue
		}
		e := entry{key: kv.Key.GetToken().Value, pos: r.pos(kv.Key), val: val}
		if i := t.index(e.key); i >= 0 && !t.entries[i].merged() {
			return nil, &dstream.Error{Pos: e.pos, Msg: fmt.Sprintf("key %q stands twice in this mapping", e.key)}
		} else if i >= 0 {
			t.entries[i] = e
			continue
		}
		t.entries = append(t.entries, e)
	}
	if len(t.entries) > 0 {
		t.pos = t.entries[0].pos
	}
	return t, nil
}

func (t *tree) index(key string) int {
	for i, e := range t.entries {
		if e.key == key {
			return i
		}
	}
	return -1
}

// merged entries come from "<<" and give way to the mapping's own keys; they have no place of their own.
func (e entry) merged() bool { return e.pos.Line == 0 }

func (t *tree) merge(from *tree) {
	for _, e := range from.entries {
		if t.index(e.key) < 0 {
			t.entries = append(t.entries, entry{key: e.key, val: e.val})
		}
	}
}
