package output

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/kafka"
)

// Defaults of [KafkaConfig].
const (
	DefaultKafkaCompression   = "none"
	DefaultMaxMessageBytes    = 1 << 20
	DefaultTransactionTimeout = time.Minute
	DefaultKafkaRetryFor      = 30 * time.Second
)

// KafkaConfig describes a topic and how rows become its records (docs/formats/output.md §7).
type KafkaConfig struct {
	Sink    string // the sink's name in the job
	Topic   string
	Layout  Layout // partitions are no concern of it
	Opening Opening

	// Key are the columns of the key, positions in Layout.Schema: one is the key as text or bytes, several are a JSON
	// object, none means NULL keys. Records of a changelog have no NULL keys: none means its key, as a JSON object.
	Key []int
	// Value is the column whose bytes are the value; −1: the row as a JSON object.
	Value int
	// Timestamp is the column of the records' timestamps; −1: the plan time.
	Timestamp int
	// ClampTimestamps moves a timestamp that brokers would refuse to the nearest that they take; else it is a
	// [TimestampRangeError].
	ClampTimestamps bool
	// NoHeaders leaves out the headers millrace-job and millrace-batch.
	NoHeaders bool
	// Compression is none (the default), gzip, snappy, lz4 or zstd.
	Compression string
	// MaxMessageBytes bounds a record batch, uncompressed; 0 means DefaultMaxMessageBytes. A record that does not fit is a
	// [MessageTooLargeError].
	MaxMessageBytes int

	// AtLeastOnce writes without transactions: a batch that runs again is written again.
	AtLeastOnce bool
	// TransactionTimeout is how long a batch may take to publish; 0 means DefaultTransactionTimeout. Brokers end a
	// transaction that takes longer. A dead process blocks readers for as long, if nobody starts the job again.
	TransactionTimeout time.Duration
	// TransactionalID is "" for the one that [KafkaTransactionalID] gives.
	TransactionalID string
	// Create makes the topic when there is none. nil: a topic that does not exist is a [TopicError].
	Create *KafkaTopic
	// RetryFor is how long to try again without success what may pass by itself, such as a broker that restarts; 0 means
	// DefaultKafkaRetryFor.
	RetryFor time.Duration
}

// KafkaTopic says how a topic is made. 0 means as the brokers are configured.
type KafkaTopic struct {
	Partitions        int
	ReplicationFactor int
}

// KafkaTransactionalID is the transactional id of a sink, and the group that its commit record belongs to. The topic is
// in it, so that a copy of the job that writes elsewhere fences nobody.
func KafkaTransactionalID(job, sink, topic string) string {
	return "millrace-" + job + "/" + sink + "/" + topic
}

func (c KafkaConfig) withDefaults() KafkaConfig {
	if c.Compression == "" {
		c.Compression = DefaultKafkaCompression
	}
	if c.MaxMessageBytes == 0 {
		c.MaxMessageBytes = DefaultMaxMessageBytes
	}
	if c.TransactionTimeout == 0 {
		c.TransactionTimeout = DefaultTransactionTimeout
	}
	if c.TransactionalID == "" {
		c.TransactionalID = KafkaTransactionalID(c.Opening.Owner.Job, c.Sink, c.Topic)
	}
	if c.RetryFor == 0 {
		c.RetryFor = DefaultKafkaRetryFor
	}
	return c
}

// Kafka is the [Sink] that writes records to a topic. Exactly once, it is a [Recorder]: the records of a batch and the
// record that says so become visible in one transaction.
type Kafka struct {
	cfg        KafkaConfig
	cluster    KafkaCluster
	producer   KafkaProducer
	encoder    *kafkaEncoder
	partitions int
	asked      time.Time // when partitions was read

	record    commitRecord // the last one that is known to be committed
	found     bool         // there is one
	session   bool         // the producer may write
	published int64        // at least once: the last batch of this process
}

// OpenKafka makes the topic ready and, exactly once, ends what an earlier process has left open. A commit record of
// another job or checkpoint is an [OwnedError]; then nothing was ended. The sink closes the cluster.
func OpenKafka(ctx context.Context, cluster KafkaCluster, cfg KafkaConfig) (*Kafka, error) {
	k := &Kafka{cfg: cfg.withDefaults(), cluster: cluster}
	if err := k.open(ctx); err != nil {
		cluster.Close()
		return nil, k.named(err)
	}
	return k, nil
}

func (k *Kafka) open(ctx context.Context) (err error) {
	if k.encoder, err = newKafkaEncoder(k.cfg); err != nil {
		return err
	}
	if err := k.openTopic(ctx); err != nil {
		return err
	}
	o := kafka.ProducerOptions{TransactionalID: k.cfg.TransactionalID, Timeout: k.cfg.TransactionTimeout, RetryFor: k.cfg.RetryFor, Lead: k.cfg.Opening.Lead,
		Recorded: func() error { return failpoint.Hit(failpoint.KafkaRecorded) }}
	if k.cfg.AtLeastOnce {
		o.TransactionalID = ""
	}
	k.producer = k.cluster.NewProducer(o)
	return k.persist(ctx, func() error { return k.openSession(ctx) })
}

// named gives an error the sink's name, where it has none.
func (k *Kafka) named(err error) error {
	var owned *OwnedError
	var conflict *ConflictError
	var topic *TopicError
	if err == nil || errors.As(err, &owned) || errors.As(err, &conflict) || errors.As(err, &topic) {
		return err
	}
	return fmt.Errorf("sink %s: %w", k.cfg.Sink, err)
}

// Prepare implements [Sink]: it encodes and compresses the records of the batch in memory, by partition. Where there is no room
// for all of them, Publish encodes the rest once more, a piece at a time. What the data alone decides is a
// [MessageTooLargeError] or a [TimestampRangeError].
func (k *Kafka) Prepare(ctx context.Context, info BatchInfo, shards []Shard, _ *Pending) (*Prepared, error) {
	if err := k.lookAtPartitions(ctx); err != nil {
		return nil, k.named(err)
	}
	p, err := k.encoder.batch(ctx, info, shards, k.partitions)
	return p, k.named(err)
}

// Publish implements [Sink].
func (k *Kafka) Publish(ctx context.Context, p *Prepared) error {
	work, ok := p.work.(*kafkaWork)
	if !ok && p.Rows > 0 {
		return k.named(fmt.Errorf("internal error: batch %d was prepared by another sink", p.Info.Batch))
	}
	if !ok {
		work = &kafkaWork{}
	}
	publish := k.publishOnce
	if k.cfg.AtLeastOnce {
		publish = k.publishAgain
	}
	if err := publish(ctx, p, work); err != nil {
		return k.named(err)
	}
	k.encoder.recycle(work.batches)
	work.batches, work.rest = nil, nil
	return nil
}

// Committed implements [Sink]. The record was committed with the rows; that it says the same as the log is checked.
func (k *Kafka) Committed(_ context.Context, batch int64, files []File) error {
	r := k.record
	if len(files) == 0 || k.cfg.AtLeastOnce || !k.found || r.Batch != batch || r.RowsSHA256 == "" {
		return nil
	}
	if len(files) != 1 || files[0].RowsSHA256 != r.RowsSHA256 || files[0].Rows != r.Rows {
		return k.conflict("has a commit record of batch %d with other rows than the log's commit of that batch; the log or the topic is an old copy: restore the newer one", batch)
	}
	return nil
}

// Published implements [Sink].
func (k *Kafka) Published(context.Context) (Standing, error) {
	switch {
	case k.cfg.AtLeastOnce:
		return Standing{}, nil
	case !k.found:
		return Standing{Recorded: true, Missing: true}, nil
	}
	return Standing{Batch: k.record.Batch, Recorded: true, RangeHash: k.record.RangeHash}, nil
}

// Close releases the connections. A transaction is never left open by a run that ends in order.
func (k *Kafka) Close() error {
	k.cluster.Close()
	return nil
}

func (k *Kafka) conflict(format string, args ...any) error {
	return &ConflictError{Sink: k.cfg.Sink, Path: "topic " + k.cfg.Topic, Msg: fmt.Sprintf(format, args...)}
}

// Kinds of columns that can be a key or a value by themselves.
func textKind(t columnar.Type) bool {
	switch t.Kind {
	case columnar.Array, columnar.Struct, columnar.Map:
		return false
	}
	return true
}

func bytesKind(t columnar.Type) bool { return t.Kind == columnar.String || t.Kind == columnar.Binary }
