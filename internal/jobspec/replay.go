package jobspec

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/internal/deadletter"
	"github.com/millrace/millrace/internal/sql"
	"github.com/millrace/millrace/offsets"
)

// Replay feeds the dead letters of one job through another.
type Replay struct {
	Job      *batch.Job
	Warnings []sql.Warning
	Letters  int // that are there, fed before or not
	// Waiting are letters that the job has committed and that are in no file yet: they are fed when they are.
	Waiting int64

	of      string // the job whose letters they are
	with    *Spec
	letters *deadletter.Letters
}

// ReplayOptions change what is fed.
type ReplayOptions struct {
	SkipIncomplete bool      // leave out letters that hold less than their records
	SkipMissing    bool      // leave out files of letters that are gone
	Env            batch.Env // zero: [batch.SystemEnv]
}

// ReplayDead reads the dead letters that the job of has committed, and makes the job with take them in the place of its
// sources: records in their topics, partitions and offsets. with has a name, a checkpoint and sinks of its own, so it runs
// exactly once as any job does, and feeds the letters that came meanwhile when it runs again. A mistake in one of the files
// is a dstream.Error; letters that cannot be fed are a [batch.RefusedError].
func ReplayDead(ctx context.Context, of, with *Spec, o ReplayOptions) (*Replay, error) {
	if err := of.checkApart(with); err != nil {
		return nil, err
	}
	if o.Env.Clock == nil {
		o.Env = batch.SystemEnv()
	}
	o.Env = of.Env(o.Env)
	waiting, warnings := of.waitingLetters(ctx, o.Env) // before the letters, so that none is counted in neither place
	letters, err := of.deadLetters(ctx, o.Env, with.MemoryShares().State)
	var refused *deadletter.RefusedError
	if errors.As(err, &refused) {
		return nil, &batch.RefusedError{Msg: err.Error()}
	}
	if err != nil {
		return nil, err
	}
	r := &Replay{of: of.Name, with: with, letters: letters, Waiting: waiting}
	if r.Job, r.Warnings, err = with.Job(); err != nil {
		return nil, err
	}
	r.Warnings = append(r.Warnings, warnings...)
	if err := r.check(of, o); err != nil {
		return nil, err
	}
	reached, err := batch.CommittedPositions(ctx, o.Env, with.Name, string(with.Checkpoint))
	if err != nil {
		return nil, err
	}
	letters.Reached(reached)
	r.Letters = letters.Len()
	r.feed(r.Job)
	return r, nil
}

// Resolve builds a job from what its checkpoint recorded of it, see [Spec.Resolve], and feeds it with the letters.
func (r *Replay) Resolve(recorded []byte) (*batch.Job, error) {
	job, err := r.with.Resolve(recorded)
	if err == nil {
		r.feed(job)
	}
	return job, err
}

// feed puts letters in the place of the job's sources. Offsets that are no letters are skipped at no cost, so all are read at a
// time.
func (r *Replay) feed(job *batch.Job) {
	const batchOffsets, tasks = 1 << 50, 1000
	for i := range job.Plan.Sources {
		name := job.Plan.Sources[i].Name
		job.Sources[name] = batch.Source{Start: offsets.Earliest, Open: func(context.Context) (offsets.Source, error) { return r.letters.Source(name), nil }}
	}
	job.Feed = "dead letters of job " + r.of
	job.Trigger = batch.Trigger{AvailableNow: true}
	job.Limits = batch.Limits{Rows: batchOffsets}
	job.Step = max(job.Step, r.letters.Span()/tasks)
}

// checkApart keeps the identity of the other job apart from that of s, file by file.
func (s *Spec) checkApart(with *Spec) error {
	if with.Name == s.Name {
		return fail(with.normal.get("name").pos, "give it a name of its own", "name: %s is the name of the job whose dead letters are replayed", with.Name)
	}
	if batch.Overlap(string(with.Checkpoint), string(s.Checkpoint)) {
		return fail(with.normal.get("checkpoint").pos, "give it a checkpoint of its own", "checkpoint: %s overlaps with that of job %s, %s", with.Checkpoint, s.Name, s.Checkpoint)
	}
	taken := map[string]string{string(s.Checkpoint): "the checkpoint"}
	for _, k := range s.Sinks {
		if k.Parquet != nil {
			taken[string(k.Parquet.Path)] = "sink " + k.Name
		}
	}
	for path, what := range taken {
		if batch.Overlap(string(with.Checkpoint), path) {
			return fail(with.normal.get("checkpoint").pos, "give it a checkpoint of its own", "checkpoint: %s overlaps with %s of job %s, %s", with.Checkpoint, what, s.Name, path)
		}
		for _, k := range with.Sinks {
			if k.Parquet != nil && (batch.Overlap(string(k.Parquet.Path), path)) {
				return fail(k.Parquet.PathPos, "give it a directory of its own; readers may take both", "sinks.%s: path %s overlaps with %s of job %s, %s", k.Name, k.Parquet.Path, what, s.Name, path)
			}
		}
	}
	return nil
}

// deadLetters reads what the job has put aside, into this share of the memory.
func (s *Spec) deadLetters(ctx context.Context, env batch.Env, share int64) (*deadletter.Letters, error) {
	b := &s.OnBadRecord
	if b.To == "" {
		at := s.normal.get("on_bad_record")
		return nil, fail(at.pos, "write {do: dead_letter, to: SINK}", "on_bad_record: job %s keeps no dead letters: do: %s", s.Name, b.Do)
	}
	k, err := s.sink(b.To)
	switch {
	case err != nil:
		return nil, err
	case k.Parquet != nil:
		st, err := s.directory(ctx, string(k.Parquet.Path))
		if err != nil {
			return nil, err
		}
		return deadletter.ReadParquet(ctx, s.Name, st, string(k.Parquet.Path), share)
	case k.Kafka == nil:
		return nil, fail(k.Pos, "", "sinks.%s: dead letters on standard output are not kept", k.Name)
	case k.Kafka.Value.Format == "raw":
		return nil, fail(k.Kafka.Value.Pos, "", "sinks.%s.kafka.value: it keeps one column of the dead letters only; they can be replayed with value: json", k.Name)
	case !k.Kafka.Headers:
		return nil, fail(k.Pos, "", "sinks.%s.kafka: with headers: false its records don't say which job has written them, so its dead letters can't be replayed", k.Name)
	}
	return s.kafkaLetters(ctx, env, k.Kafka, share)
}

// waitingLetters counts letters that are committed, and in no file yet. Where the checkpoint does not tell, there is a warning: the
// letters in files can be fed without it.
func (s *Spec) waitingLetters(ctx context.Context, env batch.Env) (int64, []sql.Warning) {
	n, err := batch.CommittedPending(ctx, env, s.Name, string(s.Checkpoint), s.OnBadRecord.To)
	if err != nil {
		return 0, []sql.Warning{{Pos: s.OnBadRecord.Pos, Msg: fmt.Sprintf("whether dead letters wait for their file is not known: %v", err)}}
	}
	return n, nil
}

// kafkaLetters reads what the job has put aside in a topic. The checkpoint comes first: the letters of a batch that is
// committed there are in the topic.
func (s *Spec) kafkaLetters(ctx context.Context, env batch.Env, k *KafkaSink, share int64) (*deadletter.Letters, error) {
	last, ran, err := batch.CommittedBatch(ctx, env, s.Name, string(s.Checkpoint))
	if err != nil {
		return nil, err
	}
	src, err := offsets.DialKafka(ctx, k.reached(s.Name), offsets.KafkaOptions{Source: "dead letters of " + s.Name, Topics: []string{k.Topic},
		ReadCommitted: true, Start: offsets.StartAt{Start: offsets.Earliest}, Budget: offsets.NewBudget(share)})
	if err != nil {
		return nil, err
	}
	defer src.Close()
	letters, err := deadletter.ReadKafka(ctx, s.Name, src, deadletter.KafkaOptions{Until: last, Share: share, Clock: env.Clock})
	if err == nil && !ran && letters.Later() > 0 {
		return nil, &batch.RefusedError{Msg: fmt.Sprintf("topic %s holds %d dead letters of job %s, but its checkpoint %s is not there, which says which of them are committed; put it back", k.Topic, letters.Later(), s.Name, s.Checkpoint)}
	}
	return letters, err
}

// checkMissing refuses to feed what is left when files are gone: nobody can tell whether their letters were fed before.
func (r *Replay) checkMissing(of *Spec, o ReplayOptions) error {
	files, letters, first := r.letters.Missing()
	switch {
	case files == 0:
		return nil
	case o.SkipMissing:
		r.Warnings = append(r.Warnings, sql.Warning{Pos: of.OnBadRecord.Pos, Msg: fmt.Sprintf("%d files with %d dead letters are gone and are left out, the first is %s", files, letters, first)})
		return nil
	}
	return &batch.RefusedError{Msg: fmt.Sprintf("%d files with %d dead letters of job %s are gone, the first is %s: put them back, or feed the others with --skip-missing", files, letters, of.Name, first)}
}

// check refuses letters that the job cannot be fed with.
func (r *Replay) check(of *Spec, o ReplayOptions) error {
	var reads []string
	for i := range r.Job.Plan.Sources {
		reads = append(reads, r.Job.Plan.Sources[i].Name)
	}
	for _, name := range r.letters.Sources() {
		if !slices.Contains(reads, name) {
			return fail(r.with.normal.get("sources").pos, "read a source of that name", "sources: there are dead letters of source %s of job %s, but the queries read %s", name, of.Name, strings.Join(reads, ", "))
		}
	}
	if err := r.checkMissing(of, o); err != nil {
		return err
	}
	n, first, noValue := r.letters.Incomplete()
	switch {
	case n == 0:
		return nil
	case o.SkipIncomplete:
		r.letters.LeaveOutIncomplete()
		r.Warnings = append(r.Warnings, sql.Warning{Pos: of.OnBadRecord.Pos, Msg: fmt.Sprintf("%d dead letters hold less than their records and are left out, the first at %s", n, first)})
		return nil
	}
	why := "its value, its key or its headers were too long (on_bad_record.max_value_bytes), its headers could not be read, or its timestamp is behind the year 9999"
	if noValue {
		why = "its value was left out (on_bad_record.include_value)"
	}
	return &batch.RefusedError{Msg: fmt.Sprintf("%d of %d dead letters of job %s hold less than their records and can't be replayed, the first at %s: %s; feed the others with --skip-incomplete", n, r.letters.Len(), of.Name, first, why)}
}
