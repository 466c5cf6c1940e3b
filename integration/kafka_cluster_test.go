package integration

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"

	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/kafka"
)

// TestKafkaWireCluster writes transactions to three brokers while leaders move and brokers are killed. A franz-go reader
// under read_committed runs along: it must see every batch once, whole and in order.
func TestKafkaWireCluster(t *testing.T) {
	if os.Getenv("MILLRACE_LONG") == "" {
		t.Skip("skipped: three brokers and a minute or two; MILLRACE_LONG=1 runs it")
	}
	c := kafkatest.StartCluster(t)
	for _, level := range []int16{2, 1} {
		t.Run(fmt.Sprint("transaction version ", level), func(t *testing.T) {
			setTransactionLevel(t, c.Client(t), level)
			newClusterLoad(t, c, fmt.Sprint("wire-cluster-", level)).run(t)
		})
	}
}

const clusterPartitions = 6

// clusterLoad writes batch after batch until it is stopped. Every batch has a record for each partition.
type clusterLoad struct {
	cluster  *kafkatest.Cluster
	topic    string
	client   *kafka.Client
	producer *kafka.Producer

	sessions, repeated int
	longest            time.Duration // between two commits
}

func newClusterLoad(t *testing.T, c *kafkatest.Cluster, topic string) *clusterLoad {
	t.Helper()
	client, err := kafka.NewClient(kafka.Options{Brokers: c.Addrs, RequestTimeout: 5 * time.Second, DialTimeout: 2 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	if _, err := client.CreateTopic(t.Context(), kafka.TopicSpec{Name: topic, Partitions: clusterPartitions, Replicas: -1}); err != nil {
		t.Fatal(err)
	}
	return &clusterLoad{cluster: c, topic: topic, client: client, producer: client.NewProducer(kafka.ProducerOptions{TransactionalID: topic})}
}

func (l *clusterLoad) run(t *testing.T) {
	stop := make(chan struct{})
	last := make(chan int64, 1)
	go func() {
		n, err := l.write(t.Context(), stop)
		if err != nil {
			t.Error(err)
		}
		last <- n
	}()
	seen := l.reader(t)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	l.trouble(t, rand.New(rand.NewPCG(seed, 0)))
	close(stop)
	n := <-last
	for p := range clusterPartitions {
		seen.wait(t, p, n)
	}
	t.Logf("%d batches, %d sessions, %d batches written again, at most %s without a commit", n, l.sessions, l.repeated, l.longest.Round(time.Millisecond))
}

// write goes on as a driver does: after an error it begins a session and reads how far it was.
func (l *clusterLoad) write(ctx context.Context, stop chan struct{}) (n int64, err error) {
	committed := time.Now()
	for {
		select {
		case <-stop:
			if n > 0 {
				return n, nil
			}
		case <-ctx.Done():
			return n, ctx.Err()
		default:
		}
		if !l.producer.Live() {
			l.sessions++
			if err := l.producer.Init(ctx); err != nil {
				return n, fmt.Errorf("begin session behind batch %d: %w", n, err)
			}
			r, _, err := l.producer.CommitRecord(ctx, l.topic)
			if err != nil || r.Batch < n || r.Batch > n+1 {
				return n, fmt.Errorf("record %+v behind batch %d: %w", r, n, err)
			}
			n = r.Batch
		}
		err := l.writeBatch(ctx, n+1)
		var fenced *kafka.FencedError
		var indefinite *kafka.IndefiniteError
		switch {
		case err == nil:
			n++
			l.longest = max(l.longest, time.Since(committed))
			committed = time.Now()
		case errors.As(err, &fenced) || errors.As(err, &indefinite):
			l.repeated++
		default:
			return n, fmt.Errorf("batch %d: %w", n+1, err)
		}
	}
}

func (l *clusterLoad) writeBatch(ctx context.Context, n int64) error {
	var batches []kafka.ProduceBatch
	for part := range 2 { // two record batches a partition
		for p := range int32(clusterPartitions) {
			var w kafka.BatchWriter
			w.Append(1, nil, strconv.AppendInt(nil, 2*n-1+int64(part), 10), nil)
			b, err := w.Finish(nil)
			if err != nil {
				return err
			}
			batches = append(batches, kafka.ProduceBatch{Topic: l.topic, Partition: p, Batch: b})
		}
	}
	if err := l.producer.Produce(ctx, batches); err != nil {
		return err
	}
	return l.producer.Commit(ctx, l.topic, kafka.CommitRecord{Batch: n})
}

// clusterSeen is how many records of each partition have been read, in order and once.
type clusterSeen struct {
	counts chan [clusterPartitions]int64
}

// reader follows the topic with franz-go until the test ends.
func (l *clusterLoad) reader(t *testing.T) *clusterSeen {
	t.Helper()
	s := &clusterSeen{counts: make(chan [clusterPartitions]int64, 1)}
	c := l.cluster.Client(t, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeTopics(l.topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	go func() {
		var counts [clusterPartitions]int64
		for t.Context().Err() == nil {
			c.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
				counts[r.Partition]++
				if want := strconv.FormatInt(counts[r.Partition], 10); string(r.Value) != want {
					t.Errorf("partition %d, offset %d: %s, want %s", r.Partition, r.Offset, r.Value, want)
				}
			})
			select {
			case <-s.counts:
			default:
			}
			s.counts <- counts
		}
	}()
	return s
}

// wait returns when both records of n batches are read, and no more are there.
func (s *clusterSeen) wait(t *testing.T, partition int, n int64) {
	t.Helper()
	limit := time.After(time.Minute)
	for {
		select {
		case counts := <-s.counts:
			if counts[partition] > 2*n {
				t.Errorf("partition %d: read %d records, %d were written", partition, counts[partition], 2*n)
			}
			if counts[partition] >= 2*n {
				s.counts <- counts
				return
			}
		case <-limit:
			t.Errorf("partition %d: %d records were not all read within a minute", partition, 2*n)
			return
		}
	}
}

// trouble moves leaders around and kills each broker once.
func (l *clusterLoad) trouble(t *testing.T, rng *rand.Rand) {
	for _, node := range rng.Perm(kafkatest.Nodes) {
		for range 3 {
			l.moveLeaders(t, rng)
			l.settle(t)
		}
		l.cluster.Kill(node)
		if err := l.cluster.WaitFor(t.Context(), kafkatest.Nodes-1); err != nil {
			t.Fatal(err)
		}
		if err := l.cluster.Run(node); err != nil {
			t.Fatal(err)
		}
		l.settle(t)
	}
}

func (l *clusterLoad) settle(t *testing.T) {
	t.Helper()
	if err := l.cluster.WaitFor(t.Context(), kafkatest.Nodes); err != nil {
		t.Fatal(err)
	}
}

// moveLeaders makes another broker the preferred leader of every partition, those of transactions and groups included,
// and has them elected.
func (l *clusterLoad) moveLeaders(t *testing.T, rng *rand.Rand) {
	t.Helper()
	admin := kadm.NewClient(l.cluster.Client(t))
	var assign kadm.AlterPartitionAssignmentsReq
	for topic, partitions := range map[string]int{l.topic: clusterPartitions, "__transaction_state": 4, "__consumer_offsets": 4} {
		for p := range partitions {
			var order []int32
			for _, n := range rng.Perm(kafkatest.Nodes) {
				order = append(order, int32(n+1))
			}
			assign.Assign(topic, int32(p), order)
		}
	}
	if _, err := admin.AlterPartitionAssignments(t.Context(), assign); err != nil {
		t.Fatal(err)
	}
	if _, err := admin.ElectLeaders(t.Context(), kadm.ElectPreferredReplica, nil); err != nil {
		t.Fatal(err)
	}
}

func setTransactionLevel(t *testing.T, c *kgo.Client, level int16) {
	t.Helper()
	q := kmsg.NewUpdateFeaturesRequest()
	kind := int8(1)
	if level < 2 {
		kind = 2
	}
	q.FeatureUpdates = []kmsg.UpdateFeaturesRequestFeatureUpdate{{Feature: "transaction.version", MaxVersionLevel: level, UpgradeType: kind}}
	res, err := q.RequestWith(t.Context(), c)
	if err != nil || res.ErrorCode != 0 {
		t.Fatalf("set transaction.version to %d: %v, %+v", level, err, res)
	}
}
