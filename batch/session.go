package batch

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// session is one job made ready to run: sources and sinks open, side inputs loaded, state restored, for a number of
// shards.
type session struct {
	job     *Job
	digest  string           // blob of the recorded job
	sources []offsets.Source // as job.Plan.Sources
	sinks   []output.Sink    // as job.Sinks
	worker  *worker
	exec    Executor
	shards  int
	each    func(n int, f func(i int) error) error // on all cores
	beside  func(f func()) (wait func())           // as in Options; nil: nothing happens beside the driver
	lanes   int                                    // of slices, see parts; 0: one
	lag     *lagShower
	tables  map[string]string // digests of what worker.tables was made of; nil: nothing yet
	zones   map[string]string // and worker.zones
}

func openSession(ctx context.Context, job *Job, digest string, o output.Opening, lastRows map[string]int64, shards int) (*session, error) {
	if err := job.check(); err != nil {
		return nil, fmt.Errorf("job %s: %w", job.Name, err)
	}
	s := &session{job: job, digest: digest, shards: shards, each: o.Each}
	for _, k := range job.Sinks {
		o.Last = lastRows[k.Name]
		o.Written = o.Last > 0
		sink, err := k.Open(ctx, o)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.sinks = append(s.sinks, sink)
	}
	if err := s.openSources(ctx); err != nil {
		return nil, errors.Join(err, s.close())
	}
	s.worker = newWorker(job, s.sources, shards)
	s.lag = newLagShower(job, s.sources)
	return s, nil
}

func (s *session) openSources(ctx context.Context) error {
	for i := range s.job.Plan.Sources {
		name := s.job.Plan.Sources[i].Name
		source, err := s.job.Sources[name].Open(ctx)
		if err != nil {
			return fmt.Errorf("open source %s: %w", name, err)
		}
		s.sources = append(s.sources, source)
	}
	return nil
}

// healthTeller is a source or a sink that tells when what it stands on fails for a while, and when it is well again.
type healthTeller interface {
	OnHealth(report func(text string))
}

// watch has sources and sinks tell of their health.
func (s *session) watch(warn func(string)) {
	tell := func(x any, what, name string) {
		if h, ok := x.(healthTeller); ok {
			h.OnHealth(func(text string) { warn(what + " " + name + ": " + text) })
		}
	}
	for i, x := range s.sources {
		tell(x, "source", s.job.Plan.Sources[i].Name)
	}
	for i, x := range s.sinks {
		tell(x, "sink", s.job.Sinks[i].Name)
	}
}

func (s *session) close() error {
	var all error
	s.lag.close()
	for _, source := range s.sources {
		all = errors.Join(all, source.Close())
	}
	for _, sink := range s.sinks {
		if c, ok := sink.(io.Closer); ok {
			all = errors.Join(all, c.Close())
		}
	}
	return all
}

// survey asks every source where it stands, and gives up of the ground what is gone and may be given up.
func (s *session) survey(ctx context.Context, g *ground) (survey, error) {
	if err := failpoint.Hit(failpoint.SourceSurvey); err != nil {
		return nil, err
	}
	out := survey{}
	for i, source := range s.sources {
		name := s.job.Plan.Sources[i].Name
		states, err := source.Survey(ctx, positionsOf(g.Positions, name))
		for range 2 * len(g.Positions) { // a bound, should sources contradict themselves
			if err == nil || !g.giveUp(err) {
				break
			}
			states, err = source.Survey(ctx, positionsOf(g.Positions, name))
		}
		if err != nil {
			return nil, err
		}
		out[name] = states
	}
	g.settle(s.job, out)
	return out, nil
}

// published asks every sink how far it is.
func (s *session) published(ctx context.Context) (map[string]output.Standing, error) {
	out := map[string]output.Standing{}
	for i, sink := range s.sinks {
		n, err := sink.Published(ctx)
		if err != nil {
			return nil, fmt.Errorf("ask sink %s: %w", s.job.Sinks[i].Name, err)
		}
		out[s.job.Sinks[i].Name] = n
	}
	return out, nil
}

// record has sinks write the records that they lack. note is told of each.
func (s *session) record(ctx context.Context, records map[string]output.Standing, note func(sink string, at output.Standing)) error {
	for i, sink := range s.sinks {
		name := s.job.Sinks[i].Name
		at, ok := records[name]
		if !ok {
			continue
		}
		r, ok := sink.(output.Recorder)
		if !ok {
			return fmt.Errorf("sink %s has no record to write", name)
		}
		if err := r.Record(ctx, at); err != nil {
			return fmt.Errorf("write commit record: %w", err)
		}
		note(name, at)
	}
	return nil
}

// refresh keeps the records of sinks from getting old.
func (s *session) refresh(ctx context.Context) error {
	for _, sink := range s.sinks {
		if r, ok := sink.(output.Recorder); ok {
			if err := r.Refresh(ctx); err != nil {
				return fmt.Errorf("refresh commit record: %w", err)
			}
		}
	}
	return nil
}

// publishOrder are the positions of the sinks in the order in which they publish a batch, and of those that record it
// behind the others: what can be told to be there without a record comes first.
func (s *session) publishOrder() []int {
	var first, last []int
	for i, sink := range s.sinks {
		if _, ok := sink.(output.Recorder); ok {
			last = append(last, i)
		} else {
			first = append(first, i)
		}
	}
	return append(first, last...)
}
