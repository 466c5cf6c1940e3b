package kafka

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/segmentio/kafka-go/protocol"
)

// anyBroker routes a request to whichever bootstrap broker answers.
const anyBroker = -1

// answerBytesMax bounds what one answer may hold. Brokers cap fetch answers at 55 MiB plus one batch.
const answerBytesMax = 1 << 30

// exchange is one request that writes its own bytes and reads the answer into a buffer of ours. It is what
// kafka-go's Transport carries: the Transport brings connections, TLS and SASL, and nothing of its own encoding.
type exchange struct {
	ctx           context.Context
	key           protocol.ApiKey
	node          int32 // broker id, or anyBroker
	flexible      bool  // the answer's header ends with tagged fields
	correlationID int32
	frame         []byte // the request with its length in front
	addr          string // of the broker, host:port, once the Transport has found it; empty for anyBroker
	buf           []byte // reused for the answer; owned by the exchange until it returns without error
	most          int64  // bytes of the answer; 0: answerBytesMax
}

// rawAnswer is an answer without length and header; body lies in buf.
type rawAnswer struct {
	key       protocol.ApiKey
	buf, body []byte
}

// ApiKey implements protocol.Message.
func (r *rawAnswer) ApiKey() protocol.ApiKey { return r.key }

// ApiKey implements protocol.Message.
func (x *exchange) ApiKey() protocol.ApiKey { return x.key }

// Required implements protocol.RawExchanger.
func (x *exchange) Required(map[protocol.ApiKey]int16) bool { return true }

// Broker implements protocol.BrokerMessage. Leaders come from our own metadata, so that only the broker's address is
// taken from the Transport's cache.
func (x *exchange) Broker(cluster protocol.Cluster) (protocol.Broker, error) {
	if x.node == anyBroker {
		return protocol.Broker{ID: anyBroker}, nil
	}
	b, ok := cluster.Brokers[x.node]
	if !ok {
		return b, kafkago.BrokerNotAvailable
	}
	x.addr = net.JoinHostPort(b.Host, strconv.Itoa(int(b.Port)))
	return b, nil
}

// RawExchange implements protocol.RawExchanger.
func (x *exchange) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	release := x.abortOnCancel(rw)
	res, err := x.roundTrip(rw)
	if !release() {
		return nil, context.Cause(x.ctx)
	}
	return res, err
}

// abortOnCancel makes a cancelled context end reads and writes under way at once: the Transport itself only looks at
// deadlines. The returned function says whether the connection is still good.
func (x *exchange) abortOnCancel(rw io.ReadWriter) func() bool {
	conn, ok := rw.(interface{ SetDeadline(time.Time) error })
	if !ok {
		return func() bool { return true }
	}
	return context.AfterFunc(x.ctx, func() { conn.SetDeadline(time.Unix(1, 0)) })
}

func (x *exchange) roundTrip(rw io.ReadWriter) (*rawAnswer, error) {
	if _, err := rw.Write(x.frame); err != nil {
		return nil, err
	}
	return x.readAnswer(rw)
}

func (x *exchange) readAnswer(rw io.Reader) (*rawAnswer, error) {
	var head [4]byte
	if _, err := io.ReadFull(rw, head[:]); err != nil {
		return nil, err
	}
	size := int(binary.BigEndian.Uint32(head[:]))
	if size < 4 || size > answerBytesMax {
		return nil, fmt.Errorf("%w: %d bytes long", errShortAnswer, size)
	}
	if x.most > 0 && int64(size) > x.most {
		return nil, &AnswerTooLargeError{Bytes: int64(size), Most: x.most}
	}
	buf := sized(x.buf, size)
	if _, err := io.ReadFull(rw, buf); err != nil {
		return nil, err
	}
	a := answer{b: buf, flexible: x.flexible}
	if id := a.int32(); id != x.correlationID {
		return nil, fmt.Errorf("%w: answers request %d instead of %d", errShortAnswer, id, x.correlationID)
	}
	a.tags()
	return &rawAnswer{key: x.key, buf: buf, body: a.b}, a.err
}

// newRequest starts a frame: length (set by finish) and request header version 1, or 2 if flexible.
func newRequest(key protocol.ApiKey, version int16, flexible bool, correlationID int32, clientID string) *request {
	r := &request{b: make([]byte, 4, 256)}
	r.int16(int16(key))
	r.int16(version)
	r.int32(correlationID)
	r.string(clientID) // not compact in either header version
	r.flexible = flexible
	r.tags()
	return r
}

// finish sets the frame's length.
func (r *request) finish() []byte {
	binary.BigEndian.PutUint32(r.b, uint32(len(r.b)-4))
	return r.b
}

// sized returns buf with length n, and at least Slack bytes of capacity behind it.
func sized(buf []byte, n int) []byte {
	if cap(buf) < n+Slack {
		buf = make([]byte, n+AnswerSpare(n))
	}
	return buf[:n]
}

// AnswerSpare is how much larger than an answer of n bytes the buffer is that is made for it.
func AnswerSpare(n int) int { return n/8 + Slack }
