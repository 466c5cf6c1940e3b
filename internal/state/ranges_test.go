package state

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// rangeShape has an aggregate whose state is as large as its rows are many.
func rangeShape() Shape {
	shape := testShape()
	shape.Spec.Aggs = append([]columnar.Agg{
		{Func: columnar.Count, Arg: 0, In: typed(columnar.Int64), Name: "different", Distinct: true},
	}, shape.Spec.Aggs...)
	return shape
}

// mover is a table whose runs are asked for in the order of windows, with rows that come before, in between and late.
type mover struct {
	t       *testing.T
	r       *rand.Rand
	table   *Table
	ranges  *Ranges
	all     map[int64][]row // by namespace
	turned  int             // fronts that were cut short
	late    int             // groups that came for a front
	keys    int
	runs    int
	emptied int // runs without any part of a front
}

func newMover(t *testing.T, r *rand.Rand) *mover {
	m := &mover{t: t, r: r, table: NewTable(rangeShape()), all: map[int64][]row{}, keys: 1 + r.IntN(20)}
	m.ranges = NewRanges(m.table)
	m.ranges.frontFree = int64(r.IntN(3)) * 200
	return m
}

// add merges n rows of namespaces in [from, to).
func (m *mover) add(n int, from, to int64) {
	rows := make([]row, n)
	for i := range rows {
		value, name := m.r.Int64N(1000), fmt.Sprint("key", m.r.IntN(m.keys))
		rows[i] = row{n: &value, name: &name, window: from + m.r.Int64N(to-from)}
		m.all[rows[i].window] = append(m.all[rows[i].window], rows[i])
	}
	h := columnar.NewHashAggregate(rangeShape().In, rangeShape().Spec)
	must(m.t, h.Add(inputBatch(rows)))
	must(m.t, m.table.Merge(h.Partial()))
}

// check compares a run with all its rows, aggregated at once.
func (m *mover) check(from, to int64) {
	var rows []row
	for name, mine := range m.all {
		if name >= from && name < to {
			rows = append(rows, mine...)
		}
	}
	if len(rows) == 0 {
		return
	}
	m.runs++
	for i := range rows {
		rows[i].window = 77
	}
	h := columnar.NewHashAggregate(rangeShape().In, rangeShape().Spec)
	must(m.t, h.Add(inputBatch(rows)))
	final, err := h.Final()
	must(m.t, err)
	want := columnar.Take(final, columnar.SortRows(final, []int{0, 1, 2}))
	got, err := m.ranges.Final(from, to, 77)
	must(m.t, err)
	if !bytes.Equal(ipc(m.t, got), ipc(m.t, want)) {
		m.t.Fatalf("[%d, %d): %d rows and %d groups, want %d", from, to, len(rows), got.Rows, want.Rows)
	}
	m.late += len(m.ranges.late)
	if len(m.ranges.front.parts) == 0 {
		m.emptied++
	} else if m.ranges.limit < 2*len(m.ranges.table.between(from, to)) {
		m.turned++
	}
}

func ipc(t *testing.T, b *columnar.Batch) []byte {
	t.Helper()
	data, err := columnar.EncodeIPC(b)
	must(t, err)
	return data
}

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// TestRanges: runs with bounds that go up give what all their rows give at once, to the byte, whenever the rows came, however
// far the bounds jump, and also where the front is cut short to save memory.
func TestRanges(t *testing.T) {
	const seed = 31
	r := rand.New(rand.NewPCG(seed, 0))
	var late, turned, runs, fronts int
	for range 60 {
		m := newMover(t, r)
		size, slide := 1+r.Int64N(30), 1+r.Int64N(4)
		for from := int64(0); from < 100; from += slide {
			if r.IntN(20) == 0 {
				from += r.Int64N(40)
			}
			if r.IntN(3) > 0 {
				m.add(1+r.IntN(20), from, from+size+r.Int64N(5))
			}
			to := from + size
			for cumulative := r.IntN(8) == 0; cumulative && to < from+size+12; to += slide {
				m.check(from, to)
			}
			m.check(from, to)
			if r.IntN(4) == 0 {
				m.table.DropFirst(len(m.table.between(0, from)))
				for name := range m.all {
					if name < from {
						delete(m.all, name)
					}
				}
			}
			if size = to - from; size > 60 {
				break
			}
		}
		late, turned, runs, fronts = late+m.late, turned+m.turned, runs+m.runs, fronts+m.runs-m.emptied
	}
	t.Logf("seed %d: %d runs, %d with a front, %d of these cut short, %d late groups", seed, runs, fronts, turned, late)
	if late < 500 || turned < 300 || fronts < 500 {
		t.Error("too few of one kind")
	}
}

// TestManyLateGroups makes the front anew when more came late than it has keys.
func TestManyLateGroups(t *testing.T) {
	m := newMover(t, rand.New(rand.NewPCG(32, 0)))
	m.keys = 3
	m.add(100, 0, 20)
	m.check(0, 10)
	m.check(1, 11)
	if len(m.ranges.front.parts) == 0 {
		t.Fatal("no front")
	}
	for range 200 {
		m.add(10, 1, 10)
	}
	if m.ranges.lateRows <= lateFree {
		t.Fatalf("only %d late groups", m.ranges.lateRows)
	}
	m.check(2, 12)
	if len(m.ranges.front.parts) != 0 || m.ranges.lateRows != 0 {
		t.Error("late groups are kept beside the front")
	}
	m.check(3, 13)
	if m.table.SizeBytes() <= m.table.size {
		t.Error("the front takes no memory")
	}
}

// TestNamesInOrder adds and drops names in any order, against a sorted list.
func TestNamesInOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(33, 0))
	var n names
	held := map[int64]bool{}
	for range 3000 {
		switch name := r.Int64N(1000); {
		case r.IntN(50) == 0:
			drop := r.IntN(len(held) + 1)
			for _, name := range n.list()[:drop] {
				delete(held, name)
			}
			n.dropFirst(drop)
		case !held[name]:
			held[name] = true
			n.add(name)
		}
		if r.IntN(5) > 0 {
			continue
		}
		list := n.list()
		for i, name := range list {
			if !held[name] || i > 0 && list[i-1] >= name {
				t.Fatalf("%v", list)
			}
		}
		if len(list) != len(held) {
			t.Fatalf("%d names, want %d", len(list), len(held))
		}
	}
}
