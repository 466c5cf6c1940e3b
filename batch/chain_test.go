package batch

import (
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// TestChainSpellsOut: behind a join, whose columns are references, stands an operator that takes strings.
func TestChainSpellsOut(t *testing.T) {
	text := columnar.Type{Kind: columnar.String}
	column := func(values ...string) *columnar.Vector {
		b := columnar.NewBuilder(text)
		for _, v := range values {
			b.AppendString(v)
		}
		return b.Vector()
	}
	in := columnar.NewSchema(columnar.Field{Name: "_op", Type: text}, columnar.Field{Name: "k", Type: text})
	ads := &columnar.Batch{Schema: columnar.NewSchema(columnar.Field{Name: "k", Type: text}, columnar.Field{Name: "ad", Type: text}), Rows: 2,
		Cols: []*columnar.Vector{column("a", "b"), column("one", "two")}}
	plan := &dstream.Plan{Stages: []dstream.Stage{{
		In:       in,
		Ops:      []dstream.Op{{Join: &dstream.Join{Table: "ads", LeftKeys: []int{1}, RightKeys: []int{0}}}, {Changed: true, Ops: 1}},
		Exchange: -1, Sinks: []string{"out"},
	}}}
	c, err := newChain(plan, 0, newJoinTables(plan, map[string]*columnar.Batch{"ads": ads}))
	if err != nil {
		t.Fatal(err)
	}
	c.keep = &keeper{}
	before, after := columnar.OpUpdateBefore, columnar.OpUpdateAfter
	rows := &columnar.Batch{Schema: in, Rows: 6, Cols: []*columnar.Vector{column(before, after, before, after, "insert", "insert"), column("a", "a", "a", "b", "b", "none")}}
	if err := c.push(rows); err != nil {
		t.Fatal(err)
	}
	got := ""
	for i := range c.rows[0].Rows {
		got += string(c.rows[0].Cols[3].Str(i)) + " "
	}
	if got != "one two two " {
		t.Errorf("got %s", got)
	}
}
