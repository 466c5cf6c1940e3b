package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/millrace/millrace/internal/jobspec"
	"github.com/millrace/millrace/internal/kafka"
)

// Sizes of what generators send, in bytes: of a record batch, uncompressed, and of the batches sent together.
const (
	genBatchBytes = 128 << 10
	genSendBytes  = 8 << 20
)

// producer writes events to the partitions of one topic and remembers the first failure.
type producer struct {
	client     *kafka.Client
	out        *kafka.Producer
	compressor *kafka.Compressor
	writers    []kafka.BatchWriter // by partition
	full       []kafka.ProduceBatch
	fullBytes  int

	topic      string
	partitions int32
	err        error
	written    int64
	started    time.Time
}

func newProducer(ctx context.Context, c *cli.Context) (*producer, error) {
	codec, err := codecOf(c.String("codec"))
	if err != nil {
		return nil, err
	}
	cluster, err := clusterOf(c)
	if err != nil {
		return nil, err
	}
	p := &producer{topic: c.String("topic"), started: time.Now()}
	if p.compressor, err = kafka.NewCompressor(codec, 0); err != nil {
		return nil, err
	}
	if p.client, err = kafka.NewClient(cluster.Options()); err != nil {
		return nil, err
	}
	if err := p.open(ctx, int32(c.Int("partitions"))); err != nil {
		p.client.Close()
		return nil, err
	}
	return p, nil
}

// clusterOf is the cluster that the flags name.
func clusterOf(c *cli.Context) (kafka.Cluster, error) {
	brokers := strings.Split(c.String("brokers"), ",")
	if !c.IsSet("cluster") {
		return kafka.Cluster{Brokers: brokers}, nil
	}
	o := jobspec.Options{Secret: func(values []string) { hide(c, values) }}
	if c.IsSet("brokers") {
		o.Set = []string{"brokers=" + c.String("brokers")}
	}
	return jobspec.LoadCluster(c.String("cluster"), o)
}

func codecOf(name string) (kafka.Codec, error) {
	codecs := map[string]kafka.Codec{"none": kafka.None, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.LZ4, "zstd": kafka.Zstd}
	codec, ok := codecs[name]
	if !ok {
		return codec, usage("--codec %q is none of none, gzip, snappy, lz4, zstd", name)
	}
	return codec, nil
}

// open makes the topic if there is none, and begins to write.
func (p *producer) open(ctx context.Context, partitions int32) error {
	topic, err := p.look(ctx)
	if err != nil {
		return err
	}
	if topic.Code == kafka.CodeUnknownTopic {
		if topic, err = p.create(ctx, partitions); err != nil {
			return err
		}
	}
	if err := topic.Err(); err != nil {
		return fmt.Errorf("look at topic %s: %w", p.topic, err)
	}
	p.partitions = int32(len(topic.Partitions))
	p.writers = make([]kafka.BatchWriter, p.partitions)
	p.out = p.client.NewProducer(kafka.ProducerOptions{})
	return p.out.Init(ctx)
}

// genWait is the time between two looks at a cluster.
const genWait = 100 * time.Millisecond

// firstContact is how long to look for a broker that may be on its way up, as in `millrace broker & millrace gen ysb`.
const firstContact = 5 * time.Second

// look asks for the topic, and waits for a broker that answers.
func (p *producer) look(ctx context.Context) (kafka.Topic, error) {
	for began := time.Now(); ; {
		topics, err := p.client.Metadata(ctx, []string{p.topic})
		switch {
		case err == nil:
			return topics[0], nil
		case ctx.Err() != nil, kafka.Decide(err) == kafka.Stop, time.Since(began) > firstContact:
			return kafka.Topic{}, plain(err)
		}
		p.client.Refresh()
		if err := pause(ctx, genWait); err != nil {
			return kafka.Topic{}, err
		}
	}
}

// plain is the part of an error that says which cluster cannot be reached, if that is it.
func plain(err error) error {
	var none *kafka.NoBrokerError
	var reach *kafka.ReachError
	switch {
	case errors.As(err, &reach):
		return reach
	case errors.As(err, &none):
		return none
	}
	return err
}

// create makes the topic, and waits until the brokers know of it.
func (p *producer) create(ctx context.Context, partitions int32) (kafka.Topic, error) {
	if _, err := p.client.CreateTopic(ctx, kafka.TopicSpec{Name: p.topic, Partitions: partitions, Replicas: -1}); err != nil {
		return kafka.Topic{}, err
	}
	for began := time.Now(); ; {
		topic, err := p.look(ctx)
		if err != nil || topic.Code != kafka.CodeUnknownTopic || time.Since(began) > firstContact {
			return topic, err
		}
		if err := pause(ctx, genWait); err != nil {
			return topic, err
		}
	}
}

func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// send takes one event, unless one has failed.
func (p *producer) send(ctx context.Context, partition int32, value []byte) {
	if p.err != nil {
		return
	}
	p.written++
	now, w := time.Now().UnixMilli(), &p.writers[partition]
	if w.Count() > 0 && w.SizeWith(now, nil, value, nil) > genBatchBytes {
		p.close(partition)
	}
	if p.fullBytes >= genSendBytes {
		p.flush(ctx)
	}
	w.Append(now, nil, value, nil)
}

// close ends the record batch of a partition.
func (p *producer) close(partition int32) {
	batch, err := p.writers[partition].Finish(p.compressor)
	if err != nil {
		p.err = err
		return
	}
	p.full = append(p.full, kafka.ProduceBatch{Topic: p.topic, Partition: partition, Batch: batch})
	p.fullBytes += batch.Size()
}

// flush writes the record batches that are full.
func (p *producer) flush(ctx context.Context) {
	if p.err == nil {
		p.err = p.out.Produce(ctx, p.full)
	}
	if p.err == nil {
		for _, b := range p.full {
			p.compressor.Recycle(b.Batch)
		}
	}
	p.full, p.fullBytes = p.full[:0], 0
}

// finish writes what is left.
func (p *producer) finish(ctx context.Context, c *cli.Context) error {
	defer p.client.Close()
	for i := range p.writers {
		if p.err == nil && p.writers[i].Count() > 0 {
			p.close(int32(i))
		}
	}
	p.flush(ctx)
	if p.err != nil {
		return fmt.Errorf("write to topic %s: %w", p.topic, p.err)
	}
	fmt.Fprintf(c.App.Writer, "%d records to %s (%d partitions) in %s\n", p.written, p.topic, p.partitions, time.Since(p.started).Round(time.Millisecond))
	return nil
}
