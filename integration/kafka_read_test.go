package integration

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/offsets/offsetstest"
)

func source(t *testing.T, b *kafkatest.Broker, topic string, fetchBytes int) *offsets.Kafka {
	t.Helper()
	client, err := kafka.NewClient(kafka.Options{Brokers: []string{b.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return offsets.NewKafka(client, offsets.KafkaOptions{Source: "events", Topics: []string{topic}, ReadCommitted: true,
		FetchBytes: fetchBytes})
}

// producer writes where it is told to, without waiting to fill batches.
func producer(t *testing.T, b *kafkatest.Broker, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	return b.Client(t, append(opts, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(0),
		kgo.MetadataMinAge(20*time.Millisecond))...)
}

func write(t *testing.T, w *kgo.Client, topic string, partition int32, values ...string) {
	t.Helper()
	recs := make([]*kgo.Record, len(values))
	for i, v := range values {
		recs[i] = &kgo.Record{Topic: topic, Partition: partition, Key: []byte("k" + v), Value: []byte(v),
			Headers: []kgo.RecordHeader{{Key: "value", Value: []byte(v)}, {Key: "none"}}}
	}
	if err := w.ProduceSync(t.Context(), recs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

func begin(t *testing.T, w *kgo.Client) {
	t.Helper()
	if err := w.BeginTransaction(); err != nil {
		t.Fatal(err)
	}
}

func end(t *testing.T, w *kgo.Client, commit bool) {
	t.Helper()
	if err := w.EndTransaction(context.WithoutCancel(t.Context()), kgo.TransactionEndTry(commit)); err != nil {
		t.Fatal(err)
	}
}

// oracle reads a partition with franz-go under read_committed, up to an offset.
func oracle(t *testing.T, b *kafkatest.Broker, topic string, partition int32, until int64) (rows []offsetstest.Row) {
	t.Helper()
	c := b.Client(t, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {partition: kgo.NewOffset().AtStart()}}))
	for next := int64(0); next < until; {
		fetches := c.PollFetches(t.Context())
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			next = r.Offset + 1
			if !r.Attrs.IsControl() && r.Offset < until {
				rows = append(rows, offsetstest.Row{Offset: r.Offset, Key: string(r.Key), Value: string(r.Value), Headers: headers(r)})
			}
		})
	}
	return rows
}

// headers shows a record's headers as [offsetstest.Row] does.
func headers(r *kgo.Record) string {
	var out []string
	for _, h := range r.Headers {
		text := "NULL"
		if h.Value != nil {
			text = string(h.Value)
		}
		out = append(out, h.Key+"="+text)
	}
	return strings.Join(out, " ")
}

func recreate(t *testing.T, b *kafkatest.Broker, topic string, partitions int) {
	t.Helper()
	admin := kadm.NewClient(b.Client(t))
	if res, err := admin.DeleteTopics(t.Context(), topic); err != nil || res.Error() != nil {
		t.Fatal(err, res.Error())
	}
	for {
		listed, err := admin.ListTopics(t.Context(), topic)
		if err != nil {
			t.Fatal(err)
		}
		if listed[topic].Err != nil { // the deletion has arrived
			break
		}
	}
	b.CreateTopic(t, topic, partitions)
}

func TestKafkaReadContract(t *testing.T) {
	b := kafkatest.Start(t)
	offsetstest.Run(t, func(t *testing.T, partitions int) offsetstest.Fixture {
		topic := b.Topic(t, partitions)
		plain := producer(t, b)
		txn := producer(t, b, kgo.TransactionalID(topic))
		src := source(t, b, topic, 4096)
		return offsetstest.Fixture{
			Source: src,
			Topic:  topic,
			Append: func(partition int32, values ...string) { write(t, plain, topic, partition, values...) },
			Gap: func(partition int32) {
				begin(t, txn)
				write(t, txn, topic, partition, "aborted", "aborted too")
				end(t, txn, false)
				awaitMarkers(t, src)
			},
			DeleteBefore: func(partition int32, offset int64) { deleteBefore(t, b, topic, partition, offset) },
			Recreate: func() {
				recreate(t, b, topic, partitions)
				plain = producer(t, b)
			},
		}
	})
}

// awaitMarkers returns when no transaction holds back what may be read: the broker answers the end of one before its markers
// stand in all partitions.
func awaitMarkers(t *testing.T, src offsets.Source) {
	t.Helper()
	for {
		states, err := src.Partitions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(states, func(s offsets.PartitionState) bool { return s.End < s.HighWatermark }) {
			return
		}
	}
}

func deleteBefore(t *testing.T, b *kafkatest.Broker, topic string, partition int32, offset int64) {
	t.Helper()
	var at kadm.Offsets
	at.Add(kadm.Offset{Topic: topic, Partition: partition, At: offset})
	res, err := kadm.NewClient(b.Client(t)).DeleteRecords(t.Context(), at)
	if err != nil || res.Error() != nil {
		t.Fatal(err, res.Error())
	}
}

// TestKafkaReadTransactions interleaves transactions of four producers, in all codecs, with batches of all sizes, and
// compares what is read, at several fetch sizes and from many offsets, with what franz-go reads.
func TestKafkaReadTransactions(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 1)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	writeInterleaved(t, b, topic, rng)

	states, err := source(t, b, topic, 0).Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := offsets.Range{Topic: topic, TopicID: states[0].TopicID, Until: states[0].End, LeaderEpoch: states[0].LeaderEpoch}
	want := oracle(t, b, topic, 0, all.Until)
	if len(want) == 0 || int64(len(want)) == all.Until {
		t.Fatalf("the test is worth nothing: %d records at %d offsets", len(want), all.Until)
	}
	for _, fetchBytes := range []int{1, 300, 4096, 1 << 20} {
		s := source(t, b, topic, fetchBytes)
		for range 25 {
			r := all
			r.From = rng.Int64N(all.Until)
			r.Until = r.From + rng.Int64N(all.Until-r.From+1)
			compare(t, s, r, want)
		}
		compare(t, s, all, want)
	}
	t.Logf("%d of %d offsets hold records to be seen", len(want), all.Until)
}

func compare(t *testing.T, s offsets.Source, r offsets.Range, all []offsetstest.Row) {
	t.Helper()
	if text := difference(t, s, r, all); text != "" {
		t.Error(text)
	}
}

// difference reads a range and says how it differs from what all holds of it.
func difference(t *testing.T, s offsets.Source, r offsets.Range, all []offsetstest.Row) string {
	t.Helper()
	got, err := offsetstest.ReadAll(t.Context(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	var want []offsetstest.Row
	for _, row := range all {
		if row.Offset >= r.From && row.Offset < r.Until {
			want = append(want, row)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		return fmt.Sprintf("%s: %d rows, want %d", r, len(got), len(want))
	}
	return ""
}

func writeInterleaved(t *testing.T, b *kafkatest.Broker, topic string, rng *rand.Rand) {
	t.Helper()
	codecs := []kgo.CompressionCodec{kgo.NoCompression(), kgo.GzipCompression(), kgo.SnappyCompression(),
		kgo.Lz4Compression(), kgo.ZstdCompression()}
	var writers []*kgo.Client
	for i := range 4 {
		writers = append(writers, producer(t, b, kgo.TransactionalID(fmt.Sprintf("%s-%d", topic, i)),
			kgo.ProducerBatchCompression(codecs[rng.IntN(len(codecs))])))
	}
	for _, codec := range codecs {
		writers = append(writers, producer(t, b, kgo.ProducerBatchCompression(codec)))
	}
	open := make([]bool, 4)
	for n := range 120 {
		i := rng.IntN(len(writers))
		if i < len(open) && !open[i] {
			begin(t, writers[i])
			open[i] = true
		}
		write(t, writers[i], topic, 0, someValues(rng, n)...)
		if i < len(open) && rng.IntN(2) == 0 {
			end(t, writers[i], rng.IntN(2) == 0)
			open[i] = false
		}
	}
	for i := range open {
		if open[i] {
			end(t, writers[i], rng.IntN(2) == 0)
		}
	}
}

func someValues(rng *rand.Rand, n int) []string {
	values := make([]string, 1+rng.IntN(20))
	for i := range values {
		values[i] = fmt.Sprintf("%d.%d %s", n, i, strings.Repeat("view ", rng.IntN(100)))
	}
	return values
}

// TestKafkaReadLargeBatch reads batches much larger than what one fetch asks for.
func TestKafkaReadLargeBatch(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 1, "max.message.bytes=10000000")
	w := producer(t, b, kgo.ProducerBatchMaxBytes(8<<20), kgo.ProducerBatchCompression(kgo.NoCompression()))
	large := string(bytes.Repeat([]byte("millrace"), 1<<18)) // 2 MiB, three times in a record
	write(t, w, topic, 0, "a", large)
	write(t, w, topic, 0, "b", large, "c")
	s := source(t, b, topic, 64<<10)
	states, err := s.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	rows, err := offsetstest.ReadAll(t.Context(), s, offsets.Range{Topic: topic, TopicID: states[0].TopicID, Until: 5})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) != 5 || rows[1].Value != large || rows[3].Value != large || rows[4].Value != "c" {
		t.Errorf("%d rows, want 5 with two of %d bytes", len(rows), len(large))
	}
}

// TestKafkaReadCompacted reads a log in which compaction has left gaps inside batches and batches without records.
func TestKafkaReadCompacted(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 1, "cleanup.policy=compact", "segment.ms=1", "min.cleanable.dirty.ratio=0.001",
		"delete.retention.ms=0")
	w := producer(t, b, kgo.ProducerBatchCompression(kgo.Lz4Compression()))
	for i := range 40 {
		recs := make([]*kgo.Record, 5)
		for j := range recs {
			recs[j] = &kgo.Record{Topic: topic, Key: fmt.Append(nil, "key ", (i*7+j*j)%23), Value: fmt.Append(nil, i, " ", j)}
		}
		if err := w.ProduceSync(t.Context(), recs...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	// The cleaner works on while the log is read: what was read counts only if the log is still the same afterwards.
	for within := time.Now().Add(time.Minute); time.Now().Before(within); {
		want := oracle(t, b, topic, 0, 200)
		wrong := readPieces(t, b, topic, want)
		if len(want) < 100 && fmt.Sprint(oracle(t, b, topic, 0, 200)) == fmt.Sprint(want) {
			t.Logf("%d of 200 records left", len(want))
			for _, text := range wrong {
				t.Error(text)
			}
			return
		}
	}
	t.Fatal("not compacted in a minute")
}

// readPieces reads many ranges of a log of 200 offsets and returns what differs from want.
func readPieces(t *testing.T, b *kafkatest.Broker, topic string, want []offsetstest.Row) (wrong []string) {
	t.Helper()
	for _, fetchBytes := range []int{1, 1 << 20} {
		s := source(t, b, topic, fetchBytes)
		states, err := s.Partitions(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for from := int64(0); from < 200; from += 17 {
			for until := from; until <= 200; until += 13 {
				r := offsets.Range{Topic: topic, TopicID: states[0].TopicID, From: from, Until: until}
				if text := difference(t, s, r, want); text != "" {
					wrong = append(wrong, text)
				}
			}
		}
	}
	return wrong
}

// TestKafkaReadOpenTransaction plans up to the last stable offset and no further.
func TestKafkaReadOpenTransaction(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 1)
	txn := producer(t, b, kgo.TransactionalID(topic))
	write(t, producer(t, b), topic, 0, "a", "b")
	begin(t, txn)
	write(t, txn, topic, 0, "open")
	states, err := source(t, b, topic, 0).Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s := states[0]; s.End != 2 || s.HighWatermark != 3 {
		t.Errorf("end %d, high watermark %d; want 2 and 3", s.End, s.HighWatermark)
	}
	end(t, txn, true)
}

// TestKafkaEpochEnds asks a leader about several partitions of a topic in one request. What it answers for an epoch that
// has not begun is what brokers without a history of epochs say of all.
func TestKafkaEpochEnds(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 3)
	w := producer(t, b)
	write(t, w, topic, 0, "a", "b")
	write(t, w, topic, 2, "c")
	client, err := kafka.NewClient(kafka.Options{Brokers: []string{b.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	var refs []kafka.EpochRef
	var node int32
	for _, p := range []int32{2, 1, 0, 0} {
		l, err := client.Leader(t.Context(), topic, p)
		if err != nil {
			t.Fatal(err)
		}
		node = l.Node
		ref := kafka.PartitionRef{Topic: topic, Partition: p, Epoch: l.Epoch}
		refs = append(refs, kafka.EpochRef{PartitionRef: ref, Wanted: l.Epoch})
	}
	ends, err := client.EpochEnds(t.Context(), node, refs[:3])
	if err != nil || fmt.Sprint(ends) != "[1 0 2]" {
		t.Errorf("the epochs end at %v, %v; want [1 0 2]", ends, err)
	}
	refs[3].Wanted++
	if ends, err := client.EpochEnds(t.Context(), node, refs[3:]); err != nil || ends[0] != -1 {
		t.Errorf("an epoch that has not begun ends at %v, %v; want -1", ends, err)
	}
}

// TestKafkaTopicDeleted deletes a topic that a job has read and reads on.
func TestKafkaTopicDeleted(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 2)
	write(t, producer(t, b), topic, 1, "a", "b")
	client, err := kafka.NewClient(kafka.Options{Brokers: []string{b.Addr}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	s := offsets.NewKafka(client, offsets.KafkaOptions{Source: "events", Topics: []string{topic}, ReadCommitted: true, UnknownFor: time.Second})
	states, err := s.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	r := offsets.Range{Source: "events", Topic: topic, TopicID: states[1].TopicID, Partition: 1, Until: 2, LeaderEpoch: states[1].LeaderEpoch}
	if res, err := kadm.NewClient(b.Client(t)).DeleteTopics(t.Context(), topic); err != nil || res.Error() != nil {
		t.Fatal(err, res.Error())
	}
	wantDeleted := func(err error) {
		t.Helper()
		var gone *offsets.RangeGoneError
		if !errors.As(err, &gone) || !strings.Contains(gone.Reason, "the topic was deleted, or "+b.Addr) {
			t.Errorf("error %v, want a RangeGoneError: the topic was deleted", err)
		}
	}
	// A read that begins before the broker has unlinked the log may still be served whole.
	for err = nil; err == nil; {
		_, err = offsetstest.ReadAll(t.Context(), s, r)
	}
	wantDeleted(err)
	_, err = s.Survey(t.Context(), []offsets.Position{r.After()})
	wantDeleted(err)
	_, err = s.Partitions(t.Context())
	var unknown *offsets.UnknownTopicError
	if !errors.As(err, &unknown) {
		t.Errorf("a job that was never there: %v", err)
	}
}
