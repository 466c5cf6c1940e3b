package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/urfave/cli/v2"
)

func genCommand() *cli.Command {
	return &cli.Command{
		Name:        "gen",
		Usage:       "write test events into a Kafka topic",
		Subcommands: []*cli.Command{genYSBCommand(), genFlightsCommand()},
	}
}

// targetFlags say where generated events go; every generator has them. The variable is the one that the example jobs read.
func targetFlags(topic string) []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "brokers", Value: "127.0.0.1:9092", EnvVars: []string{"KAFKA"}, Usage: "`host:port`, or a comma list"},
		&cli.StringFlag{Name: "topic", Value: topic, Usage: "created when it does not exist"},
		&cli.IntFlag{Name: "partitions", Value: 2, Usage: "of a topic that is created"},
		&cli.StringFlag{Name: "codec", Value: "lz4", Usage: "none, gzip, snappy, lz4 or zstd"},
	}
}

// producer writes events to the partitions of one topic and remembers the first failure.
type producer struct {
	client     *kgo.Client
	topic      string
	partitions int32
	failed     atomic.Pointer[error]
	written    int64
	started    time.Time
}

func newProducer(ctx context.Context, c *cli.Context) (*producer, error) {
	codec, err := codecOf(c.String("codec"))
	if err != nil {
		return nil, err
	}
	client, err := kgo.NewClient(
		kgo.SeedBrokers(strings.Split(c.String("brokers"), ",")...), kgo.ProducerBatchCompression(codec),
		kgo.ProducerBatchMaxBytes(128<<10), kgo.ProducerLinger(20*time.Millisecond), kgo.MaxBufferedRecords(100_000),
		kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.RecordDeliveryTimeout(time.Minute),
	)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", c.String("brokers"), err)
	}
	if err := reach(ctx, client); err != nil {
		client.Close()
		return nil, fmt.Errorf("no broker answered at %s (%w)", c.String("brokers"), err)
	}
	p := &producer{client: client, topic: c.String("topic"), started: time.Now()}
	if p.partitions, err = ensureTopic(ctx, client, p.topic, int32(c.Int("partitions"))); err != nil {
		client.Close()
		return nil, err
	}
	return p, nil
}

// firstContact is how long to look for a broker that may be on its way up, as in `millrace broker & millrace gen ysb`.
const firstContact = 5 * time.Second

// reach waits until a broker answers.
func reach(ctx context.Context, client *kgo.Client) error {
	again := time.NewTicker(100 * time.Millisecond)
	defer again.Stop()
	for began := time.Now(); ; {
		err := client.Ping(ctx)
		if err == nil || ctx.Err() != nil || time.Since(began) > firstContact {
			return err
		}
		<-again.C
	}
}

func codecOf(name string) (kgo.CompressionCodec, error) {
	switch name {
	case "none":
		return kgo.NoCompression(), nil
	case "gzip":
		return kgo.GzipCompression(), nil
	case "snappy":
		return kgo.SnappyCompression(), nil
	case "lz4":
		return kgo.Lz4Compression(), nil
	case "zstd":
		return kgo.ZstdCompression(), nil
	}
	return kgo.CompressionCodec{}, usage("--codec %q is none of none, gzip, snappy, lz4, zstd", name)
}

// ensureTopic creates the topic, or learns how many partitions it has.
func ensureTopic(ctx context.Context, client *kgo.Client, topic string, partitions int32) (int32, error) {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	admin := kadm.NewClient(client)
	_, err := admin.CreateTopic(ctx, partitions, -1, nil, topic)
	if err == nil {
		return partitions, nil
	}
	if !errors.Is(err, kerr.TopicAlreadyExists) {
		return 0, fmt.Errorf("create topic %s: %w", topic, err)
	}
	details, err := admin.ListTopics(ctx, topic)
	if err != nil {
		return 0, fmt.Errorf("look at topic %s: %w", topic, err)
	}
	return int32(len(details[topic].Partitions)), nil
}

// send hands one event to the client; value must not be changed afterwards.
func (p *producer) send(ctx context.Context, partition int32, value []byte) {
	p.written++
	p.client.Produce(ctx, &kgo.Record{Topic: p.topic, Partition: partition, Value: value}, func(_ *kgo.Record, err error) {
		if err != nil {
			p.failed.CompareAndSwap(nil, &err)
		}
	})
}

// finish waits until every event is acknowledged.
func (p *producer) finish(ctx context.Context, c *cli.Context) error {
	defer p.client.Close()
	if err := p.client.Flush(ctx); err != nil {
		return fmt.Errorf("write to topic %s: %w", p.topic, err)
	}
	if err := p.failed.Load(); err != nil {
		return fmt.Errorf("write to topic %s: %w", p.topic, *err)
	}
	fmt.Fprintf(c.App.Writer, "%d records to %s (%d partitions) in %s\n", p.written, p.topic, p.partitions, time.Since(p.started).Round(time.Millisecond))
	return nil
}

func sortedKeys[K cmp.Ordered, V any](m map[K]V) []K { return slices.Sorted(maps.Keys(m)) }
