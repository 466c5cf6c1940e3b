package batch

import (
	"errors"
	"math"
	"testing"

	"github.com/millrace/millrace/offsets"
)

// TestLettersOfOddRecords: a timestamp that no reader could read is left out, and the letter says that it is not whole; a
// record without a value has no length.
func TestLettersOfOddRecords(t *testing.T) {
	w := newWorld(t, 1)
	const value = `{"n":1}`
	for _, test := range []struct {
		timestamp      int64
		noValue        bool
		want           int64 // microseconds; 0: NULL
		wantIncomplete bool
	}{
		{timestamp: -1},
		{timestamp: 1000, want: 1_000_000},
		{timestamp: 1000, noValue: true, want: 1_000_000},
		{timestamp: lastTimestamp, want: lastTimestamp * 1000},
		{timestamp: lastTimestamp + 1, wantIncomplete: true},
		{timestamp: math.MaxInt64, wantIncomplete: true},
	} {
		d := newDeadLetters(w.job(aside), "events")
		recs := &offsets.Records{Topic: "t", Buf: []byte(value + "\x00")}
		r := offsets.Record{Timestamp: test.timestamp, Key: offsets.Span{Len: -1}, Value: offsets.Span{Len: int32(len(value))},
			Headers: offsets.Span{Start: int32(len(value)), Len: 1}}
		if test.noValue {
			r.Value.Len = -1
		}
		if err := errors.Join(d.add(recs, &r, "reason", &Task{}), d.cut()); err != nil {
			t.Fatal(err)
		}
		cols := d.done[0].Cols
		if at := cols[deadTimestamp]; at.IsNull(0) != (test.want == 0) || !at.IsNull(0) && at.I64[0] != test.want {
			t.Errorf("%+v: timestamp %d, NULL %t", test, at.I64[0], at.IsNull(0))
		}
		if bytes := cols[deadValueBytes]; bytes.IsNull(0) != test.noValue || !test.noValue && bytes.I64[0] != int64(len(value)) {
			t.Errorf("%+v: %d bytes, NULL %t", test, bytes.I64[0], bytes.IsNull(0))
		}
		if complete := cols[deadComplete].Bool(0); complete == test.wantIncomplete {
			t.Errorf("%+v: complete %t", test, complete)
		}
	}
}
