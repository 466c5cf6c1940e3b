package integration

import (
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"testing"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/offsets"
)

// TestKafkaReadManyPartitions has readers of 200 partitions open at a time, each behind on 192 KiB in batches of 32 KiB:
// buffers and heap stay within the budget, and every record is read.
func TestKafkaReadManyPartitions(t *testing.T) {
	const partitions, batches, budget = 200, 6, 24 << 20
	b := kafkatest.Start(t)
	topic := b.Topic(t, partitions)
	fillPartitions(t, b, topic, partitions, batches)
	client, err := kafka.NewClient(kafka.Options{Brokers: []string{b.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	shared := offsets.NewBudget(budget)
	s := offsets.NewKafka(client, offsets.KafkaOptions{Topics: []string{topic}, ReadCommitted: true, Budget: shared})
	states, err := s.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	before, peak := heap(), uint64(0)
	readers := make([]offsets.Reader, len(states))
	for i, p := range states {
		if readers[i], err = s.Read(t.Context(), offsets.Range{Topic: topic, TopicID: p.TopicID, Partition: p.Partition, Until: p.End, LeaderEpoch: p.LeaderEpoch}); err != nil {
			t.Fatal(err)
		}
	}
	var recs offsets.Records
	rows, open := 0, len(readers)
	for round := 0; open > 0; round++ {
		for i, r := range readers {
			if r == nil {
				continue
			}
			switch err := r.Next(t.Context(), &recs); {
			case errors.Is(err, io.EOF):
				if err := r.Close(); err != nil {
					t.Fatal(err)
				}
				readers[i], open = nil, open-1
			case err != nil:
				t.Fatal(err)
			}
			rows += len(recs.Rows)
		}
		peak = max(peak, heap())
	}
	if rows != partitions*batches {
		t.Errorf("%d records, want %d", rows, partitions*batches)
	}
	// The heap also holds what no budget counts: a connection's buffers, goroutines, metadata.
	const besides = 12 << 20
	if shared.Peak() > budget || peak > before+budget+besides {
		t.Errorf("buffers of up to %d bytes, heap up to %d above %d; the budget is %d", shared.Peak(), peak-before, before, budget)
	}
	t.Logf("%d readers: buffers up to %d KiB, heap up to %d KiB above the %d KiB before", partitions, shared.Peak()>>10, (peak-before)>>10, before>>10)
}

// heap is what is alive.
func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func fillPartitions(t *testing.T, b *kafkatest.Broker, topic string, partitions, batches int) {
	t.Helper()
	w := producer(t, b, kgo.ProducerBatchCompression(kgo.NoCompression()), kgo.ProducerBatchMaxBytes(34<<10))
	value := make([]byte, 32<<10)
	for i := range value {
		value[i] = byte(rand.Uint32())
	}
	var recs []*kgo.Record
	for range batches {
		for p := range partitions {
			recs = append(recs, &kgo.Record{Topic: topic, Partition: int32(p), Value: value})
		}
	}
	if err := w.ProduceSync(t.Context(), recs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}
