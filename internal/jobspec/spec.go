package jobspec

import (
	"time"

	"github.com/millrace/millrace/dstream"
)

// Spec is a job file with variables replaced, defaults filled in and paths made absolute. Its JSON is what a
// checkpoint records of a job.
type Spec struct {
	Name        string  `json:"name"`
	Timezone    string  `json:"timezone"`
	Source      Source  `json:"source"`
	Tables      []Table `json:"tables,omitempty"`
	Query       Query   `json:"query"`
	Sinks       []Sink  `json:"sinks"`
	Trigger     Trigger `json:"trigger"`
	Limits      Limits  `json:"limits"`
	Checkpoint  string  `json:"checkpoint"`
	OnBadRecord string  `json:"on_bad_record"` // fail or skip
	Shards      int     `json:"shards"`
}

// Query is the job's SELECT and where it begins. Start has no line when the text does not stand in a file as it is; File
// then says so.
type Query struct {
	Text  string      `json:"text"`
	File  string      `json:"file"`
	Start dstream.Pos `json:"start"`
}

// Source is one Kafka source.
type Source struct {
	Name      string      `json:"name"`
	Brokers   []string    `json:"brokers,omitempty"` // not recorded
	Topic     string      `json:"topic"`
	Start     string      `json:"start"` // earliest or latest
	Format    string      `json:"format"`
	Columns   []Column    `json:"columns"`
	EventTime *EventTime  `json:"event_time,omitempty"`
	Pos       dstream.Pos `json:"-"`
}

// Column is a declared column.
type Column struct {
	Name     string      `json:"name"`
	Type     string      `json:"type"`
	Path     string      `json:"path,omitempty"`
	Required bool        `json:"required,omitempty"`
	Pos      dstream.Pos `json:"-"`
}

// EventTime says which column holds the event time, and what may be expected of it.
type EventTime struct {
	Column      string        `json:"column"`
	MaxDisorder time.Duration `json:"max_disorder"`
	IdleAfter   time.Duration `json:"idle_after"`
	MaxFuture   time.Duration `json:"max_future"` // < 0: off
	Pos         dstream.Pos   `json:"-"`
}

// Table is a static table in a CSV file.
type Table struct {
	Name    string      `json:"name"`
	CSV     string      `json:"csv"`
	Columns []Column    `json:"columns"`
	Pos     dstream.Pos `json:"-"`
}

// Sink is one output: Parquet files or standard output.
type Sink struct {
	Name          string      `json:"name"`
	Kind          string      `json:"kind"` // parquet or stdout
	Path          string      `json:"path,omitempty"`
	Compression   string      `json:"compression,omitempty"`
	PartitionBy   []Partition `json:"partition_by,omitempty"`
	MaxPartitions int         `json:"max_partitions,omitempty"`
	MaxBytes      int64       `json:"max_bytes,omitempty"`
	Pos           dstream.Pos `json:"-"`
}

// Partition is one expression of partition_by.
type Partition struct {
	Text string      `json:"text"`
	Pos  dstream.Pos `json:"pos"`
}

// Trigger says when batches run.
type Trigger struct {
	Every        time.Duration `json:"every,omitempty"`
	AvailableNow bool          `json:"available_now,omitempty"`
}

// Limits bound the next batch.
type Limits struct {
	Rows  int64 `json:"rows,omitempty"`
	Bytes int64 `json:"bytes,omitempty"`
}

// Defaults that a job file may leave out.
const (
	defaultEvery     = time.Second
	defaultRows      = 1_000_000
	defaultIdleAfter = 30 * time.Second
	defaultMaxFuture = 5 * time.Minute
	defaultShards    = 1
)
