package offsets

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafka"
)

// inEpoch is partition 0 as an answer tells it.
func inEpoch(id TopicID, epoch int32) PartitionState {
	return PartitionState{Topic: "ads", TopicID: id, LeaderEpoch: epoch}
}

func TestOutdated(t *testing.T) {
	second := state(1, 0, 9, 9)
	for _, test := range []struct {
		name   string
		states []PartitionState
		known  []Position
		want   string
	}{
		{"nothing known", []PartitionState{second}, nil, ""},
		{"as known", []PartitionState{state(0, 0, 9, 9), second}, []Position{position(0, 3), position(1, 3)}, ""},
		{"new partition", []PartitionState{state(0, 0, 9, 9), second}, []Position{position(1, 3)}, ""},
		{"partition missing", []PartitionState{second}, []Position{position(1, 3), position(0, 3)}, "ads/0 is missing"},
		{"topic made anew with fewer partitions", []PartitionState{inEpoch(newID, 0)}, []Position{position(0, 3), position(1, 3)}, ""},
		{"topic not read any more", []PartitionState{{Topic: "clicks"}}, []Position{position(0, 3)}, ""},
		{"later epoch", []PartitionState{inEpoch(oldID, 6)}, []Position{position(0, 3)}, ""},
		{"earlier epoch", []PartitionState{inEpoch(oldID, 4)}, []Position{position(0, 3)}, "ads/0 is in leader epoch 4, which was 5 before"},
		{"earlier epoch, no ids", []PartitionState{inEpoch(TopicID{}, 4)}, []Position{position(0, 3)}, "leader epoch 4"},
		{"epoch not told", []PartitionState{inEpoch(oldID, -1)}, []Position{position(0, 3)}, ""},
	} {
		err := outdated(test.states, test.known)
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
}

func TestElections(t *testing.T) {
	unknown := position(0, 3)
	unknown.LeaderEpoch = -1
	for _, test := range []struct {
		name  string
		state PartitionState
		at    Position
		want  bool
	}{
		{"same leader", inEpoch(oldID, 5), position(0, 3), false},
		{"later leader", inEpoch(oldID, 6), position(0, 3), true},
		{"later leader, no id", inEpoch(TopicID{}, 6), position(0, 3), true},
		{"earlier leader", inEpoch(oldID, 4), position(0, 3), false},
		{"another topic of that name", inEpoch(newID, 6), position(0, 3), false},
		{"another partition", inEpoch(oldID, 6), position(1, 3), false},
		{"epoch not told then", inEpoch(oldID, 6), unknown, false},
		{"epoch not told now", inEpoch(oldID, -1), position(0, 3), false},
	} {
		if got := elections([]PartitionState{test.state}, []Position{test.at}); (len(got) == 1) != test.want {
			t.Errorf("%s: %+v", test.name, got)
		}
	}
}

// TestReplaced: only an end below what was planned tells that records were lost.
func TestReplaced(t *testing.T) {
	now := state(0, 2, 30, 30)
	for end, cut := range map[int64]bool{-1: false, 0: true, 9: true, 10: false, 30: false} {
		err := replaced(position(0, 10).at(), end, now)
		want := fmt.Sprintf("ads/0 position 10: the log was cut at %d and has other records since leader epoch 5; available [2, 30)", end)
		if (err != nil) != cut || cut && err.Error() != want {
			t.Errorf("epoch ends at %d: %v", end, err)
		}
	}
	err, want := replaced(position(0, 10).at(), 5, state(0, 2, 5, 5)), "ads/0 position 10: the log was cut: it ends at 5; available [2, 5)"
	if err == nil || err.Error() != want {
		t.Errorf("%v, want %s", err, want)
	}
}

// TestRetryBelieves: a denial is believed when it has been the only answer for long enough.
func TestRetryBelieves(t *testing.T) {
	client, err := kafka.NewClient(kafka.Options{Brokers: []string{"nobody:1"}})
	if err != nil {
		t.Fatal(err)
	}
	topic, missing := &UnknownTopicError{Topic: "ads"}, fmt.Errorf("find leader: %w", &kafka.MissingError{Topic: "ads"})
	r := NewKafka(client, KafkaOptions{}).newRetry()
	r.wait = time.Nanosecond
	ago := func(d time.Duration) { r.denied = time.Now().Add(-d) }
	if err := r.after(t.Context(), topic); err != nil {
		t.Errorf("believed at once: %v", err)
	}
	ago(4 * time.Second)
	if err := r.after(t.Context(), missing); err != nil {
		t.Errorf("believed after 4 s: %v", err)
	}
	ago(6 * time.Second)
	if err := r.after(t.Context(), topic); err != error(topic) {
		t.Errorf("after 6 s: %v", err)
	}
	r.began = time.Now().Add(-time.Minute)
	ago(time.Second)
	if err := r.after(t.Context(), topic); err != nil {
		t.Errorf("the time for broken connections ends it: %v", err)
	}
	r.began = time.Now()
	ago(6 * time.Second)
	if err := r.after(t.Context(), errors.New("hung up")); err != nil {
		t.Error(err)
	}
	if err := r.after(t.Context(), topic); err != nil {
		t.Errorf("believed although the broker hung up in between: %v", err)
	}
	impatient := NewKafka(client, KafkaOptions{UnknownFor: -1}).newRetry()
	if err := impatient.after(t.Context(), topic); err != error(topic) {
		t.Errorf("told to believe at once: %v", err)
	}
}
