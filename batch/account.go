package batch

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/output"
)

// addEdge sums the accounting of the tasks of a stage.
func (o *outcome) addEdge(e Edge) {
	i := slices.IndexFunc(o.commit.Edges, func(x Edge) bool { return x.Stage == e.Stage && x.Operator == e.Operator })
	if i < 0 {
		o.commit.Edges = append(o.commit.Edges, e)
		return
	}
	sum := &o.commit.Edges[i]
	sum.Add(e.RowCounts)
	sum.Groups += e.Groups
	sum.HeldBefore += e.HeldBefore
	sum.HeldAfter += e.HeldAfter
	sum.Remembered += e.Remembered
}

// checkEdges is the row accounting as an invariant: nothing vanishes inside an operator, nor between two, nor on the way
// to a sink.
func (o *outcome) checkEdges() error {
	return bug(newBooks(o.job.Plan, o.commit.Edges).check(o.commit.Records, func(sink string) int64 { return sinkRows(o.shards[sink]) }))
}

// bug says of accounts of a batch under way that do not add up what that means.
func bug(err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%w: a bug; nothing was published", err)
}

// sinkRows is the number of rows for a sink.
func sinkRows(shards []output.Shard) (n int64) {
	for _, s := range shards {
		for _, b := range s.Rows {
			n += int64(b.Len())
		}
	}
	return n
}

func unbalanced(format string, args ...any) error {
	return fmt.Errorf("row accounting: "+format, args...)
}

type edgeKey struct {
	stage    int
	operator string
}

// books follows rows through the graph.
type books struct {
	plan  *dstream.Plan
	edges map[edgeKey]Edge // not looked at yet; an operator that is not there met no row
	into  []int64          // by exchange: rows sent into it
	sinks map[string]int64

	decoded int64                      // records
	aside   map[dstream.SideKind]int64 // rows that a side output takes, if there is one
}

func newBooks(plan *dstream.Plan, edges []Edge) *books {
	b := &books{plan: plan, edges: map[edgeKey]Edge{}, into: make([]int64, len(plan.Exchanges)), sinks: map[string]int64{}, aside: map[dstream.SideKind]int64{}}
	for _, e := range edges {
		b.edges[edgeKey{e.Stage, e.Operator}] = e
	}
	return b
}

// check goes through all stages, and compares what went in with the records read, and what came out with the rows that
// each sink has got.
func (b *books) check(records int64, got func(sink string) int64) error {
	out := make([]int64, len(b.plan.Stages))
	for i := range b.plan.Stages {
		var err error
		if out[i], err = b.stage(&b.plan.Stages[i], out); err != nil {
			return err
		}
	}
	if b.decoded != records {
		return unbalanced("%d records decoded or left out, %d read", b.decoded, records)
	}
	b.sides()
	for _, k := range b.plan.Sinks {
		if rows := got(k.Name); rows != b.sinks[k.Name] {
			return unbalanced("%d rows for sink %q, the stages before gave %d", rows, k.Name, b.sinks[k.Name])
		}
	}
	if len(b.edges) > 0 {
		return unbalanced("accounts of operators that the plan has not: %v", b.edges)
	}
	return nil
}

// sides gives the side outputs what operators have put aside.
func (b *books) sides() {
	for _, s := range b.plan.Sides {
		b.sinks[s.Sink] += b.aside[s.Kind]
	}
}

// take returns the account of an operator, if it is right about the rows that it got.
func (b *books) take(stage int, operator string, in int64) (Edge, error) {
	e := b.edges[edgeKey{stage, operator}]
	delete(b.edges, edgeKey{stage, operator})
	b.aside[dstream.BadRecords] += e.Bad
	b.aside[dstream.LateRows] += e.Late
	if held := e.HeldAfter - e.HeldBefore; e.In+e.Added != e.Out+e.Dropped()+held {
		return e, unbalanced("%q: %d rows in, %d added, %d out, %d dropped, %d more held", operator, e.In, e.Added, e.Out, e.Dropped(), held)
	}
	if in >= 0 && in != e.In {
		return e, unbalanced("%d rows into %q, the operator before gave %d", e.In, operator, in)
	}
	return e, nil
}

// stage returns the rows that a stage gives to each that takes its rows; out are those of the stages before it.
func (b *books) stage(st *dstream.Stage, out []int64) (int64, error) {
	rows, err := b.input(st, out)
	for i := 0; i < len(st.Ops) && err == nil; i++ {
		var e Edge
		e, err = b.take(st.ID, st.Ops[i].Name, rows)
		rows = e.Out
	}
	if err != nil {
		return 0, err
	}
	if st.Exchange >= 0 {
		e, err := b.take(st.ID, assignName(&b.plan.Exchanges[st.Exchange]), rows)
		if err != nil {
			return 0, err
		}
		b.into[st.Exchange] += e.Out
	}
	for _, sink := range st.Sinks {
		b.sinks[sink] += rows
	}
	return rows, nil
}

// input returns the rows that go into a stage's first operator.
func (b *books) input(st *dstream.Stage, out []int64) (int64, error) {
	switch {
	case st.From.Stage >= 0:
		return out[st.From.Stage], nil
	case st.From.Source >= 0:
		e, err := b.take(st.ID, decodeName(b.plan.Sources[st.From.Source].Name), -1)
		b.decoded += e.In
		return e.Out, err
	}
	e, err := b.take(st.ID, b.plan.Exchanges[st.From.Exchange].Name, b.into[st.From.Exchange])
	return e.Groups, err
}
