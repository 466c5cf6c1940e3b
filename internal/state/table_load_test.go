package state

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

func inTurn(n int, f func(i int) error) error {
	for i := range n {
		if err := f(i); err != nil {
			return err
		}
	}
	return nil
}

// inAnyOrder takes steps in another order each time, as cores might.
func inAnyOrder(r *rand.Rand) func(n int, f func(i int) error) error {
	return func(n int, f func(i int) error) error {
		for _, i := range r.Perm(n) {
			if err := f(i); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestLoadedTableGoesOn: a table that was loaded, in steps of any order, is the one that wrote the blocks: it holds the same, counts
// the uses of its keys alike, and gives the same blocks from then on.
func TestLoadedTableGoesOn(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, 0))
	for c := range 60 {
		table := NewTable(testShape())
		mergeRows(t, table, randomRows(r, 1+r.IntN(300)))
		blocks := [][]byte{snapshot(t, table)}
		for range r.IntN(6) {
			mergeRows(t, table, randomRows(r, r.IntN(60)))
			blocks = append(blocks, delta(t, table))
		}
		l := NewLoader(testShape())
		for _, b := range blocks {
			if err := l.Load(b, 0, 255); err != nil {
				t.Fatal(err)
			}
		}
		loaded, err := l.Table(inAnyOrder(r))
		if err != nil {
			t.Fatal(err)
		}
		checkHeld(t, loaded, table)
		for step := range 5 {
			rows := randomRows(r, r.IntN(80))
			mergeRows(t, table, rows)
			mergeRows(t, loaded, rows)
			if n := len(table.Namespaces()); n > 0 && r.IntN(2) == 0 {
				n = 1 + r.IntN(n)
				if was, is := table.DropFirst(n), loaded.DropFirst(n); was != is {
					t.Errorf("seed %d case %d: %d rows are dropped, want %d", seed, c, is, was)
				}
			}
			if !bytes.Equal(delta(t, loaded), delta(t, table)) {
				t.Fatalf("seed %d case %d: delta %d is another one", seed, c, step)
			}
			checkHeld(t, loaded, table)
		}
		if !bytes.Equal(snapshot(t, loaded), snapshot(t, table)) {
			t.Errorf("seed %d case %d: the snapshot is another one", seed, c)
		}
	}
}

func checkHeld(t *testing.T, got, want *Table) {
	t.Helper()
	if !slices.Equal(got.Namespaces(), want.Namespaces()) || got.Rows() != want.Rows() {
		t.Fatalf("namespaces %v with %d rows, want %v with %d", got.Namespaces(), got.Rows(), want.Namespaces(), want.Rows())
	}
	for _, name := range want.Namespaces() {
		groups, rows := got.Held(name)
		if wantGroups, wantRows := want.Held(name); groups != wantGroups || rows != wantRows {
			t.Fatalf("%d groups of %d rows in %d, want %d of %d", groups, rows, name, wantGroups, wantRows)
		}
	}
	if g, w := got.keys, want.keys; g.held != w.held || g.live != w.live {
		t.Fatalf("%d keys live with %d groups, want %d with %d", g.live, g.held, w.live, w.held)
	}
}

// TestDeltaOfFewKeys: the delta of a few keys is the same whether all keys are in order already, as behind a snapshot, or not, as in a
// table that was loaded.
func TestDeltaOfFewKeys(t *testing.T) {
	const seed, keys = 12, 2000
	r := rand.New(rand.NewPCG(seed, 0))
	named := func(key int) row {
		n, name := int64(key%7), fmt.Sprint("key", key*7919%keys)
		return row{n: &n, name: &name, window: int64(key % 3)}
	}
	var all []row
	for key := range keys {
		all = append(all, named(key))
	}
	table := NewTable(testShape())
	mergeRows(t, table, all)
	loaded := load(t, 0, 255, snapshot(t, table))
	for range 10 {
		var few []row
		for range 1 + r.IntN(200) {
			few = append(few, named(r.IntN(keys)))
		}
		mergeRows(t, table, few)
		mergeRows(t, loaded, few)
		if !bytes.Equal(delta(t, loaded), delta(t, table)) {
			t.Fatalf("seed %d: a delta of %d rows is another one", seed, len(few))
		}
		if len(table.keys.sorted) == 0 || len(loaded.keys.sorted) > 0 {
			t.Fatalf("%d and %d keys are in order", len(table.keys.sorted), len(loaded.keys.sorted))
		}
	}
}
