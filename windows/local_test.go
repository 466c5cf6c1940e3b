package windows

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// TestLocalAggregate: groups found by cell are those of the hash table, bit by bit, for few keys and for more than cells are kept for,
// for cells with all keys and with few, with NULL keys and selections, from task to task; and all ways are taken.
func TestLocalAggregate(t *testing.T) {
	const seed = 71
	r := rand.New(rand.NewPCG(seed, 0))
	byCell, byHash, changed := 0, 0, 0
	for c := range cases(300, 60) {
		w := Window{Kind: Tumbling, Size: []int64{1, 10, 1000}[r.IntN(3)]}
		assign := NewAssign(eventSchema, 0, w)
		local := NewLocalAggregate(assign.Schema(), specOf(w), w)
		local.maxKeys = []int{5, 50, localKeys}[r.IntN(3)]
		keys, span := 1+r.IntN(60), int64(1+r.IntN(3000))
		for range 1 + r.IntN(4) {
			want := columnar.NewHashAggregate(assign.Schema(), specOf(w))
			began := local.hashing
			for range 1 + r.IntN(3) {
				rows, err := assign.Process(randomSelection(r, randomEvents(r, 1+r.IntN(200), keys, span)))
				if err == nil {
					err = local.Add(rows)
				}
				if err == nil {
					err = want.Add(rows)
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			groups := sortedIPC(t, want.Partial())
			if got := sortedIPC(t, local.Partial()); !bytes.Equal(got, groups) {
				t.Fatalf("seed %d case %d: groups differ", seed, c)
			}
			switch {
			case !local.hashing:
				byCell++
			case !began:
				changed++
			default:
				byHash++
			}
			if local.SizeBytes() <= 0 {
				t.Fatal("no memory")
			}
			if got := sortedIPC(t, drained(local)); !bytes.Equal(got, groups) {
				t.Fatalf("seed %d case %d: groups that are handed over differ", seed, c)
			}
		}
		if local.Partial().Rows != 0 {
			t.Fatalf("seed %d case %d: groups after Reset", seed, c)
		}
	}
	t.Logf("tasks: %d by cell, %d by hash, %d from cells to hash", byCell, byHash, changed)
	if min(byCell, byHash, changed) < 10 {
		t.Error("some ways were hardly taken")
	}
}

// drained is what Drain hands over.
func drained(a *LocalAggregate) *columnar.Batch {
	var parts []*columnar.Batch
	for b := range a.Drain() {
		parts = append(parts, columnar.Concat([]*columnar.Batch{b}))
	}
	if len(parts) == 0 {
		return a.Partial()
	}
	return columnar.Concat(parts)
}

func randomEvents(r *rand.Rand, n, keys int, span int64) *columnar.Batch {
	events := make([]event, n)
	for i := range events {
		events[i] = event{ts: r.Int64N(span) - span/2, key: fmt.Sprint("k", r.IntN(keys)), nullKey: r.IntN(20) == 0,
			value: r.NormFloat64(), nullValue: r.IntN(5) == 0}
	}
	return eventBatch(events)
}

func randomSelection(r *rand.Rand, b *columnar.Batch) *columnar.Batch {
	if r.IntN(2) == 0 {
		return b
	}
	out := *b
	out.Sel = []int32{}
	for i := range b.Rows {
		if r.IntN(3) > 0 {
			out.Sel = append(out.Sel, int32(i))
		}
	}
	return &out
}

// sortedIPC is the rows in the order of their keys.
func sortedIPC(t *testing.T, b *columnar.Batch) []byte {
	t.Helper()
	out, err := columnar.EncodeIPC(columnar.Take(b, columnar.SortRows(b, []int{0, 1})))
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLocalSparse: a task in which cells have few of the keys goes to the hash table before places take much memory, and cells are
// tried again later.
func TestLocalSparse(t *testing.T) {
	w := Window{Kind: Tumbling, Size: 1}
	assign := NewAssign(eventSchema, 0, w)
	local := NewLocalAggregate(assign.Schema(), specOf(w), w)
	add := func(events []event) {
		rows, err := assign.Process(eventBatch(events))
		if err == nil {
			err = local.Add(rows)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	var events []event
	for i := range 4000 {
		events = append(events, event{ts: int64(i), key: fmt.Sprint(i), value: 1})
	}
	add(events)
	if !local.hashing || local.Partial().Rows != len(events) {
		t.Errorf("hashing %t, %d groups", local.hashing, local.Partial().Rows)
	}
	if local.places > 2*placesFree {
		t.Errorf("%d places", local.places)
	}
	resets := 0
	for ; local.hashing; resets++ {
		local.Reset()
		if resets > 2*localRest {
			t.Fatal("cells are not tried again")
		}
	}
	add(events[:10])
	if local.hashing || local.Partial().Rows != 10 || resets < localRest {
		t.Errorf("hashing %t, %d groups after %d resets", local.hashing, local.Partial().Rows, resets)
	}
	if !slices.Equal(local.Partial().Cols[0].I64, []int64{0, 1, 2, 3, 4, 5, 6, 7, 8, 9}) {
		t.Error(local.Partial().Cols[0].I64)
	}
}
