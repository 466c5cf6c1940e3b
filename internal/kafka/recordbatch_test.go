package kafka

import (
	"bytes"
	"errors"
	"fmt"
	"strings"
	"testing"
)

// readBatches reads everything out of p, as a fetch answer with that aborted list.
func readBatches(p []byte, aborted ...AbortedTxn) (text string, err error) {
	var b RecordBatch
	var d Decompressor
	var f AbortedFilter
	f.Reset(aborted)
	var out []string
	for len(p) > 0 {
		if p, err = NextBatch(p, &b); err != nil {
			return "", err
		}
		if err := b.Check(); err != nil {
			return "", err
		}
		if f.Skip(&b) {
			continue
		}
		buf, err := d.Do(&b)
		if err != nil {
			return "", err
		}
		rows, err := b.AppendRecords(nil, buf)
		if err != nil {
			return "", err
		}
		for _, r := range rows {
			out = append(out, fmt.Sprintf("%d=%s", r.Offset, r.Value.Of(buf)))
		}
	}
	return strings.Join(out, " "), nil
}

func TestRecordFields(t *testing.T) {
	recs := []rec{
		{delta: 0, time: 5, key: []byte("k"), value: []byte("v")},
		{delta: 3, time: -7, key: nil, value: []byte{}},
		{delta: 1000, time: 1 << 40, key: []byte{}, value: nil, headers: [][2]string{{"h", "1"}, {"i", ""}}},
	}
	p := encodeBatch(header{base: 50, lastDelta: 1200, count: 3, first: 100, max: 999}, encodeRecords(recs))
	var b RecordBatch
	if rest, err := NextBatch(p, &b); err != nil || len(rest) != 0 {
		t.Fatal(len(rest), err)
	}
	if b.Next() != 1251 || b.LeaderEpoch != 7 || b.WireBytes != len(p) {
		t.Errorf("next %d, epoch %d, %d bytes", b.Next(), b.LeaderEpoch, b.WireBytes)
	}
	rows, err := b.AppendRecords(nil, b.Payload)
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, r := range rows {
		got = append(got, fmt.Sprintf("%d %d %q %q %d", r.Offset, r.Timestamp, r.Key.Of(b.Payload), r.Value.Of(b.Payload), r.Headers.Len))
	}
	want := []string{`50 105 "k" "v" 1`, `53 93 "" "" 1`, `1050 1099511627876 "" "" 8`}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	if rows[1].Key.Len != -1 || rows[1].Value.Len != 0 || rows[2].Key.Len != 0 || rows[2].Value.Len != -1 {
		t.Errorf("NULL and empty are mixed up: %+v", rows)
	}
}

func TestLogAppendTime(t *testing.T) {
	p := encodeBatch(header{attrs: attrLogAppendTime, count: 1, first: 100, max: 999}, encodeRecords([]rec{{time: 5, value: []byte("v")}}))
	var b RecordBatch
	if _, err := NextBatch(p, &b); err != nil {
		t.Fatal(err)
	}
	rows, err := b.AppendRecords(nil, b.Payload)
	if err != nil || rows[0].Timestamp != 999 {
		t.Errorf("timestamp %v, error %v; want the broker's 999", rows, err)
	}
}

// TestAborted: the second transaction aborts first, so that the broker lists it first.
func TestAborted(t *testing.T) {
	const txn = attrTransactional
	log := bytes.Join([][]byte{
		batchOf(0, txn, 1, "a1"),
		batchOf(1, 0, -1, "plain"),
		batchOf(2, txn, 2, "a2"),
		batchOf(3, txn, 3, "committed"),
		marker(4, 2, 0),
		batchOf(5, txn, 2, "second life"),
		batchOf(6, txn, 1, "a3", "a4"),
		marker(8, 1, 0),
		marker(9, 3, 1),
		marker(10, 2, 1),
		encodeBatch(header{base: 11, lastDelta: 4, attrs: txn, producer: 1}, nil), // emptied by compaction
		batchOf(16, txn, 1, "after"),
		marker(17, 1, 1),
	}, nil)
	got, err := readBatches(log, AbortedTxn{2, 2}, AbortedTxn{1, 0})
	if want := "1=plain 3=committed 5=second life 16=after"; got != want || err != nil {
		t.Errorf("got %q, %v; want %q", got, err, want)
	}
	next, _, err := Walk(log, 0)
	if next != 18 || err != nil {
		t.Errorf("the log walks to %d, %v; want 18", next, err)
	}
}

func TestWalk(t *testing.T) {
	a, b := batchOf(10, 0, -1, "x", "y"), batchOf(15, 0, -1, "z")
	both := append(bytes.Clone(a), b...)
	for _, test := range []struct {
		name string
		p    []byte
		next int64
		want int64
	}{
		{"nothing", nil, 11, 0},
		{"from inside the first batch", a, 12, 0},
		{"gap between batches", both, 16, 0},
		{"last batch cut", both[:len(both)-1], 12, 0},
		{"last batch cut in its header", both[:len(a)+5], 12, 0},
		{"first batch cut", a[:40], 11, int64(len(a))},
		{"first batch cut before its length", a[:9], 11, 0},
	} {
		next, want, err := Walk(test.p, 11)
		if next != test.next || want != test.want || err != nil {
			t.Errorf("%s: next %d, want %d, error %v; expected %d and %d", test.name, next, want, err, test.next, test.want)
		}
	}
	if _, _, err := Walk(append(bytes.Clone(b), a...), 0); err == nil {
		t.Error("batches out of order are walked over")
	}
}

func TestMalformedBatches(t *testing.T) {
	good := batchOf(10, 0, -1, "x", "y")
	with := func(at int, v byte) []byte {
		p := bytes.Clone(good)
		p[at] = v
		return p
	}
	payload := encodeRecords([]rec{{value: []byte("x")}, {delta: 1, value: []byte("y")}})
	twice := encodeRecords([]rec{{value: []byte("x")}, {delta: 0, value: []byte("y")}})
	for _, test := range []struct {
		name string
		p    []byte
		want string
	}{
		{"one bit flipped", with(len(good)-1, good[len(good)-1]^1), "checksum"},
		{"old format", with(batchMagicAt, 1), "record format 1, want 2"},
		{"length below the header", with(batchLengthAt+3, 8), "shorter than its header"},
		{"length beyond the end", with(batchLengthAt, 1), "cut"},
		{"negative offset", with(0, 0x80), "from offset"},
		{"negative last offset", with(23, 0x80), "from offset"},
		{"more records than offsets", encodeBatch(header{count: 2}, payload), "2 records in 1 offsets"},
		{"fewer records than said", encodeBatch(header{count: 3, lastDelta: 9}, payload), "records"},
		{"more records than said", encodeBatch(header{count: 1, lastDelta: 9}, payload), "bytes behind the last of 1"},
		{"more records than bytes", encodeBatch(header{count: 1 << 30, lastDelta: 1<<31 - 1}, payload), "cannot lie in"},
		{"offsets not ascending", encodeBatch(header{count: 2, lastDelta: 9}, twice), "record 2 of 2: malformed"},
		{"offset behind the batch", encodeBatch(header{count: 1, lastDelta: 1}, encodeRecords([]rec{{delta: 2}})), "record 1 of 1: malformed"},
		{"codec 6", encodeBatch(header{count: 2, lastDelta: 1, attrs: 6}, payload), "codec 6: codec is not known"},
		{"not gzip", encodeBatch(header{count: 2, lastDelta: 1, attrs: int16(Gzip)}, payload), "decompress gzip"},
		{"not lz4", encodeBatch(header{count: 2, lastDelta: 1, attrs: int16(LZ4)}, payload), "decompress lz4: malformed frame"},
	} {
		if _, err := readBatches(test.p); err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: error %v, want one with %q", test.name, err, test.want)
		}
	}
}

func TestMalformedRecordsNeverPanic(t *testing.T) {
	payload := encodeRecords([]rec{{key: []byte("key"), value: []byte("value"), headers: [][2]string{{"a", "b"}}}})
	b := RecordBatch{Count: 1}
	for i := range payload {
		for v := range 256 {
			p := bytes.Clone(payload)
			p[i] = byte(v)
			if rows, err := b.AppendRecords(nil, p); err == nil {
				rows[0].Key.Of(p)
				rows[0].Value.Of(p)
				rows[0].Headers.Of(p)
			} else if !errors.Is(err, errRecord) && !strings.Contains(err.Error(), "bytes behind") {
				t.Fatalf("byte %d = %d: %v", i, v, err)
			}
		}
	}
}

func FuzzBatches(f *testing.F) {
	f.Add(batchOf(10, 0, -1, "x", "y"))
	f.Add(append(batchOf(0, attrTransactional, 1, "a"), marker(1, 1, 0)...))
	f.Add(encodeBatch(header{count: 1, attrs: int16(LZ4)}, compressed(f, LZ4, encodeRecords([]rec{{value: []byte("x")}}))))
	for _, body := range realAnswers(f)["fetch-13"] {
		res, err := parseFetch(&answer{b: body, flexible: true})
		if err != nil {
			f.Fatal(err)
		}
		f.Add(res.Records)
	}
	f.Fuzz(func(t *testing.T, p []byte) {
		next, _, err := Walk(p, 0)
		if next < 0 {
			t.Fatalf("walks to %d", next)
		}
		var b RecordBatch
		var filter AbortedFilter
		filter.Reset([]AbortedTxn{{1, 0}})
		d := Decompressor{Max: 1 << 20}
		for rest := p; err == nil && len(rest) > 0; {
			if rest, err = NextBatch(rest, &b); err != nil {
				return
			}
			filter.Skip(&b)
			if buf, err := d.Do(&b); err == nil {
				checkRecords(t, &b, buf)
			}
		}
	})
}

func FuzzRecords(f *testing.F) {
	f.Add(encodeRecords([]rec{{value: []byte("x")}, {delta: 1, key: []byte("k")}}), int32(2))
	f.Add(encodeRecords([]rec{{headers: [][2]string{{"a", "b"}}}}), int32(1))
	f.Fuzz(func(t *testing.T, p []byte, count int32) {
		checkRecords(t, &RecordBatch{Count: max(count, 0), LastOffsetDelta: 1 << 20}, p)
	})
}

// checkRecords touches every span and checks the order of offsets.
func checkRecords(t *testing.T, b *RecordBatch, p []byte) {
	rows, err := b.AppendRecords(nil, p)
	if err == nil && len(rows) != int(b.Count) {
		t.Fatalf("%d records, want %d", len(rows), b.Count)
	}
	last := b.BaseOffset - 1
	for _, r := range rows {
		for _, s := range []Span{r.Key, r.Value, r.Headers} {
			s.Of(p)
		}
		if r.Offset <= last || r.Offset >= b.Next() {
			t.Fatalf("offset %d after %d in a batch that ends at %d", r.Offset, last, b.Next())
		}
		last = r.Offset
	}
}
