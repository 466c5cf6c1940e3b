package batch

import (
	"fmt"
	"time"

	"github.com/millrace/millrace/columnar"
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
	NumRowsLate            int64              `json:"numRowsLate"`
	NumRowsBad             int64              `json:"numRowsBad"`
	NumRowsUnassigned      int64              `json:"numRowsUnassigned"`
	NumRowsFiltered        int64              `json:"numRowsFiltered"`
	NumRowsNoMatch         int64              `json:"numRowsNoMatch"`
	NumRowsTombstone       int64              `json:"numRowsTombstone"`
	NumRowsSkipped         int64              `json:"numRowsSkipped"`              // records left out by name
	NumTriggersMissed      int64              `json:"numTriggersMissed,omitempty"` // times of the schedule that came while the run before was busy, since the last report
	BadRecords             []string           `json:"badRecords,omitempty"`        // the first few that were skipped
	Edges                  []Edge             `json:"edges,omitempty"`
}

// OperatorProgress is the state of one window operator after the batch.
type OperatorProgress struct {
	OperatorName    string `json:"operatorName"`
	NumRowsTotal    int64  `json:"numRowsTotal"` // groups held
	NumWindowsOpen  int    `json:"numWindowsOpen"`
	MemoryUsedBytes int64  `json:"memoryUsedBytes"`
	Watermark       string `json:"watermark"`
	NextClose       string `json:"nextClose,omitempty"` // end of the earliest open window
}

// SourceProgress is what a batch read. Offsets are by topic, then partition.
type SourceProgress struct {
	Description  string                      `json:"description"`
	StartOffset  map[string]map[string]int64 `json:"startOffset"`
	EndOffset    map[string]map[string]int64 `json:"endOffset"`
	LatestOffset map[string]map[string]int64 `json:"latestOffset"`
	NumInputRows int64                       `json:"numInputRows"`
	LagOffsets   int64                       `json:"lagOffsets"`         // offsets behind the plan, over all partitions
	HeldBy       string                      `json:"heldBy,omitempty"`   // the partition that the watermark waits for
	HeldMark     string                      `json:"heldMark,omitempty"` // and its watermark
}

// SinkProgress is what a batch wrote.
type SinkProgress struct {
	Description   string    `json:"description"`
	Guarantee     Guarantee `json:"guarantee"`
	NumOutputRows int64     `json:"numOutputRows"`
	NumFiles      int       `json:"numFiles"`
	Bytes         int64     `json:"bytes"`
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

// report fills a Progress from a committed batch.
func report(job *Job, p *Planned, c *Committed, ends map[partitionKey]int64, watch *stopwatch) Progress {
	total := watch.clock.Now().Sub(watch.start)
	watch.ms["triggerExecution"] = total.Milliseconds()
	out := Progress{
		Name: job.Name, Timestamp: windows.FormatTime(p.At), BatchID: p.Batch, Final: p.Final,
		BatchDuration: total.Milliseconds(), NumInputRows: c.Records, DurationMs: watch.ms, Edges: c.Edges,
		EventTime: map[string]string{"watermark": windows.FormatTime(c.After.Source.Watermark)},
		Sources:   []SourceProgress{sourceProgress(job, p, c, ends)},
	}
	if s := total.Seconds(); s > 0 {
		out.ProcessedRowsPerSecond = float64(c.Records) / s
	}
	var sum columnar.RowCounts
	for _, e := range c.Edges {
		sum.Add(e.RowCounts)
	}
	out.NumRowsLate, out.NumRowsBad, out.NumRowsUnassigned = sum.Late, sum.Bad, sum.Unassigned
	out.NumRowsFiltered, out.NumRowsNoMatch, out.NumRowsTombstone = sum.Filtered, sum.NoMatch, sum.Tombstone
	out.NumRowsSkipped = sum.Skipped
	for _, s := range job.Sinks {
		sink := SinkProgress{Description: s.Name, Guarantee: s.Guarantee, NumOutputRows: c.SinkRows[s.Name], NumFiles: len(c.Files[s.Name])}
		for _, f := range c.Files[s.Name] {
			sink.Bytes += f.Bytes
		}
		out.Sinks = append(out.Sinks, sink)
	}
	return out
}

func sourceProgress(job *Job, p *Planned, c *Committed, ends map[partitionKey]int64) SourceProgress {
	s := SourceProgress{
		Description: fmt.Sprintf("kafka source %s", job.Plan.Sources[0].Name), NumInputRows: c.Records,
		StartOffset: map[string]map[string]int64{}, EndOffset: map[string]map[string]int64{}, LatestOffset: map[string]map[string]int64{},
	}
	for _, r := range p.Ranges {
		end := max(ends[partitionKey{r.Topic, r.Partition}], r.Until)
		put(s.StartOffset, r, r.From)
		put(s.EndOffset, r, r.Until)
		put(s.LatestOffset, r, end)
		s.LagOffsets += end - r.Until
	}
	if held, ok := windows.HoldBack(c.After.Source); ok {
		s.HeldBy, s.HeldMark = fmt.Sprintf("%s/%d", held.Topic, held.Partition), windows.FormatTime(held.Watermark)
	}
	return s
}

func put(m map[string]map[string]int64, r offsets.Range, v int64) {
	if m[r.Topic] == nil {
		m[r.Topic] = map[string]int64{}
	}
	m[r.Topic][fmt.Sprint(r.Partition)] = v
}
