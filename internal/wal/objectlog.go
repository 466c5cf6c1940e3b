package wal

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"sync"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/store"
)

const (
	walPrefix      = "wal/"
	sequenceDigits = 12
	// readChunk is how many records are asked for at a time.
	readChunk = 64
)

// ObjectChains keeps a chain as one object per record, created once. An object holds what a segment with one record
// would: docs/formats/log.md.
type ObjectChains struct{ Store store.Objects }

// Newest implements [Chains].
func (c ObjectChains) Newest(ctx context.Context, below uint64) (uint64, error) {
	return highest(func(after uint64) (uint64, error) {
		// "~" comes behind all digits: the first name behind all records of the epoch.
		behind := fmt.Sprintf("%s%0*d/~", walPrefix, epochDigits, after)
		epoch, err := nextNumber(ctx, c.Store, walPrefix, behind, func(name string) uint64 {
			epoch, _ := parseRecordObject(name)
			return epoch
		})
		if epoch >= below {
			return 0, err
		}
		return epoch, err
	})
}

// Read implements [Chains]. It begins at the end, and reads no further back than it must.
func (c ObjectChains) Read(ctx context.Context, epoch uint64, t Tail) (*Chain, error) {
	last, err := c.last(ctx, epoch, t.UpTo)
	if err != nil {
		return nil, err
	}
	chain := &Chain{Epoch: epoch}
	var later *objectRecord
	from := t.firstSequence(epoch)
	for done := false; last >= from && !done; {
		first := from
		if last-from >= readChunk {
			first = last - readChunk + 1
		}
		records, err := c.chunk(ctx, epoch, first, last, later)
		if err != nil {
			return nil, err
		}
		later, last = &records[0], first-1
		for _, r := range slices.Backward(records) {
			chain.Records = append(chain.Records, Record{Position: Position{Epoch: epoch, Sequence: r.sequence}, Payload: r.payload})
			if done = t.Enough != nil && t.Enough(r.payload); done {
				break
			}
		}
	}
	slices.Reverse(chain.Records)
	return chain, nil
}

// Recover implements [Chains]: an object that is there is durable.
func (c ObjectChains) Recover(ctx context.Context, epoch uint64, t Tail) (*Chain, error) {
	return c.Read(ctx, epoch, t)
}

// Create implements [Chains].
func (c ObjectChains) Create(ctx context.Context, epoch uint64) (Log, error) {
	if epoch == 0 || epoch > maxEpoch {
		return nil, fmt.Errorf("create log: epoch %d is not in 1 … %d", epoch, maxEpoch)
	}
	last, err := c.last(ctx, epoch, 0)
	if err != nil {
		return nil, err
	}
	if last > 0 {
		return nil, &store.OpError{Op: "create", Name: recordObject(epoch, 1), Err: store.ErrExists}
	}
	if err := failpoint.Hit(failpoint.LogCreate); err != nil {
		return nil, err
	}
	return &objectLog{store: c.Store, epoch: epoch, next: 1}, nil
}

// last is the sequence of the last record of a chain, of those up to one if that is not 0; 0: there is none.
func (c ObjectChains) last(ctx context.Context, epoch, upTo uint64) (uint64, error) {
	return highest(func(after uint64) (uint64, error) {
		sequence, err := nextNumber(ctx, c.Store, chainPrefix(epoch), recordObject(epoch, after), func(name string) uint64 {
			_, sequence := parseRecordObject(name)
			return sequence
		})
		if upTo > 0 && sequence > upTo {
			return 0, err
		}
		return sequence, err
	})
}

// chunk reads the records from first to last; later is the one behind, if there is one.
func (c ObjectChains) chunk(ctx context.Context, epoch, first, last uint64, later *objectRecord) ([]objectRecord, error) {
	var names []string
	for sequence := first; sequence <= last; sequence++ {
		names = append(names, recordObject(epoch, sequence))
	}
	data, err := c.Store.GetAll(ctx, names)
	if err != nil {
		return nil, lostRecord(err)
	}
	records := make([]objectRecord, len(names))
	for i := len(names) - 1; i >= 0; i-- {
		if records[i], err = decodeObject(names[i], data[i], epoch, first+uint64(i)); err != nil {
			return nil, err
		}
		if later != nil && later.before != records[i].sum {
			return nil, &CorruptionError{File: later.name, Offset: 20, Reason: fmt.Sprintf("record %d does not continue the record before it", later.sequence)}
		}
		later = &records[i]
	}
	if first == 1 && records[0].before != 0 {
		return nil, &CorruptionError{File: names[0], Offset: 20, Reason: "the first record continues another one"}
	}
	return records, nil
}

// lostRecord turns a record that is not there, although a later one is, into damage.
func lostRecord(err error) error {
	var op *store.OpError
	if errors.Is(err, store.ErrNotExist) && errors.As(err, &op) {
		return &CorruptionError{File: op.Name, Reason: "the record is missing, but a later one is there"}
	}
	return err
}

// objectRecord is a record and how it is tied to its neighbours.
type objectRecord struct {
	name     string
	sequence uint64
	before   uint32 // checksum of the record before
	sum      uint32
	payload  []byte
}

// encodeObject returns the content of a record's object and the record's checksum.
func encodeObject(epoch, sequence uint64, before uint32, payload []byte) ([]byte, uint32) {
	h := header{version, epoch, 0, before, sequence, uint32(headerBytes + recordBytes(len(payload)))}
	head := h.encode()
	return encodeRecord(head, record{sequence: sequence, chain: binary.LittleEndian.Uint32(head[headerBytes-4:]), tag: segmentTag(epoch, 0), payload: payload})
}

// decodeObject reads what encodeObject made. An object is whole or not there: all that is not as it should be is damage.
func decodeObject(name string, data []byte, epoch, sequence uint64) (objectRecord, error) {
	if err := checkFormat(name, data); err != nil {
		return objectRecord{}, err
	}
	if len(data) < headerBytes {
		return objectRecord{}, &CorruptionError{File: name, Offset: int64(len(data)), Reason: "the object ends inside its header"}
	}
	h, sum, intact := decodeHeader(data)
	switch {
	case !intact:
		return objectRecord{}, &CorruptionError{File: name, Reason: "the header's checksum does not match"}
	case h != header{version, epoch, 0, h.chain, sequence, h.capacity}:
		return objectRecord{}, &CorruptionError{File: name, Offset: 8, Reason: fmt.Sprintf("the header is that of epoch %d, record %d", h.epoch, h.sequence)}
	case int(h.capacity) != len(data):
		return objectRecord{}, &CorruptionError{File: name, Offset: int64(len(data)), Reason: fmt.Sprintf("the object has %d bytes, its header says %d", len(data), h.capacity)}
	}
	r, why := decodeRecord(data[headerBytes:])
	if why == "" {
		why = link{chain: sum, sequence: sequence}.misplaced(r, segmentTag(epoch, 0))
	}
	if why == "" && headerBytes+recordBytes(len(r.payload)) != len(data) {
		why = "something stands behind the record"
	}
	if why != "" {
		return objectRecord{}, &CorruptionError{File: name, Offset: headerBytes, Reason: why}
	}
	return objectRecord{name: name, sequence: sequence, before: h.chain, sum: r.sum, payload: r.payload}, nil
}

// objectLog is a [Log] that creates an object per record.
type objectLog struct {
	store store.Objects
	epoch uint64

	mu     sync.Mutex
	next   uint64 // sequence of the record to come
	before uint32 // checksum of the last record
	failed error  // set for good by the first failed append, or by Close
}

// Append implements [Log].
func (l *objectLog) Append(payload []byte) (Position, error) {
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
	return Position{Epoch: l.epoch, Sequence: l.next - 1}, nil
}

func (l *objectLog) append(payload []byte) error {
	if l.next > maxSequence {
		return fmt.Errorf("append to log of epoch %d: it holds %d records and takes no more", l.epoch, maxSequence)
	}
	data, sum := encodeObject(l.epoch, l.next, l.before, payload)
	if err := failpoint.Hit(failpoint.LogAppend); err != nil {
		return err
	}
	// No cancellation: a record that may or may not be there is no state to stop in. The store's own retries are bounded.
	if err := store.PutBytes(context.Background(), l.store, recordObject(l.epoch, l.next), data); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.LogSynced); err != nil {
		return err
	}
	l.next, l.before = l.next+1, sum
	return nil
}

// Close implements [Log].
func (l *objectLog) Close() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if errors.Is(l.failed, ErrClosed) {
		return nil
	}
	failed := l.failed
	if failed == nil {
		l.failed = ErrClosed
	}
	return failed
}

const maxSequence = 999_999_999_999

func chainPrefix(epoch uint64) string { return fmt.Sprintf("%s%0*d/", walPrefix, epochDigits, epoch) }

func recordObject(epoch, sequence uint64) string {
	return fmt.Sprintf("%s%0*d", chainPrefix(epoch), sequenceDigits, sequence)
}

// parseRecordObject reads an object's name; zeros for any that recordObject does not make.
func parseRecordObject(name string) (epoch, sequence uint64) {
	if len(name) != len(recordObject(1, 1)) {
		return 0, 0
	}
	at := len(walPrefix)
	epoch, err1 := strconv.ParseUint(name[at:at+epochDigits], 10, 64)
	sequence, err2 := strconv.ParseUint(name[at+epochDigits+1:], 10, 64)
	if err1 != nil || err2 != nil || recordObject(epoch, sequence) != name {
		return 0, 0
	}
	return epoch, sequence
}
