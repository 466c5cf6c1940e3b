package batch

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// deadBatchBytes is about the size of the batches that dead letters are gathered in, where there is room.
const deadBatchBytes = 16 << 20

// deadBytes is that size where memory is bounded.
func (m Memory) deadBytes() int {
	if m.Output <= 0 {
		return deadBatchBytes
	}
	return int(min(max(m.Output/8, decodeBytesLeast), deadBatchBytes))
}

// The columns of [dstream.DeadLetterSchema].
const (
	deadSource = iota
	deadTopic
	deadPartition
	deadOffset
	deadTimestamp
	deadBatch
	deadReason
	deadKey
	deadValue
	deadValueBytes
	deadHeaders
	deadComplete
)

// deadLetters makes a row of every bad record that a source task meets: of those that the decoder refuses, and of rows
// without a usable event time. It looks at the records right behind the decoder, as long as their bytes are there.
type deadLetters struct {
	side   int // in the plan's sides
	of     dstream.DeadLetter
	source string
	hide   func(text string) string // takes secrets out
	schema *columnar.Schema
	cols   []*columnar.Builder
	keep   *keeper // of done
	done   []*columnar.Batch

	rows, bad int // of the decoder's batch under way, that were looked at
}

// newDeadLetters returns nil for a job without dead letters.
func newDeadLetters(job *Job, source string) *deadLetters {
	plan := job.Plan
	i := plan.Side(dstream.BadRecords)
	if i < 0 {
		return nil
	}
	d := &deadLetters{side: i, of: plan.Sides[i].Dead, source: source, hide: job.hidden, schema: dstream.DeadLetterSchema(), keep: &keeper{}}
	for _, f := range d.schema.Fields {
		d.cols = append(d.cols, columnar.NewBuilder(f.Type))
	}
	return d
}

// take looks at the records that the decoder has just taken. obs is nil without an event time.
func (d *deadLetters) take(recs *offsets.Records, dec columnar.Decoder, obs *windows.Observer, t *Task) error {
	b, bad := dec.Peek()
	fresh := bad[d.bad:]
	if obs != nil && b.Rows > d.rows {
		fresh = byOffset(fresh, obs.Unusable(b, d.rows, t.At))
	}
	d.rows, d.bad = b.Rows, len(bad)
	next := 0
	for _, r := range fresh {
		for recs.Rows[next].Offset != r.Offset {
			next++
		}
		if err := d.add(recs, &recs.Rows[next], r.Reason, t); err != nil {
			return err
		}
	}
	return nil
}

// flushed says that the decoder's batch was handed out.
func (d *deadLetters) flushed() { d.rows, d.bad = 0, 0 }

func (d *deadLetters) add(recs *offsets.Records, r *offsets.Record, reason string, t *Task) error {
	d.cols[deadSource].AppendString(d.source)
	d.cols[deadTopic].AppendString(recs.Topic)
	d.cols[deadPartition].AppendInt32(recs.Partition)
	d.cols[deadOffset].AppendInt64(r.Offset)
	timestamp := d.timestamp(r.Timestamp)
	d.cols[deadBatch].AppendInt64(t.Batch)
	d.cols[deadReason].AppendString(columnar.CutReason(d.hide(reason)))
	key := d.bytes(d.cols[deadKey], r.Key, recs.Buf)
	value := d.value(r.Value, recs.Buf)
	if r.Value.Len >= 0 {
		d.cols[deadValueBytes].AppendInt64(int64(r.Value.Len))
	} else {
		d.cols[deadValueBytes].AppendNull()
	}
	d.cols[deadComplete].AppendBool(d.headers(recs.Buf, r) && key && value && timestamp)
	if d.cols[deadValue].Bytes()+d.cols[deadKey].Bytes()+d.cols[deadReason].Bytes() >= d.keep.memory.deadBytes() || d.cols[0].Len() >= decodeRows {
		return d.cut()
	}
	return nil
}

// lastTimestamp is the last millisecond of the year 9999: no form that readers know says a later one, and microseconds of
// much later ones would not fit.
const lastTimestamp = 253402300799999

// timestamp appends the record's timestamp, and reports whether it is what the record has.
func (d *deadLetters) timestamp(ms int64) bool {
	if ms < 0 || ms > lastTimestamp {
		d.cols[deadTimestamp].AppendNull()
		return ms < 0
	}
	d.cols[deadTimestamp].AppendInt64(ms * 1000)
	return true
}

// value appends the value, unless it is left out, and reports whether it is whole.
func (d *deadLetters) value(s offsets.Span, buf []byte) bool {
	if d.of.NoValue {
		d.cols[deadValue].AppendNull()
		return false
	}
	return d.bytes(d.cols[deadValue], s, buf)
}

// bytes appends what fits, and reports whether it is whole.
func (d *deadLetters) bytes(b *columnar.Builder, s offsets.Span, buf []byte) bool {
	if s.Len < 0 {
		b.AppendNull()
		return true
	}
	all := s.Of(buf)
	b.AppendBytes(all[:min(int64(len(all)), d.of.MaxBytes)])
	return int64(len(all)) <= d.of.MaxBytes
}

// headers appends the headers, and reports whether they are there.
func (d *deadLetters) headers(buf []byte, r *offsets.Record) bool {
	if r.Headers.Len > dstream.DeadHeaderBytes {
		d.cols[deadHeaders].AppendNull()
		return false
	}
	return columnar.AppendHeaders(d.cols[deadHeaders], buf, r)
}

// cut ends a batch.
func (d *deadLetters) cut() error {
	b := &columnar.Batch{Schema: d.schema, Rows: d.cols[0].Len()}
	for _, c := range d.cols {
		b.Cols = append(b.Cols, c.Vector())
	}
	if b.Rows > 0 {
		kept, err := d.keep.rows(columnar.Concat([]*columnar.Batch{b}))
		if err != nil {
			return err
		}
		d.done = append(d.done, kept)
	}
	for _, c := range d.cols {
		c.Reset()
	}
	return nil
}

// finish adds to r what the task yielded.
func (d *deadLetters) finish(r *Result) error {
	if err := d.cut(); err != nil {
		return err
	}
	if len(d.done) > 0 {
		r.addSide(d.side, d.done)
	}
	d.done = nil
	return nil
}
