package kafka

import (
	"slices"
	"testing"
)

// TestNextFlight has which batches of a partition go together, by their numbers in the queue: the first of an epoch alone,
// and none so far ahead of the oldest that is not taken that the leader would have forgotten that one.
func TestNextFlight(t *testing.T) {
	for _, c := range []struct {
		name  string
		known bool
		items []int
		want  []int
	}{
		{"nobody knows the producer", false, []int{0, 1, 2}, []int{0}},
		{"as many as the leader knows again", true, []int{1, 2, 3, 4, 5, 6}, []int{1, 2, 3, 4}},
		{"the oldest was not taken, those behind it were", true, []int{1, 5, 6}, []int{1}},
		{"the oldest was not taken, some behind it were", true, []int{1, 4, 5, 6}, []int{1, 4}},
	} {
		q := &queue{known: c.known}
		for _, n := range c.items {
			q.items = append(q.items, sequenced{number: n})
		}
		var got []int
		for _, request := range nextFlight([]*queue{q}) {
			for _, b := range request {
				got = append(got, b.number)
			}
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v go together, want %v", c.name, got, c.want)
		}
	}
}
