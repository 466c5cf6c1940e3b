package jobspec

import (
	"fmt"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// set changes one value of the tree: path=value, where path is keys joined by dots, e.g. limits.rows=1000. Mappings on
// the way are made when they are missing.
func set(t *tree, assignment string) error {
	path, value, ok := strings.Cut(assignment, "=")
	pos := dstream.Pos{File: "--set " + assignment}
	if !ok || path == "" {
		return &dstream.Error{Pos: pos, Msg: "want path=value, such as limits.rows=1000"}
	}
	keys := strings.Split(path, ".")
	for _, key := range keys[:len(keys)-1] {
		next := t.get(key)
		if next == nil {
			next = &tree{kind: mapTree, pos: pos}
			t.put(key, next, pos)
		}
		if next.kind != mapTree {
			return &dstream.Error{Pos: pos, Msg: fmt.Sprintf("%s is %s, not a mapping", key, next.kind)}
		}
		t = next
	}
	v, err := parseTree(pos.File, []byte(value))
	if err != nil || v.kind == mapTree && !strings.HasPrefix(value, "{") {
		v = &tree{kind: scalarTree, scalar: value}
	}
	v.pos = pos
	t.put(keys[len(keys)-1], v, pos)
	return nil
}

func (t *tree) put(key string, v *tree, pos dstream.Pos) {
	if i := t.index(key); i >= 0 {
		t.entries[i].val = v
		return
	}
	t.entries = append(t.entries, entry{key: key, pos: pos, val: v})
}
