package offsets_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
	"github.com/twmb/franz-go/pkg/kversion"

	"github.com/millrace/millrace/internal/kafka"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/offsets/offsetstest"
)

// adsLog is a topic "ads" with one partition of n records, in batches of ten.
func adsLog(t *testing.T, n int, opts ...kfake.Opt) *kfake.Cluster {
	t.Helper()
	c := startFake(t, append(opts, kfake.SeedTopics(1, "ads"))...)
	w := writer(t, c)
	for i := 0; i < n; i += 10 {
		values := make([]string, min(10, n-i))
		for j := range values {
			values[j] = fmt.Sprint(i + j)
		}
		produce(t, w, "ads", 0, values...)
	}
	return c
}

func adsSource(t *testing.T, c *kfake.Cluster, fetchBytes int) (*offsets.Kafka, offsets.Range) {
	t.Helper()
	s := openKafka(t, c.ListenAddrs(), offsets.KafkaOptions{Source: "events", Topics: []string{"ads"}, FetchBytes: fetchBytes,
		RetryFor: 5 * time.Second})
	states, err := s.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s, offsets.Range{Source: "events", Topic: "ads", TopicID: states[0].TopicID, Until: states[0].End,
		LeaderEpoch: states[0].LeaderEpoch}
}

func wantAll(t *testing.T, s offsets.Source, r offsets.Range) {
	t.Helper()
	rows, err := offsetstest.ReadAll(t.Context(), s, r)
	if err != nil {
		t.Fatal(err)
	}
	for i, row := range rows {
		if row.Offset != int64(i) || row.Value != fmt.Sprint(i) {
			t.Fatalf("row %d is %+v", i, row)
		}
	}
	if int64(len(rows)) != r.Until {
		t.Errorf("%d rows, want %d", len(rows), r.Until)
	}
}

// TestKafkaPassingFaults injects what passes by itself: the reader must deliver everything nevertheless.
func TestKafkaPassingFaults(t *testing.T) {
	for _, code := range []*kerr.Error{kerr.NotLeaderForPartition, kerr.FencedLeaderEpoch, kerr.UnknownTopicID,
		kerr.OffsetOutOfRange, kerr.UnknownTopicOrPartition, kerr.ReplicaNotAvailable} {
		t.Run(code.Message, func(t *testing.T) {
			c := adsLog(t, 200)
			s, r := adsSource(t, c, 500)
			fault := c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: code, Count: 2})
			wantAll(t, s, r)
			if fault.Hits() != 2 {
				t.Errorf("met the fault %d times, want 2", fault.Hits())
			}
		})
	}
}

func TestKafkaBrokenConnections(t *testing.T) {
	c := adsLog(t, 300)
	s, r := adsSource(t, c, 500)
	var fetches atomic.Int32
	c.ControlKey(int16(kmsg.Fetch), func(kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		if fetches.Add(1)%3 == 0 {
			return nil, errors.New("hang up"), true
		}
		return nil, nil, false
	})
	wantAll(t, s, r)
	if fetches.Load() < 6 {
		t.Errorf("only %d fetches: nothing was broken", fetches.Load())
	}
}

// TestKafkaShortAnswers: an answer without records is not the end.
func TestKafkaShortAnswers(t *testing.T) {
	c := adsLog(t, 30)
	s, r := adsSource(t, c, 0)
	empty := 0
	c.ControlKey(int16(kmsg.Fetch), func(q kmsg.Request) (kmsg.Response, error, bool) {
		if empty++; empty > 2 {
			return nil, nil, false
		}
		c.KeepControl()
		res := q.ResponseKind().(*kmsg.FetchResponse)
		asked := q.(*kmsg.FetchRequest).Topics[0]
		topic := kmsg.NewFetchResponseTopic()
		topic.Topic, topic.TopicID = asked.Topic, asked.TopicID
		part := kmsg.NewFetchResponseTopicPartition()
		part.HighWatermark, part.LastStableOffset = 30, 30
		topic.Partitions = append(topic.Partitions, part)
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
	wantAll(t, s, r)
}

func TestKafkaLeaderMoves(t *testing.T) {
	c := adsLog(t, 200, kfake.NumBrokers(3))
	s, r := adsSource(t, c, 500)
	reader, err := s.Read(t.Context(), r)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var recs offsets.Records
	next := int64(0)
	for {
		err := reader.Next(t.Context(), &recs)
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		for _, rec := range recs.Rows {
			if rec.Offset != next {
				t.Fatalf("offset %d, want %d", rec.Offset, next)
			}
			next++
		}
		if err := c.MoveTopicPartition("ads", 0, int32(next/10)%3); err != nil {
			t.Fatal(err)
		}
	}
	if next != r.Until {
		t.Errorf("ended at %d, want %d", next, r.Until)
	}
}

// TestKafkaLogCut: the log was cut below the range by an unclean election and has grown again.
func TestKafkaLogCut(t *testing.T) {
	c := adsLog(t, 200, kfake.NumBrokers(2))
	s, r := adsSource(t, c, 500)
	if err := c.MoveTopicPartition("ads", 0, 1-c.LeaderFor("ads", 0)); err != nil {
		t.Fatal(err)
	}
	c.ControlKey(int16(kmsg.OffsetForLeaderEpoch), func(q kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		res := q.ResponseKind().(*kmsg.OffsetForLeaderEpochResponse)
		topic := kmsg.NewOffsetForLeaderEpochResponseTopic()
		topic.Topic = "ads"
		part := kmsg.NewOffsetForLeaderEpochResponseTopicPartition()
		part.LeaderEpoch, part.EndOffset = r.LeaderEpoch, 150
		topic.Partitions = append(topic.Partitions, part)
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
	_, err := offsetstest.ReadAll(t.Context(), s, r)
	var gone *offsets.RangeGoneError
	if !errors.As(err, &gone) || !strings.Contains(gone.Reason, "the log was cut at 150") {
		t.Errorf("error %v, want the log cut at 150", err)
	}
	r.Until = 150
	wantAll(t, s, r)
}

// TestKafkaOldBroker reads from a broker without topic ids.
func TestKafkaOldBroker(t *testing.T) {
	c := adsLog(t, 50, kfake.MaxVersions(kversion.V2_4_0()))
	s, r := adsSource(t, c, 0)
	if r.TopicID != (offsets.TopicID{}) {
		t.Errorf("topic id %s from a broker that has none", r.TopicID)
	}
	wantAll(t, s, r)
}

func TestKafkaUnknownTopic(t *testing.T) {
	c := startFake(t)
	s := openKafka(t, c.ListenAddrs(), offsets.KafkaOptions{Source: "events", Topics: []string{"nobody"}, UnknownFor: 100 * time.Millisecond})
	_, err := s.Partitions(t.Context())
	var unknown *offsets.UnknownTopicError
	want := fmt.Sprintf(`topic "nobody" does not exist on %s`, strings.Join(c.ListenAddrs(), ", "))
	if !errors.As(err, &unknown) || unknown.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	if err := s.TopicsKnown(t.Context()); !errors.As(err, &unknown) || err.Error() != "ask where source events ends: "+want {
		t.Errorf("error %v, want %s", err, want)
	}
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Metadata}, Err: kerr.NotController, Count: -1})
	if err := s.TopicsKnown(t.Context()); err != nil {
		t.Errorf("brokers that do not say: %v", err)
	}
}

// TestKafkaBudget: what does not pass ends with the last error, as soon as the budget is used up.
func TestKafkaBudget(t *testing.T) {
	c := adsLog(t, 10)
	_, r := adsSource(t, c, 0)
	s := openKafka(t, c.ListenAddrs(), offsets.KafkaOptions{Topics: []string{"ads"}, RetryFor: 100 * time.Millisecond})
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.NotLeaderForPartition, Count: -1})
	_, err := offsetstest.ReadAll(t.Context(), s, r)
	if err == nil || !strings.Contains(err.Error(), "no progress in") || !errors.Is(err, kafka.Code(6)) {
		t.Errorf("error %v", err)
	}
	refused := openKafka(t, []string{"127.0.0.1:1"}, offsets.KafkaOptions{Topics: []string{"ads"}, RetryFor: 50 * time.Millisecond})
	var none *kafka.NoBrokerError
	if _, err := refused.Partitions(t.Context()); !errors.As(err, &none) {
		t.Errorf("without a broker: %v", err)
	}
	began := time.Now()
	_, err = offsets.DialKafka(t.Context(), kafka.Cluster{Brokers: []string{"127.0.0.1:1"}}, offsets.KafkaOptions{Topics: []string{"ads"}, RetryFor: 50 * time.Millisecond})
	if took := time.Since(began); !errors.As(err, &none) || took > 3*time.Second {
		t.Errorf("first contact with a budget of 50 ms: %v after %s", err, took)
	}
}

// TestKafkaStopErrors: what cannot pass is not tried again.
func TestKafkaStopErrors(t *testing.T) {
	c := adsLog(t, 10)
	s, r := adsSource(t, c, 0)
	c.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Fetch}, Err: kerr.TopicAuthorizationFailed, Count: -1})
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := offsetstest.ReadAll(ctx, s, r); !errors.Is(err, kafka.Code(29)) {
		t.Errorf("error %v, want not authorized", err)
	}
}

// TestKafkaCorruptBatch: a flipped bit is found and located, and not asked for again.
func TestKafkaCorruptBatch(t *testing.T) {
	c := adsLog(t, 20)
	s, r := adsSource(t, c, 0)
	records := rawRecords(t, c)
	records[len(records)-3] ^= 1
	c.ControlKey(int16(kmsg.Fetch), func(q kmsg.Request) (kmsg.Response, error, bool) {
		res := q.ResponseKind().(*kmsg.FetchResponse)
		topic := kmsg.NewFetchResponseTopic()
		topic.TopicID = r.TopicID
		part := kmsg.NewFetchResponseTopicPartition()
		part.HighWatermark, part.LastStableOffset, part.RecordBatches = 20, 20, records
		topic.Partitions = append(topic.Partitions, part)
		res.Topics = append(res.Topics, topic)
		return res, nil, true
	})
	rows, err := offsetstest.ReadAll(t.Context(), s, r)
	var batch *kafka.BatchError
	if !errors.As(err, &batch) || batch.Topic != "ads" || batch.Offset != 10 || !strings.Contains(err.Error(), "checksum") {
		t.Errorf("error %v, want a checksum error at offset 10", err)
	}
	if len(rows) != 10 {
		t.Errorf("%d rows before the corrupt batch, want 10", len(rows))
	}
}

// rawRecords fetches the bytes of the log.
func rawRecords(t *testing.T, c *kfake.Cluster) []byte {
	t.Helper()
	client, err := kafka.NewClient(kafka.Options{Brokers: c.ListenAddrs()})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	res, err := client.Fetch(t.Context(), kafka.FetchRequest{Topic: "ads", MaxBytes: 1 << 20})
	if err != nil {
		t.Fatal(err)
	}
	return res.Records
}

// TestKafkaManyReaders reads ranges of compressed batches at the same time, so that buffers pass between readers.
func TestKafkaManyReaders(t *testing.T) {
	c := startFake(t, kfake.SeedTopics(4, "ads"))
	rng := rand.New(rand.NewPCG(7, 7))
	codecs := []kgo.CompressionCodec{kgo.Lz4Compression(), kgo.ZstdCompression(), kgo.SnappyCompression(), kgo.NoCompression()}
	for p, codec := range codecs {
		w := writer(t, c, kgo.ProducerBatchCompression(codec))
		for i := range 20 {
			produce(t, w, "ads", int32(p), fmt.Sprint(p, " ", i, strings.Repeat(" view", rng.IntN(200))), "x", "y")
		}
	}
	s := openKafka(t, c.ListenAddrs(), offsets.KafkaOptions{Topics: []string{"ads"}, FetchBytes: 1000})
	states, err := s.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	for i := range 16 {
		st := states[i%len(states)]
		r := offsets.Range{Topic: "ads", TopicID: st.TopicID, Partition: st.Partition, From: int64(i), Until: st.End}
		go func() {
			rows, err := offsetstest.ReadAll(t.Context(), s, r)
			if err == nil && int64(len(rows)) != r.Span() {
				err = fmt.Errorf("%s: %d rows", r, len(rows))
			}
			for _, row := range rows {
				if row.Offset%3 == 0 && !strings.HasPrefix(row.Value, fmt.Sprint(r.Partition, " ", row.Offset/3)) {
					err = fmt.Errorf("%s: row %+v", r, row)
				}
			}
			done <- err
		}()
	}
	for range 16 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}
