package columnar

import (
	"fmt"
	"testing"
)

// TestAggregatesKnown asks for the groups of the keys of random batches, and compares with all groups, of which those
// with other keys, and the touched ones where clean ones are wanted, are taken out.
func TestAggregatesKnown(t *testing.T) {
	r := newRand(t)
	found := 0
cases:
	for range cases(150, 30) {
		values, spec := newAggRandom(r), randomAggSpec(r)
		whole := NewHashAggregate(aggSchema, spec)
		if whole.Add(values.batch(r.IntN(30))) != nil {
			continue
		}
		before := map[string]string{} // by key
		for i, all := 0, whole.Partial(); i < all.Rows; i++ {
			before[fmt.Sprintf("%#v", cells(all.Cols, i)[:len(spec.Keys)])] = fmt.Sprintf("%#v", cells(all.Cols, i))
		}
		whole.MarkClean()
		touched := NewHashAggregate(aggSchema, spec)
		for range 3 {
			part := NewHashAggregate(aggSchema, spec)
			if part.Add(values.batch(r.IntN(20))) != nil {
				continue cases
			}
			keys := part.Partial()
			want := map[string]string{}
			isTouched := map[string]bool{}
			for i, d := 0, touched.Partial(); i < d.Rows; i++ {
				isTouched[fmt.Sprintf("%#v", cells(d.Cols, i)[:len(spec.Keys)])] = true
			}
			for i := range keys.Rows {
				key := fmt.Sprintf("%#v", cells(keys.Cols, i)[:len(spec.Keys)])
				if before[key] != "" && !isTouched[key] {
					want[key] = before[key]
				}
			}
			got := whole.Known(keys, true)
			for i := range got.Rows {
				key := fmt.Sprintf("%#v", cells(got.Cols, i)[:len(spec.Keys)])
				if want[key] != fmt.Sprintf("%#v", cells(got.Cols, i)) {
					t.Fatalf("%s: group %s is %#v, want %s", spec, key, cells(got.Cols, i), want[key])
				}
				delete(want, key)
				found++
			}
			if len(want) > 0 {
				t.Fatalf("%s: groups %v were not found", spec, want)
			}
			if whole.Merge(keys) != nil || touched.Merge(keys) != nil {
				continue cases
			}
			if all := whole.Known(keys, false); all.Rows != keys.Rows {
				t.Fatalf("%s: %d of %d groups found behind the merge", spec, all.Rows, keys.Rows)
			}
		}
	}
	if found < 50 {
		t.Errorf("%d groups were found", found)
	}
}
