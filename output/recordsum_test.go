package output

import "testing"

// TestRecordSum: sums are equal where the records are, in any order, and else they are not.
func TestRecordSum(t *testing.T) {
	type record [2][]byte // key, value
	sum := func(all ...record) (s recordSum) {
		for _, r := range all {
			s.add(r[0], r[1])
		}
		return s
	}
	a, b, null := record{[]byte("k"), []byte("a")}, record{[]byte("k"), []byte("b")}, record{[]byte("k"), nil}
	if sum(a, b, null) != sum(null, a, b) {
		t.Error("the order shows")
	}
	different := []recordSum{sum(), sum(a), sum(b), sum(a, a), sum(b, b), sum(a, b), sum(null), sum(record{[]byte("k"), []byte{}}),
		sum(record{nil, []byte("ka")}), sum(record{[]byte("ka"), nil}), sum(record{[]byte("ka"), []byte{}}), sum(record{[]byte{}, []byte("ka")})}
	for i, x := range different {
		for j, y := range different {
			if i != j && x == y {
				t.Errorf("sums %d and %d are equal", i, j)
			}
		}
	}
}

// TestRecordSumPinned: manifests have it, so it stays what it is.
func TestRecordSumPinned(t *testing.T) {
	var s recordSum
	s.add([]byte("k"), []byte("a"))
	s.add(nil, []byte("value"))
	s.add([]byte("k"), nil)
	if got, want := s.String(), "e1059e94a62810cdb10646d542a1ab21"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// BenchmarkRecordSum adds a record of 36 and 207 bytes.
func BenchmarkRecordSum(b *testing.B) {
	key, value := make([]byte, 36), make([]byte, 207)
	var s recordSum
	for b.Loop() {
		s.add(key, value)
	}
	b.SetBytes(int64(len(key) + len(value)))
}
