package offsets

import (
	"context"
	"time"

	"github.com/millrace/millrace/internal/kafka"
)

// LagShower is a [Source] that can show to others how far a job is, for those who look at consumer groups for lag. It is
// a courtesy: nothing is ever read back, and a job is as right without it.
type LagShower interface {
	// LagGroup is the consumer group that shows it; "": none is wanted.
	LagGroup() string
	// ShowLag sets the offsets of the group to the positions. note says what for, to people. It returns in bounded time.
	ShowLag(ctx context.Context, positions []Position, note string) error
}

// Showing lag is tried again for showLagRetry, and has no longer than showLagFor in all: the next batch brings newer
// positions.
const (
	showLagRetry = 3 * time.Second
	showLagFor   = 5 * time.Second
)

// LagGroup implements [LagShower].
func (k *Kafka) LagGroup() string { return k.opts.LagGroup }

// ShowLag implements [LagShower].
func (k *Kafka) ShowLag(ctx context.Context, positions []Position, note string) error {
	if len(positions) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, showLagFor)
	defer cancel()
	group := make([]kafka.GroupOffset, len(positions))
	for i, p := range positions {
		group[i] = kafka.GroupOffset{Topic: p.Topic, Partition: p.Partition, Offset: p.Next, LeaderEpoch: p.LeaderEpoch, Metadata: note}
	}
	return k.client.CommitOffsets(ctx, k.opts.LagGroup, group, showLagRetry)
}
