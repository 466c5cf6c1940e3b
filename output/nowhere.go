package output

import (
	"context"
	"io"

	"github.com/millrace/millrace/internal/store"
)

// Nowhere is a store that keeps nothing: what is put there is written and forgotten. A [Parquet] over it prepares the
// files that it would write elsewhere.
func Nowhere() store.Store { return nowhere{} }

type nowhere struct{}

func (nowhere) PutIfAbsent(_ context.Context, _ string, write func(io.Writer) error) error {
	return write(io.Discard)
}
func (nowhere) Get(context.Context, string) ([]byte, error)    { return nil, store.ErrNotExist }
func (nowhere) List(context.Context, string) ([]string, error) { return nil, nil }
func (nowhere) Delete(context.Context, string) error           { return nil }

// RehearsedKafka is a [Sink] that makes the records that a [Kafka] would write, and never a connection: Publish does
// nothing. Its manifests have the same rows, digests and sums; the bytes of a topic depend on how many partitions it has.
type RehearsedKafka struct {
	sink    string
	encoder *kafkaEncoder
}

// RehearseKafka returns the rehearsal of a topic.
func RehearseKafka(cfg KafkaConfig) (*RehearsedKafka, error) {
	cfg = cfg.withDefaults()
	encoder, err := newKafkaEncoder(cfg)
	if err != nil {
		return nil, (&Kafka{cfg: cfg}).named(err)
	}
	return &RehearsedKafka{sink: cfg.Sink, encoder: encoder}, nil
}

// Prepare implements [Sink].
func (k *RehearsedKafka) Prepare(ctx context.Context, info BatchInfo, shards []Shard, _ *Pending) (*Prepared, error) {
	info.Fits = func(int64) bool { return false } // nothing of it is needed
	p, err := k.encoder.batch(ctx, info, shards, 1)
	if err != nil {
		return nil, (&Kafka{cfg: KafkaConfig{Sink: k.sink}}).named(err)
	}
	k.encoder.recycle(p.work.(*kafkaWork).batches)
	p.work = nil
	return p, nil
}

// Publish implements [Sink]; nothing is written.
func (k *RehearsedKafka) Publish(context.Context, *Prepared) error { return nil }

// Committed implements [Sink]; nothing is kept.
func (k *RehearsedKafka) Committed(context.Context, int64, []File) error { return nil }

// Published implements [Sink]: nothing ever is.
func (k *RehearsedKafka) Published(context.Context) (Standing, error) { return Standing{}, nil }
