package sqltest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/sql"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// Database is a set of tables. The zero value is empty, in UTC, and runs a query as one batch in one partition.
type Database struct {
	Zone   string // session time zone
	Cut    int64  // rows per batch; 0: all at once
	Shards int    // 0: one
	Step   int64  // rows per source task; 0: all

	tables []*table
}

// table is a topic of one or more partitions.
type table struct {
	name       string
	fields     []columnar.DecodeField
	eventTime  string
	partitions [][]string // JSON records
	static     bool
}

// Result is the rows of a query, as columns.
type Result struct {
	Schema *columnar.Schema
	Rows   *columnar.Batch // nil when there are none
}

// planTime is the value of now().
var planTime = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// AddTable makes a table of records, JSON objects, over as many partitions as there are lists. eventTime names the
// column that windows may use; it may be empty.
func (db *Database) AddTable(name string, fields []columnar.DecodeField, eventTime string, partitions ...[]string) {
	db.tables = append(db.tables, &table{name: name, fields: fields, eventTime: eventTime, partitions: partitions})
}

// AddStatic makes a static table of JSON records, which queries may join.
func (db *Database) AddStatic(name string, fields []columnar.DecodeField, records []string) {
	db.tables = append(db.tables, &table{name: name, fields: fields, partitions: [][]string{records}, static: true})
}

// Drop forgets a table; it reports whether there was one.
func (db *Database) Drop(name string) bool {
	n := len(db.tables)
	db.tables = slices.DeleteFunc(db.tables, func(t *table) bool { return strings.EqualFold(t.name, name) })
	return len(db.tables) < n
}

func (db *Database) find(name string) *table {
	for _, t := range db.tables {
		if strings.EqualFold(t.name, name) {
			return t
		}
	}
	return nil
}

// Query runs a SELECT over all rows of the tables.
func (db *Database) Query(text string) (*Result, error) {
	plan, err := db.plan(text)
	if err != nil {
		return nil, err
	}
	sink := &collector{schema: plan.Sinks[0].Schema}
	if err := db.run(plan, sink); err != nil {
		return nil, err
	}
	return sink.result(), nil
}

func (db *Database) plan(text string) (*dstream.Plan, error) {
	g := dstream.NewGraph()
	g.SetBounded()
	if err := g.SetTimeZone(db.zone()); err != nil {
		return nil, err
	}
	for _, t := range db.tables {
		if t.static {
			if err := g.AddTable(dstream.Table{Name: t.name, Schema: t.schema()}); err != nil {
				return nil, err
			}
			continue
		}
		src := dstream.Source{Name: t.name, Format: "json", Fields: t.fields, EventTime: t.eventTime, Bounds: windows.Bounds{MaxFuture: -1, IdleAfter: 30_000_000}}
		if err := g.AddSource(src); err != nil {
			return nil, err
		}
	}
	q, err := sql.Compile(g, "query", text, dstream.Pos{File: "query", Line: 1, Column: 1})
	if err != nil {
		return nil, err
	}
	q.Stream.To("out")
	return g.Plan()
}

func (db *Database) zone() string {
	if db.Zone == "" {
		return "UTC"
	}
	return db.Zone
}

func (db *Database) run(plan *dstream.Plan, sink *collector) error {
	job := &batch.Job{
		Name: "query", Recorded: []byte("query"), Plan: plan, Hash: batch.JobHash(plan), Sources: map[string]batch.Source{}, Tables: map[string]batch.Table{},
		Sinks: []batch.Sink{{Name: "out", Guarantee: batch.ExactlyOnce, Open: func(context.Context, output.Opening) (output.Sink, error) {
			return sink, nil
		}}},
		Trigger: batch.Trigger{AvailableNow: true, FlushWindows: true}, Limits: batch.Limits{Rows: db.Cut},
		Shards: max(db.Shards, 1), Step: db.Step, OnBadRecord: batch.FailOnBad, Checkpoint: "/checkpoint",
	}
	if job.Step == 0 {
		job.Step = 1 << 40
	}
	for _, s := range plan.Sources {
		job.Sources[s.Name] = db.find(s.Name).source()
	}
	for _, s := range plan.Tables {
		job.Tables[s.Name] = db.find(s.Name).side()
	}
	return batch.Run(context.Background(), batch.Options{Job: job, Cores: 1,
		Env: batch.Env{Clock: stopped{}, Rand: &counter{}, FS: storetest.NewCrashFS(), Host: "test", PID: 1}})
}

// source is the table as a topic. An empty table has an empty partition.
func (t *table) source() batch.Source {
	m := offsets.NewMemory(t.name)
	m.Create(t.name, max(len(t.partitions), 1))
	for p, records := range t.partitions {
		for _, r := range records {
			m.Append(t.name, int32(p), offsets.MemoryRecord{Value: []byte(r), Timestamp: planTime.UnixMilli()})
		}
	}
	return batch.Source{Open: func(context.Context) (offsets.Source, error) { return m, nil }, Start: offsets.Earliest}
}

func (t *table) schema() *columnar.Schema {
	out := &columnar.Schema{}
	for _, f := range t.fields {
		out.Fields = append(out.Fields, f.Field)
	}
	return out
}

// side is the table as a side input: its records, a line each.
func (t *table) side() batch.Table {
	return batch.Table{
		Version: func() (string, error) { return "1", nil },
		Read:    func() ([]byte, error) { return []byte(strings.Join(t.partitions[0], "\n")), nil },
		Decode:  t.decode,
	}
}

func (t *table) decode(data []byte, env *columnar.Env) (*columnar.Batch, error) {
	dec, err := columnar.NewJSONDecoder(t.name, t.fields, columnar.DecodeOptions{})
	if err != nil {
		return nil, err
	}
	m := offsets.NewMemory(t.name)
	for _, line := range strings.Split(string(data), "\n") {
		m.Append(t.name, 0, offsets.MemoryRecord{Value: []byte(line)})
	}
	r, err := m.Read(context.Background(), offsets.Range{Source: t.name, Topic: t.name, Until: int64(len(t.partitions[0]))})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	for recs := (offsets.Records{}); ; {
		if err := r.Next(context.Background(), &recs); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return nil, err
		}
		dec.Append(&recs)
	}
	b, bad := dec.Flush()
	if len(bad) > 0 {
		return nil, bad[0]
	}
	return columnar.Concat([]*columnar.Batch{b}), nil
}

// stopped is a clock that stands still.
type stopped struct{}

func (stopped) Now() time.Time { return planTime }

func (stopped) Wait(ctx context.Context, _ time.Duration) error {
	return errors.Join(ctx.Err(), errors.New("a bounded job has nothing to wait for"))
}

type counter struct{ n uint64 }

func (c *counter) Uint64() uint64 {
	c.n++
	return c.n
}

// collector is a sink that keeps rows.
type collector struct {
	schema  *columnar.Schema
	batches []*columnar.Batch
	done    int64
}

func (c *collector) Prepare(_ context.Context, info output.BatchInfo, shards []output.Shard, _ *output.Pending) (*output.Prepared, error) {
	p := &output.Prepared{Info: info}
	for _, s := range shards {
		for _, b := range s.Rows {
			if b.Len() > 0 {
				c.batches = append(c.batches, columnar.Concat([]*columnar.Batch{b}))
				p.Rows += int64(b.Len())
			}
		}
	}
	if p.Rows > 0 {
		p.Files = []output.File{{Path: fmt.Sprintf("b%d", info.Batch), Rows: p.Rows}}
	}
	return p, nil
}

func (c *collector) Publish(context.Context, *output.Prepared) error { return nil }

func (c *collector) Committed(_ context.Context, batch int64, _ []output.File) error {
	c.done = batch
	return nil
}

func (c *collector) Published(context.Context) (output.Standing, error) {
	return output.Standing{Batch: c.done}, nil
}

func (c *collector) result() *Result {
	r := &Result{Schema: c.schema}
	if len(c.batches) > 0 {
		r.Rows = columnar.Concat(c.batches)
	}
	return r
}

// Records returns the rows as JSON objects, which a table of the same columns reads back.
func (r *Result) Records() ([]string, error) {
	if r.Rows == nil {
		return nil, nil
	}
	var out strings.Builder
	layout := output.Layout{Schema: r.Schema}
	for i := range r.Schema.Fields {
		layout.Columns = append(layout.Columns, i)
	}
	s, err := output.NewStdout("records", &out, layout)
	if err != nil {
		return nil, err
	}
	p, err := s.Prepare(context.Background(), output.BatchInfo{Batch: 1}, []output.Shard{{Rows: []*columnar.Batch{r.Rows}}}, nil)
	if err == nil {
		err = s.Publish(context.Background(), p)
	}
	return strings.Split(strings.TrimSuffix(out.String(), "\n"), "\n"), err
}

// Text returns the rows as texts, NULL for NULL: what a cast to string gives, and JSON for types that have no such cast.
func (r *Result) Text() ([][]string, error) {
	if r.Rows == nil {
		return nil, nil
	}
	out := make([][]string, r.Rows.Rows)
	var records []string
	for c, f := range r.Schema.Fields {
		v, err := textColumn(r.Rows, c)
		if err != nil {
			if records, err = r.Records(); err != nil {
				return nil, err
			}
		}
		for i := range out {
			out[i] = append(out[i], cell(v, i, records, f.Name))
		}
	}
	return out, nil
}

func textColumn(b *columnar.Batch, c int) (*columnar.Vector, error) {
	e, err := columnar.Cast(columnar.Col(b.Schema, c), columnar.Type{Kind: columnar.String})
	if err != nil {
		return nil, err
	}
	prog, err := columnar.Compile(e, b.Schema)
	if err != nil {
		return nil, err
	}
	return prog.Eval(b)
}

func cell(v *columnar.Vector, i int, records []string, name string) string {
	switch {
	case v == nil:
		var object map[string]json.RawMessage
		if err := json.NewDecoder(strings.NewReader(records[i])).Decode(&object); err != nil && !errors.Is(err, io.EOF) {
			return err.Error()
		}
		return string(object[name])
	case v.IsNull(i):
		return "NULL"
	}
	return string(v.Str(i))
}
