package offsets

import (
	"testing"
	"time"

	"github.com/millrace/millrace/internal/kafka"
)

// TestNoteOpen: a partition is held since it was first seen so at that offset; one that moves on begins anew. That nobody
// tells whose transaction it is does no harm, and nobody is asked twice.
func TestNoteOpen(t *testing.T) {
	client, err := kafka.NewClient(kafka.Options{Brokers: []string{"127.0.0.1:1"}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	k := NewKafka(client, KafkaOptions{ReadCommitted: true})
	survey := func(last surveyed, ends ...int64) (surveyed, []PartitionState) {
		var states []PartitionState
		for p, end := range ends {
			states = append(states, state(int32(p), 0, end, 9))
		}
		return surveyed{partitions: named(states), open: k.noteOpen(t.Context(), states, last)}, states
	}
	last, states := survey(surveyed{}, 9, 4, 5)
	if states[0].Open.Since != 0 || states[1].Open.Since == 0 || states[1].Open.ProducerID != -1 {
		t.Errorf("first %+v", states)
	}
	if held := last.open[states[1].name()]; !held.asked || last.open[states[2].name()].asked {
		t.Errorf("asked of %+v; want one that fails to be the last", last.open)
	}
	held := last.open[states[1].name()]
	held.since, held.Since = time.Now().Add(-time.Hour), 17
	last.open[states[1].name()] = held
	last, states = survey(last, 9, 4, 6)
	if states[1].Open.Since != 17 || states[2].Open.Since == 0 || last.open[states[2].name()].asked {
		t.Errorf("second %+v, %+v", states, last.open)
	}
	if last, states = survey(last, 9, 9, 6); states[1].Open.Since != 0 || len(last.open) != 1 {
		t.Errorf("third %+v, %+v", states, last.open)
	}
	k.opts.ReadCommitted = false
	if last, states = survey(last, 9, 4, 6); states[1].Open.Since != 0 || len(last.open) != 0 {
		t.Errorf("read_uncommitted %+v, %+v", states, last.open)
	}
}
