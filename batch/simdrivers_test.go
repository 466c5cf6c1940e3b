package batch

import (
	"context"
	"fmt"
	"testing"

	"github.com/millrace/millrace/internal/wal"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

// hooks are called at points of a driver's life; a test stops the driver there, or makes it fail.
type hooks struct{ partitions, read, prepare, publish, committed, published func() error }

func call(f func() error) error {
	if f == nil {
		return nil
	}
	return f()
}

// hooked puts hooks around a job's source and its sinks.
func hooked(h *hooks) func(*Job) {
	return func(j *Job) {
		for name, source := range j.Sources {
			open := source.Open
			source.Open = func(ctx context.Context) (offsets.Source, error) {
				s, err := open(ctx)
				return hookedSource{s, h}, err
			}
			j.Sources[name] = source
		}
		wrapSinks(j, func(s output.Sink) output.Sink { return hookedSink{s, h} })
	}
}

// wrapSinks has a job's sinks opened as something around them.
func wrapSinks(j *Job, around func(output.Sink) output.Sink) {
	for i := range j.Sinks {
		open := j.Sinks[i].Open
		j.Sinks[i].Open = func(ctx context.Context, o output.Opening) (output.Sink, error) {
			s, err := open(ctx, o)
			return around(s), err
		}
	}
}

type hookedSource struct {
	offsets.Source
	h *hooks
}

func (s hookedSource) Survey(ctx context.Context, reached []offsets.Position) ([]offsets.PartitionState, error) {
	states, err := s.Source.Survey(ctx, reached)
	if hookErr := call(s.h.partitions); hookErr != nil {
		return nil, hookErr
	}
	return states, err
}

func (s hookedSource) Read(ctx context.Context, r offsets.Range) (offsets.Reader, error) {
	if err := call(s.h.read); err != nil {
		return nil, err
	}
	return s.Source.Read(ctx, r)
}

type hookedSink struct {
	output.Sink
	h *hooks
}

func (s hookedSink) Prepare(ctx context.Context, info output.BatchInfo, shards []output.Shard, pending *output.Pending) (*output.Prepared, error) {
	if err := call(s.h.prepare); err != nil {
		return nil, err
	}
	return s.Sink.Prepare(ctx, info, shards, pending)
}

func (s hookedSink) Publish(ctx context.Context, p *output.Prepared) error {
	if err := call(s.h.publish); err != nil {
		return err
	}
	return s.Sink.Publish(ctx, p)
}

func (s hookedSink) Committed(ctx context.Context, batch int64, files []output.File) error {
	if err := call(s.h.committed); err != nil {
		return err
	}
	return s.Sink.Committed(ctx, batch, files)
}

func (s hookedSink) Published(ctx context.Context) (output.Standing, error) {
	if err := call(s.h.published); err != nil {
		return output.Standing{}, err
	}
	return s.Sink.Published(ctx)
}

// pause stops the driver that calls it for the n-th time until it is woken.
type pause struct {
	left    int
	reached chan struct{}
	wake    chan struct{}
}

func newPause(n int) *pause {
	return &pause{left: n, reached: make(chan struct{}), wake: make(chan struct{})}
}

func (p *pause) hook() error {
	if p.left--; p.left == 0 {
		close(p.reached)
		<-p.wake
	}
	return nil
}

// zombie is a driver that was paused in the middle of its run.
type zombie struct {
	*pause
	end chan error
}

// pausedAt starts a driver and returns when it is at the place that set hooks to.
func (w *world) pausedAt(q simQuery, n int, set func(*hooks, func() error)) *zombie {
	z := &zombie{pause: newPause(n), end: make(chan error, 1)}
	h := &hooks{}
	set(h, z.hook)
	job, quiet := w.zombieJob(q, hooked(h)), Options{Cores: 1, Env: w.env(), Version: "zombie"}
	quiet.Job = job
	go func() { z.end <- Run(context.Background(), quiet) }()
	select {
	case <-z.reached:
	case err := <-z.end:
		w.t.Fatalf("the first driver ended before it was paused: %v", err)
	}
	return z
}

func (z *zombie) awake() error {
	close(z.wake)
	return <-z.end
}

func (w *world) zombieJob(q simQuery, change ...func(*Job)) *Job {
	return w.job(q, append([]func(*Job){flushing, rowsMax(60)}, change...)...)
}

// pausePlaces are the places where the first driver is paused, by what it has done there.
var pausePlaces = []struct {
	name string
	n    int
	set  func(*hooks, func() error)
}{
	{"before it plans", 3, func(h *hooks, f func() error) { h.partitions = f }},
	{"when it has planned and reads", 6, func(h *hooks, f func() error) { h.read = f }},
	{"before it prepares", 2, func(h *hooks, f func() error) { h.prepare = f }},
	{"behind its last look for a newer driver", 2, func(h *hooks, f func() error) { h.publish = f }},
	{"behind its commit", 2, func(h *hooks, f func() error) { h.committed = f }},
}

// TestTwoDrivers pauses a driver in the middle of its run, has a second one take over and finish, and wakes the first: it
// must find out, and nothing it does may show.
func TestTwoDrivers(t *testing.T) {
	t.Parallel()
	seed := simSeed(t)
	for _, q := range []simQuery{stateless, windowed, fanOut} {
		for _, place := range pausePlaces {
			t.Run(q.name+"/"+place.name, func(t *testing.T) {
				w := newWorld(t, seed)
				w.generate(200)
				z := w.pausedAt(q, place.n, place.set)
				held := wantError[*wal.HeldError](t, w.run(w.zombieJob(q)), "another run holds this checkpoint", "sim")
				if held.PID != 1 {
					t.Errorf("held by process %d, want 1", held.PID)
				}
				w.mustRun(w.zombieJob(q), takeOver)
				files := w.files()
				superseded := wantError[*SupersededError](t, z.awake(), "another run has taken this job over from epoch 1", "sim")
				if superseded.Newer.PID != w.drivers {
					t.Errorf("superseded by process %d, want %d", superseded.Newer.PID, w.drivers)
				}
				if len(w.files()) != len(files) {
					t.Errorf("the first driver made %d files after it was superseded", len(w.files())-len(files))
				}
				w.wantRows("in the end", w.expected(q), equalRows)
				w.wantHistory("in the end")
				w.mustRun(w.zombieJob(q)) // a third finds everything done
			})
		}
	}
}

// TestZombieWakesDuringTakeOver wakes the first driver between the successor's look at the log and its look at the
// sinks, or in the middle of the batch that both run.
func TestZombieWakesDuringTakeOver(t *testing.T) {
	seed := simSeed(t)
	moments := []struct {
		name string
		set  func(*hooks, func() error)
	}{
		{"asks the sinks", func(h *hooks, f func() error) { h.published = f }},
		{"has prepared", func(h *hooks, f func() error) { h.publish = f }},
		{"has committed", func(h *hooks, f func() error) { h.committed = f }},
	}
	for _, q := range []simQuery{stateless, windowed} {
		for _, place := range pausePlaces {
			for _, moment := range moments {
				t.Run(fmt.Sprintf("%s, paused %s, woken when the next %s", q.name, place.name, moment.name), func(t *testing.T) {
					w := newWorld(t, seed)
					w.generate(200)
					z := w.pausedAt(q, place.n, place.set)
					var zombieErr error
					h, woken := &hooks{}, false
					moment.set(h, func() error {
						if !woken {
							woken, zombieErr = true, z.awake()
						}
						return nil
					})
					w.mustRun(w.zombieJob(q, hooked(h)), takeOver)
					wantError[*SupersededError](t, zombieErr)
					w.wantRows("in the end", w.expected(q), equalRows)
					w.wantHistory("in the end")
				})
			}
		}
	}
}
