package offsets

import (
	"context"
	"errors"
	"io"
	"sort"
	"unsafe"

	"github.com/millrace/millrace/internal/kafka"
)

// Read implements [Source]. The reader fetches one answer ahead of the one it decodes; it lives as long as ctx. A range
// whose leader epoch is not known must say −1: an older one than the leader's is checked against the log.
func (k *Kafka) Read(ctx context.Context, r Range) (Reader, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	ctx, cancel := context.WithCancel(ctx)
	s := k.opts.Budget.enter()
	s.unpack.Max = k.unpackMax()
	return &kafkaReader{source: k, scratch: s, r: r, ctx: ctx, cancel: cancel, at: r.From, ahead: r.From}, nil
}

// unpackMax is how much a record batch may be, decompressed; 0: 256 MiB.
func (k *Kafka) unpackMax() int {
	most := k.opts.BatchBytesMax
	if n := k.opts.Budget.batches; n > 0 && (most <= 0 && n < kafka.DecompressedMax || n < int64(most)) {
		return int(n)
	}
	return most
}

// scratch is the memory of a reader. While an answer is decoded out of one buffer the next is fetched into another.
type scratch struct {
	spare  [][]byte // fetch buffers that nothing points into
	unpack kafka.Decompressor
	filter kafka.AbortedFilter
	rows   []Record

	inUse    int64 // bytes of the answer that is being decoded
	reserved int64 // and for the one that is fetched
	counted  int64 // what the budget knows of
}

// bytes is how much memory it all is.
func (s *scratch) bytes() int64 {
	n := s.inUse + s.reserved + int64(s.unpack.Held()) + int64(cap(s.rows))*int64(unsafe.Sizeof(Record{}))
	for _, buf := range s.spare {
		n += int64(cap(buf))
	}
	return n
}

func (s *scratch) buffer() []byte {
	if len(s.spare) == 0 {
		return nil
	}
	last := len(s.spare) - 1
	buf := s.spare[last]
	s.spare = s.spare[:last]
	return buf
}

// giveBack keeps a buffer for the next fetch, unless there is too little room.
func (s *scratch) giveBack(buf []byte, b *Budget) {
	if buf != nil && !b.over() {
		s.spare = append(s.spare, buf)
	}
	b.count(s)
}

// kafkaReader is a [Reader] of one range. Only fetches run outside its caller's goroutine, one at a time.
type kafkaReader struct {
	*scratch
	source *Kafka
	r      Range
	ctx    context.Context
	cancel context.CancelFunc

	at     int64 // everything before it has been delivered
	ahead  int64 // offset that the next fetch asks for
	under  chan result
	answer fetched // what is being decoded
	rest   []byte  // its record batches still to decode
	wire   int64   // bytes passed over since the last run
	err    error   // sticky
}

type result struct {
	fetched
	err error
}

// Next implements [Reader].
func (k *kafkaReader) Next(ctx context.Context, recs *Records) error {
	recs.Topic, recs.Partition, recs.Rows, recs.Buf = k.r.Topic, k.r.Partition, nil, nil
	for k.err == nil {
		if k.at >= k.r.Until {
			k.err = io.EOF
		} else if len(k.rest) == 0 {
			k.err = k.turn(ctx)
		} else if k.err = k.decode(recs); len(recs.Rows) > 0 {
			recs.WireBytes, k.wire = k.wire, 0
			return nil
		}
	}
	return k.err
}

// turn puts the answer that was fetched ahead in place of the one that is used up, and starts the next fetch.
func (k *kafkaReader) turn(ctx context.Context) error {
	k.at = max(k.at, k.answer.next)
	if k.at >= k.r.Until {
		return nil
	}
	if k.under == nil { // there was no room to fetch ahead, or nothing has been fetched yet
		k.release()
		k.start(true)
	}
	select {
	case got := <-k.under:
		k.under, k.reserved = nil, 0
		if got.err != nil {
			return got.err
		}
		k.release()
		k.answer, k.rest, k.ahead = got.fetched, got.Records, got.next
		k.inUse = int64(cap(k.answer.Buf))
		k.source.opts.Budget.count(k.scratch)
	case <-ctx.Done():
		return context.Cause(ctx)
	}
	k.filter.Reset(k.answer.Aborted)
	k.start(false)
	return nil
}

// release gives the buffer back of the answer that is used up.
func (k *kafkaReader) release() {
	if k.answer.FetchAnswer != nil {
		buf := k.answer.Buf
		k.answer.FetchAnswer, k.inUse = nil, 0
		k.giveBack(buf, k.source.opts.Budget)
	}
}

// start fetches the next answer in the background, unless the range ends before it or, if it need not be, there is no
// room for it.
func (k *kafkaReader) start(must bool) {
	if k.ahead >= k.r.Until {
		return
	}
	most, buf := k.source.opts.Budget.share(k.source.opts.FetchBytes), k.buffer()
	bytes := int64(max(most+kafka.AnswerSpare(most), cap(buf)))
	if !k.source.opts.Budget.reserve(k.scratch, bytes, must) {
		k.giveBack(buf, k.source.opts.Budget)
		return
	}
	done := make(chan result, 1)
	go func(from int64) {
		got, err := k.source.fetch(k.ctx, k.r, from, most, buf)
		done <- result{got, err}
	}(k.ahead)
	k.under = done
}

// decode takes the next batch of the answer and fills recs with its records inside the range, if it has any.
func (k *kafkaReader) decode(recs *Records) error {
	var b kafka.RecordBatch
	rest, err := kafka.NextBatch(k.rest, &b)
	if errors.Is(err, kafka.ErrPartial) { // cut by the broker at the size asked for; the next fetch brings it whole
		k.rest = nil
		return nil
	}
	k.rest = rest
	if err == nil {
		k.wire += k.r.wireShare(int64(b.WireBytes), b.BaseOffset, b.Next())
		err = k.decodeBatch(&b, recs)
	}
	var large *TooLargeError
	if errors.As(err, &large) {
		return err
	}
	if err != nil {
		return &kafka.BatchError{Topic: k.r.Topic, Partition: k.r.Partition, Offset: b.BaseOffset, Err: err}
	}
	k.at = max(k.at, b.Next())
	k.source.opts.Budget.count(k.scratch)
	return nil
}

func (k *kafkaReader) decodeBatch(b *kafka.RecordBatch, recs *Records) error {
	if err := b.Check(); err != nil {
		return err
	}
	if k.skip(b) || b.Next() <= k.r.From || b.BaseOffset >= k.r.Until {
		return nil
	}
	buf, err := k.unpack.Do(b)
	if n := k.source.opts.Budget.batches; errors.Is(err, kafka.ErrTooLarge) && int64(k.unpack.Max) == n {
		return &TooLargeError{Topic: k.r.Topic, Partition: k.r.Partition, Offset: max(b.BaseOffset, k.r.From), Most: n}
	}
	if err != nil {
		return err
	}
	k.rows, err = b.AppendRecords(k.rows[:0], buf)
	if err != nil {
		return err
	}
	recs.Buf, recs.Rows = buf, inside(k.rows, k.r)
	return nil
}

func (k *kafkaReader) skip(b *kafka.RecordBatch) bool {
	skip := k.filter.Skip(b)
	return b.Control() || skip && k.source.opts.ReadCommitted
}

// inside returns the rows, ordered by offset, that lie in the range.
func inside(rows []Record, r Range) []Record {
	from, until := 0, len(rows)
	if until > 0 && rows[0].Offset < r.From {
		from = sort.Search(until, func(i int) bool { return rows[i].Offset >= r.From })
	}
	if until > from && rows[until-1].Offset >= r.Until {
		until = sort.Search(until, func(i int) bool { return rows[i].Offset >= r.Until })
	}
	return rows[from:until]
}

// Close implements [Reader]. It waits for the fetch under way, which ends at once, and keeps the buffers for the
// next reader, except those that a broken fetch may still write into.
func (k *kafkaReader) Close() error {
	k.cancel()
	if k.under != nil {
		got := <-k.under
		k.under, k.reserved = nil, 0
		if got.err == nil {
			k.giveBack(got.Buf, k.source.opts.Budget)
		}
	}
	k.release()
	if k.err == nil {
		k.err = errors.New("reader is closed")
	}
	k.source.opts.Budget.leave(k.scratch)
	return nil
}
