package kafka

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"slices"
	"time"

	"github.com/segmentio/kafka-go/protocol"
)

// ProduceBatch is a batch and where it goes.
type ProduceBatch struct {
	Topic     string
	Partition int32
	Batch     EncodedBatch
}

func (b *ProduceBatch) key() partitionKey { return partitionKey{b.Topic, b.Partition} }

// sequenced is a batch with the number of its first record, by which the leader knows a batch that comes twice.
type sequenced struct {
	ProduceBatch
	sequence int32
	number   int // of the batch in its queue
}

// ackTimeout is how long a leader waits for its followers.
const ackTimeout = 10 * time.Second

// copiedMax is up to which size a payload is copied into the request: writing a small piece costs more than copying it.
const copiedMax = 8 << 10

// frame is a request in pieces: what we encode, and payloads that stay where they are.
type frame struct {
	pieces [][]byte
	r      *request
}

func (f *frame) payload(p []byte) {
	if len(p) <= copiedMax {
		f.r.b = append(f.r.b, p...)
		return
	}
	f.pieces = append(f.pieces, f.r.b, p)
	f.r.b = make([]byte, 0, 256)
}

// finish sets the frame's length.
func (f *frame) finish() [][]byte {
	f.pieces = append(f.pieces, f.r.b)
	size := -4
	for _, p := range f.pieces {
		size += len(p)
	}
	binary.BigEndian.PutUint32(f.pieces[0], uint32(size))
	return f.pieces
}

// produceFrame encodes one request. It holds at most one batch of each partition, which is all that brokers take.
func produceFrame(r *request, transactionalID string, by sender, batches []sequenced) [][]byte {
	f := frame{r: r}
	if transactionalID == "" {
		r.null()
	} else {
		r.string(transactionalID)
	}
	r.int16(-1) // all in-sync replicas
	r.int32(int32(ackTimeout / time.Millisecond))
	slices.SortStableFunc(batches, func(a, b sequenced) int { return a.key().compare(b.key()) })
	topics := slices.Collect(batchRuns(batches))
	r.array(len(topics))
	for _, run := range topics {
		r.string(run[0].Topic)
		r.array(len(run))
		for i := range run {
			b := &run[i]
			r.int32(b.Partition)
			r.array(b.Batch.Size()) // bytes have their length as arrays do
			r.b = b.Batch.appendHeader(r.b, by, b.sequence)
			f.payload(b.Batch.payload)
			r.tags()
		}
		r.tags()
	}
	r.tags()
	return f.finish()
}

func (k partitionKey) compare(other partitionKey) int {
	return cmp.Or(cmp.Compare(k.topic, other.topic), cmp.Compare(k.partition, other.partition))
}

// batchRuns yields the batches of one topic after the other.
func batchRuns(batches []sequenced) iter.Seq[[]sequenced] {
	return runs(batches, func(b *sequenced) string { return b.Topic })
}

func topicRuns(keys []partitionKey) iter.Seq[[]partitionKey] {
	return runs(keys, func(k *partitionKey) string { return k.topic })
}

// runs yields the stretches of s whose topics are equal.
func runs[T any](s []T, topic func(*T) string) iter.Seq[[]T] {
	return func(yield func([]T) bool) {
		for len(s) > 0 {
			n := 1
			for n < len(s) && topic(&s[n]) == topic(&s[0]) {
				n++
			}
			if !yield(s[:n:n]) {
				return
			}
			s = s[n:]
		}
	}
}

// produced is what a leader says about one batch.
type produced struct {
	code Code
	text string
}

func parseProduce(a *answer) (map[partitionKey]produced, error) {
	found := map[partitionKey]produced{}
	a.each(func() {
		topic := a.string()
		a.each(func() {
			key := partitionKey{topic, a.int32()}
			found[key] = parseProduced(a)
		})
		a.tags()
	})
	return found, a.err
}

func parseProduced(a *answer) produced {
	p := produced{code: Code(a.int16())}
	a.int64() // base offset
	a.int64() // the broker's time
	a.int64() // log start
	a.each(func() {
		a.int32() // record in the batch
		if text := a.string(); p.text == "" {
			p.text = text
		}
		a.tags()
	})
	if text := a.string(); text != "" {
		p.text = text
	}
	a.tags()
	return p
}

// pipeline is an exchange of several requests on one connection: all are written before the first answer is read.
// Brokers work on the requests of one connection one after the other, so that the batches of a partition stay in order.
type pipeline struct {
	exchange
	first  int32 // correlation id of the first request; the others follow
	frames [][][]byte
}

// pipelined are the answers to the requests of a pipeline, in their order.
type pipelined struct {
	key     protocol.ApiKey
	answers []*rawAnswer
}

// ApiKey implements protocol.Message.
func (p *pipelined) ApiKey() protocol.ApiKey { return p.key }

// RawExchange implements protocol.RawExchanger.
func (x *pipeline) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	release := x.abortOnCancel(rw)
	res, err := x.roundTrips(rw)
	if !release() {
		return nil, context.Cause(x.ctx)
	}
	return res, err
}

func (x *pipeline) roundTrips(rw io.ReadWriter) (*pipelined, error) {
	for _, pieces := range x.frames {
		for _, p := range pieces {
			if _, err := rw.Write(p); err != nil {
				return nil, err
			}
		}
	}
	res := &pipelined{key: x.key}
	for i := range x.frames {
		one := exchange{ctx: x.ctx, key: x.key, flexible: x.flexible, correlationID: x.first + int32(i)}
		a, err := one.readAnswer(rw)
		if err != nil {
			return nil, err
		}
		res.answers = append(res.answers, a)
	}
	return res, nil
}

// produce sends requests to one leader and returns its answers, one a request. After an error nothing is known of any
// of them, and payloads may still be read for a moment.
func (c *Client) produce(ctx context.Context, node int32, version int16, transactionalID string, by sender, requests [][]sequenced) ([]map[partitionKey]produced, error) {
	flexible := version >= newStyle.produce
	first := c.correlationID.Add(int32(len(requests))) - int32(len(requests)) + 1
	x := &pipeline{first: first, exchange: exchange{key: protocol.Produce, node: node, flexible: flexible}}
	for i, batches := range requests {
		r := newRequest(protocol.Produce, version, flexible, first+int32(i), c.opts.ClientID)
		x.frames = append(x.frames, produceFrame(r, transactionalID, by, batches))
	}
	limit := c.opts.RequestTimeout + ackTimeout + c.mutedFor(node) + c.dialer.tokenTime()
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	x.ctx = ctx
	m, err := c.transport.RoundTrip(ctx, bootstrap{}, x)
	if err != nil {
		return nil, c.explain(&x.exchange, limit, err)
	}
	var out []map[partitionKey]produced
	for i, raw := range m.(*pipelined).answers {
		a := answer{b: raw.body, flexible: flexible}
		found, err := parseProduce(&a)
		c.throttle(node, &a) // here it comes last
		if err == nil && a.err == nil && len(found) < len(requests[i]) {
			err = fmt.Errorf("%w: %d of %d partitions left out", errShortAnswer, len(requests[i])-len(found), len(requests[i]))
		}
		if err = cmp.Or(err, a.err); err != nil {
			return nil, fmt.Errorf("broker %d: %w", node, err)
		}
		out = append(out, found)
	}
	return out, nil
}
