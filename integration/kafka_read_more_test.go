package integration

import (
	"errors"
	"fmt"
	"io"
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

// reading opens a source with options of a test's own.
func reading(t *testing.T, b *kafkatest.Broker, clientID string, opts offsets.KafkaOptions) *offsets.Kafka {
	t.Helper()
	client, err := kafka.NewClient(kafka.Options{Brokers: []string{b.Addr}, ClientID: clientID})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	opts.Source = "events"
	return offsets.NewKafka(client, opts)
}

func partitionsOf(t *testing.T, s *offsets.Kafka, reached ...offsets.Position) []offsets.PartitionState {
	t.Helper()
	states, err := s.Survey(t.Context(), reached)
	if err != nil {
		t.Fatal(err)
	}
	return states
}

// all is the range of what a partition holds.
func all(p offsets.PartitionState) offsets.Range {
	return offsets.Range{Source: "events", Topic: p.Topic, TopicID: p.TopicID, Partition: p.Partition, From: p.Start, Until: p.End, LeaderEpoch: p.LeaderEpoch}
}

// TestKafkaReadRecompressed reads what the broker itself has compressed: its snappy has the framing of snappy-java, its
// gzip and lz4 are those of Java, and its batches have the times that it set.
func TestKafkaReadRecompressed(t *testing.T) {
	b := kafkatest.Start(t)
	for _, codec := range []string{"gzip", "snappy", "lz4", "zstd", "uncompressed"} {
		topic := b.Topic(t, 1, "compression.type="+codec, "message.timestamp.type=LogAppendTime")
		w := producer(t, b, kgo.ProducerBatchCompression(kgo.NoCompression()))
		var values []string
		for i := range 300 {
			values = append(values, fmt.Sprintf("%d %s", i, strings.Repeat("view ", i%50)))
		}
		began := time.Now().Add(-time.Minute).UnixMilli()
		write(t, w, topic, 0, values...)
		s := source(t, b, topic, 0)
		r := all(partitionsOf(t, s)[0])
		compare(t, s, r, oracle(t, b, topic, 0, r.Until))
		if at := timestamps(t, s, r); len(at) != 300 || at[0] < began || at[299] != oracleTime(t, b, topic, 299) {
			t.Errorf("%s: %d times, the last %d; franz-go says %d", codec, len(at), at[len(at)-1], oracleTime(t, b, topic, 299))
		}
	}
}

// timestamps are those of all records of a range.
func timestamps(t *testing.T, s offsets.Source, r offsets.Range) (out []int64) {
	t.Helper()
	eachRecord(t, s, r, func(_ []byte, rec offsets.Record) { out = append(out, rec.Timestamp) })
	return out
}

func eachRecord(t *testing.T, s offsets.Source, r offsets.Range, do func(buf []byte, rec offsets.Record)) {
	t.Helper()
	reader, err := s.Read(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var recs offsets.Records
	for {
		err := reader.Next(t.Context(), &recs)
		if err == io.EOF {
			return
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs.Rows {
			do(recs.Buf, rec)
		}
	}
}

// oracleTime is the time of a record as franz-go reads it.
func oracleTime(t *testing.T, b *kafkatest.Broker, topic string, offset int64) int64 {
	t.Helper()
	c := b.Client(t, kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: {0: kgo.NewOffset().At(offset)}}))
	fetches := c.PollFetches(t.Context())
	if err := fetches.Err(); err != nil {
		t.Fatal(err)
	}
	return fetches.Records()[0].Timestamp.UnixMilli()
}

// TestKafkaReadTombstones: NULL and empty are not the same, of keys, values and headers.
func TestKafkaReadTombstones(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 1)
	w := producer(t, b)
	var recs []*kgo.Record
	for _, r := range []kgo.Record{{}, {Key: []byte{}, Value: []byte{}}, {Key: []byte("k")}, {Value: []byte("v")}, {Key: []byte("k"), Value: []byte("v")}} {
		r.Topic = topic
		recs = append(recs, &r)
	}
	if err := w.ProduceSync(t.Context(), recs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	s := source(t, b, topic, 0)
	var got []string
	show := func(b []byte) string {
		if b == nil {
			return "NULL"
		}
		return fmt.Sprintf("%q", b)
	}
	eachRecord(t, s, all(partitionsOf(t, s)[0]), func(buf []byte, rec offsets.Record) {
		got = append(got, show(rec.Key.Of(buf))+"="+show(rec.Value.Of(buf)))
	})
	if text := strings.Join(got, " "); text != `NULL=NULL ""="" "k"=NULL NULL="v" "k"="v"` {
		t.Errorf("read %s", text)
	}
}

// TestKafkaReadThrottled reads under a quota: the broker answers without topics and holds the connection back, which is
// neither the end of the log nor a dead broker.
func TestKafkaReadThrottled(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 1)
	value := strings.Repeat("0123456789abcdef", 2048)
	w := producer(t, b, kgo.ProducerBatchCompression(kgo.NoCompression()))
	for i := range 7 { // of 96 KiB each, with keys and headers
		write(t, w, topic, 0, fmt.Sprint(value, i))
	}
	id := topic + "-slow"
	admin := kadm.NewClient(b.Client(t))
	setQuota := func(remove bool) {
		t.Helper()
		entity := kadm.ClientQuotaEntity{{Type: "client-id", Name: &id}}
		res, err := admin.AlterClientQuotas(t.Context(), []kadm.AlterClientQuotaEntry{{Entity: entity, Ops: []kadm.AlterClientQuotaOp{{Key: "consumer_byte_rate", Value: 120_000, Remove: remove}}}})
		if err != nil || len(res) != 1 || res[0].Err != nil {
			t.Fatalf("set quota: %v, %v", res, err)
		}
		for there := remove; there == remove; { // the broker learns of it a moment later
			set, err := admin.DescribeClientQuotas(t.Context(), true, []kadm.DescribeClientQuotaComponent{{Type: "client-id", MatchName: &id}})
			if err != nil {
				t.Fatal(err)
			}
			there = len(set) > 0
		}
	}
	setQuota(false)
	s := reading(t, b, id, offsets.KafkaOptions{Topics: []string{topic}, ReadCommitted: true, FetchBytes: 40_000, RetryFor: 2 * time.Second})
	r := all(partitionsOf(t, s)[0])
	took := time.Duration(0)
	for range 5 { // a quota is the mean of ten seconds
		began := time.Now()
		rows, err := offsetstest.ReadAll(t.Context(), s, r)
		if err != nil || len(rows) != 7 || !strings.HasSuffix(rows[6].Value, "6") {
			t.Fatalf("%d rows, %v; want 7", len(rows), err)
		}
		if took = time.Since(began); took > time.Second {
			break
		}
	}
	t.Logf("read in %s", took.Round(time.Millisecond))
	if took < time.Second {
		t.Error("nothing was throttled")
	}
	setQuota(true)
}

// TestKafkaReadUncommitted reads all that is there, of open and aborted transactions too, as franz-go does.
func TestKafkaReadUncommitted(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 1)
	plain, first, second := producer(t, b), producer(t, b, kgo.TransactionalID(topic+"-1")), producer(t, b, kgo.TransactionalID(topic+"-2"))
	write(t, plain, topic, 0, "a")
	begin(t, first)
	write(t, first, topic, 0, "aborted", "too")
	end(t, first, false)
	begin(t, second)
	write(t, second, topic, 0, "open")
	write(t, plain, topic, 0, "b")
	s := reading(t, b, "", offsets.KafkaOptions{Topics: []string{topic}})
	r := all(partitionsOf(t, s)[0])
	rows, err := offsetstest.ReadAll(t.Context(), s, r)
	if err != nil || valuesOf(rows) != "a aborted too open b" {
		t.Errorf("read_uncommitted reads %q, %v", valuesOf(rows), err)
	}
	committed := source(t, b, topic, 0)
	p := partitionsOf(t, committed)[0]
	if rows, err := offsetstest.ReadAll(t.Context(), committed, all(p)); err != nil || valuesOf(rows) != "a" {
		t.Errorf("read_committed reads %q, %v", valuesOf(rows), err)
	}
	end(t, second, true)
	untilEnded(t, committed, 0)
	r = all(partitionsOf(t, committed)[0])
	compare(t, committed, r, oracle(t, b, topic, 0, r.Until))
}

func valuesOf(rows []offsetstest.Row) string {
	var out []string
	for _, r := range rows {
		out = append(out, r.Value)
	}
	return strings.Join(out, " ")
}

// TestKafkaOpenTransactionTold says what holds a partition back, and whose transaction that is, with the first survey.
func TestKafkaOpenTransactionTold(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 2)
	txn := producer(t, b, kgo.TransactionalID(topic))
	write(t, producer(t, b), topic, 1, "a", "b")
	begin(t, txn)
	write(t, txn, topic, 1, "open", "wide")
	id, _, err := txn.ProducerID(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	s := source(t, b, topic, 0)
	before := time.Now().UnixMilli()
	states := partitionsOf(t, s)
	if p := states[0]; p.Open.Since != 0 {
		t.Errorf("an empty partition: %+v", p)
	}
	p := states[1]
	if p.End != 2 || p.HighWatermark != 4 || p.Open.ProducerID != id || p.Open.Since < before {
		t.Errorf("%+v, want it held at 2 of 4 by producer %d", p, id)
	}
	since := p.Open.Since
	if p := partitionsOf(t, s)[1]; p.Open.Since != since || p.Open.ProducerID != id {
		t.Errorf("the second time %+v, want it held since %d", p, since)
	}
	end(t, txn, false)
	untilEnded(t, s, 1)
}

// untilEnded waits for the markers of a transaction, which come a moment after its end.
func untilEnded(t *testing.T, s *offsets.Kafka, partition int) {
	t.Helper()
	for within := time.Now().Add(time.Minute); ; {
		p := partitionsOf(t, s)[partition]
		if p.End == p.HighWatermark && p.Open.Since == 0 {
			return
		}
		if time.Now().After(within) {
			t.Fatalf("the transaction has ended, and still: %+v", p)
		}
	}
}

// TestKafkaStart begins at a time and at given offsets.
func TestKafkaStart(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 3)
	w := producer(t, b)
	for i := range 10 {
		for p := range int32(2) {
			rec := &kgo.Record{Topic: topic, Partition: p, Value: fmt.Append(nil, i), Timestamp: time.UnixMilli(1_700_000_000_000 + int64(i)*1000*int64(p+1))}
			if err := w.ProduceSync(t.Context(), rec).FirstErr(); err != nil {
				t.Fatal(err)
			}
		}
	}
	begins := func(at offsets.StartAt) (out []int64, err error) {
		s := reading(t, b, "", offsets.KafkaOptions{Topics: []string{topic}, ReadCommitted: true, Start: at})
		states, err := s.Survey(t.Context(), nil)
		if err != nil {
			return nil, err
		}
		ranges, err := offsets.PlanRanges("events", states, nil, offsets.Limits{}, at.Start)
		for _, r := range ranges {
			out = append(out, r.From)
		}
		return out, err
	}
	for _, test := range []struct {
		at   offsets.StartAt
		want string
	}{
		{offsets.StartAt{}, "[0 0 0]"},
		{offsets.StartAt{Start: offsets.Latest}, "[10 10 0]"},
		{offsets.StartAt{Start: offsets.AtTimestamp, Timestamp: 1_700_000_004_000}, "[4 2 0]"},
		{offsets.StartAt{Start: offsets.AtTimestamp, Timestamp: 1_700_000_004_001}, "[5 3 0]"},
		{offsets.StartAt{Start: offsets.AtTimestamp, Timestamp: 1_700_000_012_000}, "[10 6 0]"},
		{offsets.StartAt{Start: offsets.AtTimestamp}, "[0 0 0]"},
		{offsets.StartAt{Start: offsets.AtOffsets, Offsets: []offsets.StartOffset{{Topic: topic, Partition: 1, Offset: 7}, {Topic: topic, Partition: 0, Offset: 10}}}, "[10 7 0]"},
	} {
		if got, err := begins(test.at); err != nil || fmt.Sprint(got) != test.want {
			t.Errorf("%+v: begins at %v, %v; want %s", test.at, got, err, test.want)
		}
	}
	for offset, want := range map[offsets.StartOffset]string{
		{Topic: topic, Partition: 3, Offset: 0}:  "the source has no such partition",
		{Topic: topic, Partition: 0, Offset: 11}: "the log ends before it; what is available is [0, 10)",
	} {
		_, err := begins(offsets.StartAt{Start: offsets.AtOffsets, Offsets: []offsets.StartOffset{offset}})
		var start *offsets.StartError
		if !errors.As(err, &start) || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: %v, want %q", offset, err, want)
		}
	}
}

// TestKafkaTopicPattern: topics and partitions that appear are read from their beginning, one that disappears is not let
// go.
func TestKafkaTopicPattern(t *testing.T) {
	b := kafkatest.Start(t)
	base := strings.ToLower(b.Topic(t, 1)) // no other test has that name
	b.CreateTopic(t, base+"-a", 1)
	b.CreateTopic(t, "x"+base+"-a", 1)
	w := producer(t, b)
	write(t, w, base+"-a", 0, "a")
	pattern, err := offsets.TopicPattern(base + `-.*|__consumer_offsets|__transaction_state`)
	if err != nil {
		t.Fatal(err)
	}
	s := reading(t, b, "", offsets.KafkaOptions{Pattern: pattern, ReadCommitted: true, UnknownFor: 500 * time.Millisecond})
	var reached []offsets.Position
	plan := func(want string) []offsets.Range {
		t.Helper()
		ranges, err := offsets.PlanRanges("events", partitionsOf(t, s, reached...), reached, offsets.Limits{}, offsets.Latest)
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.ReplaceAll(fmt.Sprint(ranges), base+"-", ""); got != want {
			t.Fatalf("plan %s, want %s", got, want)
		}
		reached = nil
		for _, r := range ranges {
			reached = append(reached, r.After())
		}
		return ranges
	}
	plan("[a/0 [1, 1)]")
	b.CreateTopic(t, base+"-b", 2)
	write(t, w, base+"-b", 1, "b", "c")
	plan("[a/0 [1, 1) b/0 [0, 0) b/1 [0, 2)]")
	if _, err := kadm.NewClient(b.Client(t)).CreatePartitions(t.Context(), 1, base+"-a"); err != nil {
		t.Fatal(err)
	}
	w = producer(t, b)
	write(t, w, base+"-a", 1, "d")
	ranges := plan("[a/0 [1, 1) a/1 [0, 1) b/0 [0, 0) b/1 [2, 2)]")
	if rows, err := offsetstest.ReadAll(t.Context(), s, ranges[1]); err != nil || valuesOf(rows) != "d" {
		t.Errorf("the new partition reads %q, %v", valuesOf(rows), err)
	}
	deleteTopic(t, b, base+"-b")
	for err == nil { // the broker says so a moment later
		_, err = s.Survey(t.Context(), reached)
	}
	var gone *offsets.RangeGoneError
	if !errors.As(err, &gone) || gone.Range.Topic != base+"-b" || !strings.Contains(gone.Reason, "the topic was deleted") || !gone.AllOfTopic {
		t.Fatalf("error %v, want a RangeGoneError: the topic was deleted", err)
	}
	left, losses := offsets.GiveUp(reached, gone)
	if len(left) != 2 || len(losses) != 2 {
		t.Fatalf("gives up %v, keeps %v", losses, left)
	}
	reached = left
	plan("[a/0 [1, 1) a/1 [1, 1)]")
	none, err := offsets.TopicPattern(base)
	if err != nil {
		t.Fatal(err)
	}
	_, err = reading(t, b, "", offsets.KafkaOptions{Pattern: none, UnknownFor: -1}).Partitions(t.Context())
	var unknown *offsets.UnknownTopicError
	if !errors.As(err, &unknown) || !strings.Contains(err.Error(), "no topic on "+b.Addr+" matches "+base) {
		t.Errorf("error %v, want that no topic matches", err)
	}
}

func deleteTopic(t *testing.T, b *kafkatest.Broker, topic string) {
	t.Helper()
	if res, err := kadm.NewClient(b.Client(t)).DeleteTopics(t.Context(), topic); err != nil || res.Error() != nil {
		t.Fatal(err, res.Error())
	}
}

// TestKafkaCorruptBatch changes a byte of a log on the broker's disk.
func TestKafkaCorruptBatch(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 1)
	w := producer(t, b, kgo.ProducerBatchCompression(kgo.NoCompression()))
	write(t, w, topic, 0, "good")
	write(t, w, topic, 0, "the one that rots", "and its neighbour")
	spoil(t, b, topic, "that rots")
	s := source(t, b, topic, 0)
	rows, err := offsetstest.ReadAll(t.Context(), s, all(partitionsOf(t, s)[0]))
	wantBatchError(t, err, topic, 1, "checksum")
	if valuesOf(rows) != "good" {
		t.Errorf("before the batch %q", valuesOf(rows))
	}
}

func wantBatchError(t *testing.T, err error, topic string, offset int64, text string) {
	t.Helper()
	var bad *kafka.BatchError
	if !errors.As(err, &bad) || bad.Topic != topic || bad.Offset != offset || !strings.Contains(err.Error(), text) {
		t.Errorf("error %v, want a BatchError of %s/0 at offset %d with %q", err, topic, offset, text)
	}
}

// TestKafkaDecompressionBomb: a batch of some kilobytes must not become gigabytes.
func TestKafkaDecompressionBomb(t *testing.T) {
	b := kafkatest.Start(t)
	for _, codec := range []kgo.CompressionCodec{kgo.GzipCompression(), kgo.SnappyCompression(), kgo.Lz4Compression(), kgo.ZstdCompression()} {
		topic := b.Topic(t, 1)
		w := producer(t, b, kgo.ProducerBatchCompression(codec), kgo.ProducerBatchMaxBytes(16<<20), kgo.MaxBufferedBytes(64<<20))
		write(t, w, topic, 0, "small")
		write(t, w, topic, 0, strings.Repeat("0", 2<<20))
		s := reading(t, b, "", offsets.KafkaOptions{Topics: []string{topic}, BatchBytesMax: 1 << 20})
		began := time.Now()
		_, err := offsetstest.ReadAll(t.Context(), s, all(partitionsOf(t, s)[0]))
		wantBatchError(t, err, topic, 1, "decompressed records exceed the bound of 1048576 bytes")
		if took := time.Since(began); took > 10*time.Second {
			t.Errorf("%s: told after %s", topic, took)
		}
	}
}
