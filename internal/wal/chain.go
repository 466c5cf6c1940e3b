package wal

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/store"
)

// Position is where a record stands in the logs of a checkpoint.
type Position struct {
	Epoch    uint64 `json:"epoch"`
	Segment  uint32 `json:"segment"`
	Sequence uint64 `json:"sequence"` // from 1 in each epoch, without gaps
}

// String returns epoch/segment/sequence.
func (p Position) String() string { return fmt.Sprintf("%d/%d/%d", p.Epoch, p.Segment, p.Sequence) }

// Record is one record as it was appended. Payload belongs to whoever has the record.
type Record struct {
	Position Position
	Payload  []byte
}

// Chain is everything that one epoch logged.
type Chain struct {
	Epoch   uint64
	Records []Record
	Torn    *Torn // what was left out at the end; nil: nothing
}

// ChainEpochs returns the epochs that have a chain in dir, ascending. A directory that is not there has none.
func ChainEpochs(fsys store.ReadFS, dir string) ([]uint64, error) {
	segments, err := listSegments(fsys, dir, anyEpoch)
	if err != nil {
		return nil, err
	}
	var epochs []uint64
	for _, s := range segments {
		epochs = append(epochs, s.epoch)
	}
	return slices.Compact(epochs), nil
}

// ReadChain reads what an epoch logged in dir and changes nothing. No segment at all is an empty chain. Damage is a
// [CorruptionError], a file of another format a [FormatError]. The epoch's driver may be writing meanwhile: then the
// chain is as it was at some moment since the call.
func ReadChain(fsys store.ReadFS, dir string, epoch uint64) (*Chain, error) {
	return readChain(fsys, dir, epoch, 1)
}

// readChain reads a chain from a segment on; those before it are pruned, or on their way to be.
func readChain(fsys store.ReadFS, dir string, epoch uint64, first uint32) (*Chain, error) {
	segments, err := chainSegments(fsys, dir, epoch, first)
	if err != nil {
		return nil, err
	}
	chain := &Chain{Epoch: epoch}
	next := link{epoch: epoch, segment: first}
	for i, s := range segments {
		if s.segment != next.segment {
			return nil, missing(dir, next, s.segment)
		}
		from := &next
		if i == 0 {
			from = nil
		}
		c, err := readSegment(fsys, s, from, i == len(segments)-1)
		if err != nil {
			return nil, err
		}
		chain.add(s, c)
		next = c.end
	}
	return chain, nil
}

// RecoverChain is [ReadChain] for a driver that acts on what it reads: what it returns survives power loss. That is
// not so by itself, because a driver that was killed may have written its last record without coming to the sync.
func RecoverChain(fsys store.FS, dir string, epoch uint64) (*Chain, error) {
	return recoverChain(fsys, dir, epoch, Tail{})
}

func recoverChain(fsys store.FS, dir string, epoch uint64, t Tail) (*Chain, error) {
	chain, err := readTail(fsys, dir, epoch, t)
	if err != nil || len(chain.Records) == 0 {
		return chain, err
	}
	// Its name is durable, because a segment takes records only when it is.
	last := chain.Records[len(chain.Records)-1].Position
	name := filepath.Join(dir, segmentName(epoch, last.Segment))
	if err := fsys.Sync(name); err != nil {
		return nil, &store.OpError{Op: "sync", Name: name, Err: err}
	}
	return chain, nil
}

// add takes over a segment's records. Payloads are copied out, so that a segment's zero tail can be freed.
func (c *Chain) add(s segmentFile, read content) {
	for _, r := range read.records {
		c.Records = append(c.Records, Record{
			Position: Position{Epoch: s.epoch, Segment: s.segment, Sequence: r.sequence},
			Payload:  bytes.Clone(r.payload),
		})
	}
	c.Torn = read.torn
}

func missing(dir string, next link, found uint32) error {
	return &CorruptionError{
		File:   filepath.Join(dir, segmentName(next.epoch, next.segment)),
		Reason: fmt.Sprintf("the segment is missing, but segment %d is there", found),
	}
}

// segmentFile is a file whose name is that of a segment.
type segmentFile struct {
	epoch   uint64
	segment uint32
	path    string
	entry   fs.DirEntry
}

// anyEpoch has listSegments return those of all epochs.
const anyEpoch = 0

// listSegments returns the segments of an epoch in dir, ordered by number, or those of all, ordered by epoch and number. It looks
// at names alone: who goes from chain to chain lists the directory once for each.
func listSegments(fsys store.ReadFS, dir string, epoch uint64) ([]segmentFile, error) {
	entries, err := fsys.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, &store.OpError{Op: "list", Name: dir, Err: err}
	}
	prefix := ""
	if epoch != anyEpoch {
		prefix = chainName(epoch)
	}
	var segments []segmentFile
	for _, entry := range entries {
		if !strings.HasPrefix(entry.Name(), prefix) {
			continue
		}
		if epoch, segment, ok := parseSegmentName(entry.Name()); ok {
			segments = append(segments, segmentFile{epoch, segment, filepath.Join(dir, entry.Name()), entry})
		}
	}
	return segments, nil
}

// readSegment reads and judges one segment, which goes on from a link, or if that is nil, from where it says itself. A driver that
// appends while its file is read may show a later record and not yet the one before, which looks like damage: so damage counts
// only when a second look finds the same bytes.
func readSegment(fsys store.ReadFS, s segmentFile, from *link, last bool) (content, error) {
	var before []byte
	for {
		data, err := readSegmentFile(fsys, s)
		if err != nil {
			return content{}, err
		}
		begin := s.begin(data)
		if from != nil {
			begin = *from
		}
		c, bad := judge(data, begin, last)
		if bad == nil {
			return c, nil
		}
		if bytes.Equal(data, before) {
			return content{}, &CorruptionError{File: s.path, Offset: int64(bad.offset), Reason: bad.reason}
		}
		before = data
	}
}

// readSegmentFile returns the bytes of a segment of our format.
func readSegmentFile(fsys store.ReadFS, s segmentFile) ([]byte, error) {
	info, err := s.entry.Info()
	if err != nil {
		return nil, &store.OpError{Op: "look at", Name: s.path, Err: err}
	}
	if info.Size() > maxSegmentBytes {
		reason := fmt.Sprintf("the file has %d bytes, more than any segment may have", info.Size())
		return nil, &CorruptionError{File: s.path, Offset: maxSegmentBytes, Reason: reason}
	}
	data, err := fsys.ReadFile(s.path)
	if err != nil {
		return nil, &store.OpError{Op: "read", Name: s.path, Err: err}
	}
	return data, checkFormat(s.path, data)
}

// checkFormat looks at the bytes that every version has in common. A file too short for them is left to judge.
func checkFormat(path string, data []byte) error {
	if n := min(len(data), len(magic)); string(data[:n]) != magic[:n] {
		return &FormatError{File: path}
	}
	if len(data) < headerBytes {
		return nil
	}
	if h, _, _ := decodeHeader(data); h.version != version {
		return &FormatError{File: path, Version: h.version}
	}
	return nil
}
