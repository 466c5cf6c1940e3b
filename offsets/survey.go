package offsets

import "fmt"

// outdatedError says that brokers answer with less than is known already: a broker that has just started, or is cut off
// from the others, may.
type outdatedError struct {
	known Position
	what  string
}

func (e *outdatedError) Error() string {
	return fmt.Sprintf("brokers answer from old metadata: %s/%d %s", e.known.Topic, e.known.Partition, e.what)
}

// outdated compares an answer with what is known, by an earlier answer or because a job has been there: partitions do
// not become fewer and leader epochs do not go back as long as it is the same topic.
func outdated(states []PartitionState, known []Position) error {
	now := make(map[partitionName]PartitionState, len(states))
	ids := map[string]TopicID{}
	for _, s := range states {
		now[s.name()] = s
		ids[s.Topic] = s.TopicID
	}
	for _, k := range known {
		id, asked := ids[k.Topic]
		if !asked || otherTopic(id, k.TopicID) {
			continue
		}
		s, ok := now[k.name()]
		switch {
		case !ok:
			return &outdatedError{k, "is missing"}
		case s.LeaderEpoch >= 0 && s.LeaderEpoch < k.LeaderEpoch:
			return &outdatedError{k, fmt.Sprintf("is in leader epoch %d, which was %d before", s.LeaderEpoch, k.LeaderEpoch)}
		}
	}
	return nil
}

// election is a partition whose leader was elected after the job came to its position.
type election struct {
	position Position
	state    PartitionState
}

// elections returns the partitions with a later leader epoch than their positions, in the order of the positions.
// Topics made anew are left to the planner.
func elections(states []PartitionState, reached []Position) []election {
	now := make(map[partitionName]PartitionState, len(states))
	for _, s := range states {
		now[s.name()] = s
	}
	var out []election
	for _, p := range reached {
		s, ok := now[p.name()]
		if ok && !otherTopic(p.TopicID, s.TopicID) && p.LeaderEpoch >= 0 && s.LeaderEpoch > p.LeaderEpoch {
			out = append(out, election{p, s})
		}
	}
	return out
}
