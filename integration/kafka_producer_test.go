package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/kafka"
)

// encode makes a batch of values at time 1, without keys.
func encode(t testing.TB, values ...string) kafka.EncodedBatch {
	t.Helper()
	var w kafka.BatchWriter
	for _, v := range values {
		w.Append(1, nil, []byte(v), nil)
	}
	b, err := w.Finish(nil)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// session is a producer that has begun.
func session(t testing.TB, c *kafka.Client, id string) *kafka.Producer {
	t.Helper()
	p := c.NewProducer(kafka.ProducerOptions{TransactionalID: id})
	if err := p.Init(t.Context()); err != nil {
		t.Fatal(err)
	}
	return p
}

// committed reads a topic with franz-go under read_committed, up to what was stable when it was called, and returns the
// values of each partition in their order.
func committed(t testing.TB, b *kafkatest.Broker, topic string, partitions int) [][]string {
	t.Helper()
	out := make([][]string, partitions)
	for p := range out {
		for _, row := range committedRows(t, b, topic, int32(p)) {
			out[p] = append(out[p], string(row.Value))
		}
	}
	return out
}

func committedRows(t testing.TB, b *kafkatest.Broker, topic string, partition int32) (rows []*kgo.Record) {
	t.Helper()
	until := stableEnd(t, b, topic, partition)
	c := b.Client(t, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	defer c.Close()
	for next := int64(0); next < until; {
		fetches := c.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			if next = r.Offset + 1; !r.Attrs.IsControl() {
				rows = append(rows, r)
			}
		})
	}
	return rows
}

// stableEnd is the last stable offset. It may lag behind a commit that has been answered, until the leader has written its
// marker, so it is given a moment to reach the end of the log; a transaction that is open then stays open.
func stableEnd(t testing.TB, b *kafkatest.Broker, topic string, partition int32) int64 {
	t.Helper()
	c := b.Client(t)
	for moment := time.After(2 * time.Second); ; {
		stable, end := logEnd(t, c, topic, partition, 1), logEnd(t, c, topic, partition, 0)
		if stable == end {
			return end
		}
		select {
		case <-moment:
			return stable
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// logEnd is where a partition ends, at an isolation level as numbered on the wire.
func logEnd(t testing.TB, c *kgo.Client, topic string, partition int32, isolation int8) int64 {
	t.Helper()
	q := kmsg.NewListOffsetsRequest()
	q.ReplicaID, q.IsolationLevel = -1, isolation
	part := kmsg.NewListOffsetsRequestTopicPartition()
	part.Partition, part.Timestamp = partition, -1
	q.Topics = []kmsg.ListOffsetsRequestTopic{{Topic: topic, Partitions: []kmsg.ListOffsetsRequestTopicPartition{part}}}
	res, err := q.RequestWith(t.Context(), c)
	if err != nil || res.Topics[0].Partitions[0].ErrorCode != 0 {
		t.Fatalf("list offsets: %v, %+v", err, res)
	}
	return res.Topics[0].Partitions[0].Offset
}

// oldTransactions takes the feature that new-style transactions need from the broker, for one test.
func oldTransactions(t *testing.T, b *kafkatest.Broker) {
	t.Helper()
	set := func(level int16, kind int8) {
		q := kmsg.NewUpdateFeaturesRequest()
		q.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: "transaction.version", MaxVersionLevel: level, UpgradeType: kind}}
		res, err := q.RequestWith(context.WithoutCancel(t.Context()), b.Client(t))
		if err != nil || res.ErrorCode != 0 {
			t.Fatalf("set transaction.version to %d: %v, %+v", level, err, res)
		}
		for transactionLevel(t, b) != level { // it takes some milliseconds
		}
	}
	set(1, 2)
	t.Cleanup(func() { set(2, 1) })
}

func transactionLevel(t *testing.T, b *kafkatest.Broker) int16 {
	t.Helper()
	q := kmsg.NewApiVersionsRequest()
	q.ClientSoftwareName, q.ClientSoftwareVersion = "test", "1"
	res, err := q.RequestWith(context.WithoutCancel(t.Context()), b.Client(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range res.FinalizedFeatures {
		if f.Name == "transaction.version" {
			return f.MaxVersionLevel
		}
	}
	return 0
}

// epoch is the epoch of a transactional id: in the new style every transaction has its own.
func epoch(t *testing.T, b *kafkatest.Broker, id string) int16 {
	t.Helper()
	described, err := kadm.NewClient(b.Client(t)).DescribeTransactions(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return described[id].ProducerEpoch
}

func bothStyles(t *testing.T, f func(t *testing.T, b *kafkatest.Broker)) {
	b := kafkatest.Start(t)
	t.Run("new", func(t *testing.T) { f(t, b) })
	t.Run("old", func(t *testing.T) {
		oldTransactions(t, b)
		f(t, b)
	})
}

// TestKafkaWireTransactions commits, aborts and commits, over several partitions with several batches each.
func TestKafkaWireTransactions(t *testing.T) {
	bothStyles(t, func(t *testing.T, b *kafkatest.Broker) {
		topic := b.Topic(t, 3)
		c := wireClient(t, b)
		p := session(t, c, topic)
		var want [3][]string
		const transactions = 12
		for n := range transactions {
			commit := n%3 != 1
			var batches []kafka.ProduceBatch
			for i := range 20 {
				part := int32((n + i*i) % 3)
				values := []string{fmt.Sprint(n, "-", i, "a"), fmt.Sprint(n, "-", i, "b")}
				batches = append(batches, kafka.ProduceBatch{Topic: topic, Partition: part, Batch: encode(t, values...)})
				if commit {
					want[part] = append(want[part], values...)
				}
			}
			for _, part := range [][]kafka.ProduceBatch{batches[:7], batches[7:]} {
				if err := p.Produce(t.Context(), part); err != nil {
					t.Fatal(err)
				}
			}
			var err error
			if commit {
				err = p.Commit(t.Context(), topic, kafka.CommitRecord{Batch: int64(n), Metadata: "checkpoint"})
			} else {
				err = p.Abort(t.Context())
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if e := epoch(t, b, topic); (e >= transactions) != (transactionLevel(t, b) >= 2) {
			t.Errorf("epoch %d after %d transactions at level %d: the wrong style", e, transactions, transactionLevel(t, b))
		}
		p = session(t, c, topic)
		if r, found, err := p.CommitRecord(t.Context(), topic); err != nil || !found || r != (kafka.CommitRecord{Batch: transactions - 1, Metadata: "checkpoint"}) {
			t.Errorf("commit record %+v, %v, %v", r, found, err)
		}
		if got := committed(t, b, topic, 3); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("read\n%v, want\n%v", got, want)
		}
	})
}

// TestKafkaWireCodecs writes random records in every codec and compares them with what franz-go reads.
func TestKafkaWireCodecs(t *testing.T) {
	b := kafkatest.Start(t)
	c := wireClient(t, b)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for _, transactional := range []string{"", "wire-codecs"} {
		topic := b.Topic(t, 1)
		p := session(t, c, transactional)
		var want []string
		var w kafka.BatchWriter
		var batches []kafka.ProduceBatch
		for i := range 100 {
			codec := kafka.Codec(i % 5)
			z, err := kafka.NewCompressor(codec, 0)
			if err != nil {
				t.Fatal(err)
			}
			for range 1 + rng.IntN(100) {
				want = append(want, appendRandom(rng, &w))
			}
			batch, err := w.Finish(z)
			if err != nil {
				t.Fatal(err)
			}
			batches = append(batches, kafka.ProduceBatch{Topic: topic, Batch: batch})
		}
		if err := p.Produce(t.Context(), batches); err != nil {
			t.Fatal(err)
		}
		if transactional != "" {
			if got := committedRows(t, b, topic, 0); len(got) > 0 {
				t.Errorf("%d records are visible before the commit", len(got))
			}
			if err := p.Commit(t.Context(), topic, kafka.CommitRecord{Batch: 1}); err != nil {
				t.Fatal(err)
			}
		}
		rows := committedRows(t, b, topic, 0)
		if len(rows) != len(want) {
			t.Fatalf("%d records, want %d", len(rows), len(want))
		}
		for i, r := range rows {
			if got := recordText(r.Timestamp.UnixMilli(), r.Key, r.Value, r.Headers); got != want[i] {
				t.Fatalf("record %d is\n%s, want\n%s", i, got, want[i])
			}
		}
	}
}

func appendRandom(rng *rand.Rand, w *kafka.BatchWriter) string {
	some := func() []byte {
		switch n := rng.IntN(200); {
		case n < 20:
			return nil
		case n < 40:
			return []byte{}
		default:
			return bytes.Repeat([]byte{byte(rng.Uint32())}, n)
		}
	}
	key, value := some(), some()
	at := time.Now().UnixMilli() - rng.Int64N(100_000)
	var headers []kafka.Header
	var shown []kgo.RecordHeader
	for i := range rng.IntN(3) {
		h := kafka.Header{Key: fmt.Sprint("h", i), Value: some()}
		headers, shown = append(headers, h), append(shown, kgo.RecordHeader{Key: h.Key, Value: h.Value})
	}
	w.Append(at, key, value, kafka.EncodeHeaders(headers...))
	return recordText(at, key, value, shown)
}

func recordText(at int64, key, value []byte, headers []kgo.RecordHeader) string {
	return fmt.Sprintf("%d %#v %#v %#v", at, key, value, append([]kgo.RecordHeader{}, headers...))
}

// TestKafkaWireFenced begins a second session while the first is inside a transaction.
func TestKafkaWireFenced(t *testing.T) {
	bothStyles(t, func(t *testing.T, b *kafkatest.Broker) {
		topic := b.Topic(t, 1)
		c := wireClient(t, b)
		for name, act := range map[string]func(p *kafka.Producer) error{
			"produce": func(p *kafka.Producer) error {
				return p.Produce(t.Context(), []kafka.ProduceBatch{{Topic: topic, Batch: encode(t, "zombie")}})
			},
			"commit": func(p *kafka.Producer) error { return p.Commit(t.Context(), topic, kafka.CommitRecord{Batch: 66}) },
			"abort":  func(p *kafka.Producer) error { return p.Abort(t.Context()) },
		} {
			t.Run(name, func(t *testing.T) {
				first := session(t, c, topic)
				if err := first.Produce(t.Context(), []kafka.ProduceBatch{{Topic: topic, Batch: encode(t, "dead")}}); err != nil {
					t.Fatal(err)
				}
				second := session(t, c, topic)
				var fenced *kafka.FencedError
				if err := act(first); !errors.As(err, &fenced) || fenced.TransactionalID != topic || first.Live() {
					t.Errorf("the first session says %v, live %v", err, first.Live())
				}
				if err := second.Produce(t.Context(), []kafka.ProduceBatch{{Topic: topic, Batch: encode(t, name)}}); err != nil {
					t.Fatal(err)
				}
				if err := second.Commit(t.Context(), topic, kafka.CommitRecord{Batch: 1}); err != nil {
					t.Fatal(err)
				}
			})
		}
		for _, v := range committed(t, b, topic, 1)[0] {
			if v == "dead" || v == "zombie" {
				t.Errorf("%s is visible", v)
			}
		}
	})
}

// TestKafkaWireClaim writes and refreshes the commit record in transactions of nothing else.
func TestKafkaWireClaim(t *testing.T) {
	bothStyles(t, func(t *testing.T, b *kafkatest.Broker) {
		topic := b.Topic(t, 1)
		c := wireClient(t, b)
		p := session(t, c, topic)
		if r, found, err := p.CommitRecord(t.Context(), topic); err != nil || found {
			t.Fatalf("a record before the first: %+v, %v", r, err)
		}
		for i := range 3 {
			want := kafka.CommitRecord{Batch: int64(i), Metadata: "checkpoint 17"}
			if err := p.Commit(t.Context(), topic, want); err != nil {
				t.Fatal(err)
			}
			p = session(t, c, topic)
			if r, found, err := p.CommitRecord(t.Context(), topic); err != nil || !found || r != want {
				t.Errorf("record %+v, %v, %v; want %+v", r, found, err, want)
			}
		}
	})
}

// TestKafkaWireRefused: what a topic does not take is named, and nothing of the transaction is seen.
func TestKafkaWireRefused(t *testing.T) {
	b := kafkatest.Start(t)
	small := b.Topic(t, 1, "max.message.bytes=1000")
	compacted := b.Topic(t, 1, "cleanup.policy=compact")
	c := wireClient(t, b)
	p := session(t, c, small)
	if limit := p.MaxMessageBytes(t.Context(), small); limit != 1000 {
		t.Errorf("limit %d", limit)
	}
	var large *kafka.TooLargeError
	err := p.Produce(t.Context(), []kafka.ProduceBatch{{Topic: small, Batch: encode(t, "x", strings.Repeat("x", 1000))}})
	if !errors.As(err, &large) || large.Topic != small || large.Limit != 1000 || large.Size < 1000 || large.Records != 2 || !p.Live() {
		t.Errorf("too large: %v, live %v", err, p.Live())
	}
	var w kafka.BatchWriter
	late := time.Now().Add(2 * time.Hour)
	w.Append(late.UnixMilli(), []byte("k"), []byte("v"), nil)
	batch, err := w.Finish(nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		topic string
		batch kafka.EncodedBatch
		want  string
	}{
		{small, batch, "Invalid Timestamp (kafka error 32); the latest timestamp is " + late.UTC().Format("2006-01-02T15:04")},
		{compacted, encode(t, "without a key"), "(kafka error 87)"},
	} {
		p := session(t, c, small)
		err := p.Produce(t.Context(), []kafka.ProduceBatch{{Topic: small, Batch: encode(t, "good")}, {Topic: test.topic, Batch: test.batch}})
		var refused *kafka.RefusedError
		if !errors.As(err, &refused) || refused.Topic != test.topic || !strings.Contains(err.Error(), test.want) || p.Live() {
			t.Errorf("live %v, error %v\nwant … %s", p.Live(), err, test.want)
		}
		t.Log(err)
	}
	p = session(t, c, small)
	if got := committed(t, b, small, 1); len(got[0]) != 0 {
		t.Errorf("visible: %q", got[0])
	}
	long := c.NewProducer(kafka.ProducerOptions{TransactionalID: small, Timeout: time.Hour})
	if err := long.Init(t.Context()); err == nil || !strings.Contains(err.Error(), "transaction timeout 1h0m0s is more than transaction.max.timeout.ms") {
		t.Errorf("a timeout of an hour: %v", err)
	}
}

// TestKafkaWireBreaks writes batches whose connections are cut at random moments, most of them around the commit, and
// goes on as the commit record says: nothing is lost and nothing is doubled.
func TestKafkaWireBreaks(t *testing.T) {
	bothStyles(t, func(t *testing.T, b *kafkatest.Broker) {
		seed := rand.Uint64()
		t.Logf("seed %d", seed)
		rng := rand.New(rand.NewPCG(seed, 0))
		topic := b.Topic(t, 2)
		const batches = 15
		broken, applied := 0, 0
		p := session(t, wireClient(t, b), topic)
		var commitTakes time.Duration
		for n := int64(1); n <= batches; {
			err := p.Produce(t.Context(), []kafka.ProduceBatch{{Topic: topic, Batch: encode(t, fmt.Sprint(n))},
				{Topic: topic, Partition: 1, Batch: encode(t, fmt.Sprint(n, "a"), fmt.Sprint(n, "b"))}})
			if err != nil {
				t.Fatal(err)
			}
			ctx, cut := context.WithTimeout(t.Context(), time.Hour)
			if n > 1 && rng.IntN(4) > 0 {
				ctx, cut = context.WithTimeout(t.Context(), time.Duration(rng.Int64N(int64(commitTakes)*3/2)))
			}
			began := time.Now()
			err = p.Commit(ctx, topic, kafka.CommitRecord{Batch: n})
			cut()
			if err == nil {
				commitTakes = time.Since(began)
				n++
				continue
			}
			broken++
			var indefinite *kafka.IndefiniteError
			if !errors.As(err, &indefinite) || p.Live() {
				t.Fatalf("cut off: %v", err)
			}
			if err := p.Init(t.Context()); err != nil {
				t.Fatal(err)
			}
			r, _, err := p.CommitRecord(t.Context(), topic)
			if err != nil || r.Batch != n && r.Batch != n-1 {
				t.Fatalf("record %+v, %v while writing %d", r, err, n)
			}
			if r.Batch == n {
				applied++
				n++
			}
		}
		var want [2][]string
		for n := 1; n <= batches; n++ {
			want[0] = append(want[0], fmt.Sprint(n))
			want[1] = append(want[1], fmt.Sprint(n, "a"), fmt.Sprint(n, "b"))
		}
		if got := committed(t, b, topic, 2); fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("read\n%v, want\n%v", got, want)
		}
		if broken == 0 {
			t.Error("nothing was cut off")
		}
		t.Logf("%d batches, %d commits cut off, %d of them had happened", batches, broken, applied)
	})
}
