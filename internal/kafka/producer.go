package kafka

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"time"
)

// ProducerOptions says how a producer works. The zero value is an idempotent producer without transactions.
type ProducerOptions struct {
	// TransactionalID names the producer to the cluster; only one session of it is in force. "": idempotent only,
	// records may come twice when a session ends without knowing about a write.
	TransactionalID string
	// Timeout is after how long the broker aborts a transaction that is not ended; 60 s by default, at most
	// transaction.max.timeout.ms of the brokers (15 minutes unless set).
	Timeout time.Duration
	// RetryFor is how long one call goes on without progress, at least a broker's failover; 60 s by default.
	RetryFor time.Duration
	// Lead is called before every request for a producer id, which fences whoever holds the transactional id: its
	// error is returned instead. nil: always ask.
	Lead func() error
	// Recorded is called where the commit record is in the transaction, and the transaction is about to end. Its error ends the
	// session instead. nil: nothing is called.
	Recorded func() error
	// Clock is the machine's by default.
	Clock Clock
}

// CommitRecord is what a transaction says about itself: the offset and metadata of group TransactionalID on partition 0
// of a topic, written inside the transaction.
type CommitRecord struct {
	Batch    int64
	Metadata string // at most offset.metadata.max.bytes, 4096 unless set
}

// Producer writes batches, exactly once under a transactional id. It is used by one goroutine. Except for a
// [TooLargeError] found before sending, every error ends the session: begin a new one with Init. What was produced and
// not committed is then aborted.
type Producer struct {
	c      *Client
	opts   ProducerOptions
	limits map[string]int // max.message.bytes by topic, 0 if not known

	live      bool // the session is in force as far as we know
	style     style
	txn       txn
	sequences map[partitionKey]int32
	known     map[partitionKey]bool // whose leaders have taken a batch in this epoch
	added     map[partitionKey]bool // to the open transaction
	open      bool                  // the transaction has begun
	began     time.Time             // when, before its first request
}

// NewProducer returns a producer without a session; it connects with Init.
func (c *Client) NewProducer(opts ProducerOptions) *Producer {
	opts.Timeout = orDefault(opts.Timeout, time.Minute)
	opts.RetryFor = orDefault(opts.RetryFor, time.Minute)
	if opts.Clock == nil {
		opts.Clock = systemClock{}
	}
	if opts.Lead == nil {
		opts.Lead = func() error { return nil }
	}
	return &Producer{c: c, opts: opts, limits: map[string]int{}}
}

// Live reports whether a session is in force, so that Init is not needed.
func (p *Producer) Live() bool { return p.live }

func (p *Producer) transactional() bool { return p.opts.TransactionalID != "" }

func (p *Producer) key() coordinatorKey {
	return coordinatorKey{transactionCoordinator, p.opts.TransactionalID}
}

func (p *Producer) group() coordinatorKey {
	return coordinatorKey{groupCoordinator, p.opts.TransactionalID}
}

func (p *Producer) attempts() *attempts { return p.c.newAttempts(p.opts.Clock, p.opts.RetryFor) }

// Init begins a session. Under a transactional id it fences every other one and aborts what that has left open.
func (p *Producer) Init(ctx context.Context) error {
	p.live = false
	clear(p.limits)
	var err error
	if p.transactional() {
		err = p.c.onCoordinator(ctx, p.key(), p.attempts(), func(node int32) error { return p.begin(ctx, node) })
	} else {
		err = p.beginIdempotent(ctx)
	}
	var final finalError
	switch {
	case errors.As(err, &final):
		return final.error
	case err != nil:
		return p.explainInit(err)
	}
	p.live, p.open = true, false
	p.sequences, p.known, p.added = map[partitionKey]int32{}, map[partitionKey]bool{}, map[partitionKey]bool{}
	return nil
}

// beginIdempotent asks any broker for an id.
func (p *Producer) beginIdempotent(ctx context.Context) error {
	t := p.attempts()
	defer t.done()
	for {
		err := p.begin(ctx, anyBroker)
		if err == nil {
			return t.well()
		}
		switch decideCoordinator(err) {
		case Stop:
			return err
		case Refresh:
			p.c.Refresh()
		}
		if err := t.after(ctx, err); err != nil {
			return err
		}
	}
}

// begin asks one broker for id and epoch.
func (p *Producer) begin(ctx context.Context, node int32) error {
	if err := p.opts.Lead(); err != nil {
		return finalError{err}
	}
	id, epoch, err := p.c.initProducer(ctx, node, p.opts.TransactionalID, p.opts.Timeout)
	if err != nil {
		return err
	}
	p.txn = txn{p.opts.TransactionalID, id, epoch}
	p.style = oldStyle
	if p.transactional() {
		p.style, err = p.c.transactionStyle(ctx, node)
	}
	return err
}

func (p *Producer) explainInit(err error) error {
	op := "begin idempotent session"
	if p.transactional() {
		op = "begin session of transactional id " + p.opts.TransactionalID
	}
	switch {
	case errors.Is(err, codeInvalidTxnTimeout):
		return fmt.Errorf("kafka: %s: transaction timeout %s is more than transaction.max.timeout.ms of the brokers: %w", op, p.opts.Timeout, err)
	case errors.Is(err, codeProducerFenced), errors.Is(err, codeInvalidEpoch):
		return &FencedError{p.opts.TransactionalID, op, err}
	}
	return fmt.Errorf("kafka: %s: %w", op, p.c.denied(err, resources{txn: p.opts.TransactionalID}))
}

// CommitRecord reads what the last committed transaction has said on partition 0 of a topic. It is final after Init.
// Without a session it is what was true a moment ago: whoever is in force may be about to change it.
func (p *Producer) CommitRecord(ctx context.Context, topic string) (r CommitRecord, found bool, err error) {
	err = p.c.onCoordinator(ctx, p.group(), p.attempts(), func(node int32) (err error) {
		var o GroupOffset
		o, found, err = p.c.fetchOffset(ctx, node, p.opts.TransactionalID, topic, 0, p.live)
		r = CommitRecord{Batch: o.Offset, Metadata: o.Metadata}
		return err
	})
	if err != nil || !found {
		return CommitRecord{}, false, p.explain("read commit record", topic, err)
	}
	return r, true, nil
}

func (p *Producer) explain(op, topic string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("kafka: %s of transactional id %s: %w", op, p.opts.TransactionalID,
		p.c.denied(err, resources{"Describe", topic, p.opts.TransactionalID}))
}

// MaxMessageBytes returns how many bytes a batch of a topic may have, 0 if the brokers do not say. It is asked for once
// a session.
func (p *Producer) MaxMessageBytes(ctx context.Context, topic string) int {
	limit, known := p.limits[topic]
	if known {
		return limit
	}
	// Whoever may not read the configuration still may write; the broker then refuses what is too large.
	configs, err := p.c.TopicConfigs(ctx, topic, "max.message.bytes")
	if err == nil {
		limit, _ = strconv.Atoi(configs["max.message.bytes"])
	}
	if err == nil || isCode(err) {
		p.limits[topic] = limit
	}
	return limit
}

const opWriteRecord = "write commit record"

// Commit writes the record and commits the transaction with all that was produced since the last one; without any it is
// a transaction of the record alone. The topic must exist.
func (p *Producer) Commit(ctx context.Context, topic string, r CommitRecord) error {
	if !p.transactional() {
		return errNotTransactional
	}
	o := GroupOffset{Topic: topic, Offset: r.Batch, LeaderEpoch: -1, Metadata: r.Metadata}
	p.openTransaction()
	if !p.style.implicit {
		err := p.transact(ctx, "add commit record to transaction", topic, p.key(), func(node int32) error {
			return p.c.addOffsets(ctx, node, p.txn, p.opts.TransactionalID)
		})
		if err != nil {
			return err
		}
	}
	err := p.transact(ctx, opWriteRecord, topic, p.group(), func(node int32) error {
		return p.c.commitTxnOffset(ctx, node, p.txn, p.style.commitOffsets, p.opts.TransactionalID, o)
	})
	if err != nil {
		return err
	}
	if p.opts.Recorded != nil {
		if err := p.opts.Recorded(); err != nil {
			p.live = false
			return err
		}
	}
	return p.end(ctx, topic, true)
}

// Abort ends the transaction without its records, if one is open. When that fails the session is over.
func (p *Producer) Abort(ctx context.Context) error {
	if !p.live || !p.open || !p.transactional() {
		return nil
	}
	return p.end(ctx, "", false)
}

func (p *Producer) openTransaction() {
	if !p.open {
		p.open, p.began = true, p.opts.Clock.Now()
	}
}

func (p *Producer) end(ctx context.Context, topic string, commit bool) error {
	op := map[bool]string{true: "commit transaction", false: "abort transaction"}[commit]
	var next txn
	err := p.transact(ctx, op, topic, p.key(), func(node int32) (err error) {
		next, err = p.c.endTransaction(ctx, node, p.txn, p.style.end, commit)
		return err
	})
	if err != nil {
		return err
	}
	p.open = false
	clear(p.added)
	if next != p.txn {
		p.txn = next
		clear(p.sequences) // they begin at 0 in every epoch
		clear(p.known)
	}
	return nil
}

// transact makes a call of the transaction until the coordinator takes it. It is never made again after an outcome that
// is not known.
func (p *Producer) transact(ctx context.Context, op, topic string, k coordinatorKey, f func(node int32) error) error {
	t := p.attempts()
	defer t.done()
	for {
		if err := p.check(ctx, op); err != nil {
			return err
		}
		node, err := p.lookUp(ctx, k)
		if err != nil {
			return p.over(op, topic, decideLookUp(err), err)
		}
		err = f(node)
		switch v := decideTransactional(err); v {
		case done:
			return t.well()
		case again:
		case find:
			p.c.forgetCoordinator(k)
		default:
			return p.over(op, topic, v, err)
		}
		if err := t.after(ctx, err); err != nil {
			return p.over(op, topic, lost, err)
		}
	}
}

// lookUp finds a coordinator, which may be asked for as often as it takes.
func (p *Producer) lookUp(ctx context.Context, k coordinatorKey) (node int32, err error) {
	err = p.c.onCoordinator(ctx, k, p.attempts(), func(n int32) error {
		node = n
		return nil
	})
	return node, err
}

// decideLookUp judges why a coordinator was not found.
func decideLookUp(err error) verdict {
	if decideCoordinator(err) == Stop {
		return refused
	}
	return lost
}

// check says why a call of the session must not be made.
func (p *Producer) check(ctx context.Context, op string) error {
	if !p.live {
		return &IndefiniteError{op, errNoSession}
	}
	if ctx.Err() != nil {
		return p.over(op, "", lost, context.Cause(ctx))
	}
	open := p.opts.Clock.Now().Sub(p.began)
	if !p.transactional() || !p.open || open < p.opts.Timeout-timeoutMargin(p.opts.Timeout) {
		return nil
	}
	return p.over(op, "", lost, &SlowTransactionError{open, p.opts.Timeout})
}

// timeoutMargin is how long before its time-out a transaction is given up: a commit on its way must still arrive.
func timeoutMargin(timeout time.Duration) time.Duration { return min(timeout/10, 5*time.Second) }

// over ends the session.
func (p *Producer) over(op, topic string, v verdict, err error) error {
	p.live = false
	switch {
	case v == fenced && p.transactional():
		return &FencedError{p.opts.TransactionalID, op, err}
	case v == fenced, v == lost:
		if !isCode(err) {
			p.c.Refresh() // nothing may come through an old connection any more
		}
		return &IndefiniteError{op, err}
	}
	right := "Write"
	if op == opWriteRecord {
		right = "Read" // brokers want that of everybody who commits offsets in a topic
	}
	return fmt.Errorf("kafka: %s: %w", op, p.c.denied(err, resources{right, topic, p.opts.TransactionalID}))
}

// addMissing makes the partitions of the batches part of the transaction, where brokers do not do that by themselves.
func (p *Producer) addMissing(ctx context.Context, queues map[partitionKey]*queue) error {
	if !p.transactional() || p.style.implicit {
		return nil
	}
	var keys []partitionKey
	for k := range maps.Keys(queues) {
		if !p.added[k] {
			keys = append(keys, k)
		}
	}
	if len(keys) == 0 {
		return nil
	}
	slices.SortFunc(keys, partitionKey.compare)
	err := p.transact(ctx, "add partitions to transaction", keys[0].topic, p.key(), func(node int32) error {
		return p.c.addPartitions(ctx, node, p.txn, keys)
	})
	if err != nil {
		return err
	}
	for _, k := range keys {
		p.added[k] = true
	}
	return nil
}
