package dstream

import (
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// sink is the end of a stream.
type sink struct {
	name       string
	stream     *Stream
	partitions []partition
	key        []int // ids of columns, see Stream.changelogKey
	result     []int // ids of columns, see Stream.resultKey
	pos        Pos
	err        *Error
}

// partition is a bound level of directories.
type partition struct {
	name string
	expr *columnar.Expr // over column ids
	own  int            // place among the visible columns of the one that the partition replaces, −1 = it is computed
}

// To ends the stream in a sink. Partitions split its output into directories: each is a column, which then is left out
// of the files, or an expression with an alias. To returns s, so that several sinks may take the same rows.
func (s *Stream) To(name string, partitions ...Expr) *Stream {
	var out sink
	t := s.step(func(n *Stream, pos Pos) (err *Error) {
		out = sink{name: name, stream: s, pos: pos}
		if err := s.graph.checkSink(name, pos); err != nil {
			return err
		}
		if err := s.window.checkPlaced(); err != nil {
			return err
		}
		if err := s.checkOutput(pos); err != nil {
			return err
		}
		if out.key, err = s.changelogKey(pos); err != nil {
			return err
		}
		out.result = s.resultKey()
		return s.bindPartitions(&out, partitions)
	})
	out.err = t.err
	s.graph.sinks = append(s.graph.sinks, out)
	return t
}

func (g *Graph) checkSink(name string, pos Pos) *Error {
	if name == "" {
		return &Error{Pos: pos, Msg: "a sink has no name"}
	}
	if g.lateColumns() >= 0 {
		return &Error{Pos: pos, Msg: fmt.Sprintf("sink %q comes behind that of late rows", name), Hint: "what late rows have follows from all queries: name their sink last"}
	}
	used := slices.Clone(g.sinks)
	for _, s := range g.sides {
		used = append(used, s.sink)
	}
	for _, k := range used {
		if strings.EqualFold(k.name, name) {
			return &Error{Pos: pos, Msg: fmt.Sprintf("sink %q is used twice", name)}
		}
	}
	return nil
}

// checkOutput checks names and types of the columns that leave the job.
func (s *Stream) checkOutput(pos Pos) *Error {
	seen := map[string]scopeColumn{}
	changes := s.node.changelog() != nil
	for _, c := range s.scope.visible() {
		at := c.at(pos)
		folded := strings.ToLower(c.Name)
		if changes && (folded == windows.OpColumn || folded == revisionColumn) {
			return &Error{Pos: at, Msg: fmt.Sprintf("a changelog has a column %q of its own", folded), Hint: "give the column of the query another name"}
		}
		if other, ok := seen[folded]; ok {
			return &Error{Pos: at, Msg: fmt.Sprintf("two output columns are named %q and %q", other.Name, c.Name), Hint: "name one of them with AS; readers ignore case"}
		}
		seen[folded] = c
		switch {
		case c.Type.Kind == columnar.Null:
			return &Error{Pos: at, Msg: fmt.Sprintf("output column %q is NULL without a type", c.Name), Hint: "write CAST(NULL AS type)"}
		case c.Type.Kind == columnar.Interval:
			return &Error{Pos: at, Msg: fmt.Sprintf("output column %q is an interval, which files can't hold", c.Name)}
		case c.Type.Untyped():
			return &Error{Pos: at, Msg: fmt.Sprintf("output column %q is %s", c.Name, c.Type.Article()), Hint: "write CAST(… AS type)"}
		case c.Type.HoldsInterval():
			return &Error{Pos: at, Msg: fmt.Sprintf("output column %q is %s, and files can't hold intervals", c.Name, c.Type.Article())}
		}
	}
	return nil
}

func (s *Stream) bindPartitions(out *sink, partitions []Expr) *Error {
	b := &binder{graph: s.graph, scope: s.scope, pos: out.pos, clause: "a partition", changes: out.key != nil}
	for _, e := range partitions {
		p, err := s.bindPartition(b, e)
		if err != nil {
			return err
		}
		if err := s.checkPartition(out, p, b.at(e)); err != nil {
			return err
		}
		out.partitions = append(out.partitions, p)
	}
	if len(out.fileColumns()) == 0 {
		return &Error{Pos: out.pos, Msg: fmt.Sprintf("sink %q is partitioned by all its columns, so its files would be empty", out.name)}
	}
	return nil
}

func (s *Stream) bindPartition(b *binder, e Expr) (partition, *Error) {
	bound, err := b.bind(e)
	if err != nil {
		return partition{}, err
	}
	p := partition{name: e.Alias, expr: bound, own: -1}
	if e.Kind == ColumnRef && (e.Alias == "" || strings.EqualFold(e.Alias, e.Name)) {
		p.name = bound.Name
		p.own = s.scope.visible().place(bound.Col, bound.Name)
	}
	if p.name == "" {
		return p, &Error{Pos: b.at(e), Msg: "a computed partition needs a name", Hint: `write the expression AS name`}
	}
	return p, nil
}

func (s *Stream) checkPartition(out *sink, p partition, pos Pos) *Error {
	switch p.expr.Type.Kind {
	case columnar.Bool, columnar.Int32, columnar.Int64, columnar.String, columnar.Date, columnar.Timestamp:
	default:
		return &Error{Pos: pos, Msg: fmt.Sprintf("partition %q is %s, which makes no directory names", p.name, p.expr.Type.Article()), Hint: "CAST it to a string"}
	}
	for _, o := range out.partitions {
		if strings.EqualFold(o.name, p.name) {
			return &Error{Pos: pos, Msg: fmt.Sprintf("two partitions are named %q", p.name)}
		}
	}
	for i, c := range s.scope.visible() {
		if i != p.own && strings.EqualFold(c.Name, p.name) {
			return &Error{Pos: pos, Msg: fmt.Sprintf("partition %q has the name of an output column", p.name), Hint: "give one of the two another name"}
		}
	}
	return nil
}

// place is the position of the column with that id and name, −1 when it is not there.
func (s scope) place(id int, name string) int {
	for i, c := range s {
		if c.id == id && c.Name == name {
			return i
		}
	}
	return -1
}

// fileColumns are the places of the visible columns that no partition replaces.
func (k *sink) fileColumns() []int {
	var out []int
	for i := range k.stream.scope.visible() {
		if !k.replaces(i) {
			out = append(out, i)
		}
	}
	return out
}

func (k *sink) replaces(i int) bool {
	for _, p := range k.partitions {
		if p.own == i {
			return true
		}
	}
	return false
}
