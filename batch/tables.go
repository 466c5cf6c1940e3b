package batch

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// joinTables are the static tables of a plan, by joinKey: one for all cores and all joins on the same columns.
type joinTables map[string]*columnar.JoinTable

// joinKey says which table a join needs, by which columns.
func joinKey(j *dstream.Join) string { return fmt.Sprint(j.Table, j.RightKeys) }

// newJoinTables indexes tables, which are by name, as far as they are there.
func newJoinTables(plan *dstream.Plan, tables map[string]*columnar.Batch) joinTables {
	out := joinTables{}
	for i := range plan.Stages {
		for _, op := range plan.Stages[i].Ops {
			if op.Join == nil || tables[op.Join.Table] == nil || out[joinKey(op.Join)] != nil {
				continue
			}
			out[joinKey(op.Join)] = columnar.NewJoinTable(tables[op.Join.Table], op.Join.RightKeys)
		}
	}
	return out
}

func (t joinTables) sizeBytes() int64 {
	n := int64(0)
	for _, table := range t {
		n += table.SizeBytes()
	}
	return n
}
