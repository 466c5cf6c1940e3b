package offsets

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

var (
	oldID = TopicID{1}
	newID = TopicID{2}
)

func state(partition int32, start, end, mark int64) PartitionState {
	return PartitionState{Topic: "ads", TopicID: oldID, Partition: partition, LeaderEpoch: 5, Start: start, End: end, HighWatermark: mark}
}

func position(partition int32, next int64) Position {
	return Position{Source: "events", Topic: "ads", TopicID: oldID, Partition: partition, Next: next, LeaderEpoch: 5}
}

func TestPlanRanges(t *testing.T) {
	two := []PartitionState{state(1, 0, 300, 300), state(0, 10, 110, 120)}
	for _, test := range []struct {
		name   string
		states []PartitionState
		pos    []Position
		lim    Limits
		start  Start
		want   string
	}{
		{"first, from the beginning", two, nil, Limits{}, Earliest, "0 [10, 110) 1 [0, 300)"},
		{"first, from the end", two, nil, Limits{}, Latest, "0 [110, 110) 1 [300, 300)"},
		{"no partition", nil, nil, Limits{}, Earliest, ""},
		{"on from positions", two, []Position{position(0, 50), position(1, 300)}, Limits{}, Latest, "0 [50, 110) 1 [300, 300)"},
		{"new partition begins at its beginning", two, []Position{position(0, 50)}, Limits{}, Latest, "0 [50, 110) 1 [0, 300)"},
		{"new partition, seen after the last known", []PartitionState{state(0, 0, 9, 9), state(1, 3, 9, 9)},
			[]Position{position(0, 9)}, Limits{}, Latest, "0 [9, 9) 1 [3, 9)"},
		{"limits", two, nil, Limits{Rows: 40}, Earliest, "0 [10, 20) 1 [0, 30)"},
		{"position ahead of the stable offset", two, []Position{position(0, 115), position(1, 0)}, Limits{}, Earliest, "0 [115, 115) 1 [0, 300)"},
	} {
		ranges, err := PlanRanges("events", test.states, test.pos, test.lim, test.start)
		var got []string
		for _, r := range ranges {
			got = append(got, strings.TrimPrefix(r.String(), "ads/"))
			if r.Source != "events" || r.TopicID != oldID || r.LeaderEpoch != 5 {
				t.Errorf("%s: %+v", test.name, r)
			}
		}
		if text := strings.Join(got, " "); text != test.want || err != nil {
			t.Errorf("%s: %s, %v; want %s", test.name, text, err, test.want)
		}
	}
}

func TestPlanRefuses(t *testing.T) {
	renewed := state(0, 0, 100, 100)
	renewed.TopicID = newID
	nameless := state(0, 0, 100, 100)
	nameless.TopicID, nameless.LeaderEpoch = TopicID{}, 0
	for _, test := range []struct {
		name  string
		state PartitionState
		pos   []Position
		want  string
	}{
		{"retention", state(0, 60, 100, 100), []Position{position(0, 50)}, "retention has deleted offsets before 60"},
		{"truncation", state(0, 0, 40, 40), []Position{position(0, 50)}, "the log was cut: it ends at 40"},
		{"topic made anew", renewed, []Position{position(0, 50)}, "the topic was deleted and made again"},
		{"topic made anew, no ids", nameless, []Position{position(0, 50)}, "leader epoch went back from 5 to 0"},
		{"partition gone", state(0, 0, 100, 100), []Position{position(0, 50), position(2, 7), position(1, 3)}, "does not exist any more"},
	} {
		_, err := PlanRanges("events", []PartitionState{test.state}, test.pos, Limits{}, Earliest)
		var gone *RangeGoneError
		if !errors.As(err, &gone) || !strings.Contains(gone.Reason, test.want) {
			t.Errorf("%s: %v, want %q", test.name, err, test.want)
		}
	}
	if _, err := PlanRanges("events", nil, []Position{position(0, 1), position(0, 2)}, Limits{}, Earliest); err == nil {
		t.Error("two positions for one partition are accepted")
	}
}

// TestPlansDrainALog plans until nothing is left: the plans must cover every offset once and keep their limit.
func TestPlansDrainALog(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	for range 200 {
		var states []PartitionState
		var positions []Position
		for p := range int32(1 + rng.IntN(6)) {
			end := rng.Int64N(1000)
			states = append(states, state(p, 0, end, end))
		}
		lim := Limits{Rows: 1 + rng.Int64N(300)}
		next := map[int32]int64{}
		for planned := int64(1); planned > 0; {
			ranges, err := PlanRanges("events", states, positions, lim, Earliest)
			if err != nil {
				t.Fatal(err)
			}
			planned, positions = 0, nil
			for _, r := range ranges {
				if r.From != next[r.Partition] {
					t.Fatalf("%s begins behind %d", r, next[r.Partition])
				}
				next[r.Partition] = r.Until
				planned += r.Span()
				positions = append(positions, r.After())
			}
			if planned > lim.Rows {
				t.Fatalf("%d offsets planned, limit %d", planned, lim.Rows)
			}
		}
		for _, s := range states {
			if next[s.Partition] != s.End {
				t.Fatalf("%s", fmt.Sprint("stopped at ", next[s.Partition], " of ", s.End))
			}
		}
	}
}
