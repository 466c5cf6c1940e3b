package batch

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"

	"github.com/millrace/millrace/output"
)

// settleDropped tells the sinks of the last commit about it that the job at hand does not have, as behind a new name: the driver
// that committed may have died before it could, and the sinks at hand know nothing of them. One that is out of reach holds
// nobody up: its rows are all there.
func (d *driver) settleDropped(ctx context.Context, digest string) error {
	c := d.history.Last
	if c == nil || c.Job == "" || c.Job == digest {
		return nil
	}
	names := c.told()
	for i := range d.o.Job.Sinks {
		delete(names, d.o.Job.Sinks[i].Name)
	}
	if len(names) == 0 {
		return nil
	}
	err := d.tellDropped(ctx, c, names)
	if lead := d.cp.lead(); lead != nil || err == nil || ctx.Err() != nil {
		return errors.Join(lead, ctx.Err())
	}
	d.o.Warn(fmt.Sprintf("batch %d wrote to %q, which the job does not have any more: whether its manifest and done markers are there cannot be told: %v", c.Batch, slices.Sorted(maps.Keys(names)), err))
	return nil
}

// told are the sinks that are told something about a commit.
func (c *Committed) told() map[string]bool {
	out := map[string]bool{}
	for name, files := range c.Files {
		if len(files) > 0 {
			out[name] = true
		}
	}
	for name, done := range c.Done {
		if len(done.Complete)+len(done.Late) > 0 {
			out[name] = true
		}
	}
	return out
}

// tellDropped opens the sinks of these names as the recorded job says.
func (d *driver) tellDropped(ctx context.Context, c *Committed, names map[string]bool) error {
	job, err := d.recorded(ctx, c.Batch, c.Job)
	if err != nil {
		return err
	}
	var all error
	for i := range job.Sinks {
		if k := &job.Sinks[i]; names[k.Name] {
			all = errors.Join(all, d.tellOne(ctx, c, k))
		}
	}
	return all
}

func (d *driver) tellOne(ctx context.Context, c *Committed, k *Sink) (err error) {
	o := d.opening(d.o.Job)
	o.Last = d.history.LastRows[k.Name]
	o.Written = o.Last > 0
	sink, err := k.Open(ctx, o)
	if err != nil {
		return err
	}
	if closer, ok := sink.(io.Closer); ok {
		defer func() { err = errors.Join(err, closer.Close()) }()
	}
	at, err := sink.Published(ctx)
	if err != nil {
		return fmt.Errorf("ask sink %s: %w", k.Name, err)
	}
	return d.tell(ctx, c, k.Name, sink, at)
}

// tell repeats to a sink what it was told behind a commit.
func (d *driver) tell(ctx context.Context, c *Committed, name string, sink output.Sink, at output.Standing) error {
	if files := c.Files[name]; len(files) > 0 && at.Batch < c.Batch {
		if err := sink.Committed(ctx, c.Batch, files); err != nil {
			return d.refuseIfLeading(fmt.Errorf("write manifest of sink %s: %w", name, err))
		}
	}
	return d.markSink(ctx, c, name, sink)
}
