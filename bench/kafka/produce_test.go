package kafka

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/output"
)

// microBatch is how many records are published at a time.
const microBatch = 100_000

var codecs = map[kafka.Codec]kgo.CompressionCodec{kafka.None: kgo.NoCompression(), kafka.LZ4: kgo.Lz4Compression()}

// target is a topic that is made anew for each run, so that the disk does not fill.
type target struct {
	b      *testing.B
	broker *kafkatest.Broker
	topic  string
}

func (t *target) renew() {
	admin := kadm.NewClient(t.broker.Client(t.b))
	if t.topic != "" {
		if _, err := admin.DeleteTopics(t.b.Context(), t.topic); err != nil {
			t.b.Fatal(err)
		}
	}
	t.topic = t.broker.Topic(t.b, partitions)
}

// BenchmarkProduce writes values that are encoded already, in record batches of equal size: exactly once, a transaction
// for every 100,000, against franz-go's idempotent producer.
func BenchmarkProduce(b *testing.B) {
	for _, codec := range []kafka.Codec{kafka.None, kafka.LZ4} {
		b.Run(codec.String(), func(b *testing.B) {
			broker := kafkatest.Start(b)
			all := values(records())
			t := &target{b: b, broker: broker}
			c := client(b, broker.Addr)
			compare(b,
				contender{"millrace", t.renew, func() int {
					return produce(b, c, newEncoder(b, t.topic, codec), all, microBatch, "bench-"+codec.String())
				}},
				contender{"franz-go", t.renew, func() int { return produceFranz(b, broker, t.topic, codecs[codec], all) }},
			)
		})
	}
}

// produce publishes the values, so many at a time; id "" means at least once.
func produce(b *testing.B, c *kafka.Client, e *encoder, all [][]byte, atATime int, id string) int {
	p := producer(b, c, id)
	for from := 0; from < len(all); from += atATime {
		publish(b, p, e, all[from:min(from+atATime, len(all))], id != "")
	}
	return len(all)
}

func publish(b *testing.B, p *kafka.Producer, e *encoder, some [][]byte, commit bool) {
	for i, v := range some {
		e.add(b, 1_700_000_000_000+int64(i), v)
	}
	e.send(b, p)
	if !commit {
		return
	}
	if err := p.Commit(b.Context(), e.topic, kafka.CommitRecord{Batch: 1, Metadata: "bench"}); err != nil {
		b.Fatal(err)
	}
}

func produceFranz(b *testing.B, broker *kafkatest.Broker, topic string, codec kgo.CompressionCodec, all [][]byte) int {
	c, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr), kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(batchBytes),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MaxBufferedRecords(microBatch), kgo.ProducerLinger(10*time.Millisecond))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	var failed atomic.Pointer[error]
	for i, v := range all {
		c.Produce(b.Context(), &kgo.Record{Topic: topic, Partition: int32(i % partitions), Value: v}, func(_ *kgo.Record, err error) {
			if err != nil {
				failed.Store(&err)
			}
		})
	}
	if err := c.Flush(b.Context()); err != nil {
		b.Fatal(err)
	}
	if err := failed.Load(); err != nil {
		b.Fatal(*err)
	}
	return len(all)
}

// BenchmarkExactlyOnce is what transactions cost: batches of 500,000 records, as at 500,000 a second and an interval of
// a second, and of 10,000. It prints how many milliseconds of processor time a batch takes more, too.
func BenchmarkExactlyOnce(b *testing.B) {
	for _, test := range []struct{ atATime, batches int }{{500_000, 2}, {10_000, 20}} {
		b.Run(fmt.Sprint(test.atATime), func(b *testing.B) {
			broker := kafkatest.Start(b)
			all := values(min(records(), test.atATime))
			t := &target{b: b, broker: broker}
			c := client(b, broker.Addr)
			run := func(id string) func() int {
				return func() int {
					e := newEncoder(b, t.topic, kafka.LZ4)
					p := producer(b, c, id)
					for range test.batches {
						publish(b, p, e, all, id != "")
					}
					return test.batches * len(all)
				}
			}
			runs := compare(b, contender{"exactly-once", t.renew, run("bench-once")}, contender{"at-least-once", t.renew, run("")})
			var more []float64
			for i, once := range runs[0] {
				more = append(more, (once.cpuNs-runs[1][i].cpuNs)*float64(len(all))/1e6)
			}
			b.ReportMetric(medianOf(more), "more-cpu-ms/batch")
		})
	}
}

// BenchmarkEncode is what comes before: record batches from values, and from columns as JSON. Nothing is sent.
func BenchmarkEncode(b *testing.B) {
	all := values(100_000)
	for _, codec := range []kafka.Codec{kafka.None, kafka.LZ4} {
		b.Run("values/"+codec.String(), func(b *testing.B) {
			e := newEncoder(b, "none", codec)
			compare(b, contender{"millrace", nil, func() int {
				for i, v := range all {
					e.add(b, int64(i), v)
				}
				e.cut(b)
				for _, batch := range e.batches {
					e.compressor.Recycle(batch.Batch)
				}
				e.batches = e.batches[:0]
				return len(all)
			}})
		})
		b.Run("columns/"+codec.String(), func(b *testing.B) { encodeColumns(b, codec) })
	}
}

type clock struct{}

func (clock) Now() time.Time { return time.Now() }
func (clock) Wait(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func encodeColumns(b *testing.B, codec kafka.Codec) {
	broker := kafkatest.Start(b)
	cluster, err := output.DialKafka(kafka.Cluster{Brokers: []string{broker.Addr}})
	if err != nil {
		b.Fatal(err)
	}
	rows := columnsOf(events(8_000))
	columns := make([]int, len(rows.Cols))
	for i := range columns {
		columns[i] = i
	}
	sink, err := output.OpenKafka(b.Context(), cluster, output.KafkaConfig{
		Sink: "bench", Topic: broker.Topic(b, partitions), Layout: output.Layout{Schema: rows.Schema, Columns: columns}, Value: -1, Timestamp: -1,
		NoHeaders: true, Compression: codec.String(), MaxMessageBytes: batchBytes, AtLeastOnce: true,
		Opening: output.Opening{Owner: output.Owner{Job: "bench", Checkpoint: "bench"}, Clock: clock{}, Lead: func() error { return nil }},
	})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { sink.Close() })
	const times = 12
	shard := []output.Shard{{}}
	for range times {
		shard[0].Rows = append(shard[0].Rows, &columnar.Batch{Schema: rows.Schema, Cols: rows.Cols, Rows: rows.Rows})
	}
	compare(b, contender{"millrace", nil, func() int {
		info := output.BatchInfo{Job: "bench", Batch: 1, PlanTime: 1_700_000_000_000_000, Shards: 1}
		if _, err := sink.Prepare(b.Context(), info, shard, nil); err != nil {
			b.Fatal(err)
		}
		return times * rows.Rows
	}})
}
