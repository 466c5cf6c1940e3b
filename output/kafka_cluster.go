package output

import (
	"context"

	"github.com/millrace/millrace/internal/kafka"
)

// KafkaCluster is what a sink needs of a cluster. [DialKafka] gives a real one.
type KafkaCluster interface {
	// Metadata asks about topics, in the order of names.
	Metadata(ctx context.Context, names []string) ([]kafka.Topic, error)
	CreateTopic(ctx context.Context, spec kafka.TopicSpec) (made bool, err error)
	TopicConfigs(ctx context.Context, topic string, names ...string) (map[string]string, error)
	NewProducer(o kafka.ProducerOptions) KafkaProducer
	// Refresh forgets leaders and connections.
	Refresh()
	Close()
}

// KafkaProducer writes transactions under one transactional id; see kafka.Producer, which it is.
type KafkaProducer interface {
	// Init begins a session. It fences every earlier one of the id and aborts what it has left open.
	Init(ctx context.Context) error
	// CommitRecord reads the record that the last transaction has committed, which is final behind Init.
	CommitRecord(ctx context.Context, topic string) (r kafka.CommitRecord, found bool, err error)
	// Produce writes batches, inside the open transaction or one that it begins.
	Produce(ctx context.Context, batches []kafka.ProduceBatch) error
	// Commit commits the transaction together with the record, which belongs to partition 0 of the topic.
	Commit(ctx context.Context, topic string, r kafka.CommitRecord) error
	Abort(ctx context.Context) error
}

// kafkaClient is a real cluster.
type kafkaClient struct{ *kafka.Client }

// NewProducer implements [KafkaCluster].
func (c kafkaClient) NewProducer(o kafka.ProducerOptions) KafkaProducer {
	return c.Client.NewProducer(o)
}

// DialKafka returns a cluster. It connects with the first request.
func DialKafka(at kafka.Cluster) (KafkaCluster, error) {
	client, err := kafka.NewClient(at.Options())
	if err != nil {
		return nil, err
	}
	return kafkaClient{client}, nil
}
