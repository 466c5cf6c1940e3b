package deadletter

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// jobHeader is the header of records that says which job has written them.
const jobHeader = "millrace-job"

func header(key string, value []byte) offsets.MemoryHeader {
	return offsets.MemoryHeader{Key: key, Value: value}
}

// KafkaOptions say which dead letters of a topic are read.
type KafkaOptions struct {
	// Until is the last batch that the job has committed, read before the topic is looked at: letters of later batches are
	// left for another time. Letters of one partition are spread over those of the topic, and a later batch may not be
	// there as a whole; whoever goes on behind the last letter that he has seen would never see the others.
	Until int64
	Share int64        // of memory that they may take; 0: 1 GiB
	Clock output.Clock // for the wait for open transactions
}

// ReadKafka reads the dead letters that a job has committed to a topic, which other jobs may write to as well. Where an open
// transaction holds some of it back, and goes on doing so, that is a [RefusedError].
func ReadKafka(ctx context.Context, job string, src offsets.Source, o KafkaOptions) (*Letters, error) {
	states, err := wholeSurvey(ctx, src, o.Clock)
	if err != nil {
		return nil, err
	}
	g := &gatherer{most: bound(o.Share), until: o.Until}
	for _, s := range states {
		r := offsets.Range{Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition, From: s.Start, Until: s.End, LeaderEpoch: s.LeaderEpoch}
		if r.Empty() {
			continue
		}
		if err := offsets.EachRecord(ctx, src, r, func(buf []byte, rec *offsets.Record) error { return g.record(job, buf, rec) }); err != nil {
			return nil, fmt.Errorf("read dead letters of %s: %w", r, err)
		}
	}
	return g.letters(job)
}

func (g *gatherer) record(job string, buf []byte, r *offsets.Record) error {
	writer, err := writtenBy(buf, r)
	if err != nil || writer != job {
		return err
	}
	l, err := parseLetter(r.Value.Of(buf))
	if err != nil {
		return err
	}
	if l.Batch > g.until {
		g.later++
		return nil
	}
	return g.add(l)
}

// writtenBy is the job that has written a record, "" when it does not say.
func writtenBy(buf []byte, r *offsets.Record) (string, error) {
	for h := offsets.ReadHeaders(buf, r); ; {
		key, value, ok := h.Next()
		switch {
		case !ok:
			return "", h.Err()
		case string(key.Of(buf)) == jobHeader && value.Len >= 0:
			return string(value.Of(buf)), nil
		}
	}
}

// parseLetter reads a row as JSON, the form that Kafka sinks give it.
func parseLetter(data []byte) (*Letter, error) {
	var row struct {
		Source, Topic *string
		Partition     *int32
		Offset, Batch *int64
		Timestamp     *string
		Key, Value    []byte
		Complete      *bool
		Headers       []struct {
			Key   string
			Value []byte
		}
	}
	if err := json.Unmarshal(data, &row); err != nil {
		return nil, refuse("it is no dead letter: %v", err)
	}
	if row.Source == nil || row.Topic == nil || row.Partition == nil || row.Offset == nil || row.Batch == nil || row.Complete == nil {
		return nil, refuse("it is no dead letter: columns are missing")
	}
	l := &Letter{Source: *row.Source, Topic: *row.Topic, Partition: *row.Partition, Offset: *row.Offset, Batch: *row.Batch, Complete: *row.Complete, Value: row.Value != nil}
	l.Record = offsets.MemoryRecord{Key: row.Key, Value: row.Value, Timestamp: -1}
	if row.Timestamp != nil {
		at, err := time.Parse(time.RFC3339Nano, *row.Timestamp)
		if err != nil {
			return nil, refuse("it is no dead letter: %v", err)
		}
		l.Record.Timestamp = at.UnixMilli()
	}
	for _, h := range row.Headers {
		l.Record.Headers = append(l.Record.Headers, header(h.Key, h.Value))
	}
	return l, nil
}
