package batch

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/output"
)

// mergeManifests has sinks merge what they keep for each batch, now that one is committed.
func (d *driver) mergeManifests(ctx context.Context, batch int64) error {
	for i, sink := range d.s.sinks {
		err := mergeOf(ctx, sink, d.s.job.Sinks[i].Name, batch, d.o.Warn)
		var conflict *output.ConflictError
		if errors.As(err, &conflict) {
			return d.refuseIfLeading(err)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// mergeOf is mergeManifests of one sink. Nobody needs that to go on, so that what fails is said, and tried again later; what
// contradicts itself stops the job.
func mergeOf(ctx context.Context, sink output.Sink, name string, batch int64, warn func(string)) error {
	m, ok := sink.(output.Merger)
	if !ok {
		return nil
	}
	err := m.Merge(ctx, batch)
	var superseded *SupersededError
	var conflict *output.ConflictError
	switch {
	case err == nil:
	case errors.As(err, &superseded) || ctx.Err() != nil:
		return errors.Join(err, ctx.Err())
	case errors.As(err, &conflict):
		return fmt.Errorf("merge manifests behind batch %d: %w", batch, err)
	default:
		warn(fmt.Sprintf("the manifests of sink %s were not merged behind batch %d; the next try is a run of batches later: %v", name, batch, err))
	}
	return nil
}
