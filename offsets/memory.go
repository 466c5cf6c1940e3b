package offsets

import (
	"cmp"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"slices"
	"sync"
)

// MemoryRecord is a record of a [Memory] source. nil is NULL.
type MemoryRecord struct {
	Key, Value []byte
	Timestamp  int64 // milliseconds since the epoch
	Headers    []MemoryHeader
}

// MemoryHeader is a header of a [MemoryRecord]. A nil value is NULL.
type MemoryHeader struct {
	Key   string
	Value []byte
}

// Memory is a [Source] that holds its records in memory: a double for tests and the source of simulations. What a
// broker may do to a log, it can be told to do: gaps, a last stable offset that lags, retention, a topic made anew.
// It is safe for concurrent use.
type Memory struct {
	// RunMax is the most records one Reader.Next returns; 100 by default. Set it before use.
	RunMax int
	// Topics are those that the source reads; nil: all that there are, as a pattern that matches every name does.
	Topics []string
	// OpenSince is since when transactions are open that SetStable opens, milliseconds since the epoch; 1 by default.
	OpenSince int64
	// Start is where a job begins that has no positions.
	Start StartAt

	source string
	mu     sync.Mutex
	topics map[string]*memoryTopic
	made   byte // topics made so far, for their ids
}

type memoryTopic struct {
	id         TopicID
	partitions map[int32]*memoryPartition
}

type memoryPartition struct {
	epochs []memoryEpoch // all there were, ascending; before the first it is 0
	start  int64
	next   int64 // offset of the next record: the high watermark
	stable int64 // −1: the high watermark
	rows   []memoryRow
}

// memoryEpoch is a leader epoch and the offset its records begin at.
type memoryEpoch struct {
	epoch int32
	start int64
}

type memoryRow struct {
	offset int64
	MemoryRecord
}

// NewMemory returns an empty source of that name.
func NewMemory(source string) *Memory {
	return &Memory{RunMax: 100, source: source, topics: map[string]*memoryTopic{}}
}

// Create makes a topic with partitions numbered from 0, in place of one of the same name, with an id of its own.
func (m *Memory) Create(topic string, partitions int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.create(topic, partitions)
}

func (m *Memory) create(topic string, partitions int) *memoryTopic {
	m.made++
	t := &memoryTopic{id: TopicID{15: m.made}, partitions: map[int32]*memoryPartition{}}
	for p := range partitions {
		t.partitions[int32(p)] = &memoryPartition{stable: -1}
	}
	m.topics[topic] = t
	return t
}

// SetTopicID gives a topic another id.
func (m *Memory) SetTopicID(topic string, id TopicID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if t := m.topics[topic]; t != nil {
		t.id = id
	}
}

// Delete removes a topic.
func (m *Memory) Delete(topic string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.topics, topic)
}

// change locks and changes a partition, making it and its topic if need be.
func (m *Memory) change(topic string, partition int32, f func(*memoryPartition)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.topics[topic]
	if t == nil {
		t = m.create(topic, 0)
	}
	p := t.partitions[partition]
	if p == nil {
		p = &memoryPartition{stable: -1}
		t.partitions[partition] = p
	}
	f(p)
}

// Append adds records at the end of a partition, making it and its topic if need be. The source keeps the slices.
func (m *Memory) Append(topic string, partition int32, recs ...MemoryRecord) {
	m.change(topic, partition, func(p *memoryPartition) {
		for _, r := range recs {
			p.rows = append(p.rows, memoryRow{p.next, r})
			p.next++
		}
	})
}

// Gap adds n offsets without a record, as aborted transactions, markers and compaction leave them.
func (m *Memory) Gap(topic string, partition int32, n int64) {
	m.change(topic, partition, func(p *memoryPartition) { p.next += n })
}

// SetStable holds the last stable offset, where planning ends, below the high watermark; −1 lets it follow again.
func (m *Memory) SetStable(topic string, partition int32, offset int64) {
	m.change(topic, partition, func(p *memoryPartition) { p.stable = offset })
}

// SetEpoch begins a leader epoch at the end of the log, as an election does. It is 0 at first.
func (m *Memory) SetEpoch(topic string, partition int32, epoch int32) {
	m.change(topic, partition, func(p *memoryPartition) {
		p.epochs = slices.DeleteFunc(p.epochs, func(e memoryEpoch) bool { return e.epoch >= epoch })
		p.epochs = append(p.epochs, memoryEpoch{epoch, p.next})
	})
}

func (p *memoryPartition) epoch() int32 {
	if len(p.epochs) == 0 {
		return 0
	}
	return p.epochs[len(p.epochs)-1].epoch
}

// epochEnd is where the records of an epoch, or of those before it, end.
func (p *memoryPartition) epochEnd(epoch int32) int64 {
	for _, e := range p.epochs {
		if e.epoch > epoch {
			return e.start
		}
	}
	return p.next
}

// DeleteBefore removes the records before an offset, as retention does.
func (m *Memory) DeleteBefore(topic string, partition int32, offset int64) {
	m.change(topic, partition, func(p *memoryPartition) {
		p.start = max(p.start, min(offset, p.next))
		p.rows = slices.DeleteFunc(p.rows, func(r memoryRow) bool { return r.offset < offset })
	})
}

// Truncate cuts the log so that it ends at an offset, as an unclean leader election does. That also begins a leader
// epoch: see SetEpoch, before or after.
func (m *Memory) Truncate(topic string, partition int32, offset int64) {
	m.change(topic, partition, func(p *memoryPartition) {
		p.next = min(p.next, offset)
		for i := range p.epochs {
			p.epochs[i].start = min(p.epochs[i].start, offset)
		}
		p.rows = slices.DeleteFunc(p.rows, func(r memoryRow) bool { return r.offset >= offset })
	})
}

// Partitions implements [Source].
func (m *Memory) Partitions(ctx context.Context) ([]PartitionState, error) { return m.Survey(ctx, nil) }

// Survey implements [Source].
func (m *Memory) Survey(ctx context.Context, reached []Position) ([]PartitionState, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := m.missing(reached); err != nil {
		return nil, err
	}
	states := m.states()
	if len(reached) == 0 {
		if err := m.Start.begin(states, m.times(states)); err != nil {
			return nil, fmt.Errorf("source %s: %w", m.source, err)
		}
	}
	for _, e := range elections(states, reached) {
		p := m.topics[e.state.Topic].partitions[e.state.Partition]
		if err := replaced(e.position.at(), p.epochEnd(e.position.LeaderEpoch), e.state); err != nil {
			return nil, err
		}
	}
	return states, nil
}

// missing says which topic is not there: one that a job has read, or that the source is told to read.
func (m *Memory) missing(reached []Position) error {
	for _, p := range reached {
		if m.topics[p.Topic] == nil && m.reads(p.Topic) {
			return deleted(p.at(), []string{"memory"})
		}
	}
	for _, topic := range m.Topics {
		if m.topics[topic] == nil {
			return &UnknownTopicError{Topic: topic, Brokers: []string{"memory"}}
		}
	}
	return nil
}

func (m *Memory) reads(topic string) bool { return m.Topics == nil || slices.Contains(m.Topics, topic) }

// times are the offsets of the first stable records of the start's time or later; −1: none.
func (m *Memory) times(states []PartitionState) []int64 {
	out := make([]int64, len(states))
	for i, s := range states {
		out[i] = -1
		for _, r := range m.topics[s.Topic].partitions[s.Partition].rows {
			if r.Timestamp >= m.Start.Timestamp && r.offset < s.End {
				out[i] = r.offset
				break
			}
		}
	}
	return out
}

func (m *Memory) states() (states []PartitionState) {
	for topic, t := range m.topics {
		if !m.reads(topic) {
			continue
		}
		for partition, p := range t.partitions {
			s := p.state(topic, t.id, partition)
			if s.End < s.HighWatermark {
				s.Open = OpenTransaction{Since: max(m.OpenSince, 1), ProducerID: -1}
			}
			states = append(states, s)
		}
	}
	slices.SortFunc(states, func(a, b PartitionState) int { return a.name().compare(b.name()) })
	return states
}

func (p *memoryPartition) state(topic string, id TopicID, partition int32) PartitionState {
	end := p.next
	if p.stable >= 0 {
		end = min(end, p.stable)
	}
	return PartitionState{Topic: topic, TopicID: id, Partition: partition, LeaderEpoch: p.epoch(),
		Start: p.start, End: end, HighWatermark: p.next}
}

// Read implements [Source].
func (m *Memory) Read(ctx context.Context, r Range) (Reader, error) {
	return &memoryReader{source: m, r: r, at: r.From}, ctx.Err()
}

// Close implements [Source]. The records stay.
func (m *Memory) Close() error { return nil }

// rows returns up to RunMax rows from an offset of the range on, and the offset to go on from.
func (m *Memory) rows(r Range, from int64) ([]memoryRow, int64, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	t := m.topics[r.Topic]
	switch {
	case t == nil:
		return nil, 0, deleted(r, []string{"memory"})
	case t.partitions[r.Partition] == nil:
		return nil, 0, vanished(r)
	}
	p := t.partitions[r.Partition]
	if err := p.readable(r, from, p.state(r.Topic, t.id, r.Partition)); err != nil {
		return nil, 0, err
	}
	rows := between(p.rows, from, r.Until)
	if len(rows) > m.RunMax {
		rows = rows[:m.RunMax]
		return slices.Clone(rows), rows[len(rows)-1].offset + 1, nil
	}
	return slices.Clone(rows), r.Until, nil
}

// readable says whether a range is there from an offset on, as it was planned.
func (p *memoryPartition) readable(r Range, from int64, s PartitionState) error {
	if err := gone(r, from, s); err != nil || r.LeaderEpoch < 0 {
		return err
	}
	return replaced(r, p.epochEnd(r.LeaderEpoch), s)
}

func between(rows []memoryRow, from, until int64) []memoryRow {
	at := func(offset int64) int {
		i, _ := slices.BinarySearchFunc(rows, offset, func(r memoryRow, o int64) int { return cmp.Compare(r.offset, o) })
		return i
	}
	return rows[at(from):at(until)]
}

// memoryReader is a [Reader] of a [Memory] source.
type memoryReader struct {
	source *Memory
	r      Range
	at     int64
	buf    []byte
	out    []Record
}

// Next implements [Reader].
func (m *memoryReader) Next(ctx context.Context, recs *Records) error {
	recs.Topic, recs.Partition, recs.Rows, recs.WireBytes = m.r.Topic, m.r.Partition, nil, 0
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.at >= m.r.Until {
		return io.EOF
	}
	rows, next, err := m.source.rows(m.r, m.at)
	if err != nil {
		return err
	}
	m.fill(rows)
	m.at = next
	recs.Buf, recs.Rows, recs.WireBytes = m.buf, m.out, int64(len(m.buf))
	return nil
}

// fill lays the rows out in the reader's buffer.
func (m *memoryReader) fill(rows []memoryRow) {
	m.buf, m.out = m.buf[:0], m.out[:0]
	for _, row := range rows {
		rec := Record{Offset: row.offset, Timestamp: row.Timestamp, Key: m.put(row.Key), Value: m.put(row.Value)}
		rec.Headers = m.putHeaders(row.Headers)
		m.out = append(m.out, rec)
	}
	m.buf = slices.Grow(m.buf, Slack)
}

func (m *memoryReader) put(b []byte) Span {
	if b == nil {
		return Span{Start: int32(len(m.buf)), Len: -1}
	}
	m.buf = append(m.buf, b...)
	return Span{Start: int32(len(m.buf) - len(b)), Len: int32(len(b))}
}

// putHeaders writes headers as they lie on the wire.
func (m *memoryReader) putHeaders(headers []MemoryHeader) Span {
	from := len(m.buf)
	m.buf = binary.AppendVarint(m.buf, int64(len(headers)))
	for _, h := range headers {
		m.buf = append(binary.AppendVarint(m.buf, int64(len(h.Key))), h.Key...)
		if h.Value == nil {
			m.buf = binary.AppendVarint(m.buf, -1)
			continue
		}
		m.buf = append(binary.AppendVarint(m.buf, int64(len(h.Value))), h.Value...)
	}
	return Span{Start: int32(from), Len: int32(len(m.buf) - from)}
}

// Close implements [Reader].
func (m *memoryReader) Close() error { return nil }
