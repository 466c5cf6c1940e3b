package jobspec

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// set changes one value of the tree: path=value, where path is keys joined by dots, e.g. limits.rows=1000. Mappings on
// the way are made when they are missing.
func set(t *tree, assignment string) error {
	path, value, ok := strings.Cut(assignment, "=")
	pos := dstream.Pos{File: "--set " + assignment}
	if !ok || path == "" {
		return fail(pos, "", "want path=value, such as limits.rows=1000")
	}
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		next := &tree{kind: mapTree, pos: pos}
		if there := t.get(key); there != nil && there.kind != nullTree {
			next = there.copy()
		}
		if next.kind != mapTree {
			return fail(pos, "", "%s is %s, not a mapping", key, next.kind)
		}
		t.put(key, next, pos)
		t = next
	}
	v, err := parseTree(pos.File, []byte(value))
	if err != nil || v.kind == mapTree && !strings.HasPrefix(value, "{") {
		v = &tree{kind: scalarTree, scalar: value}
	}
	v.moveTo(pos)
	t.put(keys[len(keys)-1], v, pos)
	return nil
}

// copy keeps other parents of a shared mapping as they are.
func (t *tree) copy() *tree {
	c := *t
	c.entries = slices.Clone(t.entries)
	return &c
}

// moveTo gives everything in the tree one place.
func (t *tree) moveTo(pos dstream.Pos) {
	t.pos = pos
	for i := range t.entries {
		t.entries[i].pos = pos
		t.entries[i].val.moveTo(pos)
	}
	for _, item := range t.items {
		item.moveTo(pos)
	}
}

func (t *tree) put(key string, v *tree, pos dstream.Pos) {
	if i := t.index(key); i >= 0 {
		t.entries[i].val = v
		return
	}
	t.entries = append(t.entries, entry{key: key, pos: pos, val: v})
}
