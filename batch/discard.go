package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/output"
)

// An open batch that can neither be finished nor planned anew beside what there is of it can be given up by an operator who says so:
// its files are copied to where no reader looks, the log says that it will never be published, and then they are removed from where
// readers saw them. Before the log says so a driver that comes next may still finish the batch, so nothing is removed then; behind
// it nobody makes such a file any more, so whoever removes one late does no harm.

// discardOpen gives up the open batch that the run was told to, and before that ends what an earlier run has begun.
func (d *driver) discardOpen(ctx context.Context, digest string) error {
	for _, g := range d.history.Discarded {
		if err := d.endDiscard(ctx, g, digest); err != nil {
			return d.refuseIfLeading(err)
		}
	}
	n, h := d.o.Discard, d.history
	switch {
	case n == 0:
		return nil
	case len(h.Open) > 0:
		return d.discard(ctx, h.Open[0], digest)
	case n < h.NextBatch:
		d.o.Warn(fmt.Sprintf("batch %d is not open, nor is any other: there is nothing to discard", n))
		return nil
	}
	return d.refuseIfLeading(refuse("there is no batch %d: none is open, the next one will be %d; run without --discard-open-batch", n, h.NextBatch))
}

// orDiscard adds the way out to what is in the way of an open batch.
func (d *driver) orDiscard(p *Planned, err error) error {
	var file *output.ConflictError
	if !errors.As(err, &file) || d.history.openIndex(p.Batch) < 0 {
		return err
	}
	return fmt.Errorf("%w; or give the batch up with all its files: --discard-open-batch %d", err, p.Batch)
}

// discard gives up an open plan and those behind it.
func (d *driver) discard(ctx context.Context, p *Planned, digest string) (err error) {
	sinks, err := d.openFor(ctx, p, digest)
	if err != nil {
		return d.refuseIfLeading(err)
	}
	defer func() { err = errors.Join(err, sinks.close()) }()
	last := d.history.NextBatch - 1
	left, err := sinks.left(ctx, p.Batch, last)
	if err != nil {
		return err
	}
	if d.o.Discard < p.Batch { // told once more, when it has happened
		d.o.Warn(fmt.Sprintf("batch %d is not open any more: nothing is discarded; batch %d is, of which there are %s", d.o.Discard, p.Batch, listLeft(left)))
		return nil
	}
	if d.o.Discard > p.Batch {
		return d.refuseIfLeading(refuse("batch %d is open, not batch %d: nothing was discarded; of it there are %s", p.Batch, d.o.Discard, listLeft(left)))
	}
	if err := d.mayDiscard(ctx, p, sinks); err != nil {
		return d.refuseIfLeading(err)
	}
	c := &Cancelled{Batch: p.Batch, Reason: "discarded with --discard-open-batch", At: d.o.Env.Clock.Now().UnixMicro()}
	if c.Discarded, err = sinks.setAside(ctx, left); err != nil {
		return err
	}
	if err := d.cancelDiscarded(p, c); err != nil {
		return err
	}
	if err := d.removeLeft(ctx, sinks, []map[string][]output.Discarded{c.Discarded}, p.Batch, last); err != nil {
		return err
	}
	d.sayDiscarded(p, c, sinks.job)
	return nil
}

// cancelDiscarded logs that a plan and those behind it will never be published.
func (d *driver) cancelDiscarded(p *Planned, c *Cancelled) error {
	if err := d.cp.lead(); err != nil {
		return err
	}
	if err := d.cancelBehind(p); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.DriverDiscard); err != nil {
		return err
	}
	if err := d.cp.append(c); err != nil {
		return err
	}
	if err := d.history.apply(c); err != nil {
		return err
	}
	// Only what was logged before a newer driver took its epoch counts for that one.
	if err := d.cp.lead(); err != nil {
		return err
	}
	return failpoint.Hit(failpoint.DriverDiscarded)
}

// mayDiscard refuses to give up a plan that somebody may still publish, or that a sink has which cannot give it back.
func (d *driver) mayDiscard(ctx context.Context, p *Planned, s *discardSinks) error {
	if err := d.mayLive(ctx, p, "", "discard it"); err != nil {
		return err
	}
	published := map[string]output.Standing{}
	for i, sink := range s.open {
		at, err := sink.Published(ctx)
		if err != nil {
			return fmt.Errorf("ask sink %s: %w", s.job.Sinks[i].Name, err)
		}
		published[s.job.Sinks[i].Name] = at
	}
	if dec := Decide(d.history, Facts{Published: published, Assume: d.o.Assume}); dec.Action == Refuse {
		return &RefusedError{Msg: dec.Reason}
	}
	for i, sink := range s.open {
		name, at := s.job.Sinks[i].Name, published[s.job.Sinks[i].Name]
		_, files := sink.(output.Discarder)
		_, records := sink.(output.Recorder)
		switch {
		case at.Batch >= p.Batch, at.Missing && d.o.Assume[name].Published:
			return refuse("sink %q has committed batch %d, and cannot give it back: it is not discarded; run without --discard-open-batch to finish it", name, p.Batch)
		case s.job.Sinks[i].Guarantee == AtLeastOnce:
			d.o.Warn(fmt.Sprintf("sink %s: what it has of batch %d stays, and may come once more", name, p.Batch))
		case !files && !records:
			return refuse("sink %q cannot say what it has of batch %d: it is not discarded", name, p.Batch)
		}
	}
	return nil
}

// endDiscard does what the log says was decided, in case the driver died before it had: the files of the batches are out of the
// outputs, for good.
func (d *driver) endDiscard(ctx context.Context, g DiscardedPlan, digest string) (err error) {
	sinks, err := d.openFor(ctx, g.Planned, digest)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, sinks.close()) }()
	left, err := sinks.left(ctx, g.Planned.Batch, g.Last)
	if err != nil {
		return err
	}
	late, err := sinks.setAside(ctx, left)
	if err != nil {
		return err
	}
	return d.removeLeft(ctx, sinks, []map[string][]output.Discarded{g.Cancelled.Discarded, late}, g.Planned.Batch, g.Last)
}

// removeLeft removes files that were set aside, and then looks whether there are others of the batches: a request of a process that has
// ended may have come late to an object store. The next run moves these too.
func (d *driver) removeLeft(ctx context.Context, s *discardSinks, aside []map[string][]output.Discarded, first, last int64) error {
	for i, sink := range s.open {
		k, ok := sink.(output.Discarder)
		if !ok {
			continue
		}
		for _, files := range aside {
			if err := k.Remove(ctx, files[s.job.Sinks[i].Name]); err != nil {
				return fmt.Errorf("discard batch %d: %w", first, err)
			}
		}
	}
	left, err := s.left(ctx, first, last)
	if err == nil && len(left) > 0 {
		err = fmt.Errorf("batch %d was given up, and files of it have come since, %s: run again, which moves them out of the output", first, listLeft(left))
	}
	return err
}

// sayDiscarded tells what was done.
func (d *driver) sayDiscarded(p *Planned, c *Cancelled, job *Job) {
	d.o.Warn(fmt.Sprintf("batch %d is discarded%s: its records are planned anew", p.Batch, c.moved()))
	if len(p.Skip) > 0 {
		var skips []string
		for _, s := range p.Skip {
			skips = append(skips, s.String())
		}
		d.o.Warn(fmt.Sprintf("batch %d left out records, which have to be named again to be left out: %s", p.Batch, strings.Join(skips, ", ")))
	}
}

// discardSinks are the sinks of the job that a plan was made with, opened to look for what is left of it.
type discardSinks struct {
	job  *Job
	open []output.Sink
}

// openFor opens the sinks that a plan was made for. Whether this program would compute the same by its job does not matter: the
// places are in what was recorded of it.
func (d *driver) openFor(ctx context.Context, p *Planned, digest string) (*discardSinks, error) {
	job, err := d.jobOf(ctx, p, digest)
	if err != nil {
		return nil, err
	}
	s := &discardSinks{job: job}
	for i := range job.Sinks {
		o := d.opening(job)
		o.Last = d.history.LastRows[job.Sinks[i].Name]
		o.Written = o.Last > 0
		sink, err := job.Sinks[i].Open(ctx, o)
		if err != nil {
			return nil, errors.Join(err, s.close())
		}
		s.open = append(s.open, sink)
	}
	return s, nil
}

func (s *discardSinks) close() (err error) {
	for _, sink := range s.open {
		if c, ok := sink.(io.Closer); ok {
			err = errors.Join(err, c.Close())
		}
	}
	return err
}

// left are, by sink, the files that readers see of the batches from first to last.
func (s *discardSinks) left(ctx context.Context, first, last int64) (map[string][]string, error) {
	out := map[string][]string{}
	for i, sink := range s.open {
		k, ok := sink.(output.Discarder)
		if !ok {
			continue
		}
		names, err := k.Left(ctx, first, last)
		if err != nil {
			return nil, err
		}
		if len(names) > 0 {
			out[s.job.Sinks[i].Name] = names
		}
	}
	return out, nil
}

// setAside copies them.
func (s *discardSinks) setAside(ctx context.Context, left map[string][]string) (map[string][]output.Discarded, error) {
	var out map[string][]output.Discarded
	for i, sink := range s.open {
		name := s.job.Sinks[i].Name
		if len(left[name]) == 0 {
			continue
		}
		files, err := sink.(output.Discarder).SetAside(ctx, left[name])
		if err != nil {
			return nil, err
		}
		if out == nil {
			out = map[string][]output.Discarded{}
		}
		out[name] = files
	}
	return out, nil
}

// listedMost is how many files of a sink an error names.
const listedMost = 3

// listLeft says which files there are.
func listLeft(left map[string][]string) string {
	var parts []string
	for _, sink := range slices.Sorted(maps.Keys(left)) {
		names, more := left[sink], ""
		if n := len(names) - listedMost; n > 0 {
			names, more = names[:listedMost], fmt.Sprintf(" and %d more", n)
		}
		parts = append(parts, fmt.Sprintf("in sink %s: %s%s", sink, strings.Join(names, ", "), more))
	}
	if len(parts) == 0 {
		return "no files"
	}
	return "files " + strings.Join(parts, "; ")
}
