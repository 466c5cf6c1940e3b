package kafka

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/segmentio/kafka-go/protocol"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

func TestTransactions(t *testing.T) {
	styles(t, func(t *testing.T, cluster *kfake.Cluster) {
		f := newFixture(t, cluster)
		if f.style.implicit != strings.HasSuffix(t.Name(), "new") {
			t.Fatalf("style %+v", f.style)
		}
		for n, values := range []string{"a b c d", "e f", "g"} {
			if err := f.produce(t, strings.Fields(values)...); err != nil {
				t.Fatal(err)
			}
			var err error
			if n == 1 {
				err = f.Abort(t.Context())
			} else {
				err = f.commit(t, int64(n))
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		f.wantVisible(t, "a c g|b d")
		f.begin(t)
		if r, found, err := f.CommitRecord(t.Context(), "ads"); err != nil || !found || r != (CommitRecord{2, "checkpoint"}) {
			t.Errorf("record %+v, %v, %v", r, found, err)
		}
	})
}

// TestPassingWriteFaults injects what passes by itself, in each request of a transaction: all is written once.
func TestPassingWriteFaults(t *testing.T) {
	coordination := []*kerr.Error{kerr.ConcurrentTransactions, kerr.CoordinatorLoadInProgress, kerr.CoordinatorNotAvailable, kerr.NotCoordinator}
	for key, codes := range map[kmsg.Key][]*kerr.Error{
		kmsg.Produce: {kerr.NotLeaderForPartition, kerr.UnknownTopicOrPartition, kerr.RequestTimedOut, kerr.NotEnoughReplicas,
			kerr.NotEnoughReplicasAfterAppend, kerr.ConcurrentTransactions, kerr.UnknownServerError},
		kmsg.InitProducerID:     coordination,
		kmsg.AddPartitionsToTxn: coordination,
		kmsg.AddOffsetsToTxn:    coordination,
		kmsg.TxnOffsetCommit:    append(coordination[1:], kerr.ConcurrentTransactions, kerr.UnknownTopicOrPartition),
		kmsg.EndTxn:             coordination,
		kmsg.FindCoordinator:    coordination[1:3],
		kmsg.OffsetFetch:        {kerr.UnstableOffsetCommit, kerr.NotCoordinator},
	} {
		for _, code := range codes {
			t.Run(key.Name()+" "+code.Message, func(t *testing.T) {
				styles(t, func(t *testing.T, cluster *kfake.Cluster) {
					if strings.HasSuffix(t.Name(), "new") && (key == kmsg.AddPartitionsToTxn || key == kmsg.AddOffsetsToTxn) {
						return // the new style has no such requests
					}
					fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: code, Count: 3})
					f := newFixture(t, cluster)
					for _, values := range []string{"a b c d", "e f g h"} {
						if err := f.produce(t, strings.Fields(values)...); err != nil {
							t.Fatal(err)
						}
						if err := f.commit(t, 1); err != nil {
							t.Fatal(err)
						}
					}
					if _, found, err := f.CommitRecord(t.Context(), "ads"); err != nil || !found {
						t.Errorf("record: %v, %v", found, err)
					}
					f.wantVisible(t, "a c e g|b d f h")
					if fault.Hits() < 3 {
						t.Errorf("met the fault %d times", fault.Hits())
					}
				})
			})
		}
	}
}

// TestSessionEnds injects what ends a session, in each request of a transaction, and begins another one. Nothing is
// asked for twice, and only what the commit record says is visible.
func TestSessionEnds(t *testing.T) {
	fenced := []*kerr.Error{kerr.InvalidProducerEpoch, kerr.ProducerFenced, kerr.InvalidTxnState, kerr.InvalidProducerIDMapping}
	for _, key := range []kmsg.Key{kmsg.Produce, kmsg.AddPartitionsToTxn, kmsg.AddOffsetsToTxn, kmsg.TxnOffsetCommit, kmsg.EndTxn} {
		for _, code := range append(fenced, kerr.UnknownServerError, kerr.RequestTimedOut) {
			if key == kmsg.Produce && (code == kerr.UnknownServerError || code == kerr.RequestTimedOut) {
				continue // a batch may be sent again
			}
			t.Run(key.Name()+" "+code.Message, func(t *testing.T) {
				styles(t, func(t *testing.T, cluster *kfake.Cluster) {
					if strings.HasSuffix(t.Name(), "new") && (key == kmsg.AddPartitionsToTxn || key == kmsg.AddOffsetsToTxn) {
						return // the new style has no such requests
					}
					f := newFixture(t, cluster)
					fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: code, Count: -1})
					err := f.produce(t, "a")
					if err == nil {
						err = f.commit(t, 1)
					}
					wantOver(t, f, err, code.Code)
					if fault.Hits() != 1 {
						t.Errorf("asked %d times", fault.Hits())
					}
					fault.Remove()
					f.rerun(t)
				})
			})
		}
	}
}

func wantOver(t *testing.T, f *fixture, err error, code int16) {
	t.Helper()
	var other *FencedError
	var indefinite *IndefiniteError
	ok := errors.As(err, &indefinite)
	if decideTransactional(Code(code)) == fenced {
		ok = errors.As(err, &other)
	}
	if !ok || !errors.Is(err, Code(code)) || f.Live() {
		t.Errorf("error %v, live %v", err, f.Live())
	}
	if err := f.produce(t, "late"); !errors.Is(err, errNoSession) {
		t.Errorf("the session still takes batches: %v", err)
	}
	if err := f.commit(t, 99); !errors.Is(err, errNoSession) {
		t.Errorf("the session still commits: %v", err)
	}
}

// rerun begins another session and writes what the commit record does not have.
func (f *fixture) rerun(t *testing.T) {
	t.Helper()
	f.begin(t)
	_, found, err := f.CommitRecord(t.Context(), "ads")
	if err != nil {
		t.Fatal(err)
	}
	if !found {
		if err := errors.Join(f.produce(t, "a"), f.commit(t, 1)); err != nil {
			t.Fatal(err)
		}
	}
	f.wantVisible(t, "a|")
}

// TestBrokenConnections breaks the connection in each request of a transaction: before it arrives, before the answer
// comes and inside the answer. Batches are sent again; whatever else is lost ends the session.
func TestBrokenConnections(t *testing.T) {
	keys := []protocol.ApiKey{protocol.Produce, protocol.AddPartitionsToTxn, protocol.AddOffsetsToTxn, protocol.TxnOffsetCommit, protocol.EndTxn, protocol.InitProducerId}
	for _, key := range keys {
		for _, cut := range []struct {
			name   string
			before bool
			behind int
		}{{name: "before", before: true}, {name: "answer"}, {name: "inside the answer", behind: 7}} {
			t.Run(fmt.Sprint(key, " ", cut.name), func(t *testing.T) {
				styles(t, func(t *testing.T, cluster *kfake.Cluster) {
					if strings.HasSuffix(t.Name(), "new") && (key == protocol.AddPartitionsToTxn || key == protocol.AddOffsetsToTxn) {
						return // the new style has no such requests
					}
					f := newFixture(t, cluster)
					f.cuts.arm(key, cut.before, cut.behind)
					if key == protocol.InitProducerId {
						f.begin(t)
					}
					err := f.produce(t, "a")
					if err == nil {
						err = f.commit(t, 1)
					}
					var indefinite *IndefiniteError
					repeated := key == protocol.Produce || key == protocol.InitProducerId
					if repeated != (err == nil) || !repeated && !errors.As(err, &indefinite) || f.cuts.hits != 1 {
						t.Errorf("error %v after %d cuts", err, f.cuts.hits)
					}
					f.begin(t)
					_, found, err := f.CommitRecord(t.Context(), "ads")
					applied := repeated || key == protocol.EndTxn && !cut.before
					if err != nil || found != applied {
						t.Errorf("record found %v, %v; want %v", found, err, applied)
					}
					f.rerun(t)
				})
			})
		}
	}
}

// TestManyBatches sends more batches to each partition than may be on their way, through faults in between: they stay
// in order.
func TestManyBatches(t *testing.T) {
	styles(t, func(t *testing.T, cluster *kfake.Cluster) {
		f := newFixture(t, cluster)
		requests := 0
		codes := []*kerr.Error{kerr.NotLeaderForPartition, kerr.RequestTimedOut, kerr.NotEnoughReplicas, kerr.NotEnoughReplicasAfterAppend}
		for i, code := range codes {
			cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: code, Count: 2, Partitions: []int32{int32(i % 2)},
				When: func(kmsg.Request) bool { requests++; return requests%(3+i) == 0 }})
		}
		var batches []ProduceBatch
		var want [2][]string
		for n := range 60 {
			p := n % 3 % 2
			batches = append(batches, batchTo(t, int32(p), fmt.Sprint(n), fmt.Sprint(n, "b")))
			want[p] = append(want[p], fmt.Sprint(n), fmt.Sprint(n, "b"))
		}
		if err := f.Produce(t.Context(), batches); err != nil {
			t.Fatal(err)
		}
		if err := f.commit(t, 1); err != nil {
			t.Fatal(err)
		}
		f.wantVisible(t, strings.Join(want[0], " ")+"|"+strings.Join(want[1], " "))
		if len(f.clock.slept) == 0 {
			t.Error("met no fault")
		}
	})
}

// TestBudget: a broker that never takes a batch or a call is given up after the budget, with growing waits.
func TestBudget(t *testing.T) {
	styles(t, func(t *testing.T, cluster *kfake.Cluster) {
		for _, key := range []kmsg.Key{kmsg.Produce, kmsg.EndTxn} {
			f := newFixture(t, cluster)
			f.opts.RetryFor, f.opts.Timeout = 3*time.Second, time.Hour
			fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{key}, Err: kerr.ConcurrentTransactions, Count: -1})
			err := f.produce(t, "a")
			if err == nil {
				err = f.commit(t, 1)
			}
			fault.Remove()
			var indefinite *IndefiniteError
			if !errors.As(err, &indefinite) || !errors.Is(err, codeConcurrentTxns) || !strings.Contains(err.Error(), "given up after 2.9") {
				t.Errorf("%s: error %v", key.Name(), err)
			}
			if n := len(f.clock.slept); n < 140 || n > 170 || f.clock.slept[0] != time.Millisecond || f.clock.slept[n-1] != markersWaitMost {
				t.Errorf("%s: %d waits from %s to %s", key.Name(), n, f.clock.slept[0], f.clock.slept[n-1])
			}
		}
	})
}

// TestSlowTransaction: a transaction that the broker may have ended by itself is never committed.
func TestSlowTransaction(t *testing.T) {
	styles(t, func(t *testing.T, cluster *kfake.Cluster) {
		f := newFixture(t, cluster)
		for _, test := range []struct {
			open time.Duration
			slow bool
		}{{54 * time.Second, false}, {55 * time.Second, true}, {time.Hour, true}} {
			f.clock.pass(time.Hour) // between transactions time does not matter
			if err := f.produce(t, "x"); err != nil {
				t.Fatal(err)
			}
			f.clock.pass(test.open)
			err := f.commit(t, 1)
			var slow *SlowTransactionError
			var indefinite *IndefiniteError
			if test.slow != (errors.As(err, &slow) && errors.As(err, &indefinite)) || (err == nil) == test.slow || f.Live() == test.slow {
				t.Errorf("open for %s: %v", test.open, err)
			}
			if test.slow && (slow.Open != test.open || slow.Timeout != time.Minute) {
				t.Errorf("error %+v", slow)
			}
			f.begin(t)
		}
		f.wantVisible(t, "x|")
	})
}

// TestNothingToEnd: a transaction that has not begun need not be ended; brokers would take that for a fault.
func TestNothingToEnd(t *testing.T) {
	styles(t, func(t *testing.T, cluster *kfake.Cluster) {
		f := newFixture(t, cluster)
		ends := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.EndTxn}, Err: kerr.InvalidTxnState, Count: -1})
		if err := errors.Join(f.Abort(t.Context()), f.produce(t), f.Abort(t.Context())); err != nil || ends.Hits() != 0 || !f.Live() {
			t.Errorf("error %v, %d ends", err, ends.Hits())
		}
		f.opts.TransactionalID = ""
		f.begin(t)
		if err := f.produce(t, "a"); err != nil {
			t.Fatal(err)
		}
		if err := f.commit(t, 1); err != errNotTransactional {
			t.Errorf("commit without a transaction: %v", err)
		}
		if err := f.Abort(t.Context()); err != nil || ends.Hits() != 0 {
			t.Errorf("abort without a transaction: %v", err)
		}
	})
}

// TestLead: whoever no longer owns the job does not fence who does.
func TestLead(t *testing.T) {
	cluster := fake(t)
	fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.InitProducerID}, Err: kerr.ConcurrentTransactions, Count: 2})
	asked := 0
	newer := errors.New("a newer epoch")
	c := client(t, Options{Brokers: cluster.ListenAddrs()})
	p := c.NewProducer(ProducerOptions{TransactionalID: "views", Clock: newTick(), Lead: func() error {
		if asked++; asked == 5 {
			return newer
		}
		return nil
	}})
	if err := p.Init(t.Context()); err != nil || asked != 3 || fault.Hits() != 2 {
		t.Errorf("error %v, asked %d times", err, asked)
	}
	if err := p.Init(t.Context()); err != nil {
		t.Error(err)
	}
	if err := p.Init(t.Context()); err != newer || p.Live() {
		t.Errorf("error %v, live %v", err, p.Live())
	}
}

// TestIdempotentOnly writes without transactions, through a broken connection.
func TestIdempotentOnly(t *testing.T) {
	styles(t, func(t *testing.T, cluster *kfake.Cluster) {
		f := newFixture(t, cluster)
		f.opts.TransactionalID = ""
		f.begin(t)
		for i, v := range []string{"a", "b", "c"} {
			f.cuts.arm(protocol.Produce, i == 1, 0)
			if err := f.produce(t, v); err != nil {
				t.Fatal(err)
			}
		}
		f.wantVisible(t, "a b c|")
		if f.cuts.hits != 3 {
			t.Errorf("%d cuts", f.cuts.hits)
		}
		cluster.Fault(kfake.Fault{Keys: []kmsg.Key{kmsg.Produce}, Err: kerr.OutOfOrderSequenceNumber})
		var indefinite *IndefiniteError
		if err := f.produce(t, "d"); !errors.As(err, &indefinite) || f.Live() {
			t.Errorf("a gap: %v", err)
		}
	})
}

// TestRefusedWrites: what can never be written is told at once, with what is missing.
func TestRefusedWrites(t *testing.T) {
	for _, test := range []struct {
		key  kmsg.Key
		code *kerr.Error
		want string
	}{
		{kmsg.Produce, kerr.TopicAuthorizationFailed, "needs the ACL Write on topic ads"},
		{kmsg.Produce, kerr.TransactionalIDAuthorizationFailed, "needs the ACL Write on transactional id views"},
		{kmsg.EndTxn, kerr.TransactionalIDAuthorizationFailed, "needs the ACL Write on transactional id views"},
		{kmsg.TxnOffsetCommit, kerr.GroupAuthorizationFailed, "needs the ACL Read on group views"},
		{kmsg.Produce, kerr.InvalidTimestamp, "ads/0 does not take records: "},
		{kmsg.Produce, kerr.MessageTooLarge, "record for ads/0 is 69 bytes long, larger than 1048588 (max.message.bytes of the topic)"},
		{kmsg.TxnOffsetCommit, kerr.OffsetMetadataTooLarge, "write commit record: "},
	} {
		t.Run(test.key.Name()+" "+test.code.Message, func(t *testing.T) {
			cluster := fake(t)
			f := newFixture(t, cluster)
			f.limits["ads"] = 1 << 40 // it was larger when the session began
			fault := cluster.Fault(kfake.Fault{Keys: []kmsg.Key{test.key}, Err: test.code, Count: -1})
			err := f.produce(t, "a")
			if err == nil {
				err = f.commit(t, 1)
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || fault.Hits() != 1 || f.Live() {
				t.Errorf("%d times: error %v\nwant … %s", fault.Hits(), err, test.want)
			}
		})
	}
}

// TestFlights cuts queues into requests of at most 8 MiB; the leader of partition 2 does not know the producer yet.
func TestFlights(t *testing.T) {
	big := EncodedBatch{payload: make([]byte, 3<<20)}
	q := func(partition int32, n int) *queue {
		q := &queue{key: partitionKey{"ads", partition}, known: partition != 2}
		for i := range n {
			q.items = append(q.items, sequenced{ProduceBatch{"ads", partition, big}, int32(i), i})
		}
		return q
	}
	queues := []*queue{q(0, 1), q(1, 6), q(2, 2), q(3, 1)}
	var shown []string
	for {
		requests := nextFlight(queues)
		if len(requests) == 0 {
			break
		}
		for _, r := range requests {
			var text []string
			for _, b := range r {
				text = append(text, fmt.Sprint(b.Partition, ".", b.sequence))
			}
			shown = append(shown, strings.Join(text, " "))
		}
		shown = append(shown, "/")
		for _, q := range queues {
			q.items, q.sent = q.items[q.sent:], 0
		}
	}
	want := "0.0 1.0, 1.1 2.0, 1.2 3.0, 1.3, /, 1.4 2.1, 1.5, /"
	ahead := q(0, 5)
	ahead.items = append(ahead.items[:1], ahead.items[3:]...) // the second and third were taken, the first was not
	if got := nextFlight([]*queue{ahead}); len(got) != 2 {
		t.Errorf("%d batches on their way, want the first and the fourth", len(got))
	}
	if got := strings.Join(shown, ", "); got != want {
		t.Errorf("requests\n%s, want\n%s", got, want)
	}
}
