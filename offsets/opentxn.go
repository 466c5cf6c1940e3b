package offsets

import (
	"context"
	"time"
)

// heldBack is a partition whose last stable offset an open transaction holds back, as a source remembers it between
// surveys.
type heldBack struct {
	at    int64 // the last stable offset
	since time.Time
	asked bool // the leader has been asked whose transaction it is
	OpenTransaction
}

const (
	// heldAskAfter is how long a transaction is left alone before anybody asks whose it is: with transactional producers
	// at work there is always one open somewhere.
	heldAskAfter = 2 * time.Second
	heldAskMost  = 16 // partitions asked about in one survey
)

// noteOpen fills in what holds partitions back. The first survey of a source asks at once whose transactions those are:
// a run up to the end offsets of now may have no other.
func (k *Kafka) noteOpen(ctx context.Context, states []PartitionState, last surveyed) map[partitionName]heldBack {
	if !k.opts.ReadCommitted {
		return nil
	}
	first, now, left := last.partitions == nil, time.Now(), heldAskMost
	held := map[partitionName]heldBack{}
	for i := range states {
		s := &states[i]
		if s.End >= s.HighWatermark {
			continue
		}
		h, known := last.open[s.name()]
		if !known || h.at != s.End {
			h = heldBack{at: s.End, since: now, OpenTransaction: OpenTransaction{Since: now.UnixMilli(), ProducerID: -1}}
		}
		if !h.asked && left > 0 && (first || now.Sub(h.since) >= heldAskAfter) {
			h.asked = true
			var ok bool
			if h.ProducerID, ok = k.askProducer(ctx, s); ok {
				left--
			} else {
				left = 0 // the broker is in trouble, or too old: it is no more than a hint
			}
		}
		s.Open, held[s.name()] = h.OpenTransaction, h
	}
	return held
}

// askProducer asks the leader whose transaction began at the last stable offset; −1: it cannot tell.
func (k *Kafka) askProducer(ctx context.Context, s *PartitionState) (id int64, answered bool) {
	producers, err := k.client.Producers(ctx, s.Topic, s.Partition)
	if err != nil {
		return -1, false
	}
	for _, p := range producers {
		if p.TxnStart == s.End {
			return p.ID, true
		}
	}
	return -1, true
}
