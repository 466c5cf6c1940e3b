package batch

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/output"
)

// mergeManifests has sinks merge what they keep for each batch, now that one is committed. Nobody needs that to go on, so that what fails is
// said, and tried again later; what contradicts itself stops the job.
func (d *driver) mergeManifests(ctx context.Context, batch int64) error {
	for i, sink := range d.s.sinks {
		m, ok := sink.(output.Merger)
		if !ok {
			continue
		}
		err := m.Merge(ctx, batch)
		var superseded *SupersededError
		var conflict *output.ConflictError
		switch {
		case err == nil:
		case errors.As(err, &superseded) || ctx.Err() != nil:
			return errors.Join(err, ctx.Err())
		case errors.As(err, &conflict):
			return d.refuseIfLeading(fmt.Errorf("merge manifests behind batch %d: %w", batch, err))
		default:
			d.o.Warn(fmt.Sprintf("the manifests of sink %s were not merged behind batch %d; the next try is a run of batches later: %v", d.s.job.Sinks[i].Name, batch, err))
		}
	}
	return nil
}
