package offsets

import (
	"encoding/hex"
	"fmt"
)

// TopicID is Kafka's 16-byte topic identity. It changes when a topic is deleted and made again under the same name,
// which offsets and leader epochs alone do not show. The zero value means that the broker does not tell ids.
type TopicID [16]byte

// String returns the id as 32 hexadecimal digits.
func (id TopicID) String() string { return hex.EncodeToString(id[:]) }

// MarshalText implements encoding.TextMarshaler.
func (id TopicID) MarshalText() ([]byte, error) { return []byte(id.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (id *TopicID) UnmarshalText(text []byte) error {
	if len(text) == hex.EncodedLen(len(id)) { // hex.Decode writes as much as there is
		if _, err := hex.Decode(id[:], text); err == nil {
			return nil
		}
	}
	return fmt.Errorf("topic id %q: want 32 hexadecimal digits", text)
}

// Range is a run of offsets [From, Until) of one partition.
type Range struct {
	Source    string  `json:"source"` // the source's name in the job
	Topic     string  `json:"topic"`
	TopicID   TopicID `json:"topic_id"`
	Partition int32   `json:"partition"`
	From      int64   `json:"from"`  // first offset inside
	Until     int64   `json:"until"` // first offset behind
	// LeaderEpoch is the leader epoch of the partition when the range was planned, −1 when the broker does not tell.
	LeaderEpoch int32 `json:"leader_epoch"`
}

// Empty reports whether the range holds no offset.
func (r Range) Empty() bool { return r.Until <= r.From }

// Span is the number of offsets inside: an upper bound of the number of records.
func (r Range) Span() int64 { return max(r.Until-r.From, 0) }

// String returns topic/partition [from, until).
func (r Range) String() string {
	return fmt.Sprintf("%s/%d [%d, %d)", r.Topic, r.Partition, r.From, r.Until)
}

// Cut splits the range at every multiple of step, so that the pieces depend on offsets only, never on cores, fetch
// sizes or memory. step ≤ 0 returns the range whole. An empty range has no pieces.
func (r Range) Cut(step int64) []Range {
	if r.Empty() {
		return nil
	}
	if step <= 0 {
		return []Range{r}
	}
	var out []Range
	for from := r.From; from < r.Until; {
		until := min((from/step+1)*step, r.Until)
		piece := r
		piece.From, piece.Until = from, until
		out = append(out, piece)
		from = until
	}
	return out
}
