package batch

import (
	"context"
	"fmt"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// session is one job made ready to run: source and sinks open, tables loaded, state restored, for a number of shards.
type session struct {
	job    *Job
	digest string // blob of the recorded job
	source offsets.Source
	sinks  []output.Sink // as job.Sinks
	worker *worker
	exec   Executor
	shards int
	tables map[string]string // digests of what worker.tables was made of; nil: nothing yet
	zones  map[string]string // and worker.zones
}

func openSession(ctx context.Context, job *Job, digest string, owner output.Owner, lastRows map[string]int64, shards int) (*session, error) {
	if err := job.Plan.Check(); err != nil {
		return nil, fmt.Errorf("plan of job %s: %w", job.Name, err)
	}
	if err := checkLinear(job.Plan); err != nil {
		return nil, fmt.Errorf("plan of job %s: %w", job.Name, err)
	}
	s := &session{job: job, digest: digest, shards: shards}
	for _, k := range job.Sinks {
		sink, err := k.Open(ctx, owner, lastRows[k.Name] > 0)
		if err != nil {
			return nil, err
		}
		s.sinks = append(s.sinks, sink)
	}
	source, err := job.Source.Open(ctx)
	if err != nil {
		return nil, fmt.Errorf("open source %s: %w", job.Plan.Sources[0].Name, err)
	}
	s.source = source
	s.worker = newWorker(job, source, shards)
	return s, nil
}

func (s *session) close() error { return s.source.Close() }

// published asks every sink how far it is.
func (s *session) published(ctx context.Context) (map[string]int64, error) {
	out := map[string]int64{}
	for i, sink := range s.sinks {
		n, err := sink.Published(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask sink %s: %w", s.job.Sinks[i].Name, err)
		}
		out[s.job.Sinks[i].Name] = n
	}
	return out, nil
}
