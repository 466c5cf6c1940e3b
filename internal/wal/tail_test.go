package wal

import (
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
)

// tailOf reads the golden chain in fsys as far back as the record with a sequence, which is enough.
func tailOf(files store.ReadFS, t Tail, sequence int) (*Chain, error) {
	t.Enough = func(payload []byte) bool { return slices.Equal(payload, golden.payloads[sequence-1]) }
	return readTail(files, "/wal", golden.epoch, t)
}

// goldenSegmentOf is the segment, counted from 0, that holds a record of the golden chain.
func goldenSegmentOf(sequence int) int {
	for s, segment := range golden.segments {
		if sequence -= len(segment.bounds) - 1; sequence <= 0 {
			return s
		}
	}
	panic("no such record")
}

// TestTail reads chains from their end: whatever record is enough, and up to wherever it counts, what comes is the end of the whole
// chain, from the segment on that has the record.
func TestTail(t *testing.T) {
	files := memoryDir(t, goldenFiles(t))
	whole, err := ReadChain(files, "/wal", golden.epoch)
	must(t, err)
	for sequence := range len(golden.payloads) {
		for upTo := range len(golden.payloads) + 1 {
			chain, err := tailOf(files, Tail{UpTo: uint64(upTo)}, sequence+1)
			must(t, err)
			from := 0 // what does not count is not enough
			if upTo == 0 || sequence+1 <= upTo {
				for _, s := range golden.segments[:goldenSegmentOf(sequence+1)] {
					from += len(s.bounds) - 1
				}
			}
			if got, want := fmt.Sprint(chain.Records), fmt.Sprint(whole.Records[from:]); got != want {
				t.Fatalf("record %d is enough, up to %d: %s, want %s", sequence+1, upTo, got, want)
			}
		}
	}
}

// TestTailDamage flips every bit, and takes every segment away: in what is read it is noticed as in the whole chain; in front of
// that it does not matter.
func TestTailDamage(t *testing.T) {
	files := goldenFiles(t)
	for sequence := 1; sequence <= len(golden.payloads); sequence += 2 {
		needed := goldenSegmentOf(sequence)
		for s, data := range files {
			for offset := range data {
				damaged := slices.Clone(files)
				damaged[s] = slices.Clone(data)
				damaged[s][offset] ^= 1 << (offset % 8)
				fsys := memoryDir(t, damaged)
				chain, err := tailOf(fsys, Tail{}, sequence)
				if s < needed {
					must(t, err)
					if n := len(golden.payloads); chain.Torn != nil || chain.Records[len(chain.Records)-1].Position.Sequence != uint64(n) {
						t.Fatalf("record %d is enough, flip in segment %d, offset %d: %+v", sequence, s+1, offset, chain)
					}
					continue
				}
				whole, wholeErr := ReadChain(fsys, "/wal", golden.epoch)
				if fmt.Sprint(err) != fmt.Sprint(wholeErr) {
					t.Fatalf("record %d is enough, flip in segment %d, offset %d: %v, of the whole chain %v", sequence, s+1, offset, err, wholeErr)
				}
				if err == nil && (*chain.Torn != *whole.Torn || fmt.Sprint(chain.Records) != fmt.Sprint(whole.Records[len(whole.Records)-len(chain.Records):])) {
					t.Fatalf("record %d is enough, flip in segment %d, offset %d: %+v, the whole chain %+v", sequence, s+1, offset, chain, whole)
				}
			}
		}
	}
}

// TestTailGaps takes segments away, and puts one there that continues another chain.
func TestTailGaps(t *testing.T) {
	files := goldenFiles(t)
	for gone := range files[:2] {
		fsys := memoryDir(t, files)
		must(t, fsys.Remove("/wal/"+golden.segments[gone].name))
		for sequence := 1; sequence <= len(golden.payloads); sequence++ {
			_, err := tailOf(fsys, Tail{}, sequence)
			if needed := goldenSegmentOf(sequence); gone < needed-1 {
				must(t, err)
			} else if problem := wantRefused(err); gone >= needed && problem != "" {
				t.Errorf("segment %d is gone, record %d is enough: %s", gone+1, sequence, problem)
			}
		}
	}
	other := storetest.NewCrashFS()
	must(t, other.Mkdir("/wal"))
	log, err := create(other, "/wal", golden.epoch, sizes(192))
	must(t, err)
	for i := range golden.payloads {
		payload := slices.Clone(golden.payloads[i])
		if i == 0 {
			payload[0] ^= 1
		}
		_, err := log.Append(payload)
		must(t, err)
	}
	must(t, log.Close())
	mixed := slices.Clone(files)
	mixed[2], err = other.ReadFile("/wal/" + golden.segments[2].name)
	must(t, err)
	_, err = tailOf(memoryDir(t, mixed), Tail{}, 3)
	_, whole := ReadChain(memoryDir(t, mixed), "/wal", golden.epoch)
	if problem := wantRefused(err); problem != "" || err.Error() != whole.Error() {
		t.Errorf("a segment of another chain: %v, %v", err, whole)
	}
}

// lookedAt counts how often each file is read, and looked at.
type lookedAt struct {
	store.ReadFS
	reads, looks map[string]int
}

func (l lookedAt) ReadFile(name string) ([]byte, error) {
	l.reads[path.Base(name)]++
	return l.ReadFS.ReadFile(name)
}

func (l lookedAt) ReadDir(name string) ([]fs.DirEntry, error) {
	entries, err := l.ReadFS.ReadDir(name)
	for i, e := range entries {
		entries[i] = lookedEntry{e, l.looks}
	}
	return entries, err
}

type lookedEntry struct {
	fs.DirEntry
	looks map[string]int
}

func (e lookedEntry) Info() (fs.FileInfo, error) {
	e.looks[e.Name()]++
	return e.DirEntry.Info()
}

// TestTailLooksAtNothingElse: a start after many crashes goes through many short chains, each beside the files of all the others.
func TestTailLooksAtNothingElse(t *testing.T) {
	files := memoryDir(t, goldenFiles(t))
	for epoch := golden.epoch - 1; epoch <= golden.epoch+1; epoch += 2 {
		log, err := create(files, "/wal", epoch, sizes(192))
		must(t, err)
		must(t, log.Close())
	}
	want := map[string]int{}
	for i := len(golden.segments) - 1; i >= 0; i-- {
		want[golden.segments[i].name] = 1
		l := lookedAt{files, map[string]int{}, map[string]int{}}
		sequence := 1
		for _, s := range golden.segments[:i] {
			sequence += len(s.bounds) - 1
		}
		_, err := tailOf(l, Tail{}, sequence)
		must(t, err)
		if !maps.Equal(l.reads, want) || !maps.Equal(l.looks, want) {
			t.Errorf("segment %d is enough: read %v, looked at %v, want %v", i+1, l.reads, l.looks, want)
		}
	}
}

// TestFirstSegmentGoesOnFromNothing has a first segment whose header is whole and names a record before it: there is none.
func TestFirstSegmentGoesOnFromNothing(t *testing.T) {
	for _, h := range []header{{version, 3, 1, 0, 2, 128}, {version, 3, 1, 7, 1, 128}} {
		segment := append(h.encode(), make([]byte, 128-headerBytes)...)
		fsys := storetest.NewCrashFS()
		must(t, fsys.Mkdir("/wal"))
		f, err := fsys.Create("/wal/" + segmentName(3, 1))
		must(t, err)
		_, err = f.Write(segment)
		must(t, err)
		_, whole := ReadChain(fsys, "/wal", 3)
		_, tail := readTail(fsys, "/wal", 3, Tail{Enough: func([]byte) bool { return true }})
		for _, err := range []error{whole, tail} {
			if problem := wantRefused(err); problem != "" {
				t.Errorf("%+v: %s", h, problem)
			}
		}
	}
}
