package batch

import (
	"maps"

	"github.com/millrace/millrace/columnar"
)

// Totals are sums over all commits of a job.
type Totals struct {
	Batches  int64            `json:"batches"`
	SinkRows map[string]int64 `json:"sink_rows,omitempty"` // by sink: rows written
	// Operators are the rows that went in, came out and were dropped, by operator, whatever stage it stood in: also of
	// operators that the job no longer has.
	Operators map[string]columnar.RowCounts `json:"operators,omitempty"`
}

func (t Totals) clone() Totals {
	t.SinkRows, t.Operators = maps.Clone(t.SinkRows), maps.Clone(t.Operators)
	return t
}

// note adds a further commit.
func (t *Totals) note(c *Committed) {
	if t.SinkRows == nil {
		t.SinkRows = map[string]int64{}
	}
	if t.Operators == nil {
		t.Operators = map[string]columnar.RowCounts{}
	}
	t.Batches++
	for sink, rows := range c.SinkRows {
		t.SinkRows[sink] += rows
	}
	for i := range c.Edges {
		sum := t.Operators[c.Edges[i].Operator]
		sum.Add(c.Edges[i].RowCounts)
		t.Operators[c.Edges[i].Operator] = sum
	}
}

// drops are the rows that all operators together have dropped.
func (t *Totals) drops() (d Drops) {
	for _, c := range t.Operators {
		d.add(c, false)
	}
	return d
}
