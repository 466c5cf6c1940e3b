package columnar

import "testing"

// TestAppendJoin: results that are appended are those of groups that are joined and then finished, also where one of two groups is
// none, and behind results with and without NULL.
func TestAppendJoin(t *testing.T) {
	compared, failed := 0, 0
	eachMove(t, func(m *moves) {
		final := NewSchema(m.spec.FinalSchema(aggSchema).Fields[len(m.spec.Keys):]...)
		got, scratch := NewRowsBuilder(final), m.empty()
		var want []*Batch
		for range 3 {
			x, _ := m.some()
			y, _ := m.some()
			n := 1 + m.r.IntN(40)
			from, next := m.picks(x, n), m.picks(y, n)
			tooLong, err := scratch.AppendJoin(got, 0, x, from, y, next)
			joined := m.empty()
			wantErr := joined.Join(x, from, y, next)
			var cols []*Vector
			if wantErr == nil {
				cols, wantErr = joined.Final(nil, nil, 0)
			}
			if (err == nil) != (wantErr == nil) || err != nil && err.Error() != wantErr.Error() {
				t.Fatalf("%s: error %v, want %v", m.spec, err, wantErr)
			}
			if err != nil {
				failed++
				return
			}
			if tooLong >= 0 || scratch.Len() != 0 {
				t.Fatalf("aggregate %d is too long, %d groups in the scratch", tooLong, scratch.Len())
			}
			want = append(want, Concat([]*Batch{{Schema: final, Cols: cols, Rows: n}}))
		}
		checkEqualBatches(t, got.Batch(), Concat(want))
		compared++
	})
	t.Logf("%d compared, %d errors", compared, failed)
	if compared < 20 {
		t.Errorf("%d cases without an error are too few", compared)
	}
}
