package jobspec

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/internal/sql"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// taskOffsets is how many offsets a source task covers. Tasks are the grain of parallelism and of the order of float
// sums; see docs/decisions.md.
const taskOffsets = 100_000

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
		Name: s.Name, Recorded: recorded, Plan: plan, Checkpoint: string(s.Checkpoint),
		Sources:     map[string]batch.Source{},
		Tables:      map[string]batch.Table{},
		Limits:      s.Limits.batch(),
		Shards:      s.Shards,
		Step:        taskOffsets,
		OnBadRecord: batch.Policy(s.OnBadRecord.Do),
		StopAbove:   float64(s.OnBadRecord.StopAbove),
		Retain:      max(s.Retain, 0),
	}
	if job.Trigger, err = s.trigger(); err != nil {
		return nil, nil, err
	}
	hidden := &Secrets{}
	hidden.Add(s.secrets)
	job.Hide = hidden.Hide
	s.addInputs(job)
	for i := range plan.Sinks {
		k, err := s.sink(plan.Sinks[i].Name)
		if err != nil {
			return nil, nil, err
		}
		done, err := k.done(plan)
		if err != nil {
			return nil, nil, err
		}
		job.Sinks = append(job.Sinks, s.open(k, &plan.Sinks[i], done))
	}
	job.Hash = batch.JobHash(plan, s.hashed()...)
	return job, warnings, nil
}

// addInputs tells the job how to reach the sources and tables that its plan uses.
func (s *Spec) addInputs(job *batch.Job) {
	memory := s.MemoryShares()
	budget := offsets.NewBudget(memory.Fetch).BoundBatches(memory.RecordBatch()) // one for the process
	for _, used := range job.Plan.Sources {
		for i := range s.Sources {
			if src := &s.Sources[i]; src.Name == used.Name {
				job.Sources[src.Name] = batch.Source{Open: s.opener(src, budget), Start: src.Kafka.Start.Place}
			}
		}
	}
	for _, t := range s.Tables {
		job.Tables[t.Name] = t.input(s.Timezone, s.stores)
	}
}

// hashed are the choices that change rows or files and are not in the plan. How often the job runs, how much it reads at
// a time, where files begin anew and how it is reached are not among them: see docs/decisions.md.
func (s *Spec) hashed() []string {
	out := []string{s.OnBadRecord.Do, s.Timezone}
	for _, t := range s.Tables {
		for _, c := range t.Columns {
			if c.Path != "" || c.Required {
				out = append(out, t.Name, c.Name, c.Path, fmt.Sprint(c.Required))
			}
		}
	}
	for i := range s.Sources {
		if src := &s.Sources[i]; src.Kafka.Isolation != "read_committed" {
			out = append(out, src.Name, src.Kafka.Isolation)
		}
	}
	for i := range s.Sinks {
		k := &s.Sinks[i]
		compression := ""
		if k.Parquet != nil {
			compression = k.Parquet.Compression
		}
		out = append(out, k.Name, k.Kind(), compression)
		if k.Kafka != nil {
			out = append(out, k.Kafka.hashed()...)
		}
	}
	return out
}

func (s *Spec) trigger() (batch.Trigger, error) {
	t := batch.Trigger{Every: s.Trigger.Every, AvailableNow: s.Trigger.AvailableNow}
	if s.Trigger.Cron != "" {
		schedule, err := batch.ParseCron(s.Trigger.Cron, s.Timezone)
		if err != nil {
			return t, err
		}
		t.Cron = schedule
	}
	return t, nil
}

func (s *Spec) sink(name string) (*Sink, error) {
	for i := range s.Sinks {
		if s.Sinks[i].Name == name {
			return &s.Sinks[i], nil
		}
	}
	return nil, fmt.Errorf("the plan has a sink %q that the job has not", name)
}

func (s *Spec) opener(src *Source, budget *offsets.Budget) func(context.Context) (offsets.Source, error) {
	return func(ctx context.Context) (offsets.Source, error) {
		opts, err := src.kafkaOptions(s.Timezone)
		if err != nil {
			return nil, err
		}
		opts.Budget = budget
		opts.LagGroup = s.group(src)
		return offsets.DialKafka(ctx, src.Kafka.reached(s.Name), opts)
	}
}

// Kind is the key that says what the sink is.
func (k *Sink) Kind() string {
	switch {
	case k.Stdout != nil:
		return "stdout"
	case k.Kafka != nil:
		return "kafka"
	}
	return "parquet"
}

// Guarantee is what the sink promises: standard output cannot take back what a killed run has printed.
func (k *Sink) Guarantee() batch.Guarantee {
	if k.Stdout != nil || k.Kafka != nil && k.Kafka.Mode == "at_least_once" {
		return batch.AtLeastOnce
	}
	return batch.ExactlyOnce
}

// Guarantee is what the sink of that name promises, "" when the job has none.
func (s *Spec) Guarantee(sink string) batch.Guarantee {
	k, err := s.sink(sink)
	if err != nil {
		return ""
	}
	return k.Guarantee()
}

// layoutOf is how the rows of a sink become files, records or lines.
func layoutOf(plan *dstream.SinkPlan) output.Layout {
	out := output.Layout{Schema: plan.Schema, Columns: plan.Columns}
	for _, p := range plan.Partitions {
		out.Partitions = append(out.Partitions, output.PartitionExpr{Name: p.Name, Expr: p.Expr})
	}
	if c := plan.Changelog; c != nil {
		out.Changelog = &output.Changelog{Op: c.Op, Key: c.Key}
	}
	return out
}

func (s *Spec) open(k *Sink, plan *dstream.SinkPlan, done *dstream.Done) batch.Sink {
	layout := layoutOf(plan)
	out := batch.Sink{Name: k.Name, Guarantee: k.Guarantee()}
	switch {
	case k.Kafka != nil:
		out.Topic, out.Open, out.Vacant = k.Kafka.Topic, s.openKafka(k, plan, layout), s.vacantKafka(k, plan, layout)
		out.Place, out.Form = fmt.Sprintf("topic %q", k.Kafka.Topic), k.Kafka.form()
		out.Elsewhere = func(_ context.Context, o output.Opening, _ string) (output.Sink, error) {
			cfg, err := k.kafkaConfig(plan, layout, o)
			if err != nil {
				return nil, err
			}
			return output.RehearseKafka(cfg)
		}
		out.Verify = s.verifyTopic(k)
	case k.Parquet != nil:
		out.Done, out.Place, out.MaxAge = done, string(k.Parquet.Path), k.Parquet.File.MaxAge
		out.Open = func(ctx context.Context, o output.Opening) (output.Sink, error) {
			return s.openParquet(ctx, k, k.parquetConfig(layout, done, o), string(k.Parquet.Path))
		}
		out.Vacant = func(ctx context.Context, o output.Opening) error {
			cfg, err := s.placed(ctx, k, k.parquetConfig(layout, done, o), string(k.Parquet.Path))
			if err != nil {
				return err
			}
			return output.CheckParquet(ctx, cfg)
		}
		out.Committed = func(ctx context.Context, owner output.Owner) (int64, error) {
			cfg, err := s.placed(ctx, k, k.parquetConfig(layout, done, output.Opening{Owner: owner}), string(k.Parquet.Path))
			if err != nil {
				return 0, err
			}
			return output.CommittedParquet(ctx, cfg)
		}
		out.Elsewhere = func(ctx context.Context, o output.Opening, dir string) (output.Sink, error) {
			cfg := k.parquetConfig(layout, done, o)
			if dir == "" {
				cfg.Store = output.Nowhere()
				return output.OpenParquet(ctx, cfg)
			}
			return s.openParquet(ctx, k, cfg, dir)
		}
		out.Verify = func(ctx context.Context, e output.Expected, each func(int, func(int) error) error) (*output.Checked, error) {
			st, err := s.directory(ctx, string(k.Parquet.Path))
			if err != nil {
				return nil, fmt.Errorf("sink %s: %w", k.Name, err)
			}
			return output.ParquetCheck{Sink: k.Name, Store: st, Expect: e, Each: each}.Run(ctx)
		}
	default:
		out.Open = func(context.Context, output.Opening) (output.Sink, error) {
			return output.NewStdout(k.Name, os.Stdout, layout)
		}
		out.Elsewhere = func(context.Context, output.Opening, string) (output.Sink, error) {
			return output.NewStdout(k.Name, io.Discard, layout)
		}
	}
	return out
}

// openParquet opens a sink of files in a directory.
func (s *Spec) openParquet(ctx context.Context, k *Sink, cfg output.ParquetConfig, dir string) (output.Sink, error) {
	cfg, err := s.placed(ctx, k, cfg, dir)
	if err != nil {
		return nil, err
	}
	return output.OpenParquet(ctx, cfg)
}

// placed is a configuration with its directory.
func (s *Spec) placed(ctx context.Context, k *Sink, cfg output.ParquetConfig, dir string) (output.ParquetConfig, error) {
	st, err := s.directory(ctx, dir)
	if err == nil {
		cfg.Store, cfg.Root = st, dir
		cfg.Above, err = s.above(ctx, dir)
	}
	if err != nil {
		return cfg, fmt.Errorf("sink %s: %w", k.Name, err)
	}
	return cfg, nil
}

// parquetConfig says how the rows of the sink become files; where, is for the caller to say.
func (k *Sink) parquetConfig(layout output.Layout, done *dstream.Done, o output.Opening) output.ParquetConfig {
	cfg := output.ParquetConfig{
		Sink: k.Name, Layout: layout, Owner: o.Owner, Lead: o.Lead, Written: o.Written, Last: o.Last, First: o.First, Each: o.Each,
		MaxPartitions: k.Parquet.MaxPartitions, Compression: k.Parquet.Compression, MaxFileBytes: int64(k.Parquet.File.MaxBytes),
		MaxFileRows: k.Parquet.File.MaxRows, MaxAge: k.Parquet.File.MaxAge,
	}
	if done != nil {
		cfg.Done = done.Dirs
	}
	return cfg
}
