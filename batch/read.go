package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"runtime"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// decodeRows is how many rows are decoded before operators run over them. 4k to 16k rows of a few columns stay in the
// second-level cache; see docs/decisions.md.
const decodeRows = 8192

// decodeBytesMax ends a batch of long values early, however much memory there is: one column holds at most 2 GiB.
const decodeBytesMax = 64 << 20

// sourceTree is a tree with the decoder of a source in front of it.
type sourceTree struct {
	*tree
	source   offsets.Source
	dec      columnar.Decoder
	timed    *timedDecoder     // dec, where it computes the event time; else nil
	pushed   *pushedFilter     // nil where the decoder leaves nothing out
	obs      *windows.Observer // nil without an event time
	dead     *deadLetters      // nil when nothing takes bad records
	recs     offsets.Records
	bytes    int   // of values that end a batch early
	columns  int   // of the decoder
	taken    int   // bytes of records in the decoder's batch
	unusable int64 // rows without a usable event time
	skipped  int64 // records left out
	large    bool  // a record was so large that what it was decoded into is not to be kept
}

func (w *worker) newSourceTree(root int) (*sourceTree, error) {
	i := w.job.Plan.Stages[root].From.Source
	p := &w.job.Plan.Sources[i]
	opts := columnar.DecodeOptions{NullBadValues: p.OnBadValue == "null", CensusRecords: censusRecords}
	opts.Filter = w.job.pushable(i)
	var err error
	if p.Zone != "" {
		if opts.Zone, err = w.env(0).Zone(p.Zone); err != nil {
			return nil, fmt.Errorf("read texts of %s: %w", p.Name, err)
		}
	}
	dec, err := columnar.NewDecoder(p.Format, p.Name, p.Fields, opts)
	if err != nil {
		return nil, fmt.Errorf("compile decoder of %s: %w", p.Name, err)
	}
	t, err := w.newTree(root)
	if err != nil {
		return nil, err
	}
	pushed := newPushedFilter(dec, opts.Filter, t, p.Bounds)
	var timed *timedDecoder
	if p.Time != nil {
		if timed, err = newTimedDecoder(dec, p.Time, w.job.hidden); err != nil {
			return nil, err
		}
		dec = timed
	}
	c := &sourceTree{tree: t, source: w.sources[i], dec: dec, timed: timed, pushed: pushed, dead: newDeadLetters(w.job, p.Name), bytes: w.decodeBytes, columns: len(p.Fields)}
	if p.EventTime >= 0 {
		c.obs = windows.NewObserver(p.EventTime, p.Bounds)
	}
	return c, nil
}

// runSource reads and decodes a piece of a range and sends its rows on.
func (w *worker) runSource(ctx context.Context, t Task) (*Result, error) {
	c, ok := takeIdle(&w.mu, w.readers, t.Stage)
	if !ok {
		var err error
		if c, err = w.newSourceTree(t.Stage); err != nil {
			return nil, err
		}
	}
	c.start(&t, w.keep(t.Batch))
	c.pushed.start(t.At)
	if c.dead != nil {
		c.dead.keep = w.keep(t.Batch)
	}
	if c.timed != nil {
		c.timed.env = w.env(t.At)
	}
	r := &Result{Source: SourceStats{MaxEventTime: windows.NoWatermark}, ClosedTo: windows.NoWatermark}
	if err := c.read(ctx, w, t, r); err != nil {
		return nil, err // the tree is in an unknown state: dropped
	}
	r.Edges = append(r.Edges, c.edge(t))
	if t.Census {
		r.Source.Census = c.census()
	}
	if c.obs != nil {
		r.Source.MaxEventTime = c.obs.Max()
	}
	r.Source.MaxEventTime = max(r.Source.MaxEventTime, c.pushed.finish())
	c.finish(r, t.Shards)
	if c.dead != nil {
		if err := c.dead.finish(r); err != nil {
			return nil, err
		}
	}
	if c.large {
		return r, nil
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.readers[t.Stage] = append(w.readers[t.Stage], c)
	return r, nil
}

// inRange is [inRange] for a run, which can be given more memory.
func (w *worker) inRange(r *offsets.Range, err error) error {
	var large *offsets.TooLargeError
	if errors.As(err, &large) {
		return w.batchTooLarge(large)
	}
	return inRange(r, err)
}

// inRange says where an error is, unless it knows that itself.
func inRange(r *offsets.Range, err error) error {
	var gone *offsets.RangeGoneError
	if errors.As(err, &gone) {
		return err
	}
	return fmt.Errorf("read %s: %w", r, err)
}

// read streams the task's range through the decoder and the operators.
func (c *sourceTree) read(ctx context.Context, w *worker, t Task, r *Result) error {
	if err := failpoint.Hit(failpoint.SourceRead); err != nil {
		return w.inRange(t.Range, err)
	}
	reader, err := c.source.Read(ctx, *t.Range)
	if err != nil {
		return w.inRange(t.Range, err)
	}
	defer reader.Close()
	for {
		err := failpoint.Hit(failpoint.SourceFetch)
		if err == nil {
			err = reader.Next(ctx, &c.recs)
		}
		if errors.Is(err, io.EOF) {
			return c.flush(w, t, r)
		}
		if err != nil {
			return w.inRange(t.Range, err)
		}
		r.Source.Records += int64(len(c.recs.Rows))
		r.Source.WireBytes += c.recs.WireBytes
		if n := len(c.recs.Rows); n > 0 {
			r.Source.LastTimestamp = c.recs.Rows[n-1].Timestamp
		}
		if len(t.Skip) > 0 {
			c.skipped += leaveOut(&c.recs, t.Skip)
		}
		if err := c.decode(w, t, r); err != nil {
			return err
		}
	}
}

// decode takes the records at hand, in pieces where they are many bytes: what is made of them is bounded, whatever a record
// batch holds.
func (c *sourceTree) decode(w *worker, t Task, r *Result) error {
	for rest := c.recs.Rows; len(rest) > 0; {
		n, err := c.piece(w, rest)
		if err != nil {
			return err
		}
		c.recs.Rows, rest = rest[:n], rest[n:]
		c.dec.Append(&c.recs)
		if c.dead != nil {
			if err := c.dead.take(&c.recs, c.dec, c.obs, &t); err != nil {
				return err
			}
		}
		if c.full() {
			if err := c.flush(w, t, r); err != nil {
				return err
			}
			runtime.Gosched() // the driver may be back from a sync of the log, and all cores taken: it would wait for 10 ms
		}
	}
	return nil
}

// piece is how many of the records fill the decoder.
func (c *sourceTree) piece(w *worker, rows []offsets.Record) (int, error) {
	if len(c.recs.Buf) <= c.bytes {
		c.taken += len(c.recs.Buf)
		return len(rows), nil
	}
	size, most := 0, w.memory.record()
	for i := range rows {
		n := int64(rows[i].Key.Len) + int64(rows[i].Value.Len) + int64(rows[i].Headers.Len)
		if most > 0 && n > most {
			return 0, w.recordTooLarge(c.recs.Topic, c.recs.Partition, rows[i].Offset, n)
		}
		c.large = c.large || n > int64(4*c.bytes)
		if size += int(n); size >= c.bytes {
			c.taken += size
			return i + 1, nil
		}
	}
	c.taken += size
	return len(rows), nil
}

// full says when to flush: the decoder knows the bytes of its largest column, and of all together there are no more than of the records
// as a rule. The cuts do not show: not in rows, nor in their order.
func (c *sourceTree) full() bool {
	if c.pushed.rows(c.dec) >= decodeRows || c.dead != nil && c.dead.bad >= decodeRows {
		return true
	}
	n := c.dec.Bytes()
	return n >= c.bytes || c.taken >= c.bytes && n*c.columns >= c.bytes
}

func (c *sourceTree) flush(w *worker, t Task, r *Result) error {
	c.taken = 0
	b, bad := c.dec.Flush()
	if c.dead != nil {
		c.dead.flushed()
	}
	b.Env = w.env(t.At)
	if c.obs != nil && b.Len() > 0 {
		unusable := c.obs.Observe(b, t.At)
		c.unusable += int64(len(unusable))
		bad = byOffset(bad, unusable)
	}
	if err := w.judge(bad, r); err != nil {
		return err
	}
	if b.Len() == 0 {
		return nil
	}
	return c.push(b)
}

// edge is the accounting of what is left out, decoder and event-time guard together.
func (c *sourceTree) edge(t Task) Edge {
	counts := c.dec.Counts()
	counts.Bad += c.unusable
	counts.Out -= c.unusable
	counts.In += c.skipped
	counts.Skipped = c.skipped
	c.unusable, c.skipped = 0, 0
	return Edge{Stage: t.Stage, Operator: decodeName(t.Range.Source), RowCounts: counts}
}

// decodeName is the first operator behind a source in the row accounting.
func decodeName(source string) string { return "decode " + source }
