package offsets_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"go.uber.org/goleak"

	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/offsets/offsetstest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func startFake(t *testing.T, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c, err := kfake.NewCluster(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c
}

func openKafka(t *testing.T, brokers []string, opts offsets.KafkaOptions) *offsets.Kafka {
	t.Helper()
	client, err := kafka.NewClient(kafka.Options{Brokers: brokers})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return offsets.NewKafka(client, opts)
}

func writer(t *testing.T, c *kfake.Cluster, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	opts = append(opts, kgo.SeedBrokers(c.ListenAddrs()...), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.MetadataMinAge(10*time.Millisecond), kgo.ManualFlushing())
	w, err := kgo.NewClient(opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(w.Close)
	return w
}

// produce writes all values as one batch.
func produce(t *testing.T, w *kgo.Client, topic string, partition int32, values ...string) {
	t.Helper()
	var failed kgo.FirstErrPromise
	for _, v := range values {
		w.Produce(t.Context(), &kgo.Record{Topic: topic, Partition: partition, Key: []byte("k" + v), Value: []byte(v),
			Headers: []kgo.RecordHeader{{Key: "value", Value: []byte(v)}, {Key: "none"}}}, failed.Promise())
	}
	if err := errors.Join(w.Flush(t.Context()), failed.Err()); err != nil {
		t.Fatal(err)
	}
}

// transact writes values inside a transaction of their own.
func transact(t *testing.T, w *kgo.Client, commit bool, topic string, partition int32, values ...string) {
	t.Helper()
	if err := w.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
	produce(t, w, topic, partition, values...)
	if err := w.EndTransaction(context.WithoutCancel(t.Context()), kgo.TransactionEndTry(commit)); err != nil {
		t.Fatal(err)
	}
}

func TestKafkaContract(t *testing.T) {
	c := startFake(t, kfake.NumBrokers(2))
	topics := 0
	offsetstest.Run(t, func(t *testing.T, partitions int) offsetstest.Fixture {
		topics++
		topic := fmt.Sprintf("contract-%d", topics)
		create := func() {
			if err := c.CreateTopic(topic, int32(partitions), nil); err != nil {
				t.Fatal(err)
			}
		}
		create()
		plain := writer(t, c)
		txn := writer(t, c, kgo.TransactionalID(topic))
		return offsetstest.Fixture{
			// The fake broker forgets aborted transactions when it cuts an answer, so not with small fetches.
			Source: openKafka(t, c.ListenAddrs(), offsets.KafkaOptions{Topics: []string{topic}, ReadCommitted: true}),
			Topic:  topic,
			Append: func(partition int32, values ...string) { produce(t, plain, topic, partition, values...) },
			Gap:    func(partition int32) { transact(t, txn, false, topic, partition, "aborted", "aborted too") },
			DeleteBefore: func(partition int32, offset int64) {
				if err := c.DeleteRecords(topic, partition, offset); err != nil {
					t.Fatal(err)
				}
			},
			Recreate: func() {
				if err := c.DeleteTopic(topic); err != nil {
					t.Fatal(err)
				}
				create()
				plain.Close()
				plain = writer(t, c)
			},
		}
	})
}
