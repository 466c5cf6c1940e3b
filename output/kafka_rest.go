package output

import (
	"context"

	"github.com/millrace/millrace/internal/kafka"
)

// kafkaPieceBytes is how much of what had no room is encoded before it is written.
const kafkaPieceBytes = 4 << 20

// kafkaWork is Prepared.work: the record batches in the order in which they are written, and where the rows begin for whose
// record batches there was no room.
type kafkaWork struct {
	batches []kafka.ProduceBatch
	rest    *kafkaRest // nil: there was room for all
}

// kafkaRest is where an encoder stood when there was no more room: enough to go on from there, as often as it must be.
type kafkaRest struct {
	info    BatchInfo
	shards  []Shard
	from    kafkaPlace
	next    int                 // see kafkaBatch
	writers []kafka.BatchWriter // by partition, what was open
}

// hold has b keep its record batches in w as long as there is room. Behind that they are made, so that whatever is wrong with
// a row is found, and dropped.
func (w *kafkaWork) hold(b *kafkaBatch, info BatchInfo, shards []Shard) {
	stop := func(behind kafkaPlace) {
		w.rest = &kafkaRest{info: info, shards: shards, from: behind, next: b.next, writers: cloneWriters(b.e.writers)}
	}
	full := false
	b.put = func(p kafka.ProduceBatch) error {
		if w.rest != nil {
			b.e.compressor.Recycle(p.Batch)
			return nil
		}
		if w.batches = append(w.batches, p); !full && !info.fits(int64(p.Batch.Size())) {
			full, b.full = true, stop
		}
		return nil
	}
}

func cloneWriters(writers []kafka.BatchWriter) []kafka.BatchWriter {
	out := make([]kafka.BatchWriter, len(writers))
	for i := range writers {
		out[i] = writers[i].Clone()
	}
	return out
}

// each calls write with all record batches of a batch, piece by piece; they are not used behind a call without an error.
func (e *kafkaEncoder) each(ctx context.Context, w *kafkaWork, write func(context.Context, []kafka.ProduceBatch) error) error {
	if len(w.batches) > 0 {
		if err := write(ctx, w.batches); err != nil {
			return err
		}
	}
	if w.rest == nil {
		return nil
	}
	b, p := e.newBatch(w.rest.info), &kafkaPiece{e: e, write: func(batches []kafka.ProduceBatch) error { return write(ctx, batches) }}
	b.next, b.put, b.again = w.rest.next, p.put, true
	e.writers = cloneWriters(w.rest.writers)
	if err := b.addAll(ctx, w.rest.shards, w.rest.from); err != nil {
		return err
	}
	if err := b.closeAll(); err != nil {
		return err
	}
	return p.flush()
}

// kafkaPiece gathers record batches that are made again.
type kafkaPiece struct {
	e       *kafkaEncoder
	write   func([]kafka.ProduceBatch) error
	batches []kafka.ProduceBatch
	bytes   int
}

func (p *kafkaPiece) put(b kafka.ProduceBatch) error {
	p.batches, p.bytes = append(p.batches, b), p.bytes+b.Batch.Size()
	if p.bytes < kafkaPieceBytes {
		return nil
	}
	return p.flush()
}

// flush writes what was gathered. Behind an error it may still be read for a moment, so that it is left alone.
func (p *kafkaPiece) flush() error {
	if len(p.batches) == 0 {
		return nil
	}
	if err := p.write(p.batches); err != nil {
		return err
	}
	p.e.recycle(p.batches)
	p.batches, p.bytes = p.batches[:0], 0
	return nil
}

// recycle takes the memory of record batches back that nobody reads any more.
func (e *kafkaEncoder) recycle(batches []kafka.ProduceBatch) {
	for _, b := range batches {
		e.compressor.Recycle(b.Batch)
	}
}
