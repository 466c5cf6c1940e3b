package kafka

import (
	"bytes"
	"testing"
)

// FuzzWriteAnswers: whatever a broker answers to a writer, it is an error or a value, never a panic.
func FuzzWriteAnswers(f *testing.F) {
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 1, 0, 3, 'a', 'd', 's', 0, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{2, 4, 'a', 'd', 's', 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 255, 255, 255, 255, 1, 0, 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 1, 0, 3, 'a', 'd', 's', 0, 0, 0, 1, 0, 0, 0, 1, 0, 10, 0, 0, 0, 0, 0, 0, 0, 9, 255, 255, 255, 255, 255, 255, 255, 255,
		0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2, 'n', 'o', 0, 0, 0, 0})
	f.Add([]byte{2, 4, 'a', 'd', 's', 2, 0, 0, 0, 1, 0, 10, 0, 0, 0, 0, 0, 0, 0, 9, 255, 255, 255, 255, 255, 255, 255, 255,
		0, 0, 0, 0, 0, 0, 0, 0, 1, 3, 'n', 'o', 0, 0, 0, 0, 0, 0})
	f.Add([]byte{0, 0, 0, 0, 0, 0, 0, 0, 0, 7, 0, 3, 0})
	f.Add([]byte{0, 0, 2, 0, 0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 1, 2, 24, 2, 20, 't', 'r', 'a', 'n', 's', 'a', 'c', 't', 'i', 'o', 'n', '.',
		'v', 'e', 'r', 's', 'i', 'o', 'n', 0, 2, 0, 0, 0})
	f.Fuzz(func(t *testing.T, p []byte) {
		for _, flexible := range []bool{false, true} {
			parseOffsetCommit(&answer{b: p, flexible: flexible}, 1)
			if found, err := parseProduce(&answer{b: p, flexible: flexible}); err == nil && len(found) > len(p) {
				t.Fatal("more partitions than bytes")
			}
		}
		if id, epoch, err := parseInitProducer(&answer{b: p, flexible: true}); err == nil && (id < 0 || epoch < 0) {
			t.Fatal("a session without a producer")
		}
		if next, err := parseEndTransaction(&answer{b: p, flexible: true}, txn{}, newStyle.end); err == nil && (next.id < 0 || next.epoch < 0) {
			t.Fatal("a transaction without a producer")
		}
		if level, err := parseFeatures(p); err == nil && level < 0 {
			t.Fatal("a level below 0")
		}
		parseAddPartitions(&answer{b: p, flexible: true}, 1)
		if o, found, err := parseOffsetFetch(&answer{b: p, flexible: true}, "ads", 0); err == nil && found && o.Offset < 0 {
			t.Fatal("found an offset below 0")
		}
		if node, err := parseFindCoordinator(&answer{b: p}); err == nil && node < 0 {
			t.Fatal("no error and no coordinator")
		}
		parseCreateTopic(&answer{b: p})
		parseDescribeConfigs(&answer{b: p})
		parseController(&answer{b: p, flexible: true})
	})
}

// FuzzBatchWriter: what is written is read back, whatever it is and in every codec.
func FuzzBatchWriter(f *testing.F) {
	f.Add(byte(0), int64(1), []byte("key"), []byte("value"), "header", byte(3))
	f.Add(byte(3), int64(-1), []byte{}, bytes.Repeat([]byte("ab"), 1000), "", byte(200))
	f.Fuzz(func(t *testing.T, codec byte, ms int64, key, value []byte, header string, n byte) {
		c, err := NewCompressor(Codec(codec%5), 0)
		if err != nil {
			t.Fatal(err)
		}
		var w BatchWriter
		headers := EncodeHeaders(Header{header, value}, Header{Key: header})
		for i := range int64(n) + 1 {
			w.Append(ms/2+i, key, value, headers)
			w.Append(ms/4, nil, value, nil)
		}
		b, err := w.Finish(c)
		if err != nil {
			t.Fatal(err)
		}
		read := ownRead(t, onWire(b, sender{77, 5, true}, 123))
		for i, r := range read {
			want := written{time: ms/2 + int64(i/2), key: key, value: value, headers: []Header{{header, value}, {Key: header}}}
			if i%2 == 1 {
				want = written{time: ms / 4, value: want.value}
			}
			if r.text() != want.text() {
				t.Fatalf("record %d is %s, want %s", i, r.text(), want.text())
			}
		}
		if len(read) != 2*(int(n)+1) {
			t.Fatalf("%d records, want %d", len(read), 2*(int(n)+1))
		}
	})
}
