package kafka

import (
	"fmt"
	"math/rand/v2"
	"strconv"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/kafka"
)

// event is one of the Yahoo Streaming Benchmark.
type event struct {
	user, page, ad, adType, kind string
	ms                           int64
}

// events makes the same events at every call.
func events(n int) []event {
	rng := rand.New(rand.NewPCG(1, 2))
	ids := func(n int) (out []string) {
		for range n {
			a, b := rng.Uint64(), rng.Uint64()
			out = append(out, fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", uint32(a>>32), uint16(a>>16), uint16(a), uint16(b>>48), b&0xffff_ffff_ffff))
		}
		return out
	}
	users, pages, ads := ids(100), ids(100), ids(1000)
	out := make([]event, n)
	for i := range out {
		x := rng.Uint64()
		out[i] = event{users[x>>40%100], pages[x>>50%100], ads[x%1000], []string{"banner", "modal", "sponsored-search", "mail", "mobile"}[x>>32%5],
			[]string{"view", "click", "purchase"}[x>>20%3], 1_700_000_000_000 + int64(i/100)}
	}
	return out
}

// json is the event as a generator writes it, some 250 bytes.
func (e event) json(b []byte) []byte {
	for _, f := range [...][2]string{{`{"user_id": "`, e.user}, {`", "page_id": "`, e.page}, {`", "ad_id": "`, e.ad}, {`", "ad_type": "`, e.adType},
		{`", "event_type": "`, e.kind}, {`", "event_time": "`, ""}} {
		b = append(append(b, f[0]...), f[1]...)
	}
	b = strconv.AppendInt(b, e.ms, 10)
	return append(b, `", "ip_address": "1.2.3.4"}`...)
}

const valueBytes = 207

// values are events as JSON of 207 bytes each, one behind the other.
func values(n int) [][]byte {
	out := make([][]byte, n)
	for i, e := range events(n) {
		out[i] = fmt.Appendf(nil, `{"user_id":"%s","page_id":"%s","ad_id":"%s","ad_type":"%s","event_type":"%s","event_time":%d}`,
			e.user, e.page, e.ad, e.adType, e.kind, e.ms)
		for len(out[i]) < valueBytes {
			out[i] = append(out[i], ' ')
		}
		out[i] = out[i][:valueBytes]
	}
	return out
}

// columnsOf are the events in columns.
func columnsOf(events []event) *columnar.Batch {
	text, bigint := columnar.Type{Kind: columnar.String}, columnar.Type{Kind: columnar.Int64}
	names := []string{"user_id", "page_id", "ad_id", "ad_type", "event_type"}
	fields := make([]columnar.Field, len(names), len(names)+1)
	builders := make([]*columnar.Builder, len(names))
	for i, name := range names {
		fields[i], builders[i] = columnar.Field{Name: name, Type: text}, columnar.NewBuilder(text)
	}
	times := columnar.NewBuilder(bigint)
	for _, e := range events {
		for i, v := range []string{e.user, e.page, e.ad, e.adType, e.kind} {
			builders[i].AppendString(v)
		}
		times.AppendInt64(e.ms)
	}
	rows := &columnar.Batch{Schema: columnar.NewSchema(append(fields, columnar.Field{Name: "event_time", Type: bigint})...), Rows: len(events)}
	for _, b := range append(builders, times) {
		rows.Cols = append(rows.Cols, b.Vector())
	}
	return rows
}

// batchBytes is how large record batches are, uncompressed, for all contenders.
const batchBytes = 128 << 10

// encoder cuts values into record batches of the partitions in turn.
type encoder struct {
	topic      string
	compressor *kafka.Compressor
	writer     kafka.BatchWriter
	partition  int32
	batches    []kafka.ProduceBatch
}

func newEncoder(b *testing.B, topic string, codec kafka.Codec) *encoder {
	b.Helper()
	c, err := kafka.NewCompressor(codec, 0)
	if err != nil {
		b.Fatal(err)
	}
	return &encoder{topic: topic, compressor: c}
}

func (e *encoder) add(b *testing.B, ms int64, value []byte) {
	if e.writer.SizeWith(ms, nil, value, nil) > batchBytes {
		e.cut(b)
	}
	e.writer.Append(ms, nil, value, nil)
}

// cut ends the batch under way.
func (e *encoder) cut(b *testing.B) {
	if e.writer.Count() == 0 {
		return
	}
	batch, err := e.writer.Finish(e.compressor)
	if err != nil {
		b.Fatal(err)
	}
	e.batches = append(e.batches, kafka.ProduceBatch{Topic: e.topic, Partition: e.partition, Batch: batch})
	e.partition = (e.partition + 1) % partitions
}

// send writes what was cut and takes its memory back.
func (e *encoder) send(b *testing.B, p *kafka.Producer) {
	e.cut(b)
	if err := p.Produce(b.Context(), e.batches); err != nil {
		b.Fatal(err)
	}
	for _, batch := range e.batches {
		e.compressor.Recycle(batch.Batch)
	}
	e.batches = e.batches[:0]
}

const partitions = 2

func producer(b *testing.B, c *kafka.Client, id string) *kafka.Producer {
	b.Helper()
	p := c.NewProducer(kafka.ProducerOptions{TransactionalID: id})
	if err := p.Init(b.Context()); err != nil {
		b.Fatal(err)
	}
	return p
}

func client(b *testing.B, addr string) *kafka.Client {
	b.Helper()
	c, err := kafka.NewClient(kafka.Options{Brokers: []string{addr}})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(c.Close)
	return c
}
