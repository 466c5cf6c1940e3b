package jobspec

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// KafkaSink is a topic that rows are written to as records.
type KafkaSink struct {
	Pos dstream.Pos
	Cluster
	Topic              string          `key:"topic" need:"yes" is:"topic" doc:"The topic to write to. It has to exist, unless create_topic is there."`
	Mode               string          `key:"mode" words:"exactly_once at_least_once" default:"exactly_once" doc:"exactly_once: a batch is a transaction; at_least_once: without transactions, a batch that has to run again is written again."`
	Key                ColumnNames     `key:"key" doc:"The column of the records' key, as text; of several, a JSON object. A key decides the partition as Java's default partitioner does. Default: none; records go to the partitions in turn."`
	Value              KafkaValue      `key:"value" default:"json" write:"write json, or {format: raw, column: NAME}" doc:"What a record holds: json, all columns as an object; or a column of its own."`
	Timestamp          *KafkaTimestamp `key:"timestamp" write:"write a column, or {column: NAME, out_of_range: clamp}" doc:"The column of the records' timestamps. Default: the plan time of the batch, as for NULL."`
	Headers            bool            `key:"headers" default:"true" doc:"Each record has the headers millrace-job and millrace-batch."`
	Compression        string          `key:"compression" words:"none gzip snappy lz4 zstd" default:"none" doc:"Of the record batches: none, gzip, snappy, lz4 or zstd."`
	MaxMessageBytes    Size            `key:"max_message_bytes" default:"1MiB" doc:"A larger record, uncompressed, stops the job with exit code 4. Above 1MiB the topic's max.message.bytes has to be raised as well."`
	CreateTopic        *KafkaTopic     `key:"create_topic" write:"write {partitions: 4, replication_factor: 3}" doc:"Make the topic when there is none; for a changelog, compacted."`
	TransactionTimeout time.Duration   `key:"transaction_timeout" least:"1s" default:"1m" doc:"How long writing a batch may take; at most transaction.max.timeout.ms of the brokers. When a run dies, readers wait for the next one or for so long."`

	Changelog    bool `key:"changelog" doc:"true: the rows are a changelog (emit: update, on_late_row: update): a record replaces the one before with its key, a deleted row is a tombstone. Default of key: the columns that tell the rows of the result apart, as a JSON object."`
	ChangelogPos dstream.Pos
}

// KafkaValue says what the value of a record is. Its short form is the format alone.
type KafkaValue struct {
	Pos       dstream.Pos
	Format    string `key:"format" short:"yes" words:"json raw" default:"json" doc:"json, or raw: the bytes of a column."`
	Column    string `key:"column" doc:"With raw: a string or binary column. NULL is a tombstone."`
	ColumnPos dstream.Pos
}

// KafkaTimestamp says what the timestamp of a record is. Its short form is the column alone.
type KafkaTimestamp struct {
	Column     string `key:"column" short:"yes" need:"yes" doc:"A timestamp column."`
	ColumnPos  dstream.Pos
	OutOfRange string `key:"out_of_range" words:"fail clamp" default:"fail" doc:"A time before 1970, or more than 55 minutes ahead of the plan time, which brokers refuse: fail stops with exit code 4, clamp takes the nearest that they take."`
}

// KafkaTopic says how a topic is made.
type KafkaTopic struct {
	Partitions        int `key:"partitions" least:"1" most:"100000" doc:"Default: num.partitions of the brokers."`
	ReplicationFactor int `key:"replication_factor" least:"1" most:"1000" doc:"Default: default.replication.factor of the brokers."`
}

// ColumnNames are columns of a query's result, as they are written.
type ColumnNames []ColumnName

// ColumnName is one of them.
type ColumnName struct {
	Text string
	Pos  dstream.Pos
}

// mostKeys bounds the columns of a key.
const mostKeys = 100

// read takes a name or a list of names.
func (c *ColumnNames) read(_ *decoder, t *tree, where string) (*tree, error) {
	items := []*tree{t}
	if t.kind == listTree {
		items = t.items
	}
	switch {
	case len(items) == 0:
		return nil, fail(t.pos, "leave it out", "%s is empty", where)
	case len(items) > mostKeys:
		return nil, fail(items[mostKeys].pos, "", "%s: more than %d columns", where, mostKeys)
	}
	for _, item := range items {
		if item.kind != scalarTree || len(item.scalar) > mostText {
			return nil, fail(item.pos, "write a column, or a list of them", "%s: %s is not a column", where, item.kind)
		}
		*c = append(*c, ColumnName{item.scalar, item.textPos()})
	}
	return t, nil
}

func (*ColumnNames) schema() object {
	text := object{{"type", "string"}, {"minLength", 1}}
	return anyOf(text, object{{"type", "array"}, {"minItems", 1}, {"items", text}})
}

// check looks at what does not depend on the query.
func (k *KafkaSink) check(where string) error {
	if err := k.Cluster.check(where); err != nil {
		return err
	}
	switch raw := k.Value.Format == "raw"; {
	case raw && k.Value.Column == "":
		return fail(k.Value.Pos, "write {format: raw, column: NAME}", "%s.value: column is missing", where)
	case !raw && k.Value.Column != "":
		return fail(k.Value.ColumnPos, "write {format: raw, column: NAME}", "%s.value: format json takes all columns", where)
	}
	return nil
}

// columns are the positions of key, value and timestamp among the columns of the rows; −1 for none.
func (k *KafkaSink) columns(where string, s *columnar.Schema) (key []int, value, timestamp int, err error) {
	value, timestamp = -1, -1
	for _, name := range k.Key {
		i, err := findColumn(where+".key", name, s)
		if err != nil {
			return nil, 0, 0, err
		}
		if slices.Contains(key, i) {
			return nil, 0, 0, fail(name.Pos, "", "%s.key: column %q stands there twice", where, name.Text)
		}
		if t := s.Fields[i].Type; len(k.Key) == 1 && t.IsNested() {
			return nil, 0, 0, fail(name.Pos, "cast it to string", "%s.key: column %q is %s, which has no text", where, name.Text, t.Article())
		}
		key = append(key, i)
	}
	if v := k.Value; v.Column != "" {
		if value, err = findColumn(where+".value", ColumnName{v.Column, v.ColumnPos}, s); err != nil {
			return nil, 0, 0, err
		}
		if t := s.Fields[value].Type; t.Kind != columnar.String && t.Kind != columnar.Binary {
			return nil, 0, 0, fail(v.ColumnPos, "cast it to string", "%s.value: column %q is %s, not a string or binary", where, v.Column, t.Article())
		}
	}
	if at := k.Timestamp; at != nil {
		if timestamp, err = findColumn(where+".timestamp", ColumnName{at.Column, at.ColumnPos}, s); err != nil {
			return nil, 0, 0, err
		}
		if t := s.Fields[timestamp].Type; t.Kind != columnar.Timestamp {
			return nil, 0, 0, fail(at.ColumnPos, "", "%s.timestamp: column %q is %s, not a timestamp", where, at.Column, t.Article())
		}
	}
	return key, value, timestamp, nil
}

// findColumn finds a column as SQL does: its case does not matter, unless two differ in nothing else.
func findColumn(where string, name ColumnName, s *columnar.Schema) (int, error) {
	found := -1
	var names []string
	for i, f := range s.Fields {
		names = append(names, f.Name)
		switch {
		case f.Name == name.Text:
			return i, nil
		case strings.EqualFold(f.Name, name.Text) && found >= 0:
			return 0, fail(name.Pos, "write it as the query does", "%s: column %q may be %q or %q", where, name.Text, s.Fields[found].Name, f.Name)
		case strings.EqualFold(f.Name, name.Text):
			found = i
		}
	}
	if found >= 0 {
		return found, nil
	}
	hint := didYouMean(name.Text, names)
	if hint == "" && len(names) <= 20 {
		hint = "the query has " + enumerated(names, "and")
	}
	return 0, fail(name.Pos, hint, "%s: the query has no column %q", where, name.Text)
}

// checkKafkaSinks looks for the columns that Kafka sinks name.
func (s *Spec) checkKafkaSinks(plan *dstream.Plan) error {
	for i := range plan.Sinks {
		k, err := s.sink(plan.Sinks[i].Name)
		if err != nil {
			return err
		}
		if k.Kafka != nil {
			if _, _, _, err := k.Kafka.columns("sinks."+k.Name+".kafka", plan.Sinks[i].Schema); err != nil {
				return err
			}
		}
	}
	return nil
}

// openKafka is what package batch calls.
func (s *Spec) openKafka(k *Sink, plan *dstream.SinkPlan, layout output.Layout) func(context.Context, output.Opening) (output.Sink, error) {
	return func(ctx context.Context, o output.Opening) (output.Sink, error) {
		cfg, err := k.kafkaConfig(plan, layout, o)
		if err != nil {
			return nil, err
		}
		cluster, err := output.DialKafka(k.Kafka.reached(s.Name))
		if err != nil {
			return nil, err
		}
		return output.OpenKafka(ctx, cluster, cfg)
	}
}

func (s *Spec) vacantKafka(k *Sink, plan *dstream.SinkPlan, layout output.Layout) func(context.Context, output.Opening) error {
	return func(ctx context.Context, o output.Opening) error {
		cfg, err := k.kafkaConfig(plan, layout, o)
		if err != nil {
			return err
		}
		cluster, err := output.DialKafka(k.Kafka.reached(s.Name))
		if err != nil {
			return err
		}
		return output.CheckKafka(ctx, cluster, cfg)
	}
}

// kafkaConfig says how the rows of the sink become records.
func (k *Sink) kafkaConfig(plan *dstream.SinkPlan, layout output.Layout, o output.Opening) (output.KafkaConfig, error) {
	at := k.Kafka
	key, value, timestamp, err := at.columns("sinks."+k.Name+".kafka", plan.Schema)
	if err != nil {
		return output.KafkaConfig{}, err
	}
	cfg := output.KafkaConfig{
		Sink: k.Name, Topic: at.Topic, Layout: layout, Opening: o, Key: key, Value: value, Timestamp: timestamp, NoHeaders: !at.Headers,
		Compression: at.Compression, MaxMessageBytes: int(at.MaxMessageBytes), AtLeastOnce: at.Mode == "at_least_once",
		TransactionTimeout: at.TransactionTimeout, RetryFor: at.RetryTimeout, ClampTimestamps: at.Timestamp != nil && at.Timestamp.OutOfRange == "clamp",
	}
	if c := at.CreateTopic; c != nil {
		cfg.Create = &output.KafkaTopic{Partitions: c.Partitions, ReplicationFactor: c.ReplicationFactor}
	}
	return cfg, nil
}

// verifyTopic compares a topic with the log.
func (s *Spec) verifyTopic(k *Sink) func(context.Context, output.Expected, func(int, func(int) error) error) (*output.Checked, error) {
	at := k.Kafka
	return func(ctx context.Context, e output.Expected, _ func(int, func(int) error) error) (*output.Checked, error) {
		c := output.KafkaCheck{Sink: k.Name, Topic: at.Topic, Expect: e, AtLeastOnce: at.Mode == "at_least_once", Changelog: at.Changelog, NoHeaders: !at.Headers}
		if !c.NoHeaders {
			src, err := offsets.DialKafka(ctx, at.reached(s.Name), offsets.KafkaOptions{Source: "sink " + k.Name, Topics: []string{at.Topic},
				ReadCommitted: true, Start: offsets.StartAt{Start: offsets.Earliest}, Budget: offsets.NewBudget(0)})
			if err != nil {
				return nil, err
			}
			defer src.Close()
			c.Source = src
		}
		return c.Run(ctx)
	}
}

// hashed are the choices that change records.
func (k *KafkaSink) hashed() []string {
	out := []string{k.Compression, k.Value.Format, k.Value.Column, fmt.Sprint(k.Headers)}
	if t := k.Timestamp; t != nil {
		out = append(out, "timestamp", t.Column, t.OutOfRange)
	}
	for _, c := range k.Key {
		out = append(out, "key", c.Text)
	}
	return out
}

// form is what readers find in a record, beside the columns: its key and its value.
func (k *KafkaSink) form() string {
	key := "without a key"
	var names []string
	for _, c := range k.Key {
		names = append(names, c.Text)
	}
	if len(names) > 0 {
		key = "by the key " + strings.Join(names, ", ")
	}
	if k.Value.Column != "" {
		return "the bytes of " + k.Value.Column + " " + key
	}
	return "JSON " + key
}

// place says where records go, and how.
func (k *KafkaSink) place() string {
	key := "no key: partitions in turn"
	if k.Changelog && len(k.Key) == 0 {
		key = "the key of each row: partitions by murmur2, as Java's default partitioner"
	}
	if len(k.Key) > 0 {
		var names []string
		for _, c := range k.Key {
			names = append(names, c.Text)
		}
		key = "key " + strings.Join(names, ", ") + ": partitions by murmur2, as Java's default partitioner"
	}
	value := "JSON"
	if k.Value.Column != "" {
		value = "the column " + k.Value.Column
	}
	return fmt.Sprintf("topic %s, %s; value %s", k.Topic, key, value)
}
