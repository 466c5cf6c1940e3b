package batch

import (
	"context"
	"errors"
	"fmt"

	"github.com/millrace/millrace/offsets"
)

// topicKnower is a source that can say whether its topics exist before there is anything of a job. It returns an
// [offsets.UnknownTopicError] when brokers say for long enough that one does not, and nil when it is there, or is not known.
type topicKnower interface {
	TopicsKnown(ctx context.Context) error
}

// topicsKnown refuses a first start over brokers that nobody reaches, or a topic that does not exist, before there is a checkpoint.
// Whatever else is wrong is left to the run: it knows how to wait.
func (d *driver) topicsKnown(ctx context.Context) error {
	ask, cancel := d.untilStop(ctx)
	defer cancel()
	for i := range d.o.Job.Plan.Sources {
		name := d.o.Job.Plan.Sources[i].Name
		source, err := d.o.Job.Sources[name].Open(ask)
		switch {
		case ask.Err() != nil && source == nil:
			return ctx.Err() // of a stop it is for the run to make a clean end
		case err != nil:
			return fmt.Errorf("open source %s: %w", name, err)
		}
		if k, ok := source.(topicKnower); ok {
			err = k.TopicsKnown(ask)
		}
		closeErr := source.Close()
		if unknown := (*offsets.UnknownTopicError)(nil); errors.As(err, &unknown) {
			return errors.Join(err, closeErr)
		}
	}
	return nil
}
