package jobspec

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/sql"
	"github.com/millrace/millrace/windows"
)

// Estimate is what a job does in a day at most, as if every trigger found new records; of a job that runs once, in a
// run. See docs/job-file.md for the formulas.
type Estimate struct {
	Once         bool  // it has no trigger that comes again
	Batches      int64 // a batch for each trigger
	Sinks        []SinkEstimate
	LogBytes     int64 // with one partition in each topic, without state
	LogPartition int64 // more of them for each further partition
	S3Requests   int64 // 0: every place is local
}

// SinkEstimate is about the files of one sink.
type SinkEstimate struct {
	Name    string
	Batches int64  // in which rows may come to it
	Takes   string // of a side output: what it takes, which most batches have none of
	Closing bool   // because a window closes in them
	Shards  int    // a file for each
	// Directories are the levels of partition_by that a batch spreads over in a number that only the data knows: each
	// multiplies the files by its different values. Those that follow time are one at a time.
	Directories []string
	Age         time.Duration // max_age of files that roll over batches, where that is longer than between two batches with rows; else 0
	Files       int64         // Batches, or as often as Age fits into a day, × Shards; 0 for standard output
}

const day = 24 * time.Hour

// filesMany is from how many files a day on the readers of a lake suffer.
const filesMany = 5000

// Bytes of a batch in the log, measured: journal records are JSON.
const (
	logBatch     = 800
	logPartition = 560
	logFile      = 200
	logOperator  = 60
)

// Estimate works out what a plan of the job does in a day.
func (s *Spec) Estimate(plan *dstream.Plan) (Estimate, error) {
	n, err := s.batchesADay()
	if err != nil {
		return Estimate{}, err
	}
	e := Estimate{Batches: n, Once: s.Trigger.AvailableNow}
	operators, files := int64(0), int64(0)
	for i := range plan.Stages {
		operators += 1 + int64(len(plan.Stages[i].Ops))
	}
	for i := range plan.Sinks {
		k, err := s.sink(plan.Sinks[i].Name)
		if err != nil {
			return e, err
		}
		f := s.estimateSink(plan, &plan.Sinks[i], n)
		if k.Parquet == nil {
			f.Files = 0
		} else if rolls := rollsADay(k.Parquet.File.MaxAge); s.Trigger.Every > 0 && rolls < f.Batches {
			f.Age, f.Files = k.Parquet.File.MaxAge, rolls*int64(f.Shards)
		}
		files += f.Files
		e.Sinks = append(e.Sinks, f)
	}
	e.S3Requests = s.requests(n, e.Sinks)
	e.LogPartition = n * logPartition
	e.LogBytes = n*(logBatch+logOperator*operators) + int64(len(plan.Sources))*e.LogPartition + files*logFile
	return e, nil
}

// Requests to S3 of a batch: its plan and its commit, and the looks for a newer driver before its rows are published and
// before its manifests; and the heartbeats of a day.
const (
	requestsBatch = 4
	requestsDay   = int64(day / (4 * time.Second))
)

// requests is how many requests a day to S3 n batches make: for the log, a file each, and a manifest for each batch with
// files.
func (s *Spec) requests(n int64, sinks []SinkEstimate) int64 {
	out := int64(0)
	if isS3(string(s.Checkpoint)) {
		out = n * requestsBatch
		if !s.Trigger.AvailableNow {
			out += requestsDay
		}
	}
	for i, f := range sinks {
		if k, err := s.sink(f.Name); err == nil && k.Parquet != nil && isS3(string(k.Parquet.Path)) {
			out += f.Files + sinks[i].Batches
		}
	}
	return out
}

// batchesADay is how often the trigger comes.
func (s *Spec) batchesADay() (int64, error) {
	switch {
	case s.Trigger.AvailableNow:
		return 1, nil
	case s.Trigger.Every > 0:
		return max(int64(day/s.Trigger.Every), 1), nil
	}
	schedule, err := batch.ParseCron(s.Trigger.Cron, s.Timezone)
	if err != nil {
		return 0, err
	}
	return timesADay(schedule), nil
}

// timesADay is the mean over four weeks of any year, rounded up.
func timesADay(s batch.Schedule) int64 {
	const days = 28
	from := time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC)
	n, at := int64(0), from
	for n < days*24*60 {
		if at = s.Next(at); at.IsZero() || at.After(from.Add(days*day)) {
			break
		}
		n++
	}
	return max((n+days-1)/days, 1)
}

// rollsADay is how often rows that wait so long at most are put into files; without an age no bound.
func rollsADay(age time.Duration) int64 {
	if age <= 0 {
		return math.MaxInt64
	}
	return int64(math.Ceil(float64(day) / float64(age)))
}

func (s *Spec) estimateSink(plan *dstream.Plan, k *dstream.SinkPlan, batches int64) SinkEstimate {
	f := SinkEstimate{Name: k.Name, Batches: 0, Closing: true, Shards: s.Shards}
	for i := range plan.Stages {
		if !slices.Contains(plan.Stages[i].Sinks, k.Name) {
			continue
		}
		n, closing := batchesWithRows(plan, i, batches)
		f.Batches += n
		f.Closing = f.Closing && closing
	}
	if side := plan.SideOf(k.Name); side != nil {
		f.Batches, f.Closing, f.Takes = batches, false, side.Kind.Rows()
	}
	f.Batches = min(f.Batches, batches)
	for _, p := range k.Partitions {
		if !followsTime(p.Expr) {
			f.Directories = append(f.Directories, p.Name)
		}
	}
	f.Files = f.Batches * int64(f.Shards)
	return f
}

// batchesWithRows is in how many batches a stage yields rows: in each, as results that change may, or when a window
// closes.
func batchesWithRows(plan *dstream.Plan, stage int, batches int64) (n int64, closing bool) {
	for plan.Stages[stage].From.Stage >= 0 {
		stage = plan.Stages[stage].From.Stage
	}
	x := plan.Stages[stage].From.Exchange
	switch {
	case x < 0, plan.Exchanges[x].Emit.Changelog:
		return batches, false
	case plan.Exchanges[x].Window.Kind == windows.Dedup:
		for _, sender := range plan.Senders(x) {
			of, _ := batchesWithRows(plan, sender, batches)
			n = min(batches, n+of)
		}
		return n, n < batches
	case plan.Exchanges[x].Unwindowed():
		return 1, true
	}
	switch w := plan.Exchanges[x].Window; {
	case w.Kind == windows.Dedup:
		return batches, false
	case w.Kind == windows.Session:
		return batches, true
	default:
		return min(batches, int64(math.Ceil(float64(day)/float64(closesEvery(w))))), true
	}
}

// closesEvery is about how often a window closes whose keys all have rows.
func closesEvery(w windows.Window) time.Duration {
	n := w.Size
	if w.Slide > 0 {
		n = w.Slide
	}
	unit := map[windows.Unit]time.Duration{windows.Micros: time.Microsecond, windows.Day: day, windows.Week: 7 * day, windows.Month: 30 * day}[w.Unit]
	return time.Duration(n) * unit
}

// followsTime reports whether a level of directories is made of times only: then a batch writes to one directory, or
// to few at its end.
func followsTime(e *columnar.Expr) bool {
	if e.Op == "col" {
		return e.Type.Kind == columnar.Timestamp || e.Type.Kind == columnar.LocalTimestamp || e.Type.Kind == columnar.Date
	}
	for _, a := range e.Args {
		if !followsTime(a) {
			return false
		}
	}
	return true
}

// Warnings are about a job that runs, but perhaps not as meant: too many files.
func (s *Spec) Warnings(plan *dstream.Plan) ([]sql.Warning, error) {
	e, err := s.Estimate(plan)
	if err != nil || e.Once {
		return nil, err
	}
	var out []sql.Warning
	for _, f := range e.Sinks {
		if f.Files <= filesMany || f.Takes != "" {
			continue
		}
		k, err := s.sink(f.Name)
		if err != nil {
			return nil, err
		}
		out = append(out, sql.Warning{Pos: k.Pos, Msg: fmt.Sprintf("sink %s may write %s files a day (%s), readers suffer above %s; a longer trigger makes fewer: {every: %s}",
			f.Name, grouped(f.Files), f.Formula(), grouped(filesMany), longer(f.Shards))})
	}
	return out, nil
}

// longer is a trigger with which so many files at a time are few enough.
func longer(shards int) string {
	seconds := (int64(day/time.Second)*int64(shards) + filesMany - 1) / filesMany
	for _, round := range []int64{10, 20, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400} {
		if round >= seconds {
			return ShortDuration(time.Duration(round) * time.Second)
		}
	}
	return "6h"
}

// Formula says what the number of files is made of.
func (f SinkEstimate) Formula() string {
	if f.Age > 0 {
		return f.with(fmt.Sprintf("every %s by max_age", ShortDuration(f.Age)))
	}
	s := grouped(f.Batches) + " batches"
	if f.Batches == 1 {
		s = "1 batch"
	}
	if f.Closing {
		s += " in which a window closes"
	}
	if f.Takes != "" {
		s += " with " + f.Takes
	}
	return f.with(s)
}

// with is what the number of files is made of besides their times.
func (f SinkEstimate) with(s string) string {
	s += fmt.Sprintf(" × %d shard", f.Shards)
	if f.Shards > 1 {
		s += "s"
	}
	for _, d := range f.Directories {
		s += " × values of " + d + " in a batch"
	}
	return s
}

// grouped writes a number with commas.
func grouped(n int64) string {
	s := fmt.Sprint(n)
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

// ShortDuration is a duration without parts that are zero: 1h, not 1h0m0s.
func ShortDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// sizeText is a number of bytes for people.
func sizeText(n int64) string {
	switch {
	case n >= 10<<30:
		return fmt.Sprintf("%d GiB", n>>30)
	case n >= 10<<20:
		return fmt.Sprintf("%d MiB", n>>20)
	case n >= 10<<10:
		return fmt.Sprintf("%d KiB", n>>10)
	}
	return fmt.Sprintf("%d bytes", n)
}
