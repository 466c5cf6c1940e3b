package batch

import (
	"encoding/binary"
	"reflect"
	"testing"
)

// recordTexts are the envelopes of records, with their kinds.
func recordTexts(t testing.TB) (kinds []byte, texts [][]byte) {
	for _, r := range sampleRecords() {
		payload := encoded(t, r)
		n := binary.LittleEndian.Uint32(payload[2:])
		kinds, texts = append(kinds, payload[1]), append(texts, payload[payloadHeader:payloadHeader+n])
	}
	return kinds, texts
}

// wantSameRecord compares what readRecord takes with what encoding/json makes of it, and reports whether it takes it.
func wantSameRecord(t *testing.T, kind byte, text []byte) bool {
	t.Helper()
	got, err := newRecord(kind)
	if err != nil {
		t.Fatal(err)
	}
	attachments, ok := readRecord(text, got)
	if !ok {
		return false
	}
	want, wantAttachments, err := parseRecord(kind, text)
	if err != nil || !reflect.DeepEqual(got, want) || !reflect.DeepEqual(attachments, wantAttachments) {
		t.Fatalf("%s\nis read as %+v, %v\nand is      %+v, %v, %v", text, got, attachments, want, wantAttachments, err)
	}
	return true
}

// TestReadRecord reads every kind of record without encoding/json.
func TestReadRecord(t *testing.T) {
	kinds, texts := recordTexts(t)
	for i, text := range texts {
		if !wantSameRecord(t, kinds[i], text) {
			t.Errorf("%s is left to encoding/json", text)
		}
	}
}

// signs are bytes that mean something in JSON, or must not be there.
const signs = "\"\\{}[]:, \n-+.0159aeEntu\x00\x7f\x80\xff"

// TestReadRecordChanged changes every byte of the text of every record in each of its bits and to each of the signs, leaves each
// out, and doubles it: what is read is what encoding/json reads.
func TestReadRecordChanged(t *testing.T) {
	kinds, texts := recordTexts(t)
	read, refused := 0, 0
	for i, text := range texts {
		for at := range text {
			variants := [][]byte{append(append([]byte{}, text[:at]...), text[at+1:]...), append(append([]byte{}, text[:at+1]...), text[at:]...)}
			to := []byte(signs)
			for bit := range 8 {
				to = append(to, text[at]^1<<bit)
			}
			for _, c := range to {
				changed := append([]byte{}, text...)
				changed[at] = c
				variants = append(variants, changed)
			}
			for _, v := range variants {
				if wantSameRecord(t, kinds[i], v) {
					read++
				} else {
					refused++
				}
			}
		}
	}
	t.Logf("%d texts read, %d refused", read, refused)
	if read < 3000 || refused < 50_000 {
		t.Errorf("%d texts read, %d refused: that says little", read, refused)
	}
}

// TestReadRecordUnusual has texts that encoding/json reads in ways that are easily got wrong.
func TestReadRecordUnusual(t *testing.T) {
	for _, test := range []struct {
		kind byte
		text string
		read bool
	}{
		{typeCancelled, `{"record":{"batch":1,"reason":"r"}}`, true},
		{typeCancelled, `{"record":{"batch":1,"batch":2,"reason":"r"}}`, false},
		{typeCancelled, `{"record":{"reason":"r","batch":2}}`, false},
		{typeCancelled, `{"record":{"Batch":1}}`, false},
		{typeCancelled, `{"record":{"batch":null}}`, false},
		{typeCancelled, `{"record":null}`, false},
		{typeCancelled, `{"record":{}}`, true},
		{typeCancelled, `{"record":{"batch":-0}}`, true},
		{typeCancelled, `{"record":{"batch":01}}`, false},
		{typeCancelled, `{"record":{"batch":1e3}}`, false},
		{typeCancelled, `{"record":{"batch":1.0}}`, false},
		{typeCancelled, `{"record":{"batch":9223372036854775807}}`, true},
		{typeCancelled, `{"record":{"batch":9223372036854775808}}`, false},
		{typeCancelled, `{"record":{"batch":-9223372036854775808}}`, true},
		{typeCancelled, `{"record":{"batch":-9223372036854775809}}`, false},
		{typeCancelled, `{"record":{"batch":18446744073709551617}}`, false},
		{typeCancelled, `{"record":{"batch":1,}}`, false},
		{typeCancelled, `{"record":{"batch":1}}}`, false},
		{typeCancelled, `{"record":{"batch":1} }`, false},
		{typeCancelled, `{"record":{"batch":1},"attachments":[1,2]}`, true},
		{typeCancelled, `{"record":{"batch":1},"attachments":null}`, true},
		{typeCancelled, `{"record":{"batch":1},"attachments":[],"record":{"batch":2}}`, false},
		{typeCancelled, `{"record":{"batch":1,"reason":"a\"b"}}`, false},
		{typeCancelled, "{\"record\":{\"reason\":\"\xff\"}}", false},
		{typeCancelled, `{"record":{"reason":"ü"}}`, false},
		{typePlanned, `{"record":{"batch":1,"tables":{"a":"1","a":"2"}}}`, true},
		{typePlanned, `{"record":{"batch":1,"before":{"sources":{"s":{"watermark_us":1,"partitions":[]},"s":{"partitions":null}}}}}`, true},
		{typePlanned, `{"record":{"batch":1,"ranges":[{"topic_id":"x"}]}}`, false},
		{typePlanned, `{"record":{"batch":1,"ranges":[{"partition":2147483648}]}}`, false},
		{typeOpened, `{"record":{"epoch":-1}}`, false},
		{typeOpened, `{"record":{"epoch":1,"prev":null}}`, true},
	} {
		if read := wantSameRecord(t, test.kind, []byte(test.text)); read != test.read {
			t.Errorf("%s: read is %t", test.text, read)
		}
	}
}

func FuzzReadRecord(f *testing.F) {
	kinds, texts := recordTexts(f)
	for i, text := range texts {
		f.Add(kinds[i], text)
	}
	f.Fuzz(func(t *testing.T, kind byte, text []byte) {
		if _, err := newRecord(kind); err == nil {
			wantSameRecord(t, kind, text)
		}
	})
}

func BenchmarkDecode(b *testing.B) {
	payload := encoded(b, sampleRecords()[2])
	b.SetBytes(int64(len(payload)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(payload); err != nil {
			b.Fatal(err)
		}
	}
}

// TestDecodeUnusual decodes records of which readRecord has read a part when it comes to what it does not read.
func TestDecodeUnusual(t *testing.T) {
	for _, want := range []Record{
		&Cancelled{Batch: 7, Reason: "a \"b\" is <no> ü\\\n"},
		&Planned{Batch: 7, Ranges: nil, Tables: map[string]string{"a": "1", "b": "ü"}, Job: "j", Changes: []string{"x", "\t"}},
	} {
		got, err := Decode(encoded(t, want))
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("got %+v, %v, want %+v", got, err, want)
		}
	}
}
