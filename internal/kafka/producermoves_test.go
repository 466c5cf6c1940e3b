package kafka

import (
	"errors"
	"fmt"
	"maps"
	"sync/atomic"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/kmsg"
)

// TestLeadersMove has another broker lead, and others coordinate, before each call of a transaction.
func TestLeadersMove(t *testing.T) {
	styles(t, func(t *testing.T, cluster *kfake.Cluster) {
		f := newFixture(t, cluster)
		for n := range int64(4) {
			for p := range int32(2) {
				if err := cluster.MoveTopicPartition("ads", p, int32(n+int64(p))%3); err != nil {
					t.Fatal(err)
				}
			}
			for _, v := range []string{"a", "b"} {
				if err := f.produce(t, v); err != nil {
					t.Fatal(err)
				}
				cluster.RehashCoordinators()
			}
			if err := f.commit(t, n); err != nil {
				t.Fatal(err)
			}
		}
		f.wantVisible(t, "a b a b a b a b|")
	})
}

// TestEmptyAnswer: an answer that leaves a partition out says nothing of it; the batch is sent again after a wait.
func TestEmptyAnswer(t *testing.T) {
	cluster := fake(t)
	f := newFixture(t, cluster)
	empty := 0
	cluster.ControlKey(int16(kmsg.Produce), func(q kmsg.Request) (kmsg.Response, error, bool) {
		empty++
		return q.ResponseKind(), nil, true
	})
	if err := errors.Join(f.produce(t, "a"), f.commit(t, 1)); err != nil || empty != 1 || len(f.clock.slept) != 1 {
		t.Fatal(err, empty, f.clock.slept)
	}
	f.wantVisible(t, "a|")
}

// TestRecordOfOthers reads the commit record while whoever is in force has written the next one and not committed it.
// Without a session that is not waited for; the one that Init begins ends it first.
func TestRecordOfOthers(t *testing.T) {
	styles(t, func(t *testing.T, cluster *kfake.Cluster) {
		f := newFixture(t, cluster)
		if err := f.commit(t, 1); err != nil {
			t.Fatal(err)
		}
		cluster.ControlKey(int16(kmsg.EndTxn), func(kmsg.Request) (kmsg.Response, error, bool) {
			return nil, errors.New("hang up"), true
		})
		if err := f.commit(t, 2); err == nil {
			t.Fatal("nothing hung up")
		}
		clock := newTick()
		other := f.c.NewProducer(ProducerOptions{TransactionalID: "views", Clock: clock})
		for _, session := range []bool{false, true} {
			if session {
				if err := other.Init(t.Context()); err != nil {
					t.Fatal(err)
				}
			}
			r, found, err := other.CommitRecord(t.Context(), "ads")
			if err != nil || !found || r.Batch != 1 || len(clock.slept) > 0 {
				t.Errorf("session %v: record %+v, %v, %v after %d waits", session, r, found, err, len(clock.slept))
			}
		}
	})
}

// TestOddAnswers: what cannot be is an error.
func TestOddAnswers(t *testing.T) {
	none := []byte{0, 0, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 0}
	if _, _, err := parseInitProducer(&answer{b: none, flexible: true}); err != errShortAnswer {
		t.Errorf("no producer and no error: %v", err)
	}
	if _, err := parseEndTransaction(&answer{b: none, flexible: true}, txn{}, newStyle.end); err != errShortAnswer {
		t.Errorf("no next producer and no error: %v", err)
	}
	refused := []byte{2, 4, 'a', 'd', 's', 3, 0, 0, 0, 0, 0, 55, 0, 0, 0, 0, 1, 0, 29, 0, 0, 0}
	if err := parseAddPartitions(&answer{b: refused, flexible: true}, 2); !errors.Is(err, codeTopicDenied) {
		t.Errorf("partition 0 was not attempted for the sake of 1, which is denied: %v", err)
	}
	if err := parseAddPartitions(&answer{b: []byte{1}, flexible: true}, 1); !errors.Is(err, errShortAnswer) {
		t.Errorf("a partition left out: %v", err)
	}
}

// TestOneRequestPerLeader writes to the partitions of two topics: each broker is asked once, for all that it leads.
func TestOneRequestPerLeader(t *testing.T) {
	styles(t, func(t *testing.T, cluster *kfake.Cluster) {
		f := newFixture(t, cluster)
		var batches []ProduceBatch
		want := map[string]int{}
		leaders := map[int32]bool{}
		for _, topic := range []string{"views", "clicks"} {
			if _, err := f.c.CreateTopic(t.Context(), TopicSpec{Name: topic, Partitions: 6, Replicas: 1}); err != nil {
				t.Fatal(err)
			}
			for p := range int32(6) {
				b := batchTo(t, p, fmt.Sprint(topic, p))
				b.Topic = topic
				batches = append(batches, b)
				want[fmt.Sprint(topic, p)] = 1
				leaders[cluster.LeaderFor(topic, p)] = true
			}
		}
		var requests atomic.Int32
		cluster.ControlKey(int16(kmsg.Produce), func(kmsg.Request) (kmsg.Response, error, bool) {
			cluster.KeepControl()
			requests.Add(1)
			return nil, nil, false
		})
		if err := f.Produce(t.Context(), batches); err != nil {
			t.Fatal(err)
		}
		if int(requests.Load()) != len(leaders) {
			t.Errorf("%d requests to %d leaders", requests.Load(), len(leaders))
		}
		if err := f.commit(t, 1); err != nil {
			t.Fatal(err)
		}
		got := map[string]int{}
		c := judge(t, cluster, kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.ConsumeTopics("views", "clicks"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
		for len(got) < len(want) {
			c.PollFetches(t.Context()).EachRecord(func(r *kgo.Record) {
				if name := fmt.Sprint(r.Topic, r.Partition); name == string(r.Value) {
					got[name]++
				} else {
					t.Errorf("%s lies in %s", r.Value, name)
				}
			})
		}
		if !maps.Equal(got, want) {
			t.Errorf("read %v, want %v", got, want)
		}
	})
}
