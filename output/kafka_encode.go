package output

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/kafka"
)

// Headers of every record.
const (
	kafkaJobHeader   = "millrace-job"
	kafkaBatchHeader = "millrace-batch"
)

// kafkaBatchBytes is the size at which a record batch is closed, uncompressed: large enough to compress well and to cost
// little, small enough for readers that fetch 1 MiB at a time.
const kafkaBatchBytes = 512 << 10

// kafkaOpenBytes bounds the record batches that are open at a time, one for each partition, each of which may be of
// kafkaBatchLeast.
const (
	kafkaOpenBytes  = 8 << 20
	kafkaBatchLeast = 16 << 10
)

// kafkaAhead is how far ahead of the plan time a record may be. Brokers refuse what is an hour ahead of their clock,
// which may be slower than ours.
const kafkaAhead = 55 * time.Minute

// MessageTooLargeError says that a row makes a larger record than the job allows.
type MessageTooLargeError struct {
	Topic string
	Size  int // of the record, in a batch of its own, uncompressed
	Limit int
	Key   []byte
}

func (e *MessageTooLargeError) Error() string {
	key := ""
	if e.Key != nil {
		key = fmt.Sprintf(" with the key %.60q", e.Key)
	}
	return fmt.Sprintf("topic %s: a record%s takes %d bytes, more than max_message_bytes, %d; leave out columns, or raise that and the topic's max.message.bytes",
		e.Topic, key, e.Size, e.Limit)
}

// TimestampRangeError says that the timestamp of a row cannot be that of a record.
type TimestampRangeError struct {
	Topic  string
	Column string
	At     int64 // microseconds since the epoch
	Most   int64
}

func (e *TimestampRangeError) Error() string {
	what := "is before 1970"
	if e.At > e.Most {
		what = fmt.Sprintf("is later than %s, %s ahead of the plan time", formatMicros(e.Most), kafkaAhead)
	}
	return fmt.Sprintf("topic %s: %s of column %q %s, and brokers would refuse the record; write timestamp: {column: %s, out_of_range: clamp}, or leave such rows out",
		e.Topic, formatMicros(e.At), e.Column, what, e.Column)
}

func formatMicros(us int64) string { return time.UnixMicro(us).UTC().Format(time.RFC3339Nano) }

var kafkaCodecs = map[string]kafka.Codec{"none": kafka.None, "gzip": kafka.Gzip, "snappy": kafka.Snappy, "lz4": kafka.LZ4, "zstd": kafka.Zstd}

// kafkaEncoder turns rows into record batches.
type kafkaEncoder struct {
	topic       string
	key         []int
	keyObject   jsonRow // with several columns
	keyIsObject bool
	value       int
	row         jsonRow
	timestamp   int
	clamp       bool
	noHeaders   bool
	limit       int
	columns     []int
	schema      *columnar.Schema
	compressor  *kafka.Compressor
	hash        *rowHash
	all         selector

	sink       string
	topicLimit int  // max.message.bytes of the topic, 0 if not known
	compacted  bool // the topic takes no NULL keys
	times      topicTimes

	changelog *Changelog
	changed   []int32 // rows of a changelog that are written

	sum recordSum // of the batch

	writers        []kafka.BatchWriter // by partition
	keyBuf, valBuf []byte
}

func newKafkaEncoder(cfg KafkaConfig) (*kafkaEncoder, error) {
	codec, ok := kafkaCodecs[cfg.Compression]
	if !ok {
		return nil, fmt.Errorf("unknown compression %q", cfg.Compression)
	}
	e := &kafkaEncoder{sink: cfg.Sink, topic: cfg.Topic, key: cfg.Key, value: cfg.Value, row: newJSONRow(cfg.Layout), timestamp: cfg.Timestamp, clamp: cfg.ClampTimestamps,
		noHeaders: cfg.NoHeaders, limit: cfg.MaxMessageBytes, columns: cfg.Layout.Columns, schema: cfg.Layout.Schema, hash: newRowHash(cfg.Layout.File())}
	if c := cfg.Layout.Changelog; c != nil {
		e.changelog, e.hash = c, newRowHash(cfg.Layout.withOps().File())
		if len(e.key) == 0 {
			e.key, e.keyIsObject = c.Key, true
		}
	}
	e.keyIsObject = e.keyIsObject || len(e.key) > 1
	if e.keyIsObject {
		e.keyObject = newJSONRow(Layout{Schema: cfg.Layout.Schema, Columns: e.key})
	}
	if err := e.check(); err != nil {
		return nil, err
	}
	var err error
	e.compressor, err = kafka.NewCompressor(codec, 0)
	return e, err
}

// check refuses columns that cannot be what they are to be.
func (e *kafkaEncoder) check() error {
	if len(e.columns) == 0 {
		return errors.New("no column is left for the records")
	}
	if err := e.changelog.check(Layout{Schema: e.schema, Columns: e.columns}); err != nil {
		return err
	}
	if len(e.key) == 1 && !e.keyIsObject {
		if f := e.schema.Fields[e.key[0]]; !textKind(f.Type) {
			return fmt.Errorf("key column %q: %s has no text; cast it to string", f.Name, f.Type.Article())
		}
	}
	if e.value >= 0 {
		if f := e.schema.Fields[e.value]; !bytesKind(f.Type) {
			return fmt.Errorf("value column %q is %s, not a string or binary", f.Name, f.Type.Article())
		}
	}
	if e.timestamp >= 0 {
		if f := e.schema.Fields[e.timestamp]; f.Type.Kind != columnar.Timestamp {
			return fmt.Errorf("timestamp column %q is %s, not a timestamp", f.Name, f.Type.Article())
		}
	}
	return nil
}

// kafkaBatch gathers the records of one batch of the job.
type kafkaBatch struct {
	e       *kafkaEncoder
	info    BatchInfo
	headers kafka.Headers
	plan    int64                          // ms
	most    int64                          // μs: the latest timestamp
	next    int                            // partition of the next record without a key
	put     func(kafka.ProduceBatch) error // takes a record batch
	full    func(behind kafkaPlace)        // is to be told of the next row that is done; nil: nobody waits for it
	again   bool                           // all this was encoded before
	rows    int64
	leftOut int64 // see Prepared
	bytes   int64
}

// batch encodes all rows, by shard, in their order. A key decides the partition as Java's default partitioner does;
// records without one go to the partitions in turn, beginning with that of the batch's number.
func (e *kafkaEncoder) batch(ctx context.Context, info BatchInfo, shards []Shard, partitions int) (*Prepared, error) {
	b := e.newBatch(info)
	b.next = int(info.Batch % int64(partitions))
	if len(e.writers) != partitions {
		e.writers = make([]kafka.BatchWriter, partitions)
	}
	for i := range e.writers {
		e.writers[i].Reset()
	}
	e.hash.reset(0)
	e.sum = recordSum{}
	w := &kafkaWork{}
	w.hold(b, info, shards)
	if err := b.addAll(ctx, shards, kafkaPlace{}); err != nil {
		return nil, err
	}
	return b.finish(info, w)
}

func (e *kafkaEncoder) newBatch(info BatchInfo) *kafkaBatch {
	b := &kafkaBatch{e: e, info: info, plan: info.PlanTime / 1000, most: info.PlanTime + kafkaAhead.Microseconds()}
	if !e.noHeaders {
		b.headers = kafka.EncodeHeaders(kafka.Header{Key: kafkaJobHeader, Value: []byte(info.Job)},
			kafka.Header{Key: kafkaBatchHeader, Value: strconv.AppendInt(nil, info.Batch, 10)})
	}
	return b
}

// finish closes the open record batches. The manifest has one entry, the topic.
func (b *kafkaBatch) finish(info BatchInfo, w *kafkaWork) (*Prepared, error) {
	if err := b.closeAll(); err != nil {
		return nil, err
	}
	p := &Prepared{Info: info, Rows: b.rows, LeftOut: b.leftOut, work: w}
	if b.rows > 0 {
		b.e.hash.rows = b.rows
		p.Files = []File{{Path: b.e.topic, Rows: b.rows, Bytes: b.bytes, RowsSHA256: b.e.hash.sum(), RecordSum: b.e.sum.String()}}
	}
	return p, nil
}

func (b *kafkaBatch) closeAll() error {
	for partition := range b.e.writers {
		if err := b.close(partition); err != nil {
			return err
		}
	}
	return nil
}

// close ends the open record batch of a partition, if it has records.
func (b *kafkaBatch) close(partition int) error {
	w := &b.e.writers[partition]
	if w.Count() == 0 {
		return nil
	}
	batch, err := w.Finish(b.e.compressor)
	if err != nil {
		return err
	}
	if most := b.e.topicLimit; most > 0 && batch.Size() > most {
		return &TopicError{Sink: b.e.sink, Topic: b.e.topic, Msg: fmt.Sprintf("takes record batches of %d bytes (max.message.bytes), and one of %d records takes %d; raise that, or lower max_message_bytes", most, batch.Records, batch.Size())}
	}
	b.bytes += int64(batch.Size())
	b.info.passed(int64(batch.RawBytes))
	return b.put(kafka.ProduceBatch{Topic: b.e.topic, Partition: int32(partition), Batch: batch})
}

// kafkaPlace is a row of a batch, all counted from 0.
type kafkaPlace struct {
	shard, batch int // of columns, in the shard
	row          int // of those that are written
}

// addAll encodes the rows from a place on.
func (b *kafkaBatch) addAll(ctx context.Context, shards []Shard, at kafkaPlace) error {
	for ; at.shard < len(shards); at.shard, at.batch = at.shard+1, 0 {
		for rows := shards[at.shard].Rows; at.batch < len(rows); at.batch, at.row = at.batch+1, 0 {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := b.add(rows[at.batch], at); err != nil {
				return err
			}
		}
	}
	return nil
}

// add encodes the rows of a batch of columns, which is at that place, from the place's row on.
func (b *kafkaBatch) add(rows *columnar.Batch, at kafkaPlace) error {
	sel := b.written(rows)
	for ; at.row < len(sel); at.row++ {
		if err := b.record(rows, int(sel[at.row])); err != nil {
			return err
		}
		if full := b.full; full != nil {
			b.full = nil
			full(kafkaPlace{at.shard, at.batch, at.row + 1})
		}
	}
	return nil
}

// written are the rows that become records. They go into the account and the digest.
func (b *kafkaBatch) written(rows *columnar.Batch) []int32 {
	e, sel := b.e, b.e.all.of(rows)
	if e.changelog != nil {
		b.leftOut += int64(len(sel))
		sel = e.newHalves(rows, sel)
		b.leftOut -= int64(len(sel))
	}
	b.rows += int64(len(sel))
	if b.again {
		return sel
	}
	if e.changelog != nil {
		e.hash.add(len(e.columns), rows.Cols[e.changelog.Op], sel)
	}
	for i, c := range e.columns {
		e.hash.add(i, rows.Cols[c], sel)
	}
	return sel
}

// newHalves are the rows of a changelog but for the old halves of updates: the record of the new half takes its place.
func (e *kafkaEncoder) newHalves(rows *columnar.Batch, sel []int32) []int32 {
	e.changed = e.changed[:0]
	for _, r := range sel {
		if string(rows.Cols[e.changelog.Op].Str(int(r))) != columnar.OpUpdateBefore {
			e.changed = append(e.changed, r)
		}
	}
	return e.changed
}

// record appends one row to the batch of its partition.
func (b *kafkaBatch) record(rows *columnar.Batch, r int) error {
	e := b.e
	key, err := e.keyOf(rows, r)
	if err != nil {
		return err
	}
	value, err := e.valueOf(rows, r)
	if err != nil {
		return err
	}
	at, err := b.timestamp(rows, r)
	if err != nil {
		return err
	}
	if key == nil && e.changelog != nil {
		return &TopicError{Sink: e.sink, Topic: e.topic, Msg: "takes a changelog, and a row has NULL as its key; leave out the sink's key, which makes the keys JSON objects, or leave out such rows"}
	}
	if key == nil && e.compacted {
		return &TopicError{Sink: e.sink, Topic: e.topic, Msg: "is compacted and takes no records without a key, and a row has NULL as its key; leave such rows out"}
	}
	partition := b.partition(key)
	w := &e.writers[partition]
	if size := w.SizeWith(at, key, value, b.headers); w.Count() > 0 && size > e.batchBytes() {
		if err := b.close(partition); err != nil {
			return err
		}
	}
	if w.Count() == 0 {
		if size := w.SizeWith(at, key, value, b.headers); size > e.limit {
			return &MessageTooLargeError{Topic: e.topic, Size: size, Limit: e.limit, Key: key}
		}
	}
	w.Append(at, key, value, b.headers)
	if !b.again {
		e.sum.add(key, value)
	}
	return nil
}

// partition is where a key goes; records without one go from partition to partition.
func (b *kafkaBatch) partition(key []byte) int {
	n := len(b.e.writers)
	if key != nil {
		return keyPartition(key, n)
	}
	p := b.next
	if b.next++; b.next == n {
		b.next = 0
	}
	return p
}

// batchBytes is the size that a record batch of several records must not pass.
func (e *kafkaEncoder) batchBytes() int {
	n := min(kafkaBatchBytes, max(kafkaOpenBytes/len(e.writers), kafkaBatchLeast), e.limit)
	if e.topicLimit > 0 {
		n = min(n, e.topicLimit)
	}
	return n
}

// keyOf is the key of a row, nil for NULL. It lasts until the next call.
func (e *kafkaEncoder) keyOf(rows *columnar.Batch, r int) ([]byte, error) {
	switch {
	case len(e.key) == 0:
		return nil, nil
	case !e.keyIsObject:
		return e.text(rows.Cols[e.key[0]], r)
	}
	var err error
	e.keyBuf, err = e.keyObject.append(e.keyBuf[:0], rows, r)
	return e.keyBuf, err
}

// text is a single value: bytes as they are, everything else as JSON has it, without quotes.
func (e *kafkaEncoder) text(v *columnar.Vector, r int) ([]byte, error) {
	switch {
	case v.IsNull(r):
		return nil, nil
	case bytesKind(v.Type):
		return notNil(v.Str(r)), nil
	}
	var err error
	e.keyBuf, err = jsonValue(e.keyBuf[:0], v, r)
	if n := len(e.keyBuf); err == nil && n > 1 && e.keyBuf[0] == '"' {
		return e.keyBuf[1 : n-1], nil
	}
	return e.keyBuf, err
}

// valueOf is the value of a row, nil for NULL, which is a tombstone, as for a delete. It lasts until the next call.
func (e *kafkaEncoder) valueOf(rows *columnar.Batch, r int) ([]byte, error) {
	if c := e.changelog; c != nil && string(rows.Cols[c.Op].Str(r)) == columnar.OpDelete {
		return nil, nil
	}
	if e.value >= 0 {
		if v := rows.Cols[e.value]; !v.IsNull(r) {
			return notNil(v.Str(r)), nil
		}
		return nil, nil
	}
	var err error
	e.valBuf, err = e.row.append(e.valBuf[:0], rows, r)
	return e.valBuf, err
}

// notNil keeps an empty text apart from NULL.
func notNil(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// timestamp is that of a record, in milliseconds: what its column says, rounded down, or else the plan time.
func (b *kafkaBatch) timestamp(rows *columnar.Batch, r int) (int64, error) {
	if b.e.timestamp < 0 || rows.Cols[b.e.timestamp].IsNull(r) {
		return b.plan, nil
	}
	at, column := rows.Cols[b.e.timestamp].I64[r], b.e.schema.Fields[b.e.timestamp].Name
	if (at < 0 || at > b.most) && !b.e.clamp {
		return 0, &TimestampRangeError{Topic: b.e.topic, Column: column, At: at, Most: b.most}
	}
	least, most := b.e.times.around(b.plan*1000, b.most)
	if (at < least || at > most) && !b.e.clamp {
		// What the topic says may be other tomorrow, so that this is no matter of the data alone.
		return 0, &TopicError{Sink: b.e.sink, Topic: b.e.topic, Msg: b.e.times.refuses(at, column)}
	}
	return min(max(at, least), most) / 1000, nil
}
