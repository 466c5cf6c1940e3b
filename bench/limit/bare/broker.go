package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/segmentio/kafka-go"

	"github.com/millrace/millrace/bench/limit"
	"github.com/millrace/millrace/bench/limit/rawk"
)

// reader reads one partition to the offset where it ended when the run began.
type reader struct {
	config
	transport *kafka.Transport
	partition int
	until     int64
	loop      *limit.Loop
	records   int
}

// broker runs the loop over a topic, a goroutine for each partition.
func broker(c config) error {
	ads, err := readAds(c.ads)
	if err != nil {
		return err
	}
	truth, err := readCounts(c.expected)
	if err != nil {
		return err
	}
	transport := &kafka.Transport{MetadataTopics: []string{c.topic}}
	defer transport.CloseIdleConnections()
	ends, err := ends(c, transport)
	if err != nil {
		return err
	}
	for range c.reps {
		readers := make([]*reader, 0, len(ends))
		for partition, until := range ends {
			readers = append(readers, &reader{config: c, transport: transport, partition: partition, until: until, loop: limit.NewLoop(ads)})
		}
		began, cpu := time.Now(), limit.CPU()
		if err := readAll(readers); err != nil {
			return err
		}
		if err := judge(readers, truth, time.Since(began), limit.CPU()-cpu); err != nil {
			return err
		}
	}
	return nil
}

// ends asks where the partitions of the topic end.
func ends(c config, transport *kafka.Transport) (map[int]int64, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	client := &kafka.Client{Addr: kafka.TCP(c.broker), Transport: transport}
	meta, err := client.Metadata(ctx, &kafka.MetadataRequest{Topics: []string{c.topic}})
	if err != nil {
		return nil, err
	}
	var ask []kafka.OffsetRequest
	for _, p := range meta.Topics[0].Partitions {
		ask = append(ask, kafka.LastOffsetOf(p.ID))
	}
	if err := meta.Topics[0].Error; err != nil {
		return nil, err
	}
	answer, err := client.ListOffsets(ctx, &kafka.ListOffsetsRequest{Topics: map[string][]kafka.OffsetRequest{c.topic: ask}})
	if err != nil {
		return nil, err
	}
	out := map[int]int64{}
	for _, p := range answer.Topics[c.topic] {
		if p.Error != nil {
			return nil, p.Error
		}
		out[p.Partition] = p.LastOffset
	}
	return out, nil
}

func readAll(readers []*reader) error {
	errs := make([]error, len(readers))
	var done sync.WaitGroup
	for i, r := range readers {
		done.Go(func() { errs[i] = r.read(context.Background()) })
	}
	done.Wait()
	return errors.Join(errs...)
}

// judge prints a run, and compares its counts in mode full.
func judge(readers []*reader, truth map[limit.Group]int64, wall, cpu time.Duration) error {
	records, slow, counts := 0, 0, map[limit.Group]int64{}
	for _, r := range readers {
		records += r.records
		slow += r.loop.Slow
		r.loop.Counts(counts)
	}
	line(readers[0].topic+" "+readers[0].mode, records, wall, cpu)
	if readers[0].mode != "full" {
		return nil
	}
	if wrong := limit.Wrong(counts, truth); wrong+slow > 0 {
		return fmt.Errorf("%d counts are wrong, %d records could not be read", wrong, slow)
	}
	return nil
}

// fetched is an answer on its way.
type fetched struct {
	*rawk.FetchResponse
	err error
}

// fetch sends a request and does not wait.
func (r *reader) fetch(ctx context.Context, offset int64, buf []byte) chan fetched {
	got := make(chan fetched, 1)
	go func() {
		m, err := r.transport.RoundTrip(ctx, kafka.TCP(r.broker), &rawk.FetchRequest{Topic: r.topic, Partition: int32(r.partition), Offset: offset,
			MinBytes: 1, MaxBytes: int32(r.fetchBytes), MaxWaitMs: 1000, Epoch: -1, Buf: buf})
		f, _ := m.(*rawk.FetchResponse)
		if err == nil && f.ErrorCode|f.PartitionError != 0 {
			err = kafka.Error(f.ErrorCode | f.PartitionError)
		}
		got <- fetched{f, err}
	}()
	return got
}

// read fetches one answer ahead of the loop.
func (r *reader) read(ctx context.Context) error {
	var d rawk.Decompressor
	var spare []byte
	next := r.fetch(ctx, 0, nil)
	for at := int64(0); at < r.until; {
		f := <-next
		if f.err != nil {
			return f.err
		}
		behind := rawk.LastOffsetAfter(f.Records, at)
		if behind == at {
			return fmt.Errorf("partition %d: a record batch at offset %d is larger than a fetch", r.partition, at)
		}
		if at = behind; at < r.until {
			next = r.fetch(ctx, at, spare)
		}
		if err := r.batches(f.Records, &d); err != nil {
			return err
		}
		spare = f.Buf
	}
	r.loop.Flush()
	return nil
}

func (r *reader) batches(p []byte, d *rawk.Decompressor) error {
	var b rawk.Batch
	for len(p) > 0 {
		rest, err := rawk.NextBatch(p, &b)
		if errors.Is(err, rawk.ErrPartial) {
			return nil
		}
		if err != nil {
			return err
		}
		p = rest
		if r.checkCRC && !b.CheckCRC() {
			return errors.New("wrong checksum")
		}
		if b.Control() {
			continue
		}
		records, err := d.Do(&b)
		if err != nil {
			return err
		}
		r.records += int(b.N)
		if r.mode != "batches" {
			if err := r.walk(&b, records); err != nil {
				return err
			}
		}
	}
	return nil
}

func (r *reader) walk(b *rawk.Batch, p []byte) (err error) {
	const slack = 64
	if cap(p)-len(p) < slack {
		p = slices.Grow(p, slack)
	}
	var rec rawk.Record
	for range b.N {
		if p, err = rawk.NextRecord(b, p, &rec); err != nil {
			return err
		}
		if r.mode == "full" {
			r.loop.Row(rec.Value)
		}
	}
	return nil
}
