package jobspec

import (
	"context"
	"fmt"
	"os"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/sql"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/windows"
)

// taskOffsets is how many offsets a source task covers. Tasks are the grain of parallelism and of the order of float
// sums; see docs/decisions.md.
const taskOffsets = 100_000

// Plan compiles the query and checks names and types. It opens nothing.
func (s *Spec) Plan() (*dstream.Plan, []sql.Warning, error) {
	g := dstream.NewGraph()
	if err := s.addSource(g); err != nil {
		return nil, nil, err
	}
	for _, t := range s.Tables {
		schema, err := tableSchema(t)
		if err != nil {
			return nil, nil, err
		}
		if err := g.AddTable(dstream.Table{Name: t.Name, Schema: schema, Pos: t.Pos}); err != nil {
			return nil, nil, err
		}
	}
	q, err := sql.Compile(g, s.Query.File, s.Query.Text, s.Query.Start)
	if err != nil {
		return nil, nil, s.Query.located(err)
	}
	for _, k := range s.Sinks {
		parts, err := k.partitions()
		if err != nil {
			return nil, nil, err
		}
		q.Stream.At(k.Pos).To(k.Name, parts...)
	}
	plan, err := g.Plan()
	return plan, q.Warnings, s.Query.located(err)
}

func (s *Spec) addSource(g *dstream.Graph) error {
	fields, err := decodeFields(s.Source.Columns)
	if err != nil {
		return err
	}
	src := dstream.Source{Name: s.Source.Name, Format: s.Source.Format, Fields: fields, Pos: s.Source.Pos}
	if et := s.Source.EventTime; et != nil {
		if err := checkEventTime(et, fields); err != nil {
			return err
		}
		src.EventTime = et.Column
		src.Bounds = windows.Bounds{MaxDisorder: et.MaxDisorder.Microseconds(), IdleAfter: et.IdleAfter.Microseconds(), MaxFuture: -1}
		if et.MaxFuture >= 0 {
			src.Bounds.MaxFuture = et.MaxFuture.Microseconds()
		}
	}
	return g.AddSource(src)
}

func checkEventTime(et *EventTime, fields []columnar.DecodeField) error {
	var names []string
	for _, f := range fields {
		if f.Name == et.Column {
			if f.Type.Kind != columnar.Timestamp {
				return fail(et.Pos, "declare it as timestamp(ms), timestamp(s), timestamp(us), timestamp(ns) or timestamp", "event_time: column %q is a %s, not a timestamp", et.Column, f.Type)
			}
			return nil
		}
		names = append(names, f.Name)
	}
	return fail(et.Pos, didYouMean(et.Column, names), "event_time: unknown column %q", et.Column)
}

func tableSchema(t Table) (*columnar.Schema, error) {
	fields, err := decodeFields(t.Columns)
	if err != nil {
		return nil, err
	}
	out := &columnar.Schema{}
	for _, f := range fields {
		out.Fields = append(out.Fields, f.Field)
	}
	return out, nil
}

func (k Sink) partitions() ([]dstream.Expr, error) {
	var out []dstream.Expr
	for _, p := range k.PartitionBy {
		e, err := sql.ParseExpr(p.Pos.File, p.Text, p.Pos)
		if err != nil {
			return nil, err
		}
		out = append(out, e)
	}
	return out, nil
}

// Job builds what package batch runs, with the warnings of [Spec.Plan]. Nothing is opened yet.
func (s *Spec) Job() (*batch.Job, []sql.Warning, error) {
	plan, warnings, err := s.Plan()
	if err != nil {
		return nil, nil, err
	}
	recorded, err := s.Record()
	if err != nil {
		return nil, nil, err
	}
	job := &batch.Job{
		Name: s.Name, Recorded: recorded, Plan: plan, Checkpoint: s.Checkpoint,
		Sources:     map[string]batch.Source{s.Source.Name: {Open: s.openSource, Start: offsets.Start(s.Source.Start)}},
		Tables:      map[string]batch.Table{},
		Trigger:     batch.Trigger{Every: s.Trigger.Every, AvailableNow: s.Trigger.AvailableNow},
		Limits:      batch.Limits{Rows: s.Limits.Rows, Bytes: s.Limits.Bytes},
		Shards:      s.Shards,
		Step:        taskOffsets,
		OnBadRecord: batch.Policy(s.OnBadRecord),
	}
	settings := []string{s.OnBadRecord, s.Timezone}
	for _, t := range s.Tables {
		job.Tables[t.Name] = t.input()
	}
	for i := range plan.Sinks {
		k, err := s.sink(plan.Sinks[i].Name)
		if err != nil {
			return nil, nil, err
		}
		job.Sinks = append(job.Sinks, k.open(&plan.Sinks[i]))
		settings = append(settings, k.Name, k.Kind, k.Compression)
	}
	job.Hash = batch.JobHash(plan, settings...)
	return job, warnings, nil
}

func (s *Spec) sink(name string) (*Sink, error) {
	for i := range s.Sinks {
		if s.Sinks[i].Name == name {
			return &s.Sinks[i], nil
		}
	}
	return nil, fmt.Errorf("the plan has a sink %q that the job has not", name)
}

func (s *Spec) openSource(ctx context.Context) (offsets.Source, error) {
	return offsets.DialKafka(ctx, s.Source.Brokers, "millrace-"+s.Name,
		offsets.KafkaOptions{Source: s.Source.Name, Topics: []string{s.Source.Topic}, ReadCommitted: true})
}

// input reads a CSV file as a static table. Its version is size and time, so an unchanged file is not read again.
func (t Table) input() batch.Table {
	return batch.Table{
		Version: func() (string, error) {
			info, err := os.Stat(t.CSV)
			if err != nil {
				return "", err
			}
			return fmt.Sprintf("%d %s", info.Size(), info.ModTime().Format(time.RFC3339Nano)), nil
		},
		Read: func() ([]byte, error) { return os.ReadFile(t.CSV) },
		Decode: func(data []byte, _ *columnar.Env) (*columnar.Batch, error) {
			fields, err := decodeFields(t.Columns)
			if err != nil {
				return nil, err
			}
			b, err := columnar.DecodeCSV(t.CSV, data, fields)
			if err != nil {
				return nil, &dstream.Error{Msg: err.Error()} // the table is at fault, as a job file would be
			}
			return b, nil
		},
	}
}

// Guarantee is what the sink promises: standard output cannot take back what a killed run has printed.
func (k *Sink) Guarantee() batch.Guarantee {
	if k.Kind == "stdout" {
		return batch.AtLeastOnce
	}
	return batch.ExactlyOnce
}

func (k *Sink) open(plan *dstream.SinkPlan) batch.Sink {
	layout := output.Layout{Schema: plan.Schema, Columns: plan.Columns}
	for _, p := range plan.Partitions {
		layout.Partitions = append(layout.Partitions, output.PartitionExpr{Name: p.Name, Expr: p.Expr})
	}
	return batch.Sink{Name: k.Name, Guarantee: k.Guarantee(), Open: func(ctx context.Context, owner output.Owner, written bool) (output.Sink, error) {
		if k.Kind == "stdout" {
			return output.NewStdout(k.Name, os.Stdout, layout)
		}
		return output.OpenParquet(ctx, output.ParquetConfig{
			Sink: k.Name, Store: output.Dir(k.Path), Root: k.Path, Layout: layout, Owner: owner, Written: written,
			MaxPartitions: k.MaxPartitions, Compression: k.Compression, MaxFileBytes: k.MaxBytes,
		})
	}}
}
