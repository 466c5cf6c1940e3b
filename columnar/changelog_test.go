package columnar

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"testing"
)

var changes = NewSchema(Field{Name: "k", Type: Type{Kind: Int64}}, Field{Name: "v", Type: Type{Kind: Int64}}, Field{Name: "_op", Type: Type{Kind: String}})

// change is a row of a changelog.
type change struct {
	op   string
	k, v int64
}

func changeBatch(rows []change, sel []int32) *Batch {
	k, v, op := NewBuilder(Type{Kind: Int64}), NewBuilder(Type{Kind: Int64}), NewBuilder(Type{Kind: String})
	for _, r := range rows {
		k.AppendInt64(r.k)
		v.AppendInt64(r.v)
		op.AppendString(r.op)
	}
	return &Batch{Schema: changes, Cols: []*Vector{k.Vector(), v.Vector(), op.Vector()}, Rows: len(rows), Sel: sel}
}

// apply takes changes into a view by key. Every one must fit what the view says.
func apply(t *testing.T, view map[int64]int64, b *Batch) {
	t.Helper()
	var open *change
	for _, r := range selectedRows(b) {
		c := change{string(b.Cols[2].Str(int(r))), b.Cols[0].I64[r], b.Cols[1].I64[r]}
		old, there := view[c.k]
		half := open != nil
		switch {
		case half != (c.op == OpUpdateAfter) || half && open.k != c.k:
			t.Fatalf("%v behind %v", c, open)
		case c.op == OpInsert && there, c.op != OpInsert && !half && (!there || old != c.v):
			t.Fatalf("%v, but the view has %d %v", c, old, there)
		}
		switch open = nil; c.op {
		case OpUpdateBefore:
			open = &c
		case OpDelete:
			delete(view, c.k)
		default:
			view[c.k] = c.v
		}
	}
	if open != nil {
		t.Fatalf("%v is alone", *open)
	}
}

// TestChangelogFilter sends random changelogs through two filters, one behind the other, in batches of random cuts with
// rows that do not count in between: the changes that come out make the view that filtering the whole view gives.
func TestChangelogFilter(t *testing.T) {
	const seed = 11
	r := rand.New(rand.NewPCG(seed, 0))
	seen := map[string]int{}
	for c := range 400 {
		low, _ := NewChangelogFilter(changes, mustCall(t, ">=", Col(changes, 1), bigint(3)), 2)
		high, _ := NewChangelogFilter(changes, mustCall(t, "<", Col(changes, 1), bigint(7)), 2)
		whole, view := map[int64]int64{}, map[int64]int64{}
		for range 6 {
			in := changeBatch(randomChanges(r, whole))
			out, err := low.Process(in)
			if err == nil {
				out, err = high.Process(out)
			}
			if err != nil {
				t.Fatal(err)
			}
			for _, row := range selectedRows(out) {
				seen[string(out.Cols[2].Str(int(row)))]++
			}
			apply(t, view, out)
			want := maps.Clone(whole)
			maps.DeleteFunc(want, func(_, v int64) bool { return v < 3 || v >= 7 })
			if !maps.Equal(view, want) {
				t.Fatalf("seed %d case %d: view %v, want %v", seed, c, view, want)
			}
		}
		if n := low.Counts(); n.In != n.Out+n.Filtered {
			t.Fatalf("counts %+v", n)
		}
	}
	for _, op := range []string{OpInsert, OpUpdateBefore, OpUpdateAfter, OpDelete} {
		if seen[op] < 500 {
			t.Errorf("%d rows are %s", seen[op], op)
		}
	}
}

// randomChanges changes some keys of the view, and returns the changes between rows that are not selected.
func randomChanges(r *rand.Rand, view map[int64]int64) (rows []change, sel []int32) {
	add := func(c change) {
		for range r.IntN(2) {
			rows = append(rows, change{OpUpdateBefore, 99, 5})
		}
		sel = append(sel, int32(len(rows)))
		rows = append(rows, c)
	}
	for k := range int64(8) {
		old, there := view[k]
		switch v := r.Int64N(10); {
		case r.IntN(3) == 0:
		case !there:
			add(change{OpInsert, k, v})
			view[k] = v
		case r.IntN(4) == 0:
			add(change{OpDelete, k, old})
			delete(view, k)
		default:
			add(change{OpUpdateBefore, k, old})
			add(change{OpUpdateAfter, k, v})
			view[k] = v
		}
	}
	if len(sel) == len(rows) {
		sel = nil
	}
	return rows, sel
}

func TestChangelogFilterRefuses(t *testing.T) {
	pred := mustCall(t, ">=", Col(changes, 1), bigint(3))
	for _, op := range []int{-1, 0, 3} {
		if _, err := NewChangelogFilter(changes, pred, op); err == nil {
			t.Errorf("column %d was taken for the operations", op)
		}
	}
	for _, rows := range [][]change{{{OpUpdateBefore, 1, 1}}, {{OpUpdateBefore, 1, 1}, {OpInsert, 2, 5}}} {
		f, err := NewChangelogFilter(changes, pred, 2)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := f.Process(changeBatch(rows, nil)); fmt.Sprint(err) != errHalfUpdate.Error() {
			t.Errorf("%v: %v", rows, err)
		}
	}
}

// TestDropUnchanged leaves out pairs that are equal in all columns, NULLs and NaNs too, and nothing else.
func TestDropUnchanged(t *testing.T) {
	rows := []change{{OpInsert, 1, 1}, {OpUpdateBefore, 2, 5}, {OpUpdateAfter, 2, 5}, {OpUpdateBefore, 3, 5}, {OpUpdateAfter, 3, 6},
		{OpUpdateBefore, 9, 9}, {OpDelete, 4, 5}, {OpUpdateBefore, 5, 0}, {OpUpdateAfter, 5, 0}, {OpInsert, 4, 5}}
	for _, test := range []struct{ sel, null, want []int32 }{
		{[]int32{0, 1, 2, 3, 4, 6, 7, 8, 9}, nil, []int32{0, 3, 4, 6, 9}},
		{[]int32{0, 1, 2, 3, 4, 6, 7, 8, 9}, []int32{7}, []int32{0, 3, 4, 6, 7, 8, 9}},
		{[]int32{0, 7, 8}, []int32{7, 8}, []int32{0}},
		{[]int32{}, nil, []int32{}},
	} {
		d, err := NewDropUnchanged(changes, 2)
		if err != nil {
			t.Fatal(err)
		}
		in := changeBatch(rows, test.sel)
		if test.null != nil {
			in.Cols[1].Valid = allValid(nil, len(rows))
			for _, r := range test.null {
				in.Cols[1].Valid[r>>3] &^= 1 << (r & 7)
			}
		}
		out, err := d.Process(in)
		if err != nil || fmt.Sprint(out.Sel) != fmt.Sprint(test.want) {
			t.Errorf("NULL at %v: rows %v, %v, want %v", test.null, out.Sel, err, test.want)
		}
		if n := d.Counts(); n.In != int64(len(test.sel)) || n.Out != int64(len(test.want)) || n.In != n.Out+n.Filtered {
			t.Errorf("counts %+v", n)
		}
	}
	d, _ := NewDropUnchanged(changes, 2)
	if _, err := d.Process(changeBatch(rows, []int32{0, 1})); err != errHalfUpdate {
		t.Errorf("half an update: %v", err)
	}
	if _, err := NewDropUnchanged(changes, 1); err == nil {
		t.Error("a bigint was taken for the operations")
	}
}
