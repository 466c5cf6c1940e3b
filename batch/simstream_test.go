package batch

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// every passes every record on.
var every = simQuery{name: "every", stream: func(g *dstream.Graph) *dstream.Stream {
	return g.From("events").Select(col("ad"), col("n"))
}}

// stream is a topic into which records come at a steady pace, and a sink that takes its time for each row, both by the
// world's clock.
type stream struct {
	*world
	perSecond int64         // records, over both partitions
	perRow    time.Duration // of the sink
	perBatch  time.Duration
	sent      []time.Time // when each record came, by its number; partitions take turns
	rest      float64
	at        time.Time
	surveyed  int // records there when the brokers were asked last
}

func newStream(t *testing.T, perSecond int64) *stream {
	w := newWorld(t, simSeed(t))
	w.source.Create(simTopic, 2)
	return &stream{world: w, perSecond: perSecond, at: w.clock.now}
}

// flow lets in what has come since the last time.
func (s *stream) flow() {
	s.rest += float64(s.perSecond) * s.clock.now.Sub(s.at).Seconds()
	n := int(s.rest)
	s.rest -= float64(n)
	for i := range n {
		at := s.at.Add(s.clock.now.Sub(s.at) * time.Duration(i+1) / time.Duration(n))
		s.put(at)
	}
	s.at = s.clock.now
}

// oneEvent is a record of simStart, with something more in it.
func oneEvent(more string) []byte {
	return fmt.Appendf(nil, `{"ad":"a%s","ts":%d}`, more, simStart.UnixMilli())
}

// put adds a record to the partition whose turn it is.
func (s *stream) put(at time.Time) {
	s.source.Append(simTopic, int32(len(s.sent)%2), offsets.MemoryRecord{Value: oneEvent(""), Timestamp: at.UnixMilli()})
	s.sent = append(s.sent, at)
}

func (s *stream) Survey(ctx context.Context, reached []offsets.Position) ([]offsets.PartitionState, error) {
	s.flow()
	s.surveyed = len(s.sent)
	return s.source.Survey(ctx, reached)
}

// streamSource is the source of the world with records coming in.
type streamSource struct {
	offsets.Source
	s *stream
}

func (s streamSource) Survey(ctx context.Context, reached []offsets.Position) ([]offsets.PartitionState, error) {
	return s.s.Survey(ctx, reached)
}

// slowSink takes its time by the world's clock.
type slowSink struct {
	output.Sink
	s *stream
}

func (k slowSink) Prepare(ctx context.Context, info output.BatchInfo, shards []output.Shard, pending *output.Pending) (*output.Prepared, error) {
	k.s.clock.now = k.s.clock.now.Add(k.s.perBatch + time.Duration(sinkRows(shards))*k.s.perRow)
	return k.Sink.Prepare(ctx, info, shards, pending)
}

// job passes records from the stream to the slow sink, a batch a second.
func (s *stream) job(change ...func(*Job)) *Job {
	return s.world.job(every, append([]func(*Job){s.inMemory, continuous, func(j *Job) {
		j.Sources["events"] = Source{Start: offsets.Earliest, Open: func(context.Context) (offsets.Source, error) { return streamSource{s.source, s}, nil }}
		open := j.Sinks[0].Open
		j.Sinks[0].Open = func(ctx context.Context, o output.Opening) (output.Sink, error) {
			sink, err := open(ctx, o)
			return slowSink{sink, s}, err
		}
	}}, change...)...)
}

// pressed turns back-pressure on.
func pressed(j *Job) { g := offsets.DefaultGains; j.Limits.Backpressure = &g }

// observed is one batch as its report has it, with what was true.
type observed struct {
	at        time.Time // since the start
	rows      int64
	took      time.Duration
	lag       int64
	lagTruth  int64
	age       float64
	ageTruth  float64
	rate      int64
	limitedBy string
	missed    int64
}

// watch collects what reports say, and ends the run in an orderly way at a time; each is told to step first.
func (s *stream) watch(until time.Duration, step func(o observed)) (func(*Options), *[]observed) {
	var all []observed
	read := int64(0)
	return func(opts *Options) {
		stop, stopped := make(chan struct{}), false
		opts.Stop = stop
		opts.Report = func(p Progress) {
			read += p.NumInputRows
			at, _ := time.Parse(time.RFC3339Nano, p.Timestamp)
			o := observed{at: at, rows: p.NumInputRows, took: time.Duration(p.BatchDuration) * time.Millisecond, rate: p.BackpressureRate,
				limitedBy: p.LimitedBy, missed: p.NumTriggersMissed, lagTruth: int64(s.surveyed) - read, lag: -1, age: -1}
			if src := p.Sources[0]; src.LagOffsets != nil {
				o.lag = *src.LagOffsets
				if src.LagSeconds != nil {
					o.age = *src.LagSeconds
				}
			}
			if o.lagTruth > 0 {
				o.ageTruth = at.Sub(s.oldestUnread(p)).Seconds()
			}
			all = append(all, o)
			if step != nil {
				step(o)
			}
			if !stopped && s.clock.now.Sub(simStart) >= until {
				stopped = true
				close(stop)
			}
		}
	}, &all
}

// oldestUnread is when the oldest record came that was there at the plan and is not read yet.
func (s *stream) oldestUnread(p Progress) time.Time {
	oldest := s.clock.now
	for partition := range 2 {
		next := int(p.Sources[0].EndOffset[simTopic][fmt.Sprint(partition)])*2 + partition
		if next < s.surveyed && s.sent[next].Before(oldest) {
			oldest = s.sent[next]
		}
	}
	return oldest
}
