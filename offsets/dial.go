package offsets

import (
	"context"
	"errors"
	"time"

	"github.com/millrace/millrace/internal/kafka"
)

// firstContact is how long to look for a broker when none has answered yet: long enough for one on its way up, short
// enough for a wrong address. Whoever has been there gets the longer patience of [KafkaOptions].RetryFor.
const firstContact = 5 * time.Second

// DialKafka returns a source on a cluster. When none of its brokers answers for 5 s, or RetryFor if that is less, that is the error, and so is a
// [kafka.ReachError]: TLS or SASL do not fit. Whatever else may be wrong is met again at the first survey, where it is
// known how far a job has read. Close the source to release its connections.
func DialKafka(ctx context.Context, cluster kafka.Cluster, opts KafkaOptions) (*Kafka, error) {
	client, err := kafka.NewClient(cluster.Options())
	if err != nil {
		return nil, err
	}
	source := NewKafka(client, opts)
	opts.RetryFor, opts.UnknownFor = min(firstContact, source.opts.RetryFor), -1
	_, err = NewKafka(client, opts).Partitions(ctx)
	var none *kafka.NoBrokerError
	var reach *kafka.ReachError
	switch {
	case errors.As(err, &reach):
		err = reach
	case errors.As(err, &none):
		err = none
	default:
		err = ctx.Err()
	}
	if err != nil {
		client.Close()
		return nil, err
	}
	return source, nil
}
