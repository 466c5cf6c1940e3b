package state

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// TestKeysAreForgotten lets keys come and go until the rest are numbered anew: blocks and runs stay those of a table that
// never had the others.
func TestKeysAreForgotten(t *testing.T) {
	const seed = 34
	r := rand.New(rand.NewPCG(seed, 0))
	m := newMover(t, r)
	table, fresh, renumbered, most := m.table, 0, 0, 0
	for name := int64(0); name < 40; name++ {
		rows := make([]row, 400)
		for i := range rows {
			key, value := fmt.Sprint("key", r.IntN(300)), r.Int64N(100)
			if i%2 == 0 { // is never seen again
				key, fresh = fmt.Sprint("once", r.Int64()), fresh+1
			}
			rows[i] = row{n: &value, name: &key, window: name}
		}
		m.all[name] = rows
		part := partialOfShape(t, rangeShape(), rows)
		must(t, table.Merge(part))
		before := table.keys.index.Len()
		m.check(max(name-4, 0), name+1)
		if name >= 4 {
			table.DropFirst(1)
			delete(m.all, name-4)
		}
		if table.keys.index.Len() < before {
			renumbered++
		}
		most = max(most, table.keys.index.Len())
		other := NewTable(rangeShape())
		for _, rows := range m.all {
			must(t, other.Merge(partialOfShape(t, rangeShape(), rows)))
		}
		got, err := table.Snapshot()
		must(t, err)
		want, err := other.Snapshot()
		must(t, err)
		if !bytes.Equal(got, want) {
			t.Fatalf("seed %d, namespace %d: another block", seed, name)
		}
	}
	t.Logf("%d keys came once, %d were held at most, numbered anew %d times", fresh, most, renumbered)
	if renumbered < 2 || most > fresh/2 {
		t.Error("keys are not forgotten")
	}
}

func partialOfShape(t *testing.T, shape Shape, rows []row) *columnar.Batch {
	t.Helper()
	h := columnar.NewHashAggregate(shape.In, shape.Spec)
	must(t, h.Add(inputBatch(rows)))
	return h.Partial()
}
