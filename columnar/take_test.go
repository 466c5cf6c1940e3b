package columnar

import (
	"reflect"
	"slices"
	"testing"
)

func TestTakeAndConcat(t *testing.T) {
	r := newRand(t)
	for range 200 {
		origin := &Origin{Topic: "t"}
		parts := make([]*Batch, 1+r.IntN(4))
		var want [][]any
		var offsets []int64
		for i := range parts {
			parts[i] = randomBatch(r, randomSchema, r.IntN(40), 0.3)
			parts[i].Origin = origin
			for range parts[i].Rows {
				parts[i].Offsets = append(parts[i].Offsets, r.Int64N(1000))
			}
			if parts[i].Offsets == nil {
				parts[i].Offsets = []int64{}
			}
			if r.IntN(2) == 0 {
				randomSel(r, parts[i])
			}
			for _, row := range selected(parts[i]) {
				want = append(want, rowOf(parts[i], int(row)))
				offsets = append(offsets, parts[i].Offsets[row])
			}
		}
		got := Concat(parts)
		if got.Rows != len(want) || !slices.Equal(got.Offsets, offsets) || got.Origin != origin {
			t.Fatalf("%d rows at %v, want %d at %v", got.Rows, got.Offsets, len(want), offsets)
		}
		for i := range want {
			for c, w := range want[i] {
				if g := rowOf(got, i)[c]; !sameValue(g, w) {
					t.Fatalf("row %d column %d: got %v, want %v", i, c, g, w)
				}
			}
		}
		checkCanonical(t, got)
	}
}

// checkCanonical takes all rows again: a canonical batch stays the same in every byte.
func checkCanonical(t *testing.T, b *Batch) {
	t.Helper()
	again := Take(b, selected(b))
	for c := range b.Cols {
		got, want := *again.Cols[c], *b.Cols[c]
		if got.N != want.N || !reflect.DeepEqual(got.Valid, want.Valid) || !reflect.DeepEqual(got.Bits, want.Bits) ||
			!reflect.DeepEqual(got.I32, want.I32) || !reflect.DeepEqual(got.I64, want.I64) || !slices.Equal(got.Off, want.Off) || string(got.Data) != string(want.Data) {
			t.Fatalf("column %s is not canonical:\n%+v\n%+v", b.Schema.Fields[c].Name, want, got)
		}
		if want.Off != nil && cap(want.Data)-len(want.Data) < Slack {
			t.Fatalf("column %s has no slack", b.Schema.Fields[c].Name)
		}
	}
}

func TestSortRows(t *testing.T) {
	r := newRand(t)
	for range 100 {
		b := randomBatch(r, randomSchema, r.IntN(60), 0.3)
		randomSel(r, b)
		cols := r.Perm(len(randomSchema.Fields))[:1+r.IntN(3)]
		got := SortRows(b, cols)
		if !slices.Equal(slices.Sorted(slices.Values(got)), b.Sel) {
			t.Fatalf("rows %v, want an order of %v", got, b.Sel)
		}
		for i := 1; i < len(got); i++ {
			if d := compareRows(rowOf(b, int(got[i-1])), rowOf(b, int(got[i])), cols); d > 0 || d == 0 && got[i-1] > got[i] {
				t.Fatalf("by %v: row %d before row %d", cols, got[i-1], got[i])
			}
		}
	}
}

func compareRows(a, b []any, cols []int) int {
	for _, c := range cols {
		switch {
		case a[c] == nil && b[c] == nil:
		case a[c] == nil:
			return -1
		case b[c] == nil:
			return 1
		default:
			if d := compareAny(a[c], b[c]); d != 0 {
				return d
			}
		}
	}
	return 0
}
