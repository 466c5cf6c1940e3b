package batch

import (
	"bytes"
	"encoding/binary"
	"reflect"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

func sampleRecords() []Record {
	marks := Marks{Sources: map[string]windows.SourceMark{"s": {Watermark: -5, Partitions: []windows.PartitionMark{{Topic: "t", Partition: 1, Watermark: -5, Idle: true, IdleSince: 3, LastRead: 2}}}},
		Operators: map[string]int64{"window 1": windows.MaxWatermark}}
	ranges := []offsets.Range{{Source: "s", Topic: "t", TopicID: offsets.TopicID{1, 2}, Partition: 1, From: 3, Until: 9, LeaderEpoch: -1}}
	return []Record{
		&Opened{Epoch: 2, Host: "h", PID: 7, At: 1, Version: "v", Prev: &ChainEnd{Epoch: 1, Sequence: 4}},
		&Planned{Batch: 1, At: 5, Ranges: ranges, Step: 100, TailStep: 25, Before: marks, Tables: map[string]string{"ads": "d"}, Zones: map[string]string{"UTC": "z"},
			Skip: []SkipRecord{{Topic: "t", Partition: 1, Offset: 4}}, Losses: []offsets.Loss{{Source: "s", Topic: "t", TopicID: offsets.TopicID{3}, Partition: 2, Wanted: 1, Next: -1, Offsets: -1, End: 4, Reason: "r"}}, Job: "j", JobHash: "h", Shards: 2, Final: true, LimitedBy: "rows", Rate: 500, Roll: true, Paid: 7},
		&Committed{Batch: 1, At: 5, RangeHash: "x", After: marks, Positions: positionsAfter(ranges), Records: 6, WireBytes: 60, Weights: []PartitionWeight{{Offsets: 6, WireBytes: 60, LastTimestamp: 9}},
			State: []StateBlock{{Operator: "a", Schema: "s", Length: 3, inline: []byte("abc")}, {Operator: "b", Digest: "dd"}, {Operator: "c", Length: 2, inline: []byte{0, 255}}},
			Files: map[string][]output.File{"lake": {{Path: "p", Rows: 1, Bytes: 2, RowsSHA256: "z"}}}, SinkRows: map[string]int64{"lake": 1},
			Done: map[string]DoneBatch{"lake": {Watermark: -7, Open: []output.TimePartition{{Dir: "dt=2026-11-22", End: 8, Rows: 7, Files: 2, First: 1, Last: 4}},
				Complete: []output.TimePartition{{Dir: "d"}}, Late: []output.TimePartition{{Dir: "e"}}}},
			Pending: map[string]*output.PendingChange{"lake": {Before: 5, After: 4, Rolled: []output.PendingGroup{{Dir: "dt=2026-11-22/", Shard: 1}},
				Added: &output.PendingBatch{Batch: 1, At: 5, Digest: "p", Epoch: 2, Pieces: []output.PendingPiece{{Dir: "dt=2026-11-22/", Shard: 1, Rows: 4, Bytes: 40, Offset: 9, Length: 50}}}}},
			Open: map[string]OpenWindows{"a": {Windows: 2, Groups: 3, First: -4, Close: 5}},
			Base: &Base{Pending: map[string][]output.PendingBatch{"lake": {{Batch: 1, At: 5, Digest: "p", Pieces: []output.PendingPiece{}}}}, Partitions: map[string][]output.TimePartition{"lake": {{Dir: "f"}}}, Totals: Totals{Batches: 4, SinkRows: map[string]int64{"lake": 2}, Operators: map[string]columnar.RowCounts{"a": {In: 9, Out: 7, Late: 2}}}, Records: 1, WireBytes: 2, Offsets: 3, LastRows: map[string]int64{"lake": 1}, Floor: map[string]int64{"a": 4}, Rate: 500, Paid: 7}},
		&Committed{Batch: 2, Slices: []StateBlock{{Operator: "a", Length: 2, Groups: &[2]uint8{0, 9}, inline: []byte("cd")}, {Operator: "b", Digest: "ee", Epoch: 3, Bytes: 7, Groups: &[2]uint8{0, 9}}},
			State: []StateBlock{{Operator: "a", Length: 3, inline: []byte("abc")}},
			Base: &Base{States: []VersionedState{{Batch: 1, Blocks: []StateBlock{{Operator: "a", Length: 1, Groups: &[2]uint8{10, 255}, inline: []byte("e")}, {Operator: "a", Length: 2, inline: []byte("fg")}},
				Operators: map[string]int64{"a": 5}, Zones: map[string]string{"UTC": "z"}}}}},
		&Cancelled{Batch: 1, Reason: "bad record at t/1 offset 3"},
		&Cancelled{Batch: 2, Reason: "discarded", At: 6, Discarded: map[string][]output.Discarded{"lake": {{Path: "p.parquet", To: "q.discard", Bytes: 2, SHA256: "s"}}}},
		&Reopened{Batch: 1, Marks: marks, FlushedTo: map[string]int64{"window 1": 9}},
	}
}

// encoded is a record as the log has it.
func encoded(t testing.TB, r Record) []byte {
	t.Helper()
	data, err := Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

func TestJournalRoundTrip(t *testing.T) {
	for _, r := range sampleRecords() {
		data := encoded(t, r)
		got, err := Decode(data)
		if err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(got, r) {
			t.Errorf("got %+v, want %+v", got, r)
		}
		for n := range data { // a payload that lost its end is never taken for a whole one
			if _, err := Decode(data[:n]); err == nil {
				t.Errorf("%T cut to %d of %d bytes decodes", r, n, len(data))
			}
		}
	}
}

// TestPayloadVersions: a record that older programs would take for another one says so, and no other.
func TestPayloadVersions(t *testing.T) {
	blocks := []StateBlock{{Operator: "a", Digest: "d"}}
	for _, test := range []struct {
		c    Committed
		want byte
	}{
		{Committed{State: blocks}, 2},
		{Committed{State: blocks, Base: &Base{}}, 2},
		{Committed{Slices: blocks}, 3},
		{Committed{State: blocks, Base: &Base{States: []VersionedState{{Batch: 1}}}}, 3},
	} {
		if got := encoded(t, &test.c)[0]; got != test.want {
			t.Errorf("%+v has version %d, want %d", test.c, got, test.want)
		}
	}
}

func TestRangeHashSurvivesTheLog(t *testing.T) {
	for _, p := range []*Planned{{Batch: 1, Ranges: []offsets.Range{}}, sampleRecords()[1].(*Planned)} {
		back, err := Decode(encoded(t, p))
		if err != nil {
			t.Fatal(err)
		}
		if a, b := RangeHash(p), RangeHash(back.(*Planned)); a != b {
			t.Errorf("range hash %s before the log, %s behind it", a, b)
		}
	}
}

func TestDecodeRefusesOtherVersions(t *testing.T) {
	data := encoded(t, &Cancelled{Batch: 1})
	for _, test := range []struct {
		at   int
		to   byte
		want string
	}{
		{0, discardVersion + 1, "a newer millrace wrote it"},
		{0, 1, "version 1, this program reads versions 2 to 4: a millrace before its first release wrote it"},
		{1, 9, "a newer millrace wrote it"},
	} {
		changed := bytes.Clone(data)
		changed[test.at] = test.to
		_, err := Decode(changed)
		wantText(t, err, test.want)
	}
}

// TestVersions: a record has the least version that says all of it.
func TestVersions(t *testing.T) {
	files := map[string][]output.Discarded{"lake": {{Path: "a.parquet"}}}
	for _, test := range []struct {
		r    Record
		want byte
	}{
		{&Committed{Batch: 1}, payloadVersion},
		{&Committed{Batch: 1, Slices: []StateBlock{{}}}, slicesVersion},
		{&Committed{Batch: 1, Base: &Base{}}, payloadVersion},
		{&Committed{Batch: 1, Base: &Base{States: []VersionedState{{}}}}, slicesVersion},
		{&Cancelled{Batch: 1}, payloadVersion},
		{&Cancelled{Batch: 1, At: 5}, discardVersion},
		{&Cancelled{Batch: 1, At: 5, Discarded: files}, discardVersion},
	} {
		if got := encoded(t, test.r)[0]; got != test.want {
			t.Errorf("%+v: version %d, want %d", test.r, got, test.want)
		}
	}
}

// TestDecodeRefusesNoRecord: an envelope without a record is not one with an empty record.
func TestDecodeRefusesNoRecord(t *testing.T) {
	for _, head := range []string{`{}`, `{"attachments":[0]}`, `null`, ``} {
		data := append([]byte{payloadVersion, typeCancelled}, binary.LittleEndian.AppendUint32(nil, uint32(len(head)))...)
		_, err := Decode(append(data, head...))
		wantText(t, err, `does not begin with {"record":`)
	}
}

func FuzzDecode(f *testing.F) {
	for _, r := range sampleRecords() {
		f.Add(encoded(f, r))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		r, err := Decode(data)
		if err != nil {
			return
		}
		again, err := Encode(r)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := Decode(again); err != nil {
			t.Fatalf("%x decodes, its encoding does not: %v", data, err)
		}
	})
}

// TestRangeHashIsPinned fails when logs of earlier versions would no longer be readable.
func TestRangeHashIsPinned(t *testing.T) {
	p := sampleRecords()[1].(*Planned)
	for _, test := range []struct {
		tail int64
		want string
	}{
		{0, "5b1a8088f388ca06a83b039ad24e34e18b5588d85f2d0c4db12d570ea687a4e1"}, // as the first logs have it
		{25, "a26bb0489d4e1e89a3eb7e4b69031e8f2a28261b37967470e96c8db7816ff2f0"},
	} {
		if p.TailStep = test.tail; RangeHash(p) != test.want {
			t.Errorf("with tail step %d: range hash %s, want %s", test.tail, RangeHash(p), test.want)
		}
	}
}

// TestDescribeCommit says how many rows went out, and where to, in words that fit their numbers.
func TestDescribeCommit(t *testing.T) {
	file := output.File{Path: "dt=1/a.parquet", SHA256: "ab"}
	old := output.File{Path: "b.parquet"} // of a manifest of before there were digests of files
	topic := output.File{Path: "alerts"}
	for _, test := range []struct {
		records int64
		files   map[string][]output.File
		rows    map[string]int64
		pending int64
		want    string
	}{
		{0, nil, nil, 0, "0 records in, 0 rows out, "},
		{1, map[string][]output.File{"lake": {file}}, map[string]int64{"lake": 1}, 1, "1 record in, 1 row out in 1 file, watermark none, delta, 1 row pending"},
		{3, map[string][]output.File{"lake": {file, old}}, map[string]int64{"lake": 3}, 2, "3 records in, 3 rows out in 2 files, watermark none, delta, 2 rows pending"},
		{3, map[string][]output.File{"alerts": {topic}}, map[string]int64{"alerts": 2}, 0, "3 records in, 2 rows out in 1 topic, "},
		{3, map[string][]output.File{"lake": {file}, "alerts": {topic}, "more": {topic}}, map[string]int64{"lake": 4, "alerts": 2, "more": 1}, 0, "3 records in, 7 rows out in 1 file and 2 topics, "},
	} {
		c := &Committed{Batch: 7, Records: test.records, Files: test.files, SinkRows: test.rows}
		if test.pending > 0 {
			c.Pending = map[string]*output.PendingChange{"lake": {After: test.pending}}
		}
		if got := Describe(c); !strings.HasPrefix(got, "Committed batch 7: "+test.want) {
			t.Errorf("%s\nwant %s", got, test.want)
		}
	}
}
