package batch

import (
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// Progress is the report on one batch. Field names are those of Spark's StreamingQueryProgress where both mean the
// same; the numRows… counters and fields that Spark does not have are ours.
type Progress struct {
	ID                     string             `json:"id"`    // of the checkpoint
	RunID                  string             `json:"runId"` // of this process
	Name                   string             `json:"name"`
	Timestamp              string             `json:"timestamp"` // plan time
	BatchID                int64              `json:"batchId"`
	BatchDuration          int64              `json:"batchDuration"` // ms
	Rerun                  bool               `json:"rerun,omitempty"`
	Final                  bool               `json:"final,omitempty"`
	NumInputRows           int64              `json:"numInputRows"`
	ProcessedRowsPerSecond float64            `json:"processedRowsPerSecond"`
	DurationMs             map[string]int64   `json:"durationMs"`
	EventTime              map[string]string  `json:"eventTime"`
	StateOperators         []OperatorProgress `json:"stateOperators,omitempty"`
	Sources                []SourceProgress   `json:"sources"`
	Sinks                  []SinkProgress     `json:"sinks"`
	Drops
	NumValuesNulled   int64  `json:"numValuesNulled,omitempty"`   // that did not fit their columns and became NULL
	NumTriggersMissed int64  `json:"numTriggersMissed,omitempty"` // times of the trigger that came while the batch or run before was busy, since the last report
	LimitedBy         string `json:"limitedBy,omitempty"`         // the limit that left records to later batches: rows, bytes, rate, backpressure, first
	// BackpressureRate is the offsets per second that back-pressure allowed this batch; left out when it is off, or has
	// measured nothing yet.
	BackpressureRate int64    `json:"backpressureRate,omitempty"`
	BadRecords       []string `json:"badRecords,omitempty"` // the first few that were skipped
	Edges            []Edge   `json:"edges,omitempty"`
	// DataLoss is what the job gave up with this batch because the run was told to.
	DataLoss []offsets.Loss `json:"dataLoss,omitempty"`
}

// Drops counts rows that went in and did not come out, by reason.
type Drops struct {
	NumRowsLate       int64 `json:"numRowsLate"`       // their window was closed already
	NumRowsBad        int64 `json:"numRowsBad"`        // records that do not fit
	NumRowsUnassigned int64 `json:"numRowsUnassigned"` // in no window
	NumRowsFiltered   int64 `json:"numRowsFiltered"`   // by a condition
	NumGroupsFiltered int64 `json:"numGroupsFiltered"` // of those: groups, behind a window
	NumRowsNoMatch    int64 `json:"numRowsNoMatch"`    // by a join, or without an element to unnest
	NumRowsTombstone  int64 `json:"numRowsTombstone"`  // records without a value
	NumRowsSkipped    int64 `json:"numRowsSkipped"`    // records left out by name
	NumRowsDuplicate  int64 `json:"numRowsDuplicate"`  // by a deduplication
}

// add counts what an operator dropped; groups says that it stands behind a window.
func (d *Drops) add(c columnar.RowCounts, groups bool) {
	d.NumRowsLate += c.Late
	d.NumRowsBad += c.Bad
	d.NumRowsUnassigned += c.Unassigned
	d.NumRowsFiltered += c.Filtered
	d.NumRowsNoMatch += c.NoMatch
	d.NumRowsTombstone += c.Tombstone
	d.NumRowsSkipped += c.Skipped
	d.NumRowsDuplicate += c.Duplicate
	if groups {
		d.NumGroupsFiltered += c.Filtered
	}
}

// OperatorProgress is the state of one window operator after the batch.
type OperatorProgress struct {
	OperatorName    string `json:"operatorName"`
	NumRowsTotal    int64  `json:"numRowsTotal"` // groups held
	NumWindowsOpen  int    `json:"numWindowsOpen"`
	MemoryUsedBytes int64  `json:"memoryUsedBytes"`
	Watermark       string `json:"watermark"`
	// FirstOpen and NextClose are the bounds of the earliest open window. Groups without a window have neither: they come
	// out at the end of the input.
	FirstOpen string `json:"firstOpen,omitempty"`
	NextClose string `json:"nextClose,omitempty"`
	HeldBy    string `json:"heldBy,omitempty"` // the source that the watermark waits for, see SourceProgress.HeldBy
}

// hold fills in what the operator holds.
func (op *OperatorProgress) hold(o OpenWindows) {
	op.NumRowsTotal, op.NumWindowsOpen = o.Groups, o.Windows
	if o.Windows > 0 && o.Close != windows.MaxWatermark {
		op.FirstOpen, op.NextClose = windows.FormatTime(o.First), windows.FormatTime(o.Close)
	}
}

// SourceProgress is what a batch read of a source. Offsets are by topic, then partition.
type SourceProgress struct {
	Description  string                      `json:"description"`
	Name         string                      `json:"name"`
	StartOffset  map[string]map[string]int64 `json:"startOffset"`
	EndOffset    map[string]map[string]int64 `json:"endOffset"`
	LatestOffset map[string]map[string]int64 `json:"latestOffset"` // up to where a plan might have read; a rerun does not ask
	NumInputRows int64                       `json:"numInputRows"`
	// LagOffsets is how far the job is behind the ends of all partitions together once the batch is committed, as those ends
	// were when it was planned. A rerun does not ask for them and leaves the lag out.
	LagOffsets *int64 `json:"lagOffsets,omitempty"`
	// HeldOffsets are those of them that transactions which are still open hold back.
	HeldOffsets int64 `json:"heldOffsets,omitempty"`
	// Waiting are the partitions in which such a transaction does that.
	Waiting []WaitingPartition `json:"waiting,omitempty"`
	// LagSeconds is the greatest of any partition, see [PartitionLag]; left out when none is known.
	LagSeconds    *float64                           `json:"lagSeconds,omitempty"`
	Lag           map[string]map[string]PartitionLag `json:"lag,omitempty"` // of each partition
	Watermark     string                             `json:"watermark"`
	Idle          bool                               `json:"idle,omitempty"`          // all partitions are: it holds no operator back
	HeldBy        string                             `json:"heldBy,omitempty"`        // the partition that the watermark waits for
	HeldMark      string                             `json:"heldMark,omitempty"`      // and its watermark
	HeldLastEvent string                             `json:"heldLastEvent,omitempty"` // and the greatest event time seen in it; left out when there was none
}

// SinkProgress is what a batch wrote, and what became of the rows on the way there.
type SinkProgress struct {
	Description   string    `json:"description"`
	Guarantee     Guarantee `json:"guarantee"`
	Topic         string    `json:"topic,omitempty"` // of a sink that writes records
	NumOutputRows int64     `json:"numOutputRows"`
	NumFiles      int       `json:"numFiles"`
	Bytes         int64     `json:"bytes"`
	// Side says that it takes the rows of a side output; then what is said below of the way of its rows is left out.
	Side         dstream.SideKind `json:"side,omitempty"`
	Sources      []string         `json:"sources"`             // that its rows come from
	Operators    []string         `json:"operators,omitempty"` // window operators on the way
	NumInputRows int64            `json:"numInputRows"`        // records of those sources
	// NumRowsPending are the rows of this and earlier batches that are in no file yet, see [Sink].MaxAge.
	NumRowsPending int64    `json:"numRowsPending,omitempty"`
	Completed      []string `json:"completed,omitempty"` // directories that the batch has completed, see [Sink].Done
	Drops                   // on the way
}

// Reporter takes the report of every batch, in order.
type Reporter func(Progress)

// stopwatch measures the phases of a batch.
type stopwatch struct {
	clock Clock
	start time.Time
	last  time.Time
	ms    map[string]int64
}

func newStopwatch(c Clock) *stopwatch {
	now := c.Now()
	return &stopwatch{clock: c, start: now, last: now, ms: map[string]int64{}}
}

// lap books the time since the last lap to a phase.
func (s *stopwatch) lap(phase string) {
	now := s.clock.Now()
	s.ms[phase] += now.Sub(s.last).Milliseconds()
	s.last = now
}

// resume goes on after a pause, whose time is not that of the batch.
func (s *stopwatch) resume() {
	now := s.clock.Now()
	s.start, s.last = now.Add(-s.last.Sub(s.start)), now
}

// report fills a Progress from a committed batch.
func report(job *Job, p *Planned, c *Committed, lags lagView, watch *stopwatch) Progress {
	total := watch.clock.Now().Sub(watch.start)
	watch.ms["triggerExecution"] = total.Milliseconds()
	out := Progress{
		Name: job.Name, Timestamp: windows.FormatTime(p.At), BatchID: p.Batch, Final: p.Final,
		LimitedBy: p.LimitedBy, BackpressureRate: p.Rate,
		BatchDuration: total.Milliseconds(), NumInputRows: c.Records, DurationMs: watch.ms, Edges: c.Edges, DataLoss: p.Losses,
		EventTime: map[string]string{"watermark": windows.FormatTime(c.After.Watermark())},
	}
	if s := total.Seconds(); s > 0 {
		out.ProcessedRowsPerSecond = float64(c.Records) / s
	}
	for i := range job.Plan.Sources {
		out.Sources = append(out.Sources, sourceProgress(job.Plan, i, p, c, lags))
	}
	for _, e := range c.Edges {
		out.Drops.add(e.RowCounts, behindWindow(job.Plan, e.Stage))
		out.NumValuesNulled += e.Nulled
	}
	for i, s := range job.Sinks {
		out.Sinks = append(out.Sinks, sinkProgress(job.Plan, i, s, c))
	}
	return out
}

// behindWindow reports whether the rows of a stage are groups.
func behindWindow(plan *dstream.Plan, stage int) bool {
	return plan.Stages[rootOf(plan, stage)].From.Exchange >= 0
}

func sourceProgress(plan *dstream.Plan, i int, p *Planned, c *Committed, lags lagView) SourceProgress {
	name, mark := plan.Sources[i].Name, c.After.source(plan.Sources[i].Name)
	s := SourceProgress{
		Description: "kafka source " + name, Name: name, NumInputRows: recordsOf(plan, i, c.Edges),
		StartOffset: map[string]map[string]int64{}, EndOffset: map[string]map[string]int64{}, LatestOffset: map[string]map[string]int64{},
		Watermark: windows.FormatTime(mark.Watermark), Idle: mark.AsInput().Idle,
	}
	s.Waiting = waiting(name, lags.states[name])
	ends := lags.states.ends()
	for _, r := range rangesOf(p.Ranges, name) {
		put(s.StartOffset, r, r.From)
		put(s.EndOffset, r, r.Until)
		if end, asked := ends[keyOf(r)]; asked {
			put(s.LatestOffset, r, max(end, r.Until))
		}
	}
	if lag := lags.of(name, positionsOf(c.Positions, name)); lag != nil {
		s.LagOffsets, s.HeldOffsets, s.LagSeconds, s.Lag = &lag.Offsets, lag.Held, lag.Seconds, lag.Partitions
	}
	if held, ok := windows.HoldBack(mark); ok {
		s.HeldBy, s.HeldMark = fmt.Sprintf("%s/%d", held.Topic, held.Partition), windows.FormatTime(held.Watermark)
		if held.Watermark != windows.NoWatermark {
			s.HeldLastEvent = windows.FormatTime(held.Watermark + plan.Sources[i].Bounds.MaxDisorder)
		}
	}
	return s
}

// recordsOf is how many records of a source a batch read.
func recordsOf(plan *dstream.Plan, source int, edges []Edge) (n int64) {
	for _, e := range edges {
		if e.Stage == plan.Root(source) && e.Operator == decodeName(plan.Sources[source].Name) {
			n += e.In
		}
	}
	return n
}

func sinkProgress(plan *dstream.Plan, i int, k Sink, c *Committed) SinkProgress {
	s := SinkProgress{Description: k.Name, Guarantee: k.Guarantee, NumOutputRows: c.SinkRows[k.Name], NumFiles: len(c.Files[k.Name]), Topic: k.Topic}
	for _, f := range c.Files[k.Name] {
		s.Bytes += f.Bytes
	}
	if change := c.Pending[k.Name]; change != nil {
		s.NumRowsPending = change.After
	}
	for _, t := range c.Done[k.Name].Complete {
		s.Completed = append(s.Completed, t.Dir)
	}
	if side := plan.SideOf(k.Name); side != nil {
		s.Side = side.Kind
		return s
	}
	before := upstream(plan, plan.Sinks[i].Name)
	for id, on := range before {
		from := plan.Stages[id].From
		switch {
		case !on:
		case from.Source >= 0:
			s.Sources = append(s.Sources, plan.Sources[from.Source].Name)
			s.NumInputRows += recordsOf(plan, from.Source, c.Edges)
		case from.Exchange >= 0:
			s.Operators = append(s.Operators, plan.Exchanges[from.Exchange].Name)
		}
	}
	for _, e := range c.Edges {
		if before[e.Stage] {
			s.Drops.add(e.RowCounts, behindWindow(plan, e.Stage))
		}
	}
	return s
}

// upstream reports for each stage whether its rows may come to a sink.
func upstream(plan *dstream.Plan, sink string) []bool {
	on := make([]bool, len(plan.Stages))
	for i := range slices.Backward(plan.Stages) {
		st := &plan.Stages[i]
		on[i] = on[i] || slices.Contains(st.Sinks, sink)
		switch {
		case !on[i]:
		case st.From.Stage >= 0:
			on[st.From.Stage] = true
		case st.From.Exchange >= 0:
			for _, sender := range plan.Senders(st.From.Exchange) {
				on[sender] = true
			}
		}
	}
	return on
}

func put(m map[string]map[string]int64, r offsets.Range, v int64) {
	if m[r.Topic] == nil {
		m[r.Topic] = map[string]int64{}
	}
	m[r.Topic][partitionText(r.Partition)] = v
}

// partitionText is a partition as the key of an object.
func partitionText(p int32) string { return strconv.Itoa(int(p)) }
