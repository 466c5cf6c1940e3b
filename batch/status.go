package batch

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// Status is how a job stands, by its checkpoint and, as far as they answer, its brokers. Counts are over all batches.
// Field names are those of [Progress] where both mean the same. A nil number is not known.
type Status struct {
	Name      string `json:"name"`
	ID        string `json:"id,omitempty"`      // of the checkpoint; "": the job has not run yet
	Timestamp string `json:"timestamp"`         // when this was found out
	Running   string `json:"running,omitempty"` // who runs the job now

	BatchID   int64   `json:"batchId"`             // the last one committed; 0: none
	BatchTime string  `json:"batchTime,omitempty"` // its plan time
	OpenBatch []int64 `json:"openBatch,omitempty"` // planned and not committed: in work, or to be run again by the next driver
	Flushed   string  `json:"flushed,omitempty"`   // why the next run plans nothing

	NumBatches     int64             `json:"numBatches"`
	NumInputRows   int64             `json:"numInputRows"`
	EventTime      map[string]string `json:"eventTime"`
	Sources        []SourceStatus    `json:"sources"`
	StateOperators []OperatorStatus  `json:"stateOperators,omitempty"`
	NumWindowsOpen int               `json:"numWindowsOpen"`
	Sinks          []SinkStatus      `json:"sinks"`
	Drops
	NumGroupsFiltered *int64 `json:"numGroupsFiltered,omitempty"` // takes the place of that of Drops: it is told of single batches only
	NumValuesNulled   int64  `json:"numValuesNulled"`

	LagOffsets  *int64   `json:"lagOffsets,omitempty"`  // of all sources together, see [SourceLag]
	HeldOffsets *int64   `json:"heldOffsets,omitempty"` // those of them that open transactions hold back
	LagSeconds  *float64 `json:"lagSeconds,omitempty"`  // the greatest of any partition
	// WatermarkSeconds is how far the watermark is behind the clock, BatchSeconds how long ago the last batch was planned.
	WatermarkSeconds *float64 `json:"watermarkSeconds,omitempty"`
	BatchSeconds     *float64 `json:"batchSeconds,omitempty"`

	Warnings []string `json:"warnings,omitempty"` // what could not be read of the checkpoint
}

// SourceStatus is how far a job is in a source.
type SourceStatus struct {
	Name      string `json:"name"`
	Watermark string `json:"watermark"`
	Idle      bool   `json:"idle,omitempty"` // all partitions are: it holds no operator back
	HeldBy    string `json:"heldBy,omitempty"`
	HeldMark  string `json:"heldMark,omitempty"`
	// HeldLastEvent is the greatest event time seen in the partition that holds it; left out when there was none.
	HeldLastEvent string            `json:"heldLastEvent,omitempty"`
	LagOffsets    *int64            `json:"lagOffsets,omitempty"`
	LagSeconds    *float64          `json:"lagSeconds,omitempty"`
	LagError      string            `json:"lagError,omitempty"` // why the lag is not known
	Partitions    []PartitionStatus `json:"partitions"`
}

// PartitionStatus is how far a job is in a partition.
type PartitionStatus struct {
	Topic      string        `json:"topic"`
	Partition  int32         `json:"partition"`
	NextOffset int64         `json:"nextOffset"` // the first that is not committed; −1: the job does not know the partition yet
	Watermark  string        `json:"watermark"`
	Idle       bool          `json:"idle,omitempty"`
	Lag        *PartitionLag `json:"lag,omitempty"`
}

// OperatorStatus is the state of a window operator after the last batch, with the rows that it has dropped in all.
type OperatorStatus struct {
	OperatorProgress
	Drops
	// These take the place of two numbers that are told of single batches only.
	NumGroupsFiltered *int64 `json:"numGroupsFiltered,omitempty"`
	MemoryUsedBytes   *int64 `json:"memoryUsedBytes,omitempty"`
}

// SinkStatus is what a job has written in all.
type SinkStatus struct {
	Description   string `json:"description"`
	NumOutputRows int64  `json:"numOutputRows"`
	// NumRowsPending are rows that are in no file yet, the first of them planned PendingSince; see [Sink].MaxAge.
	NumRowsPending int64  `json:"numRowsPending,omitempty"`
	PendingSince   string `json:"pendingSince,omitempty"`
	// NumPartitionsOpen are the directories that wait for their done markers, NextDone is the end of the first of them: it is
	// complete when no on-time row from before can come any more. Both are left out without done markers.
	NumPartitionsOpen *int   `json:"numPartitionsOpen,omitempty"`
	NextDone          string `json:"nextDone,omitempty"`
}

// Look is a look at a job from outside.
type Look struct {
	Status  *Status
	job     *Job
	history *History
	at      int64 // µs
}

// LookUp says how a job stands by its checkpoint alone. It takes no lock and writes nothing; the job may run meanwhile.
func LookUp(ctx context.Context, env Env, job *Job) (*Look, error) {
	if err := job.check(); err != nil {
		return nil, fmt.Errorf("job %s: %w", job.Name, err)
	}
	v, err := view(ctx, env, job)
	if err != nil {
		return nil, err
	}
	if v.history.NextBatch == 1 {
		unknown, err := CheckOutputs(ctx, env, job)
		if err != nil {
			return nil, err
		}
		v.warnings = append(v.warnings, unknown...)
	}
	l := &Look{job: job, history: v.history, at: env.Clock.Now().UnixMicro()}
	l.Status = &Status{Name: job.Name, ID: v.id, Timestamp: windows.FormatTime(l.at), Running: holderText(v.holder), Warnings: v.warnings}
	l.batches()
	l.sources()
	l.operators()
	l.counts()
	return l, nil
}

func holderText(h *wal.Holder) string {
	if h == nil {
		return ""
	}
	return h.String()
}

func (l *Look) batches() {
	h := l.history
	if h.Last != nil {
		l.Status.BatchID, l.Status.BatchTime, l.Status.BatchSeconds = h.Last.Batch, windows.FormatTime(h.Last.At), l.since(h.Last.At)
	}
	for _, p := range h.Open {
		l.Status.OpenBatch = append(l.Status.OpenBatch, p.Batch)
	}
	if h.Flushed != nil {
		l.Status.Flushed = h.flushedReason()
	}
}

// since is how long ago a time was, in seconds; nil for no time.
func (l *Look) since(at int64) *float64 {
	if at == windows.NoWatermark || at == windows.MaxWatermark {
		return nil
	}
	seconds := float64((l.at-at)/1000) / 1000
	return &seconds
}

// sources are those of the job and those that the checkpoint has read beside them.
func (l *Look) sources() {
	m := l.history.Marks
	l.Status.EventTime = map[string]string{"watermark": windows.FormatTime(m.Watermark())}
	l.Status.WatermarkSeconds = l.since(m.Watermark())
	bounds := map[string]windows.Bounds{}
	for name := range m.Sources {
		bounds[name] = windows.Bounds{}
	}
	for i := range l.job.Plan.Sources {
		bounds[l.job.Plan.Sources[i].Name] = l.job.Plan.Sources[i].Bounds
	}
	for _, name := range slices.Sorted(maps.Keys(bounds)) {
		l.Status.Sources = append(l.Status.Sources, l.source(name, m.source(name), bounds[name]))
	}
}

func (l *Look) source(name string, mark windows.SourceMark, bounds windows.Bounds) SourceStatus {
	s := SourceStatus{Name: name, Watermark: windows.FormatTime(mark.Watermark), Idle: len(mark.Partitions) > 0 && mark.AsInput().Idle}
	if held, ok := windows.HoldBack(mark); ok {
		s.HeldBy, s.HeldMark = fmt.Sprintf("%s/%d", held.Topic, held.Partition), windows.FormatTime(held.Watermark)
		if held.Watermark != windows.NoWatermark {
			s.HeldLastEvent = windows.FormatTime(held.Watermark + bounds.MaxDisorder)
		}
	}
	for _, p := range positionsOf(l.history.Positions, name) {
		s.Partitions = append(s.Partitions, partitionStatus(p, mark))
	}
	return s
}

func partitionStatus(p offsets.Position, mark windows.SourceMark) PartitionStatus {
	out := PartitionStatus{Topic: p.Topic, Partition: p.Partition, NextOffset: p.Next, Watermark: windows.FormatTime(windows.NoWatermark)}
	for _, m := range mark.Partitions {
		if m.Topic == p.Topic && m.Partition == p.Partition {
			out.Watermark, out.Idle = windows.FormatTime(m.Watermark), m.Idle
		}
	}
	return out
}

// operators are those of the job and those of which the checkpoint still holds rows.
func (l *Look) operators() {
	held := map[string]OpenWindows{}
	if l.history.Last != nil {
		held = l.history.Last.Open
	}
	left := maps.Clone(held)
	for i := range l.job.Plan.Exchanges {
		name := l.job.Plan.Exchanges[i].Name
		l.operator(name, heldBy(l.job.Plan, i, l.history.Marks), held[name])
		delete(left, name)
	}
	for _, name := range slices.Sorted(maps.Keys(left)) {
		l.operator(name, "", left[name])
	}
}

func (l *Look) operator(name, heldBy string, open OpenWindows) {
	mark, known := l.history.Marks.Operators[name]
	if !known {
		mark = windows.NoWatermark
	}
	op := OperatorStatus{OperatorProgress: OperatorProgress{OperatorName: name, Watermark: windows.FormatTime(mark), HeldBy: heldBy}}
	op.hold(open)
	t := &l.history.Totals
	for _, part := range []string{name, assignOf(name)} {
		op.Drops.add(t.Operators[part], false)
	}
	l.Status.NumWindowsOpen += open.Windows
	l.Status.StateOperators = append(l.Status.StateOperators, op)
}

func (l *Look) counts() {
	t := &l.history.Totals
	l.Status.NumBatches, l.Status.NumInputRows, l.Status.Drops = t.Batches, l.history.Records, t.drops()
	for _, c := range t.Operators {
		l.Status.NumValuesNulled += c.Nulled
	}
	for i := range l.job.Sinks {
		name := l.job.Sinks[i].Name
		k := SinkStatus{Description: name, NumOutputRows: t.SinkRows[name]}
		if pending := l.history.Pending[name]; len(pending) > 0 {
			k.NumRowsPending, k.PendingSince = output.PendingRows(pending), windows.FormatTime(pending[0].At)
		}
		if open, on := l.history.Partitions[name]; on {
			n := len(open)
			k.NumPartitionsOpen = &n
			if end := open.firstEnd(); end != output.NeverEnds {
				k.NextDone = windows.FormatTime(end)
			}
		}
		l.Status.Sinks = append(l.Status.Sinks, k)
	}
}
