package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// Changelog is what makes the rows of a sink changes of a result: each says in Op what it does to the row with its key.
type Changelog struct {
	Key []int // columns of SinkPlan.Schema: no two rows of the result have the same; the window comes last
	Op  int   // column of SinkPlan.Schema: one of windows.Insert, UpdateBefore, UpdateAfter, Delete
}

// SetEmission says when the results of windows come out, and whether they may change behind that: then they are a
// changelog. Groups without a window come out once in any case. It must come before the first stream.
func (g *Graph) SetEmission(e windows.Emission) error {
	switch {
	case len(g.columns.list) > 0:
		return &Error{Msg: "when results come out must be said before the first stream"}
	case e.Lateness < 0:
		return &Error{Msg: fmt.Sprintf("the allowed lateness is %s: it must not be negative", duration(e.Lateness))}
	case !e.Changelog && e != windows.Emission{}:
		return &Error{Msg: "results that come out early, or for late rows again, are a changelog"}
	}
	g.emission = e
	return nil
}

// emission says when the groups come out.
func (g *grouping) emission() windows.Emission {
	if g.window == nil || g.window.frame.Kind == windows.Dedup {
		return windows.Emission{}
	}
	return g.graph.emission
}

// changelog is the aggregation whose result the rows are changes of, nil when rows are never taken back.
func (n *node) changelog() *grouping {
	for ; n != nil; n = n.in {
		if n.group != nil {
			if n.group.emission().Changelog {
				return n.group
			}
			return nil
		}
	}
	return nil
}

// takesBack refuses a step over rows that may be taken back.
func (s *Stream) takesBack(pos Pos, step, hint string) *Error {
	if s.node.changelog() == nil {
		return nil
	}
	return &Error{Pos: pos, Msg: fmt.Sprintf("%s takes no changelog, and the results of the window in front of it change", step), Hint: hint}
}

// Hints of takesBack.
const (
	onceHint  = "in a job without emit: update and on_late_row: update, results come out once"
	frontHint = "do it in front of the window"
)

// key are the columns that the window of a group is known by, any one of which will do.
func (w *window) key() []*column {
	switch w.frame.Kind {
	case windows.Session: // its end moves
		return []*column{w.start}
	case windows.Cumulative: // several have one start
		return []*column{w.end, w.last}
	}
	return []*column{w.start, w.end, w.last}
}

// changelogKey is the ids of the columns among the visible ones that tell rows of the result apart, nil for streams that
// are no changelog.
func (s *Stream) changelogKey(pos Pos) ([]int, *Error) {
	g := s.node.changelog()
	if g == nil {
		return nil, nil
	}
	ids, missing := s.groupKey(g)
	if len(missing) > 0 {
		return nil, &Error{Pos: pos, Msg: fmt.Sprintf("the rows are a changelog, and of its key the columns lack %s", strings.Join(missing, ", ")),
			Hint: "select it as it is; readers find by it what a change is about"}
	}
	return ids, nil
}

// groupKey is the ids of the visible columns that tell the groups of g apart, and the names of those that are missing.
func (s *Stream) groupKey(g *grouping) (ids []int, missing []string) {
	add := func(among ...*column) {
		for _, c := range among {
			if slices.ContainsFunc(s.scope.visible(), func(v scopeColumn) bool { return v.id == c.id }) {
				ids = append(ids, c.id)
				return
			}
		}
		missing = append(missing, s.graph.columns.shown(among[0]))
	}
	for _, k := range g.keys {
		add(k)
	}
	if g.window != nil {
		add(g.window.key()...)
	}
	return ids, missing
}

// resultKey is the ids of the columns among the visible ones that no two rows of the result have in common, as far as that
// follows from the last GROUP BY; nil when it does not.
func (s *Stream) resultKey() []int {
	n := s.node.beneath()
	for n != nil && n.filter != nil {
		n = n.in.beneath()
	}
	if n == nil || n.group == nil {
		return nil
	}
	ids, missing := s.groupKey(n.group)
	if len(missing) > 0 {
		return nil
	}
	return ids
}

// dependsOnNow reports whether the expression may be another one in every batch.
func dependsOnNow(e *columnar.Expr) bool {
	return e.Op == "now" || slices.ContainsFunc(e.Args, dependsOnNow)
}

// op is the column of the operations of what comes out of an exchange, nil when rows are never taken back.
func (o *operator) op() *column {
	root := o.root()
	if root.gather == nil || !root.gather.group.emission().Changelog {
		return nil
	}
	return root.columns[len(root.columns)-1]
}

// changelog is where the key and the operations stand in the rows of a sink.
func (k *sink) changelog(schema *columnar.Schema, group *sinkGroup) *Changelog {
	if k.key == nil {
		return nil
	}
	out := &Changelog{Op: len(schema.Fields) - 1}
	for _, id := range k.key {
		out.Key = append(out.Key, group.position(id))
	}
	return out
}

// check looks at a changelog of rows of schema s.
func (c *Changelog) check(s *columnar.Schema) error {
	if c == nil {
		return nil
	}
	if len(c.Key) == 0 {
		return fmt.Errorf("a changelog without a key")
	}
	for _, k := range c.Key {
		if _, err := typeAt(s, k); err != nil {
			return fmt.Errorf("key: %w", err)
		}
	}
	return checkOp(s, c.Op)
}

// checkOp looks at the column of the operations.
func checkOp(s *columnar.Schema, op int) error {
	t, err := typeAt(s, op)
	switch {
	case err != nil:
		return fmt.Errorf("operations: %w", err)
	case t.Kind != columnar.String:
		return fmt.Errorf("the operations are a %s", t)
	}
	return nil
}

// KeyNames are the names of the key's columns, nil when the sink takes no changelog.
func (k *SinkPlan) KeyNames() []string {
	if k.Changelog == nil {
		return nil
	}
	var out []string
	for _, c := range k.Changelog.Key {
		out = append(out, k.Schema.Fields[c].Name)
	}
	return out
}

// revisionColumn is that of files, see output.RevisionColumn.
const revisionColumn = "_revision"

// changesOf says when results come out, and until when they change; empty when they come out once.
func changesOf(e windows.Emission) string {
	if !e.Changelog {
		return ""
	}
	text := "come out when the watermark passes the end of their window"
	if e.Early {
		text = "come out with the first batch that has a row of them, and change with each batch that has more"
	}
	if e.Lateness > 0 {
		return text + ", and with late rows until the watermark is " + duration(e.Lateness) + " behind that end"
	}
	return text + ", until the watermark passes the end of their window"
}
