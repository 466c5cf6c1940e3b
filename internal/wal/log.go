package wal

import (
	"errors"
	"fmt"
	"path/filepath"
	"sync"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

// keptBufferBytes is the largest encoding buffer that a log keeps between appends.
const keptBufferBytes = 1 << 20

// FileLog appends to the chain of one epoch. It is safe for concurrent use.
type FileLog struct {
	fsys         store.FS
	dir          string
	segmentBytes func(segment uint32) int

	mu       sync.Mutex
	next     link // the segment after the current one, the record to come
	file     store.File
	name     string // of the current segment's file
	tag      uint32
	offset   int // where the record to come begins
	capacity int
	buf      []byte
	failed   error // set for good by the first failed write or sync, or by Close
}

// Create begins the chain of an epoch in dir, which is made if need be. The epoch must be the caller's own by
// [Acquire]; one that has a chain already is [store.ErrExists].
func Create(fsys store.FS, dir string, epoch uint64) (*FileLog, error) {
	return create(fsys, dir, epoch, segmentBytes)
}

// segmentBytes is the length of a segment with no record too large for it.
func segmentBytes(segment uint32) int {
	const shortSegments = 4 // 16, 64, 256 KiB and 1 MiB
	if segment <= shortSegments {
		return firstSegmentBytes << (2 * (segment - 1))
	}
	return nextSegmentBytes
}

func create(fsys store.FS, dir string, epoch uint64, segmentBytes func(uint32) int) (*FileLog, error) {
	if epoch == 0 || epoch > maxEpoch {
		return nil, fmt.Errorf("create log: epoch %d is not in 1 … %d", epoch, maxEpoch)
	}
	if err := store.MakeDirs(fsys, dir); err != nil {
		return nil, &store.OpError{Op: "create", Name: dir, Err: err}
	}
	l := &FileLog{fsys: fsys, dir: dir, segmentBytes: segmentBytes, next: link{epoch: epoch, segment: 1, sequence: 1}}
	if err := l.rotate(0); err != nil {
		return nil, err
	}
	return l, nil
}

// Append writes a record of at most [MaxRecordBytes] and returns when it is durable. The caller keeps payload. A
// payload too long is refused and changes nothing. After any other error nobody knows whether the record will be
// read, and every later call returns that same error: the process must end, and recovery decide.
func (l *FileLog) Append(payload []byte) (Position, error) {
	if len(payload) > MaxRecordBytes {
		return Position{}, fmt.Errorf("append record: %d bytes are more than the %d that a record may have", len(payload), MaxRecordBytes)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.failed == nil {
		l.failed = l.append(payload)
	}
	if l.failed != nil {
		return Position{}, l.failed
	}
	return Position{Epoch: l.next.epoch, Segment: l.next.segment - 1, Sequence: l.next.sequence - 1}, nil
}

// Close closes the file. It returns the error that made the log unusable, if there was one; everything appended is
// durable already.
func (l *FileLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.failed, ErrClosed) {
		return nil
	}
	failed := l.failed
	_ = l.file.Close()
	if failed == nil {
		l.failed = ErrClosed
	}
	return failed
}

// append is one write and one sync, in a new segment if the current one is full.
func (l *FileLog) append(payload []byte) error {
	if size := recordBytes(len(payload)); l.offset+size > l.capacity {
		if err := l.rotate(size); err != nil {
			return err
		}
	}
	data, sum := encodeRecord(l.buf[:0], record{sequence: l.next.sequence, chain: l.next.chain, tag: l.tag, payload: payload})
	if cap(data) <= keptBufferBytes {
		l.buf = data
	}
	if err := l.write(data); err != nil {
		return &store.OpError{Op: "append to", Name: l.name, Err: err}
	}
	l.offset += len(data)
	l.next.chain, l.next.sequence = sum, l.next.sequence+1
	return nil
}

// write makes the bytes of a record durable.
func (l *FileLog) write(data []byte) error {
	if err := failpoint.Hit(failpoint.LogAppend); err != nil {
		return err
	}
	if _, err := l.file.WriteAt(data, int64(l.offset)); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.LogSync); err != nil {
		return err
	}
	if err := l.file.Sync(); err != nil {
		return err
	}
	return failpoint.Hit(failpoint.LogSynced)
}

// rotate goes on in a new segment, with room for a record of that many bytes at least.
func (l *FileLog) rotate(record int) error {
	if l.next.segment > maxSegment {
		return fmt.Errorf("append to log of epoch %d: all %d segments are full", l.next.epoch, maxSegment)
	}
	capacity := max(l.segmentBytes(l.next.segment), headerBytes+record)
	head := header{version, l.next.epoch, l.next.segment, l.next.chain, l.next.sequence, uint32(capacity)}
	base := segmentName(head.epoch, head.segment)
	file, err := createSegment(l.fsys, l.dir, base, head)
	if err != nil {
		return &store.OpError{Op: "create", Name: filepath.Join(l.dir, base), Err: err}
	}
	if l.file != nil {
		// Everything in it is synced: closing it can lose nothing.
		_ = l.file.Close()
	}
	encoded := head.encode()
	_, sum, _ := decodeHeader(encoded)
	l.file, l.name, l.offset, l.capacity = file, filepath.Join(l.dir, base), len(encoded), capacity
	l.tag = segmentTag(head.epoch, head.segment)
	l.next.chain, l.next.segment = sum, head.segment+1
	return nil
}

// createSegment makes a segment that is whole and durable before it has its name.
func createSegment(fsys store.FS, dir, base string, head header) (store.File, error) {
	if err := failpoint.Hit(failpoint.LogCreate); err != nil {
		return nil, err
	}
	draft, err := store.NewDraft(fsys, dir, base)
	if err != nil {
		return nil, err
	}
	if err := fillSegment(draft, head); err != nil {
		draft.Discard()
		return nil, err
	}
	return draft.File, nil
}

func fillSegment(draft *store.Draft, head header) error {
	if err := draft.Allocate(int64(head.capacity)); err != nil {
		return err
	}
	if _, err := draft.WriteAt(head.encode(), 0); err != nil {
		return err
	}
	if err := draft.Sync(); err != nil {
		return err
	}
	return draft.Publish()
}
