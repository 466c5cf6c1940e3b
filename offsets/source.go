package offsets

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/internal/kafka"
)

// PartitionState is what the broker says about one partition.
type PartitionState struct {
	Topic       string
	TopicID     TopicID
	Partition   int32
	LeaderEpoch int32 // −1: unknown
	Start       int64 // first offset still there
	// End is the first offset that may not be planned yet: the last stable offset under read_committed, the high
	// watermark under read_uncommitted.
	End           int64
	HighWatermark int64 // first offset that not all in-sync replicas have: the end of the log as readers see it
	// Begin is where a job begins that has no position in any partition of the source, as [StartAt] says. It is told only
	// to a job that has none.
	Begin int64
	// Open is what holds End back below HighWatermark, under read_committed.
	Open OpenTransaction
	// Interrupted says that brokers had to be asked again for this, or took very long: writers may not have come through
	// either, so it is no silence when the partition has nothing to read.
	Interrupted bool
}

// OpenTransaction holds the last stable offset of a partition back: what its producer and others wrote behind its first
// record cannot be read before it ends.
type OpenTransaction struct {
	Since      int64 // when the source first saw the partition held back at this offset, milliseconds since the epoch; 0: nothing is
	ProducerID int64 // −1: not known
}

// Source is one Kafka source of a job, or a double of one. Implementations are safe for concurrent use.
type Source interface {
	// Partitions asks the leaders where every partition starts and ends, ordered by topic and partition. A partition
	// whose leader does not answer is an error: it must never look empty.
	Partitions(ctx context.Context) ([]PartitionState, error)
	// Survey is Partitions on behalf of a job that stands at the positions, which may be none: what it returns is fit for
	// [PlanRanges] with the same positions. It asks again if an answer knows less than the positions do, and where a
	// leader was elected since it looks whether the log still holds what the job has read. If it was cut, even if it has
	// grown again, or if a topic that the job has read is gone, that is a [RangeGoneError]; a topic that the source is not
	// told to read any more is left out.
	Survey(ctx context.Context, reached []Position) ([]PartitionState, error)
	// Read opens a range that was planned from a survey. The reader delivers exactly its records, in offset order.
	Read(ctx context.Context, r Range) (Reader, error)
	// Close releases connections.
	Close() error
}

// Reader streams the records of one range. It is used by one goroutine.
type Reader interface {
	// Next fills recs with the next run of records, in offset order, and returns io.EOF after the last record. A run
	// may be empty. recs and the memory it points into belong to the reader and stay valid until the next call.
	Next(ctx context.Context, recs *Records) error
	// Close stops reads under way. It is called once, also after an error.
	Close() error
}

// Slack is the number of readable bytes that every [Records].Buf has behind its length (in its capacity), so that
// decoders may load whole words at the end of a value.
const Slack = kafka.Slack

// Records is a run of records of one partition, usually one Kafka record batch, decompressed. It holds no pointers
// per record.
type Records struct {
	Topic     string // the same for all rows
	Partition int32
	Buf       []byte   // what the spans point into; cap(Buf) − len(Buf) ≥ Slack
	Rows      []Record // in offset order; their spans point into Buf
	// WireBytes is what these records, and those passed over since the last run, took on the wire, compressed. Of a
	// record batch that the range cuts it is the part that belongs to the range, by offsets. Its mean per offset turns a
	// limit in bytes into one in offsets.
	WireBytes int64
}

// Record locates one record inside [Records].Buf: its Offset, its Timestamp in milliseconds since the epoch as the
// broker keeps it (−1 for none), and the spans Key, Value and Headers (undecoded). It is the wire's own type, so that
// nothing is copied per record.
type Record = kafka.Record

// HeaderReader walks the headers of one record: see [ReadHeaders].
type HeaderReader = kafka.HeaderReader

// ReadHeaders begins with the first header of a record inside buf, the [Records].Buf of its run. Headers stand in the
// order in which they were written; a key may come again, a value may be NULL. They are not looked at before, so that
// records whose headers nobody asks for cost nothing.
func ReadHeaders(buf []byte, r *Record) HeaderReader { return kafka.ReadHeaders(buf, r) }

// Span is a piece of a buffer: Start and Len. Len −1 is NULL; [kafka.Span.Of] returns the bytes.
type Span = kafka.Span

// EachRecord reads a range of a source and calls f with every record of it, in offset order. buf is what the record's spans
// point into. An error of f ends the reading, and gets the offset.
func EachRecord(ctx context.Context, src Source, r Range, f func(buf []byte, rec *Record) error) error {
	reader, err := src.Read(ctx, r)
	if err != nil {
		return err
	}
	defer reader.Close()
	var recs Records
	for {
		err := reader.Next(ctx, &recs)
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		for i := range recs.Rows {
			if err := f(recs.Buf, &recs.Rows[i]); err != nil {
				return fmt.Errorf("offset %d: %w", recs.Rows[i].Offset, err)
			}
		}
	}
}
