package kafka

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"
)

const (
	// inFlight is how many batches of one partition may be on their way. Leaders know the last five again.
	inFlight = 4
	// requestBytesMax bounds what one request holds, unless a single batch is larger. Brokers take 100 MiB
	// (socket.request.max.bytes).
	requestBytesMax = 8 << 20
)

// queue is what is still to be sent to one partition, in order.
type queue struct {
	key   partitionKey
	items []sequenced
	sent  int  // of items, in the flight under way
	known bool // the leader knows the producer in this epoch: see nextFlight

	verdict verdict // done, or why it rests until the next round
	err     error
	bad     EncodedBatch // that err is about
}

// Produce writes batches, those of one partition in their order, and returns when all in-sync replicas have them. It
// does so inside the transaction, which the first call since the last commit begins. Batches may be recycled after it
// has returned nil; after an error they may still be read for a moment.
func (p *Producer) Produce(ctx context.Context, batches []ProduceBatch) error {
	const op = "produce"
	if err := p.check(ctx, op); err != nil {
		return err
	}
	if err := p.checkSizes(ctx, batches); err != nil {
		return err
	}
	if len(batches) == 0 {
		return nil // and no transaction begins: there would be nothing to end
	}
	queues := p.enqueue(batches)
	p.openTransaction()
	if err := p.addMissing(ctx, queues); err != nil {
		return err
	}
	t := p.attempts()
	defer func() { t.done() }()
	for {
		left := remaining(queues)
		if len(left) == 0 {
			return t.well()
		}
		if err := p.check(ctx, op); err != nil {
			return err
		}
		progress := p.round(ctx, left)
		worst := worstOf(left)
		switch {
		case worst == nil:
			continue
		case worst.verdict >= fenced:
			return p.overPartition(ctx, worst)
		case progress:
			t.well()
			t = p.attempts()
		}
		p.lookAgain(left)
		if err := t.after(ctx, worst.err); err != nil {
			return p.over(op, worst.key.topic, lost, err)
		}
	}
}

// checkSizes refuses what a topic does not take, before anything of it is sent.
func (p *Producer) checkSizes(ctx context.Context, batches []ProduceBatch) error {
	for i := range batches {
		b := &batches[i]
		if limit := p.MaxMessageBytes(ctx, b.Topic); limit > 0 && b.Batch.Size() > limit {
			return &TooLargeError{b.Topic, b.Partition, b.Batch.Records, b.Batch.Size(), limit}
		}
	}
	return nil
}

// enqueue numbers the batches.
func (p *Producer) enqueue(batches []ProduceBatch) map[partitionKey]*queue {
	queues := map[partitionKey]*queue{}
	for _, b := range batches {
		k := b.key()
		q := queues[k]
		if q == nil {
			q = &queue{key: k, known: p.known[k]}
			queues[k] = q
		}
		q.items = append(q.items, sequenced{b, p.sequences[k], len(q.items)})
		p.sequences[k] = nextSequence(p.sequences[k], b.Batch.Records)
	}
	return queues
}

// remaining returns the queues that are not empty, ready for the next round, in the order of their partitions.
func remaining(queues map[partitionKey]*queue) (left []*queue) {
	for _, k := range slices.SortedFunc(maps.Keys(queues), partitionKey.compare) {
		if q := queues[k]; len(q.items) > 0 {
			q.verdict, q.err = done, nil
			left = append(left, q)
		}
	}
	return left
}

// round sends to every leader, side by side, what is its own, and reports whether anything was taken.
func (p *Producer) round(ctx context.Context, left []*queue) bool {
	before := itemsOf(left)
	byLeader := map[int32][]*queue{}
	for _, q := range left {
		l, err := p.c.Leader(ctx, q.key.topic, q.key.partition)
		if err != nil {
			q.verdict, q.err = decideLeader(err), err
			continue
		}
		byLeader[l.Node] = append(byLeader[l.Node], q)
	}
	var wg sync.WaitGroup
	for node, queues := range byLeader {
		if len(byLeader) == 1 {
			p.drain(ctx, node, queues)
			break
		}
		wg.Go(func() { p.drain(ctx, node, queues) })
	}
	wg.Wait()
	for _, q := range left {
		if q.known {
			p.known[q.key] = true
		}
	}
	return itemsOf(left) < before
}

// decideLeader judges why a leader is not known. Nothing was sent.
func decideLeader(err error) verdict {
	switch Decide(err) {
	case Stop:
		return refused
	case Retry:
		return again
	}
	return find
}

func itemsOf(queues []*queue) (n int) {
	for _, q := range queues {
		n += len(q.items)
	}
	return n
}

// drain sends one flight after the other to a leader until its queues are empty or rest.
func (p *Producer) drain(ctx context.Context, node int32, queues []*queue) {
	for {
		requests := nextFlight(queues)
		if len(requests) == 0 {
			return
		}
		by := sender{p.txn.id, p.txn.epoch, p.transactional()}
		answers, err := p.c.produce(ctx, node, p.style.produce, p.opts.TransactionalID, by, requests)
		for _, q := range queues {
			q.settle(answers, err)
		}
	}
}

// nextFlight cuts requests: each holds at most one batch of a partition, those of one partition follow each other. The
// first batch of an epoch goes alone: a leader that does not know the producer takes any sequence for the first, so
// that the second would be taken when the first was not.
func nextFlight(queues []*queue) (requests [][]sequenced) {
	for range inFlight {
		var batches []sequenced
		bytes := 0
		for _, q := range queues {
			if !q.ready() {
				continue
			}
			size := q.items[q.sent].Batch.Size()
			if len(batches) > 0 && bytes+size > requestBytesMax {
				continue
			}
			batches = append(batches, q.items[q.sent])
			bytes += size
			q.sent++
		}
		if len(batches) == 0 {
			break
		}
		requests = append(requests, batches)
	}
	return requests
}

// ready reports whether the next batch of the queue may be part of the flight. It must not be so far ahead of the
// oldest that is not taken that the leader would no longer know that one again.
func (q *queue) ready() bool {
	switch {
	case q.verdict != done || q.sent == len(q.items):
		return false
	case q.sent == 0:
		return true
	}
	return q.known && q.items[q.sent].number < q.items[0].number+inFlight
}

// settle drops from the queue what was taken. The first batch that was not decides what comes next.
func (q *queue) settle(answers []map[partitionKey]produced, err error) {
	sent := q.sent
	q.sent = 0
	if sent == 0 {
		return
	}
	if err != nil {
		q.verdict, q.err = decideFlight(err), err
		return
	}
	kept := q.items[:0:0]
	at := 0
	for _, a := range answers {
		got, ok := a[q.key]
		if !ok || at == sent {
			continue // not part of this request
		}
		item := q.items[at]
		at++
		v := decideProduce(got.code, len(kept) > 0)
		if v == done {
			q.known = true
			continue
		}
		kept = append(kept, item)
		if v > q.verdict {
			q.verdict, q.bad = v, item.Batch
			q.err = &RefusedError{q.key.topic, q.key.partition, got.text, item.Batch.max, got.code}
		}
	}
	q.items = append(kept, q.items[at:]...)
}

// decideFlight judges why requests to a leader had no answers that make sense: they may be sent again. The leader may
// be another one by then.
func decideFlight(err error) verdict {
	if errors.Is(err, context.Canceled) {
		return lost
	}
	if Decide(err) == Stop {
		return refused
	}
	return find
}

// worstOf returns the queue with the gravest verdict, nil if none rests.
func worstOf(queues []*queue) (worst *queue) {
	for _, q := range queues {
		if q.verdict != done && (worst == nil || q.verdict > worst.verdict) {
			worst = q
		}
	}
	return worst
}

// lookAgain forgets the leaders that are in doubt, and the connections if one of them is.
func (p *Producer) lookAgain(queues []*queue) {
	for _, q := range queues {
		switch {
		case q.verdict != find:
		case isCode(q.err):
			p.c.forgetLeader(q.key)
		default:
			p.c.Refresh()
		}
	}
}

// overPartition ends the session for what a leader has said.
func (p *Producer) overPartition(ctx context.Context, q *queue) error {
	const op = "produce"
	switch {
	case errors.Is(q.err, codeMessageTooLarge), errors.Is(q.err, codeBatchTooLarge):
		p.live = false
		delete(p.limits, q.key.topic)
		return &TooLargeError{q.key.topic, q.key.partition, q.bad.Records, q.bad.Size(), p.MaxMessageBytes(ctx, q.key.topic)}
	case q.verdict == refused:
		p.live = false
		return p.c.denied(q.err, resources{"Write", q.key.topic, p.opts.TransactionalID})
	}
	return p.over(op, q.key.topic, q.verdict, q.err)
}
