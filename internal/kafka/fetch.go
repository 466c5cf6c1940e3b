package kafka

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// FetchRequest asks for record batches of one partition.
type FetchRequest struct {
	Topic     string
	TopicID   [16]byte // zero: fetch by name. Only with the id does the broker refuse a topic made anew
	Partition int32
	Offset    int64 // the first one wanted; the answer may begin with a batch that holds earlier ones too
	Isolation Isolation
	MaxBytes  int32         // the first batch comes whole even if it is larger
	MaxWait   time.Duration // how long the broker waits for the first byte
	Buf       []byte        // reused for the answer; after an error it must not be used again
	AnswerMax int64         // a longer answer is an [AnswerTooLargeError]; 0: a gibibyte
}

// FetchAnswer is what the leader of a partition holds from an offset on.
type FetchAnswer struct {
	HighWatermark    int64        // first offset that not all in-sync replicas have
	LastStableOffset int64        // first offset of the first open transaction, else HighWatermark
	LogStart         int64        // first offset still there
	Aborted          []AbortedTxn // in the broker's order, which is not sorted
	Records          []byte       // whole record batches, the last may be cut; lies in Buf
	Buf              []byte       // FetchRequest.Buf, or its larger successor
}

// AbortedTxn is an aborted transaction that may have records in a fetch answer.
type AbortedTxn struct {
	ProducerID  int64
	FirstOffset int64 // of its records in the partition; an abort marker of the producer ends it
}

// Versions of Fetch: 11 is the last inflexible one with names only, taken by every broker from 2.3 to 4.x; 13 the first by topic id.
const (
	fetchByName = 11
	fetchByID   = 13
)

// Fetch asks the partition's leader. A broker that answers nothing because of a quota is asked again until ctx ends.
func (c *Client) Fetch(ctx context.Context, f FetchRequest) (*FetchAnswer, error) {
	leader, err := c.Leader(ctx, f.Topic, f.Partition)
	if err != nil {
		return nil, fmt.Errorf("find leader: %w", err)
	}
	version, err := c.fetchVersion(ctx, leader.Node, f.TopicID)
	if err != nil {
		return nil, err
	}
	for {
		res, throttled, err := c.fetchOnce(ctx, leader, version, &f)
		if err != nil {
			return nil, fmt.Errorf("fetch %s/%d at %d: %w", f.Topic, f.Partition, f.Offset, err)
		}
		if !throttled {
			return res, nil
		}
	}
}

func (c *Client) fetchVersion(ctx context.Context, node int32, id [16]byte) (int16, error) {
	if id == [16]byte{} {
		return fetchByName, nil
	}
	highest, err := c.versionMax(ctx, node, protocol.Fetch)
	if err != nil {
		return 0, err
	}
	if highest >= fetchByID {
		return fetchByID, nil
	}
	return fetchByName, nil
}

func (c *Client) fetchOnce(ctx context.Context, leader Leader, version int16, f *FetchRequest) (res *FetchAnswer, throttled bool, err error) {
	flexible := version >= fetchByID
	raw, err := c.send(ctx, call{
		node: leader.Node, key: protocol.Fetch, version: version, flexible: flexible, wait: f.MaxWait, buf: f.Buf, most: f.AnswerMax,
		body: func(r *request) { writeFetch(r, leader.Epoch, f) },
	})
	if err != nil {
		return nil, false, err
	}
	f.Buf = raw.buf
	a := answer{b: raw.body, flexible: flexible}
	held := c.throttle(leader.Node, &a)
	res, err = parseFetch(&a)
	var code Code
	switch {
	case errors.As(err, &code):
		return nil, false, c.denied(code, resources{operation: "Read", topic: f.Topic})
	case err != nil:
		return nil, false, err
	case res == nil && held == 0:
		return nil, false, fmt.Errorf("%w: no partition in it", errShortAnswer)
	case res == nil:
		return nil, true, nil // a quota: no topics at all, and no error
	}
	res.Buf = raw.buf
	return res, false, nil
}

func writeFetch(r *request, epoch int32, f *FetchRequest) {
	r.int32(-1) // not a replica
	r.int32(int32(f.MaxWait / time.Millisecond))
	r.int32(1) // answer as soon as there is one byte
	r.int32(f.MaxBytes)
	r.int8(int8(f.Isolation))
	r.int32(0)  // no fetch session,
	r.int32(-1) // and none wanted
	r.array(1)
	if r.flexible {
		r.uuid(f.TopicID)
	} else {
		r.string(f.Topic)
	}
	r.array(1)
	writeFetchPartition(r, epoch, f)
	r.tags()
	r.array(0)   // no forgotten topics
	r.string("") // no rack: the leader answers
	r.tags()
}

func writeFetchPartition(r *request, epoch int32, f *FetchRequest) {
	r.int32(f.Partition)
	r.int32(epoch)
	r.int64(f.Offset)
	if r.flexible {
		r.int32(-1) // epoch of the last fetched record: divergence shows as offset out of range
	}
	r.int64(-1) // log start: for replicas
	r.int32(f.MaxBytes)
	r.tags()
}

// parseFetch returns nil if the answer holds no topics.
func parseFetch(a *answer) (*FetchAnswer, error) {
	if code := Code(a.int16()); code != 0 {
		return nil, code
	}
	a.int32() // session
	var res *FetchAnswer
	var code Code
	a.each(func() {
		if a.flexible {
			a.uuid()
		} else {
			a.string()
		}
		a.each(func() { res, code = parseFetchPartition(a) })
		a.tags()
	})
	switch {
	case a.err != nil:
		return nil, a.err
	case code != 0:
		return nil, code
	}
	return res, nil
}

func parseFetchPartition(a *answer) (*FetchAnswer, Code) {
	a.int32() // partition
	code := Code(a.int16())
	res := &FetchAnswer{HighWatermark: a.int64(), LastStableOffset: a.int64(), LogStart: a.int64()}
	a.each(func() {
		res.Aborted = append(res.Aborted, AbortedTxn{ProducerID: a.int64(), FirstOffset: a.int64()})
		a.tags()
	})
	a.int32() // preferred read replica
	res.Records = a.bytes()
	a.tags()
	return res, code
}
