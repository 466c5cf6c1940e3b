package output

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/millrace/millrace/internal/failpoint"
	"github.com/millrace/millrace/internal/kafka"
)

// Waits between two attempts double from the first to the longest.
const (
	kafkaWaitFirst = 50 * time.Millisecond
	kafkaWaitMost  = time.Second
)

// recordAge is when a commit record is written once more. Brokers forget offsets after 7 days by default.
const recordAge = 24 * time.Hour

// askFor is how long [CheckKafka] tries to ask.
const askFor = 5 * time.Second

// openSession begins to write. The record is read before: who finds that it belongs to somebody else must not end his
// session. It is read again behind: what it says then is final, because nobody else can change it any more.
func (k *Kafka) openSession(ctx context.Context) error {
	k.session = false
	if k.cfg.AtLeastOnce {
		if err := k.producer.Init(ctx); err != nil {
			return err
		}
		k.session = true
		return nil
	}
	if _, _, err := k.read(ctx); err != nil {
		return err
	}
	if err := failpoint.Hit(failpoint.KafkaInit); err != nil {
		return err
	}
	if err := k.producer.Init(ctx); err != nil { // it looks for a newer driver first
		return err
	}
	if err := failpoint.Hit(failpoint.KafkaInitialized); err != nil {
		return err
	}
	r, found, err := k.read(ctx)
	if err != nil {
		return err
	}
	k.record, k.found, k.session = r, found, true
	return nil
}

// read returns the commit record, if there is one.
func (k *Kafka) read(ctx context.Context) (commitRecord, bool, error) {
	from, found, err := k.producer.CommitRecord(ctx, k.cfg.Topic)
	if err != nil || !found {
		return commitRecord{}, false, err
	}
	r, err := k.readRecord(from)
	return r, err == nil, err
}

// CheckKafka reports whether the topic's commit record is somebody else's, by the errors of OpenKafka. What cannot be asked now is for
// OpenKafka to say. It changes nothing, and closes cluster.
func CheckKafka(ctx context.Context, cluster KafkaCluster, cfg KafkaConfig) error {
	defer cluster.Close()
	k := &Kafka{cfg: cfg.withDefaults(), cluster: cluster}
	if k.cfg.AtLeastOnce {
		return nil
	}
	k.producer = cluster.NewProducer(kafka.ProducerOptions{TransactionalID: k.cfg.TransactionalID, Timeout: k.cfg.TransactionTimeout, RetryFor: min(k.cfg.RetryFor, askFor)})
	_, _, err := k.read(ctx)
	var owned *OwnedError
	var conflict *ConflictError
	if errors.As(err, &owned) || errors.As(err, &conflict) {
		return err
	}
	return ctx.Err()
}

// publishOnce makes the batch visible together with its record, unless the record says that it is.
func (k *Kafka) publishOnce(ctx context.Context, p *Prepared, work *kafkaWork) error {
	want := commitRecord{Batch: p.Info.Batch, Owner: k.cfg.Opening.Owner, RangeHash: p.Info.RangeHash, Rows: p.Rows}
	if len(p.Files) > 0 {
		want.RowsSHA256 = p.Files[0].RowsSHA256
	}
	if done, err := k.holds(want); done || err != nil || p.Rows == 0 {
		return err
	}
	return k.transact(ctx, want, work)
}

// holds reports whether the record says that a batch is committed. One that it has with other rows is a conflict.
func (k *Kafka) holds(want commitRecord) (bool, error) {
	switch have := k.record; {
	case !k.found || have.Batch < want.Batch:
		return false, nil
	case have.Batch > want.Batch:
		return true, nil // batches are committed in order
	case have.RangeHash != want.RangeHash:
		return false, k.conflict("has batch %d with range hash %.12s, the log has it with %.12s: two copies of this checkpoint have gone different ways; restore the one that wrote last", want.Batch, have.RangeHash, want.RangeHash)
	case want.Rows == 0:
		return false, k.conflict("has %d rows of batch %d from an earlier attempt, this run has none; nothing can be removed: find out what has changed", have.Rows, want.Batch)
	case have.RowsSHA256 != "" && !have.same(want):
		return false, k.conflict("has batch %d with other rows: %d with rows_sha256 %.12s, this run has %d with %.12s; nothing is written over: find out what has changed", want.Batch, have.Rows, have.RowsSHA256, want.Rows, want.RowsSHA256)
	}
	return true, nil
}

// transact commits record batches and a record. When a session ends on the way, without a newer driver being the reason, it is
// begun anew and the record says what has happened.
func (k *Kafka) transact(ctx context.Context, want commitRecord, work *kafkaWork) error {
	return k.persist(ctx, func() error {
		if !k.session {
			if done, err := k.resume(ctx, want); done || err != nil {
				return err
			}
		}
		want.At = k.cfg.Opening.Clock.Now().UnixMicro()
		r, err := want.encode()
		if err != nil {
			return err
		}
		if err := k.encoder.each(ctx, work, k.produce); err != nil {
			return err
		}
		if err := k.producer.Commit(ctx, k.cfg.Topic, r); err != nil {
			return err
		}
		k.record, k.found = want, true
		return failpoint.Hit(failpoint.KafkaCommitted)
	})
}

// produce writes batches into a transaction, which stays open.
func (k *Kafka) produce(ctx context.Context, batches []kafka.ProduceBatch) error {
	if err := failpoint.Hit(failpoint.KafkaProduce); err != nil {
		return err
	}
	if err := k.producer.Produce(ctx, batches); err != nil {
		return err
	}
	return failpoint.Hit(failpoint.KafkaProduced)
}

// resume begins a new session behind one that ended while a record was on its way: either it has arrived, or what was
// there before still is. done says that want has come with its rows.
func (k *Kafka) resume(ctx context.Context, want commitRecord) (done bool, err error) {
	before, had := k.record, k.found
	if err := k.openSession(ctx); err != nil {
		return false, err
	}
	switch {
	case k.found && k.record.same(want):
		return want.Rows > 0, nil
	case k.found == had && k.record.same(before):
		return false, nil
	}
	now := "no batch"
	if k.found {
		now = fmt.Sprintf("batch %d", k.record.Batch)
	}
	return false, k.conflict("the commit record says %s, while this run has left it at batch %d: another program writes with transactional id %s", now, before.Batch, k.cfg.TransactionalID)
}

// publishAgain writes the batch without a transaction, whether an earlier process has done so or not.
func (k *Kafka) publishAgain(ctx context.Context, p *Prepared, work *kafkaWork) error {
	if p.Info.Batch <= k.published || p.Rows == 0 {
		return nil
	}
	err := k.persist(ctx, func() error {
		if !k.session {
			if err := k.openSession(ctx); err != nil {
				return err
			}
		}
		return k.encoder.each(ctx, work, k.producer.Produce)
	})
	if err == nil {
		k.published = p.Info.Batch
	}
	return err
}

// persist tries again when a session has ended without an answer or by somebody's accident, as long as no newer driver
// is the reason and for no longer than a broker takes to fail over. Time alone is no reason to give up the first time: a
// process that was paused finds its transaction ended, and all is well.
func (k *Kafka) persist(ctx context.Context, try func() error) error {
	clock, wait := k.cfg.Opening.Clock, kafkaWaitFirst
	began := clock.Now()
	for first := true; ; first = false {
		err := try()
		if err == nil {
			return nil
		}
		k.session = false
		ended := sessionEnded(err)
		if ended == notEnded || ended == byTime && !first || ctx.Err() != nil {
			return err
		}
		if lead := k.cfg.Opening.Lead(); lead != nil {
			return lead
		}
		if spent := clock.Now().Sub(began); spent+wait > k.cfg.RetryFor && !(first && ended != withoutAnswer) {
			return fmt.Errorf("given up after %s: %w", spent.Round(time.Millisecond), err)
		}
		if err := clock.Wait(ctx, wait); err != nil {
			return err
		}
		wait = min(2*wait, kafkaWaitMost)
		k.cluster.Refresh()
	}
}

// ending is how a session has ended.
type ending int

const (
	notEnded      ending = iota // or for good: trying again cannot help
	withoutAnswer               // brokers have been asked for as long as it makes sense, or will be
	byOthers                    // fenced, or its transaction was ended by the broker
	byTime                      // its transaction is open for too long: this process was paused, or it would be again
)

func sessionEnded(err error) ending {
	switch {
	case errors.As(err, new(*kafka.SlowTransactionError)):
		return byTime
	case errors.As(err, new(*kafka.FencedError)):
		return byOthers
	case errors.As(err, new(*kafka.IndefiniteError)):
		return withoutAnswer
	}
	return notEnded
}

// Record implements [Recorder].
func (k *Kafka) Record(ctx context.Context, s Standing) error {
	if k.cfg.AtLeastOnce {
		return k.named(errors.New("at least once, there is no commit record"))
	}
	return k.named(k.transact(ctx, commitRecord{Batch: s.Batch, Owner: k.cfg.Opening.Owner, RangeHash: s.RangeHash}, &kafkaWork{}))
}

// Refresh implements [Recorder]: it writes the record once a day, because brokers forget offsets that nobody commits.
func (k *Kafka) Refresh(ctx context.Context) error {
	due := time.UnixMicro(k.record.At).Add(recordAge)
	if k.cfg.AtLeastOnce || !k.found || k.cfg.Opening.Clock.Now().Before(due) {
		return nil
	}
	return k.named(k.transact(ctx, k.record, &kafkaWork{}))
}
