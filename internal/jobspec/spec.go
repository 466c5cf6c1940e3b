package jobspec

import (
	"time"

	"github.com/millrace/millrace/dstream"
)

// Spec is a job file with variables replaced, defaults filled in and paths made absolute.
//
// Its tags are the one description of the file: the decoder, the JSON Schema and the resolved file are made of them.
//
//	key      the key in the file; a slice of structs with a Name is a mapping from names
//	doc      what it means, for editors
//	default  what is filled in, as YAML
//	need     the key has to be there
//	one      exactly one of the keys with this tag has to be there
//	short    a value in the place of the mapping is this key's
//	words    the words that a text may be; later: words, or keys, of the language that this version cannot do yet
//	is       what a text has to be: name, topic, zone, type, cron, expression
//	least, most  bounds of a number or a duration
//	write    what to write, for messages
//	reach    how the job is reached and what it may use, not what it computes: not recorded
//	secret   shown as *** wherever it comes from
//
// An embedded struct lends its fields. A field NamePos beside a field Name has the place of its value; Pos has the place of the whole.
type Spec struct {
	Name        string        `key:"name" need:"yes" is:"name" doc:"Identity of the job: of its log and of its file names. Another name on the same checkpoint is refused."`
	Timezone    string        `key:"timezone" is:"zone" default:"UTC" doc:"Time zone of calendar functions, of texts without a zone and of cron: a name of the IANA database."`
	Sources     []Source      `key:"sources" need:"yes" doc:"The streams that the query reads, by name."`
	Tables      []Table       `key:"tables" doc:"Static tables that streams are joined with, by name."`
	Query       Query         `key:"query" one:"yes" doc:"The SELECT whose rows go to the sinks."`
	QueryFile   QueryFile     `key:"query_file" one:"yes" doc:"A file with that SELECT; relative paths count from the job file."`
	Queries     []Query       `key:"queries" one:"yes" doc:"Several queries, by name. One may read another by its name; a sink says from which it takes its rows."`
	Sinks       []Sink        `key:"sinks" need:"yes" doc:"Where rows go, by name. The name is the sink's identity."`
	Trigger     Trigger       `key:"trigger" default:"{every: 1s}" write:"write {every: 1s}, {available_now: true} or {cron: '0 * * * *'}" doc:"When batches run."`
	Limits      Limits        `key:"limits" default:"{}" write:"write {rows: 1000000, bytes: 256MiB}" doc:"How much the next batch reads at most."`
	Retain      time.Duration `key:"retain" words:"forever" default:"7d" least:"1h" doc:"How long batches stay in the log, to be replayed and verified against it, and the state that replay begins with. What a run needs to go on always stays, and so does each version of the job file and of its tables that a batch has used."` // < 0: forever
	Checkpoint  Path          `key:"checkpoint" need:"yes" doc:"Directory of the log and the state, or s3://BUCKET/PREFIX."`
	OnBadRecord BadRecord     `key:"on_bad_record" default:"fail" write:"write fail, skip, {do: skip, stop_above: 5%} or {do: dead_letter, to: SINK}" doc:"What a record does that does not fit: fail stops with exit code 4, skip drops and counts it, dead_letter keeps it in a sink."`
	OnBadValue  string        `key:"on_bad_value" words:"fail null" default:"fail" doc:"What a value does that does not fit its column: fail makes its record a bad record, null makes it NULL."`
	OnLateRow   LateRow       `key:"on_late_row" default:"drop" write:"write drop, {do: side_output, to: SINK} or {do: update, allowed_lateness: 1h}" doc:"What a row does whose windows have all closed: it is dropped and counted, or counted and kept in a sink, or for some time changes the results of its windows."`
	Emit        string        `key:"emit" words:"on_close update" default:"on_close" doc:"When results of windows come out: on_close, once, when the watermark passes the end of the window; update, with each batch that changes them: the rows of sinks are a changelog."`
	Shards      int           `key:"shards" least:"1" most:"256" default:"1" doc:"Parallel parts of everything behind a GROUP BY, and files per directory and batch. May change between runs."`

	Memory    Size `key:"memory" reach:"yes" doc:"How much memory a run may use: 512MiB; at least 64MiB. Default: 1GiB, or 70 % of what the container may use if that is less."`
	MemoryPos dstream.Pos
	Cores     int `key:"cores" reach:"yes" least:"1" most:"1024" doc:"Tasks that run at a time, and processors that the program uses. Default: all. Rows and their order do not depend on it."`

	S3 *S3 `key:"s3" reach:"yes" write:"write {region: eu-central-1}" doc:"How paths that begin with s3:// are reached, without keys: those come from the environment, from AWS's files or from a role."`

	_ struct{} `later:"state"`

	normal *tree  // the whole, as [Spec.Resolved] shows it
	env    Lookup // of its variables
	stores *stores
	// secrets must not be shown or logged; tell is told those that come later, see [Options].
	secrets []string
	tell    func([]string)
	// container is how much memory the container may use, 0 where nothing bounds it.
	container int64
}

// Source is a stream of records from one or more Kafka topics.
type Source struct {
	Name      string
	Pos       dstream.Pos
	Kafka     Kafka      `key:"kafka" need:"yes" write:"write {brokers: 'localhost:9092', topic: events}" doc:"The topics and how they are reached."`
	Format    string     `key:"format" words:"json raw" later:"avro protobuf csv" default:"json" doc:"json: each record is an object; raw: each record is a row with the column _value."`
	Columns   []Column   `key:"columns" doc:"The columns that the query may use, by name. Other keys of a record are ignored."`
	EventTime *EventTime `key:"event_time" write:"write {column: NAME}" doc:"The column that says when things happened. Windows need one."`

	Dedup *Dedup `key:"dedup" write:"write {by: [COLUMN], within: 1h}" doc:"Drops rows that come again: of those with equal columns within a time the first stays, for all queries."`

	_ struct{} `later:"s3 schema_registry"`
}

// Dedup says which rows of a source are the same, and for how long that is known.
type Dedup struct {
	Pos    dstream.Pos
	By     Names         `key:"by" need:"yes" doc:"The columns that rows are told apart by: one, or a list."`
	Within time.Duration `key:"within" need:"yes" least:"1us" doc:"How far apart, in event time, equal rows are still the same."`
}

// Kafka says which topics of a cluster a source reads, and from where.
type Kafka struct {
	Cluster
	Topic     string `key:"topic" one:"yes" is:"topic" doc:"The topic to read."`
	Topics    Topics `key:"topics" one:"yes" doc:"Several topics, read as one stream. One may be added later and is read from its beginning."`
	Pattern   string `key:"topic_pattern" one:"yes" is:"pattern" doc:"Every topic whose whole name matches this regular expression (RE2), but the internal ones. One that appears later is read from its beginning."`
	Isolation string `key:"isolation" words:"read_committed read_uncommitted" default:"read_committed" doc:"read_committed: only records of transactions that were committed; read_uncommitted: all."`
	Start     Start  `key:"start" default:"earliest" doc:"Where the first run begins: earliest, latest, {timestamp: TIME} or {offsets: {TOPIC/PARTITION: OFFSET}}. Later runs go on from the checkpoint."`

	Group string `key:"group" is:"group" doc:"The consumer group whose offsets show lag tools how far the job is: written after each batch, never read. Default: millrace-JOB; millrace-JOB-SOURCE where two sources may read the same topic; off: none."`
}

// Column is a declared column. Its short form is the type alone.
type Column struct {
	Name     string
	Pos      dstream.Pos
	Type     string `key:"type" short:"yes" need:"yes" is:"type" doc:"A SQL type such as string, bigint, decimal(18,4) or array<string>. timestamp(s|ms|us|ns) also takes an epoch number."`
	TypePos  dstream.Pos
	Path     string `key:"path" doc:"Where the value stands in the record, such as offer.unitPrice or items[0].price. Default: the key of the column's name."`
	PathPos  dstream.Pos
	Required bool `key:"required" doc:"A record without the value, or with null, is a bad record."`
}

// EventTime says which column holds the event time, and what may be expected of it. Its short form is the column alone.
type EventTime struct {
	Pos         dstream.Pos
	Column      string `key:"column" short:"yes" one:"yes" doc:"A timestamp column, or _timestamp, the record's own time."`
	ColumnPos   dstream.Pos
	Expr        string `key:"expression" one:"yes" doc:"Computes the event time from columns: expression AS name. The name is one more column. A record of which it cannot be computed is a bad record."`
	ExprPos     dstream.Pos
	MaxDisorder time.Duration `key:"max_disorder" default:"0s" least:"0s" doc:"How far behind the greatest event time of its partition a row may come without being late."`
	IdleAfter   time.Duration `key:"idle_after" default:"30s" least:"0s" doc:"A partition with nothing to read for so long no longer holds the watermark."`
	MaxFuture   time.Duration `key:"max_future" words:"off" default:"5m" least:"0s" doc:"A record further ahead of the plan time is a bad record; off: no limit."` // < 0: off
}

// Table is a static table in a file.
type Table struct {
	Name       string
	Pos        dstream.Pos
	CSV        Path `key:"csv" one:"yes" doc:"A CSV file with a header, local or s3://BUCKET/KEY."`
	CSVPos     dstream.Pos
	Parquet    Path `key:"parquet" one:"yes" doc:"A Parquet file, local or s3://BUCKET/KEY."`
	ParquetPos dstream.Pos
	Columns    []Column `key:"columns" doc:"The columns of the table, by name. Of a Parquet file they may be left out: then they are the file's."`
}

// Query is a SELECT and where it begins. Its short form is the text alone.
type Query struct {
	Name  string // empty for the only one
	Pos   dstream.Pos
	Text  string
	File  string      // for messages
	Start dstream.Pos // has no line when the text does not stand in a file as it is

	secrets []string // parts of Text
}

// QueryFile is a query that stands in a file of its own.
type QueryFile struct{ Query }

// Sink is one output.
type Sink struct {
	Name    string
	Pos     dstream.Pos
	From    string `key:"from" doc:"The query whose rows it takes. May be left out when exactly one query is read by no other, and where a side output such as on_bad_record.to names the sink."`
	FromPos dstream.Pos
	Parquet *ParquetSink `key:"parquet" one:"yes" write:"write {path: DIRECTORY}" doc:"Hive-partitioned Parquet files, exactly once."`
	Kafka   *KafkaSink   `key:"kafka" one:"yes" write:"write {brokers: 'localhost:9092', topic: alerts}" doc:"Records of a topic, exactly once."`
	Stdout  *struct{}    `key:"stdout" one:"yes" doc:"Rows as JSON lines on standard output, for looking: at least once."`

	_ struct{} `later:"iceberg changelog query"`
}

// ParquetSink is a directory of Parquet files.
type ParquetSink struct {
	Path          Path `key:"path" need:"yes" doc:"The directory, or s3://BUCKET/PREFIX. No other sink and no checkpoint may lie in it or around it."`
	PathPos       dstream.Pos
	PartitionBy   Partitions  `key:"partition_by" doc:"Output columns, or expressions AS name: a directory level each. A partition column is not in the files."`
	Compression   string      `key:"compression" words:"zstd snappy none" default:"zstd" doc:"Of the files: zstd, snappy or none."`
	MaxPartitions int         `key:"max_partitions" least:"1" default:"1000" doc:"Directories that one batch writes to at most; more stop the job, naming the column."`
	File          FileOptions `key:"file" default:"{}" doc:"When a file is full."`
	Changelog     bool        `key:"changelog" doc:"true: the rows are a changelog (emit: update, on_late_row: update); files have the columns _op and _revision beside the others, and explain shows the query that gives the result."`
	ChangelogPos  dstream.Pos
	DoneMarker    bool `key:"done_marker" doc:"true: a directory of a time, as of date(window_start) AS dt, gets a _SUCCESS once the watermark says that it is complete."`
	DoneMarkerPos dstream.Pos
}

// FileOptions say when a file is full.
type FileOptions struct {
	MaxBytes  Size          `key:"max_bytes" default:"128MiB" doc:"A file is full with so many bytes of rows, as they are in memory: further rows go to the next one."`
	MaxRows   int64         `key:"max_rows" least:"1" doc:"A file is full with so many rows. Default: any number."`
	MaxAge    time.Duration `key:"max_age" least:"1s" doc:"Files are rolled over batches: rows wait until their file is full, but no longer than this; the end of a run does not wait. Not with done_marker: a directory would be called complete while rows of it wait. Default: a batch's rows are in files with it."`
	MaxAgePos dstream.Pos
}

// Partitions are expressions, as they are written.
type Partitions []Partition

// Partition is one expression of partition_by.
type Partition struct {
	Text string
	Pos  dstream.Pos
}

// Trigger says when batches run.
type Trigger struct {
	Every        time.Duration `key:"every" one:"yes" least:"1ms" doc:"A batch begins so long after the last one began, or at once when that took longer."`
	AvailableNow bool          `key:"available_now" one:"yes" doc:"true: read up to the end offsets of now, then exit."`
	Cron         string        `key:"cron" one:"yes" is:"cron" doc:"Five fields: minute, hour, day of month, month, day of week. At each time the job reads up to the end offsets of then."`
}

// Limits bound the next batch.
type Limits struct {
	Rows         int64         `key:"rows" least:"1" default:"1000000" doc:"Offsets of the next batch, split over the partitions by lag. Of a partition of which nothing is known yet it takes at most 100,000."`
	Bytes        Size          `key:"bytes" doc:"The same in bytes on the wire, by the mean of each partition's past batches."`
	Rate         int64         `key:"rate" least:"1" most:"1000000000000" doc:"Offsets a second, over all sources: a batch takes as many as the time since the last one allows. A pause is not made up for."`
	Backpressure *Backpressure `key:"backpressure" write:"write true, or {min_rate: 100}" doc:"true: batches are sized by how long they took, so that they stay within trigger.every when a sink slows down. Needs such a trigger."`
}

// Backpressure are the gains of the controller that sizes batches, by Spark's names. Its short form is true or false.
type Backpressure struct {
	Enabled      bool   `key:"enabled" short:"yes" default:"true" doc:"false: off."`
	Proportional Number `key:"proportional" default:"1" doc:"Weight of the difference between the rate and what was processed. 1 follows it at once."`
	Integral     Number `key:"integral" default:"0.2" doc:"Weight of what late batches have left undone."`
	Derived      Number `key:"derived" default:"0" doc:"Weight of how fast the difference changes."`
	MinRate      Number `key:"min_rate" default:"100" doc:"Offsets a second that are always allowed; above 0."`
}

// Path is a path in the file system, absolute once it is read, or an address in S3.
type Path string

// Size is a number of bytes.
type Size int64

// Number is a decimal number from 0 on.
type Number float64

// Share is a part of one: 0.05 for 5%.
type Share float64

// queries are those of the job, whichever way they are written.
func (s *Spec) queries() []Query {
	switch {
	case len(s.Queries) > 0:
		return s.Queries
	case s.QueryFile.Text != "":
		return []Query{s.QueryFile.Query}
	}
	return []Query{s.Query}
}
