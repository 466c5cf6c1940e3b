package output

import "testing"

// TestRecordSum: sums are equal where the records are, in any order, and else they are not.
func TestRecordSum(t *testing.T) {
	type record [2][]byte // key, value
	h := newRecordHasher()
	sum := func(all ...record) (s RecordSum) {
		for _, r := range all {
			h.add(&s, r[0], r[1])
		}
		return s
	}
	a, b, null := record{[]byte("k"), []byte("a")}, record{[]byte("k"), []byte("b")}, record{[]byte("k"), nil}
	if sum(a, b, null) != sum(null, a, b) {
		t.Error("the order shows")
	}
	different := []RecordSum{sum(), sum(a), sum(b), sum(a, a), sum(b, b), sum(a, b), sum(null), sum(record{[]byte("k"), []byte{}}),
		sum(record{nil, []byte("ka")}), sum(record{[]byte("ka"), nil}), sum(record{[]byte("ka"), []byte{}}), sum(record{[]byte{}, []byte("ka")})}
	for i, x := range different {
		for j, y := range different {
			if i != j && x == y {
				t.Errorf("sums %d and %d are equal", i, j)
			}
		}
	}
}
