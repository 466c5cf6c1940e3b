package kafka

import (
	"errors"
	"io"
	"sync"
	"testing"
	"time"

	kafkago "github.com/segmentio/kafka-go"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/offsets"
)

const fetchBytes = 4 << 20

// BenchmarkFetch reads events without decoding them: against a bare loop (fetch, checksum, decompress, walk the
// records), against franz-go's PollFetches and kafka-go's Reader. Each reads the two partitions side by side.
func BenchmarkFetch(b *testing.B) {
	for _, codec := range []kafka.Codec{kafka.None, kafka.LZ4, kafka.Zstd} {
		b.Run(codec.String(), func(b *testing.B) {
			broker := kafkatest.Start(b)
			topic := fill(b, broker, codec)
			source := offsets.NewKafka(client(b, broker.Addr), offsets.KafkaOptions{Source: "bench", Topics: []string{topic}, FetchBytes: fetchBytes})
			states, err := source.Partitions(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			compare(b,
				contender{"millrace", nil, func() int {
					return sideBySide(states, func(s offsets.PartitionState) int { return read(b, source, s) })
				}},
				contender{"bare", nil, func() int {
					return sideBySide(states, func(s offsets.PartitionState) int { return readBare(b, broker.Addr, s) })
				}},
				contender{"franz-go", nil, func() int { return readFranz(b, broker, topic) }},
				contender{"kafka-go", nil, func() int {
					return sideBySide(states, func(s offsets.PartitionState) int { return readKafkaGo(b, broker.Addr, s) })
				}},
			)
		})
	}
}

// fill makes a topic of events.
func fill(b *testing.B, broker *kafkatest.Broker, codec kafka.Codec) string {
	b.Helper()
	return fillTimes(b, broker, codec, 1)
}

// fillTimes makes a topic that has the events so many times.
func fillTimes(b *testing.B, broker *kafkatest.Broker, codec kafka.Codec, times int) string {
	b.Helper()
	topic := broker.Topic(b, partitions, "segment.bytes=1073741824")
	p := producer(b, client(b, broker.Addr), "")
	e := newEncoder(b, topic, codec)
	var value []byte
	all := events(records())
	for range times {
		for i, ev := range all {
			value = ev.json(value[:0])
			e.add(b, ev.ms, value)
			if i%microBatch == 0 {
				e.send(b, p)
			}
		}
	}
	e.send(b, p)
	return topic
}

func sideBySide(states []offsets.PartitionState, read func(offsets.PartitionState) int) (records int) {
	var wg sync.WaitGroup
	counts := make([]int, len(states))
	for i, s := range states {
		wg.Go(func() { counts[i] = read(s) })
	}
	wg.Wait()
	for _, n := range counts {
		records += n
	}
	return records
}

func read(b *testing.B, source offsets.Source, s offsets.PartitionState) (n int) {
	r, err := source.Read(b.Context(), offsets.Range{Source: "bench", Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition, Until: s.End, LeaderEpoch: s.LeaderEpoch})
	if err != nil {
		b.Error(err)
		return 0
	}
	defer r.Close()
	var recs offsets.Records
	for {
		err := r.Next(b.Context(), &recs)
		if errors.Is(err, io.EOF) {
			return n
		}
		if err != nil {
			b.Error(err)
			return n
		}
		n += len(recs.Rows)
	}
}

func readFranz(b *testing.B, broker *kafkatest.Broker, topic string) (n int) {
	c, err := kgo.NewClient(kgo.SeedBrokers(broker.Addr), kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
		kgo.FetchMaxPartitionBytes(fetchBytes))
	if err != nil {
		b.Fatal(err)
	}
	defer c.Close()
	for n < records() {
		fetches := c.PollFetches(b.Context())
		if err := fetches.Err(); err != nil {
			b.Fatal(err)
		}
		n += fetches.NumRecords()
	}
	return n
}

func readKafkaGo(b *testing.B, addr string, s offsets.PartitionState) (n int) {
	r := kafkago.NewReader(kafkago.ReaderConfig{Brokers: []string{addr}, Topic: s.Topic, Partition: int(s.Partition), MaxBytes: fetchBytes,
		MaxWait: 100 * time.Millisecond})
	defer r.Close()
	for at := int64(0); at < s.End-1; n++ {
		m, err := r.ReadMessage(b.Context())
		if err != nil {
			b.Error(err)
			return n
		}
		at = m.Offset
	}
	return n
}
