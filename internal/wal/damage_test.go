package wal

import (
	"bytes"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// golden is a chain in format 1 as it lies in testdata: three segments, the middle one for a large record.
var golden = struct {
	dir      string
	epoch    uint64
	payloads [][]byte
	segments []goldenSegment
}{
	dir:   "testdata/golden-v1",
	epoch: 7,
	payloads: [][]byte{
		[]byte("opened 7"), []byte("planned 1"), bytes.Repeat([]byte("large "), 60),
		[]byte("committed 1"), {}, []byte("planned 2"), {0, 0, 0, 0, 0, 0, 0, 0, 3},
	},
	// Where records begin and the last one ends, worked out by hand from docs/formats/log.md.
	segments: []goldenSegment{
		{name: "0000000007-000001.log", bounds: []int{40, 72, 112}, bytes: 192},
		{name: "0000000007-000002.log", bounds: []int{40, 424}, bytes: 424},
		{name: "0000000007-000003.log", bounds: []int{40, 80, 104, 144, 184}, bytes: 192},
	},
}

type goldenSegment struct {
	name   string
	bounds []int
	bytes  int
}

// writeGolden makes the golden chain anew with today's writer.
func writeGolden(t *testing.T, fsys store.FS, dir string) {
	t.Helper()
	log, err := create(fsys, dir, golden.epoch, sizes(192))
	must(t, err)
	for _, payload := range golden.payloads {
		_, err := log.Append(payload)
		must(t, err)
	}
	must(t, log.Close())
}

// The files of a released format are read for ever, and written the same for as long as the version says so. With
// -rewrite a golden directory that is not there is made; one that is there never changes.
func TestGolden(t *testing.T) {
	if _, err := os.Stat(golden.dir); flag.Lookup("rewrite").Value.String() == "true" && errors.Is(err, os.ErrNotExist) {
		writeGolden(t, store.OS{}, golden.dir)
	}
	chain, err := ReadChain(store.OS{}, golden.dir, golden.epoch)
	must(t, err)
	checkGoldenRecords(t, chain, len(golden.payloads))
	if chain.Torn != nil {
		t.Errorf("golden chain is torn: %v", chain.Torn)
	}
	anew := t.TempDir()
	writeGolden(t, store.OS{}, anew)
	if got, want := snapshot(t, anew), snapshot(t, golden.dir); got != want {
		t.Errorf("the writer makes other files than format %d has:\n%swant\n%s", version, got, want)
	}
}

// checkGoldenRecords compares a chain with the first n golden records.
func checkGoldenRecords(t *testing.T, chain *Chain, n int) {
	t.Helper()
	if len(chain.Records) != n {
		t.Fatalf("%d records, want %d", len(chain.Records), n)
	}
	for i, r := range chain.Records {
		if !bytes.Equal(r.Payload, golden.payloads[i]) || r.Position.Sequence != uint64(i+1) || r.Position.Epoch != golden.epoch {
			t.Fatalf("record %v is %q, want record %d, %q", r.Position, r.Payload, i+1, golden.payloads[i])
		}
	}
}

// goldenFiles returns the golden files' bytes by segment.
func goldenFiles(t *testing.T) [][]byte {
	t.Helper()
	var files [][]byte
	for _, s := range golden.segments {
		data, err := os.ReadFile(filepath.Join(golden.dir, s.name))
		must(t, err)
		if len(data) != s.bytes {
			t.Fatalf("%s has %d bytes, want %d", s.name, len(data), s.bytes)
		}
		files = append(files, data)
	}
	return files
}

// memoryDir is a directory of segments in memory, as ReadChain sees it.
func memoryDir(t *testing.T, files [][]byte) store.FS {
	t.Helper()
	fsys := storetest.NewCrashFS()
	must(t, fsys.Mkdir("/wal"))
	for i, data := range files {
		f, err := fsys.Create("/wal/" + golden.segments[i].name)
		must(t, err)
		_, err = f.Write(data)
		must(t, err)
	}
	return fsys
}

// Every bit of the golden log is flipped. What must come of it follows from where it is alone.
func TestEveryBitFlipped(t *testing.T) {
	files := goldenFiles(t)
	for s, data := range files {
		for offset := range data {
			for bit := range 8 {
				damaged := slices.Clone(files)
				damaged[s] = slices.Clone(data)
				damaged[s][offset] ^= 1 << bit
				chain, err := ReadChain(memoryDir(t, damaged), "/wal", golden.epoch)
				if problem := judgeFlip(s, offset, chain, err); problem != "" {
					t.Fatalf("segment %d, offset %d, bit %d: %s", s+1, offset, bit, problem)
				}
				if err == nil {
					checkGoldenRecords(t, chain, int(chain.Torn.Sequence)-1)
				}
			}
		}
	}
}

// judgeFlip says what is wrong with the answer to a flip in a segment, counted from 0.
func judgeFlip(s, offset int, chain *Chain, err error) string {
	bounds := golden.segments[s].bounds
	if offset < headerBytes || s < len(golden.segments)-1 || offset < bounds[len(bounds)-2] {
		return wantRefused(err)
	}
	tail := 1 // the flip is in the last record
	if offset >= bounds[len(bounds)-1] {
		tail = 0 // behind it
	}
	start := bounds[len(bounds)-1-tail]
	// The last record ends in a 3 and zeros: no flip makes that byte zero, and one behind it is the last that is not.
	stray := max(offset, goldenLastByte*tail) - start + 1
	return wantTorn(chain, err, Torn{
		Segment: uint32(s + 1), Offset: int64(start), Bytes: int64(stray), Sequence: uint64(len(golden.payloads) + 1 - tail),
	})
}

// goldenLastByte is the offset of the last byte in the last segment that is not zero: the last payload's.
const goldenLastByte = 144 + recordHeaderBytes + 8

// Every segment of the golden log is cut to every length.
func TestEveryLengthCut(t *testing.T) {
	files := goldenFiles(t)
	for s, data := range files {
		for length := range data {
			damaged := slices.Clone(files)
			damaged[s] = data[:length]
			chain, err := ReadChain(memoryDir(t, damaged), "/wal", golden.epoch)
			if problem := judgeCut(s, length, chain, err); problem != "" {
				t.Fatalf("segment %d cut to %d bytes: %s", s+1, length, problem)
			}
			if err == nil {
				checkGoldenRecords(t, chain, int(chain.Torn.Sequence)-1)
			}
		}
	}
}

// judgeCut says what is wrong with the answer to a cut of a segment, counted from 0.
func judgeCut(s, length int, chain *Chain, err error) string {
	if s < len(golden.segments)-1 || length < headerBytes {
		return wantRefused(err)
	}
	bounds := golden.segments[s].bounds
	whole := 0 // records before the cut
	for whole+1 < len(bounds) && bounds[whole+1] <= length {
		whole++
	}
	want := Torn{Segment: uint32(s + 1), Offset: int64(bounds[whole]), Sequence: uint64(len(golden.payloads) - len(bounds) + 2 + whole)}
	want.Bytes = -1 // how many of the bytes left are zeros is no business of this oracle
	return wantTorn(chain, err, want)
}

func wantRefused(err error) string {
	var corruption *CorruptionError
	var format *FormatError
	if errors.As(err, &corruption) || errors.As(err, &format) {
		return ""
	}
	return fmt.Sprintf("not refused as damage: %v", err)
}

// wantTorn compares what was left out, except its reason, which must be there. Bytes −1 is not compared.
func wantTorn(chain *Chain, err error, want Torn) string {
	if err != nil || chain.Torn == nil || chain.Torn.Reason == "" {
		return fmt.Sprintf("not told as torn: %+v, %v", chain, err)
	}
	got := *chain.Torn
	got.Reason = ""
	if want.Bytes < 0 {
		got.Bytes = want.Bytes
	}
	if got != want {
		return fmt.Sprintf("left out %+v, want %+v", got, want)
	}
	return ""
}

// A torn record whose payload holds the images of other logs' records is still only torn.
func TestImageInsidePayload(t *testing.T) {
	fsys := storetest.NewCrashFS()
	log, err := Create(fsys, "/wal", 2)
	must(t, err)
	_, err = log.Append(bytes.Join(goldenFiles(t), nil))
	must(t, err)
	name := "/wal/" + segmentName(2, 1)
	data, err := fsys.ReadFile(name)
	must(t, err)
	data[headerBytes] ^= 1
	c, bad := judge(data, link{epoch: 2, segment: 1, sequence: 1}, true)
	if bad != nil || c.torn == nil || c.torn.Sequence != 1 {
		t.Errorf("judged %+v, %+v; want a torn record 1", c.torn, bad)
	}
}

// racingFS shows the last golden segment first as a reader may see it that reads while records 6 and 7 are written:
// the later one is there, the earlier one not yet.
type racingFS struct {
	store.ReadFS
	reads int
}

func (r *racingFS) ReadFile(name string) ([]byte, error) {
	data, err := r.ReadFS.ReadFile(name)
	if r.reads++; filepath.Base(name) == golden.segments[2].name && r.reads == 3 {
		clear(data[104:144])
	}
	return data, err
}

func TestReadWhileWritten(t *testing.T) {
	chain, err := ReadChain(&racingFS{ReadFS: store.OS{}}, golden.dir, golden.epoch)
	must(t, err)
	checkGoldenRecords(t, chain, len(golden.payloads))
}

func FuzzReadChain(f *testing.F) {
	for _, s := range golden.segments {
		data, err := os.ReadFile(filepath.Join(golden.dir, s.name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data, uint32(1), uint64(1), uint32(0), true)
	}
	f.Fuzz(func(t *testing.T, data []byte, segment uint32, sequence uint64, chain uint32, last bool) {
		fsys := memoryDir(t, [][]byte{data})
		if whole, err := ReadChain(fsys, "/wal", golden.epoch); err == nil {
			checkAgainstBytes(t, data, whole)
		}
		if len(data) > 0 && checkFormat("x", data) == nil {
			judge(data, link{golden.epoch, segment, chain, sequence}, last)
		}
	})
}

// checkAgainstBytes encodes what was read again and finds it in the bytes it was read from.
func checkAgainstBytes(t *testing.T, data []byte, chain *Chain) {
	at := headerBytes
	_, sum, _ := decodeHeader(data)
	var encoded []byte
	for i, r := range chain.Records {
		encoded, sum = encodeRecord(nil, record{sequence: uint64(i + 1), chain: sum, tag: segmentTag(golden.epoch, 1), payload: r.Payload})
		if !bytes.HasPrefix(data[at:], encoded) {
			t.Fatalf("record %d is not in the bytes at offset %d", i+1, at)
		}
		at += len(encoded)
	}
	if chain.Torn == nil && strayBytes(data[at:]) > 0 || chain.Torn != nil && chain.Torn.Offset != int64(at) {
		t.Fatalf("records end at %d, torn %+v", at, chain.Torn)
	}
}

// Records that are intact but not the next ones: what a restored backup or two files mixed up would leave.
func TestMisplacedRecords(t *testing.T) {
	from := link{epoch: 1, segment: 1, sequence: 1}
	head := header{version: version, epoch: 1, segment: 1, sequence: 1, capacity: 256}.encode()
	_, sum, _ := decodeHeader(head)
	tag := segmentTag(1, 1)
	for name, test := range map[string]struct {
		record record
		want   string
	}{
		"in place":             {record{sequence: 1, chain: sum, tag: tag}, ""},
		"one too early":        {record{sequence: 2, chain: sum, tag: tag}, "record 2 stands where record 1 should"},
		"once more":            {record{sequence: 0, chain: sum, tag: tag}, "record 0 stands where record 1 should"},
		"of another past":      {record{sequence: 1, chain: sum + 1, tag: tag}, "record 1 does not continue the record before it"},
		"of the next segment":  {record{sequence: 1, chain: sum, tag: segmentTag(1, 2)}, "record 1 belongs to another segment"},
		"of the next epoch":    {record{sequence: 1, chain: sum, tag: segmentTag(2, 1)}, "record 1 belongs to another segment"},
		"in place, with bytes": {record{sequence: 1, chain: sum, tag: tag, payload: []byte("x")}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			data, _ := encodeRecord(slices.Clone(head), test.record)
			data = append(data, make([]byte, 256-len(data))...)
			c, bad := judge(data, from, true)
			if test.want == "" && (bad != nil || len(c.records) != 1 || c.torn != nil) {
				t.Errorf("judged %+v, %+v", c, bad)
			}
			if test.want != "" && (bad == nil || bad.offset != headerBytes || bad.reason != test.want) {
				t.Errorf("judged %+v, want %q", bad, test.want)
			}
		})
	}
}

func TestSegmentNames(t *testing.T) {
	for name, ok := range map[string]bool{
		"0000000001-000001.log": true, "9999999999-999999.log": true,
		"0000000000-000001.log": false, "0000000001-000000.log": false, "0000000001_000001.log": false,
		"0000000001-000001.LOG": false, "+000000001-000001.log": false, "0000000001-0000001.log": false, "": false,
	} {
		epoch, segment, got := parseSegmentName(name)
		if got != ok || ok && segmentName(epoch, segment) != name {
			t.Errorf("parseSegmentName(%q) = %d, %d, %v", name, epoch, segment, got)
		}
	}
}

// TestStrayBytes has one byte that is not zero, at every place of tails of every length.
func TestStrayBytes(t *testing.T) {
	for n := range 40 {
		tail := make([]byte, n)
		if got := strayBytes(tail); got != 0 {
			t.Errorf("%d zeros: %d stray bytes", n, got)
		}
		for at := range tail {
			tail[at] = 0x80
			if got := strayBytes(tail); got != at+1 {
				t.Errorf("byte %d of %d is not zero: %d stray bytes", at, n, got)
			}
			tail[at] = 0
		}
	}
}
