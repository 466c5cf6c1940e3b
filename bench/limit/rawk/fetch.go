package rawk

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/segmentio/kafka-go/protocol"
)

// FetchRequest asks for one partition.
type FetchRequest struct {
	Topic     string
	Partition int32
	Offset    int64
	MaxWaitMs int32
	MinBytes  int32
	MaxBytes  int32
	Isolation int8
	Epoch     int32 // CurrentLeaderEpoch, -1 = unknown
	Rack      string
	Buf       []byte // reused for the response

	version int16
}

// ApiKey is part of protocol.Message.
func (r *FetchRequest) ApiKey() protocol.ApiKey { return protocol.Fetch }

// Broker finds the leader.
func (r *FetchRequest) Broker(c protocol.Cluster) (protocol.Broker, error) {
	t, ok := c.Topics[r.Topic]
	if !ok {
		return protocol.Broker{ID: -1}, protocol.NewErrNoTopic(r.Topic)
	}
	p, ok := t.Partitions[r.Partition]
	if !ok {
		return protocol.Broker{ID: -1}, protocol.NewErrNoPartition(r.Topic, r.Partition)
	}
	b, ok := c.Brokers[p.Leader]
	if !ok {
		return protocol.Broker{ID: -1}, protocol.NewErrNoLeader(r.Topic, r.Partition)
	}
	return b, nil
}

// Required learns the version that the broker and the library agree on.
func (r *FetchRequest) Required(v map[protocol.ApiKey]int16) bool {
	r.version = v[protocol.Fetch]
	return true
}

func be16(b []byte, v int16) []byte { return binary.BigEndian.AppendUint16(b, uint16(v)) }
func be32(b []byte, v int32) []byte { return binary.BigEndian.AppendUint32(b, uint32(v)) }
func be64(b []byte, v int64) []byte { return binary.BigEndian.AppendUint64(b, uint64(v)) }
func bstr(b []byte, s string) []byte {
	return append(be16(b, int16(len(s))), s...)
}

// AbortedTxn is a transaction whose records do not count.
type AbortedTxn struct {
	ProducerID  int64
	FirstOffset int64
}

// FetchResponse is the answer; its memory is that of the request.
type FetchResponse struct {
	Buf            []byte // whole response, hand back to the pool when done
	ErrorCode      int16
	PartitionError int16
	HighWatermark  int64
	LSO            int64
	LogStart       int64
	Aborted        []AbortedTxn
	Records        []byte // raw record batches, a sub-slice of Buf
}

// ApiKey is part of protocol.Message.
func (*FetchResponse) ApiKey() protocol.ApiKey { return protocol.Fetch }

// RawExchange sends the request and reads the answer over rw, the connection of the Transport.
func (r *FetchRequest) RawExchange(rw io.ReadWriter) (protocol.Message, error) {
	v := r.version
	if v < 4 {
		return nil, fmt.Errorf("fetch v%d", v)
	}
	var a [256]byte
	b := be32(a[:0], 0)
	b = be16(b, int16(protocol.Fetch))
	b = be16(b, v)
	b = be32(b, 7) // correlation id: one request in flight per pooled conn
	b = bstr(b, "rawk")
	b = be32(b, -1)
	b = be32(b, r.MaxWaitMs)
	b = be32(b, r.MinBytes)
	b = be32(b, r.MaxBytes)
	b = append(b, byte(r.Isolation))
	if v >= 7 {
		b = be32(b, 0)
		b = be32(b, -1)
	}
	b = be32(b, 1)
	b = bstr(b, r.Topic)
	b = be32(b, 1)
	b = be32(b, r.Partition)
	if v >= 9 {
		b = be32(b, r.Epoch)
	}
	b = be64(b, r.Offset)
	if v >= 5 {
		b = be64(b, -1)
	}
	b = be32(b, r.MaxBytes)
	if v >= 7 {
		b = be32(b, 0)
	}
	if v >= 11 {
		b = bstr(b, r.Rack)
	}
	binary.BigEndian.PutUint32(b, uint32(len(b)-4))
	if _, err := rw.Write(b); err != nil {
		return nil, err
	}
	var sz [4]byte
	if _, err := io.ReadFull(rw, sz[:]); err != nil {
		return nil, err
	}
	n := int(binary.BigEndian.Uint32(sz[:]))
	if n < 8 || n > 1<<30 {
		return nil, fmt.Errorf("bad response size %d", n)
	}
	buf := r.Buf
	if cap(buf) < n {
		buf = make([]byte, n+n/8)
	}
	buf = buf[:n]
	if _, err := io.ReadFull(rw, buf); err != nil {
		return nil, err
	}
	res := &FetchResponse{Buf: buf}
	d := dec{b: buf}
	if id := d.i32(); id != 7 {
		return nil, errors.New("correlation id")
	}
	d.i32() // throttle
	if v >= 7 {
		res.ErrorCode = d.i16()
		d.i32()
	}
	if nt := d.i32(); nt == 0 && d.err == nil {
		return res, nil
	}
	d.skip(int(d.i16()))
	d.i32()
	d.i32()
	res.PartitionError = d.i16()
	res.HighWatermark = d.i64()
	res.LSO = d.i64()
	if v >= 5 {
		res.LogStart = d.i64()
	}
	if na := d.i32(); na > 0 {
		res.Aborted = make([]AbortedTxn, na)
		for i := range res.Aborted {
			res.Aborted[i] = AbortedTxn{d.i64(), d.i64()}
		}
	}
	if v >= 11 {
		d.i32()
	}
	rl := int(d.i32())
	if d.err != nil {
		return nil, d.err
	}
	if rl > 0 {
		if rl > len(d.b) {
			rl = len(d.b)
		}
		res.Records = d.b[:rl]
	}
	return res, nil
}

type dec struct {
	b   []byte
	err error
}

func (d *dec) take(n int) []byte {
	if n < 0 || len(d.b) < n {
		d.err = io.ErrUnexpectedEOF
		d.b = nil
		return make([]byte, 8)
	}
	x := d.b[:n]
	d.b = d.b[n:]
	return x
}
func (d *dec) skip(n int) { d.take(n) }
func (d *dec) i16() int16 { return int16(binary.BigEndian.Uint16(d.take(2))) }
func (d *dec) i32() int32 { return int32(binary.BigEndian.Uint32(d.take(4))) }
func (d *dec) i64() int64 { return int64(binary.BigEndian.Uint64(d.take(8))) }

var (
	_ protocol.BrokerMessage = (*FetchRequest)(nil)
	_ protocol.RawExchanger  = (*FetchRequest)(nil)
)
