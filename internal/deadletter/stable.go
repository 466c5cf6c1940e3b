package deadletter

import (
	"context"
	"fmt"
	"time"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

const (
	// stableWait is how long open transactions may hold letters back. Those that only wait for their markers end sooner.
	stableWait = 10 * time.Second
	// stablePause is between two looks.
	stablePause = 200 * time.Millisecond
)

// partition names a partition of a topic, which may be made anew.
type partition struct {
	topic  offsets.TopicID
	number int32
}

// wholeSurvey is a survey of which everything can be read that was there when it began. That it has an end, whatever others
// write meanwhile, is why it looks no further.
func wholeSurvey(ctx context.Context, src offsets.Source, clock output.Clock) ([]offsets.PartitionState, error) {
	states, err := src.Survey(ctx, nil)
	if err != nil {
		return nil, err
	}
	want := map[partition]int64{}
	for _, s := range states {
		want[partition{s.TopicID, s.Partition}] = s.HighWatermark
	}
	for deadline := clock.Now().Add(stableWait); ; {
		held := heldBack(states, want)
		if len(held) == 0 {
			return states, nil
		}
		if !clock.Now().Before(deadline) {
			return nil, heldError(held)
		}
		if err := clock.Wait(ctx, stablePause); err != nil {
			return nil, err
		}
		if states, err = src.Survey(ctx, nil); err != nil {
			return nil, err
		}
	}
}

// heldBack are the partitions of which less can be read than is wanted.
func heldBack(states []offsets.PartitionState, want map[partition]int64) (held []offsets.PartitionState) {
	for _, s := range states {
		if s.End < want[partition{s.TopicID, s.Partition}] {
			held = append(held, s)
		}
	}
	return held
}

func heldError(held []offsets.PartitionState) error {
	first, more, producer := held[0], "", ""
	if n := len(held) - 1; n > 0 {
		more = fmt.Sprintf(" (and %d more)", n)
	}
	if first.Open.Since > 0 && first.Open.ProducerID >= 0 {
		producer = fmt.Sprintf(" of producer %d", first.Open.ProducerID)
	}
	return refuse("an open transaction%s holds dead letters back: %s/%d%s waits at offset %d, high watermark %d, for more than %s; run again when it has ended, which brokers see to after its transaction.timeout.ms",
		producer, first.Topic, first.Partition, more, first.End, first.HighWatermark, stableWait)
}
