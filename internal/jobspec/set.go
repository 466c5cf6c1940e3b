package jobspec

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// set changes one value of the tree: path=value, where path is keys joined by dots, e.g. limits.rows=1000. Mappings on
// the way are made when they are missing. Only the way is copied: the rest is shared with t, which stays as it is.
func set(t *tree, assignment string) (*tree, error) {
	path, value, ok := strings.Cut(assignment, "=")
	pos := dstream.Pos{File: "--set " + assignment}
	if !ok || path == "" {
		return nil, fail(pos, "", "want path=value, such as limits.rows=1000")
	}
	v, err := parseTree(pos.File, []byte(value))
	if err != nil || v.kind == mapTree && !strings.HasPrefix(value, "{") {
		v = &tree{kind: scalarTree, scalar: value}
	}
	v.moveTo(pos)
	return t.replace(strings.Split(path, "."), v, pos)
}

// replace returns the tree with v at a path of keys.
func (t *tree) replace(keys []string, v *tree, pos dstream.Pos) (*tree, error) {
	if len(keys) == 0 {
		return v, nil
	}
	there := t.get(keys[0])
	if there == nil || there.kind == nullTree {
		there = &tree{kind: mapTree, pos: pos}
	}
	if there.kind != mapTree && len(keys) > 1 {
		return nil, fail(pos, "", "%s is %s, not a mapping", keys[0], there.kind)
	}
	next, err := there.replace(keys[1:], v, pos)
	if err != nil {
		return nil, err
	}
	out := &tree{kind: mapTree, pos: t.pos, entries: slices.Clone(t.entries)}
	if i := t.find(keys[0]); i >= 0 {
		out.entries[i].val = next
	} else {
		out.entries = append(out.entries, entry{key: keys[0], pos: pos, val: next})
	}
	return out, nil
}

// moveTo gives everything in the tree one place.
func (t *tree) moveTo(pos dstream.Pos) {
	if t.pos == pos {
		return
	}
	t.pos = pos
	for i := range t.entries {
		t.entries[i].pos = pos
		t.entries[i].val.moveTo(pos)
	}
	for _, item := range t.items {
		item.moveTo(pos)
	}
}
