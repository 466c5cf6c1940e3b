package jobspec

import (
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
)

// Topics are names of topics.
type Topics []string

const mostTopics = 1000

// read takes a list of names.
func (s *Topics) read(_ *decoder, t *tree, where string) (*tree, error) {
	switch {
	case t.kind != listTree:
		return nil, fail(t.pos, "write [a, b]; a single one is topic: NAME", "%s is %s, want a list", where, t.kind)
	case len(t.items) == 0:
		return nil, fail(t.pos, "", "%s is empty", where)
	case len(t.items) > mostTopics:
		return nil, fail(t.items[mostTopics].pos, "use topic_pattern", "%s: more than %d", where, mostTopics)
	}
	for _, item := range t.items {
		if item.kind != scalarTree {
			return nil, fail(item.pos, "", "%s: %s is not a topic name", where, item.kind)
		}
		if err := textChecks["topic"](item, where); err != nil {
			return nil, err
		}
		if slices.Contains(*s, item.scalar) {
			return nil, fail(item.pos, "", "%s: %s stands there twice", where, item.shown())
		}
		*s = append(*s, item.scalar)
	}
	return t, nil
}

func (*Topics) schema() object {
	return object{{"type", "array"}, {"minItems", 1}, {"items", textSchema(&field{is: "topic"})}}
}

// Start says where the first run of a source begins.
type Start struct {
	Place   offsets.Start
	Time    string // of the key timestamp: epoch milliseconds, or a time as text
	TimePos dstream.Pos
	Offsets []offsets.StartOffset
	places  []dstream.Pos // of Offsets
}

const startHint = "write earliest, latest, {timestamp: '2026-11-22T08:00:00Z'} or {offsets: {events/0: 1200}}"

// read takes a word, or a mapping with one key.
func (s *Start) read(_ *decoder, t *tree, where string) (*tree, error) {
	if t.kind == scalarTree {
		s.Place = offsets.Start(t.scalar)
		if s.Place != offsets.Earliest && s.Place != offsets.Latest {
			hint := didYouMean(t.scalar, []string{"earliest", "latest"})
			if hint == "" {
				hint = startHint
			}
			return nil, fail(t.pos, hint, "%s: %s is neither earliest nor latest", where, t.shown())
		}
		return t, nil
	}
	if t.kind != mapTree || len(t.entries) != 1 {
		return nil, fail(t.pos, startHint, "%s: want one word, or one of timestamp and offsets", where)
	}
	e := t.entries[0]
	switch s.Place = offsets.Start(e.key); s.Place {
	case offsets.AtTimestamp:
		if e.val.kind != scalarTree || e.val.scalar == "" {
			return nil, fail(e.val.pos, timeHint, "%s.timestamp: %s is not a time", where, e.val.shown())
		}
		s.Time, s.TimePos = e.val.scalar, e.val.textPos()
		return t, nil
	case offsets.AtOffsets:
		return t, s.readOffsets(e.val, where+".offsets")
	}
	return nil, fail(e.pos, startHint, "%s: unknown key %q", where, shortened(e.key))
}

func (s *Start) readOffsets(t *tree, where string) error {
	const hint = "write {TOPIC/PARTITION: OFFSET}, such as {events/0: 1200}"
	switch {
	case t.kind != mapTree:
		return fail(t.pos, hint, "%s is %s, want a mapping", where, t.kind)
	case len(t.entries) == 0:
		return fail(t.pos, hint, "%s is empty", where)
	}
	for _, e := range t.entries {
		topic, digits, _ := strings.Cut(e.key, "/")
		partition, err := strconv.ParseUint(digits, 10, 31)
		if err != nil || !topicName.MatchString(topic) {
			return fail(e.pos, "write TOPIC/PARTITION, such as events/0", "%s: %q is no partition", where, shortened(e.key))
		}
		offset, err := strconv.ParseUint(e.val.scalar, 10, 63)
		if err != nil || e.val.kind != scalarTree {
			return fail(e.val.pos, "", "%s.%s: %s is not an offset", where, shortened(e.key), e.val.shown())
		}
		o := offsets.StartOffset{Topic: topic, Partition: int32(partition), Offset: int64(offset)}
		if slices.ContainsFunc(s.Offsets, func(x offsets.StartOffset) bool { return x.Topic == topic && x.Partition == o.Partition }) {
			return fail(e.pos, "", "%s: two offsets of %s/%d", where, topic, partition)
		}
		s.Offsets, s.places = append(s.Offsets, o), append(s.places, e.pos)
	}
	return nil
}

func (*Start) schema() object {
	when := anyOf(object{{"type", []string{"string", "integer"}}}, anyVariable)
	at := object{
		{"timestamp", described(when, &field{doc: "The first record of that time or later: epoch milliseconds, or text such as 2026-11-22T08:00:00Z."})},
		{"offsets", object{{"description", "The first offset of each partition; those left out from their beginning."}, {"type", "object"},
			{"minProperties", 1}, {"propertyNames", object{{"pattern", `^[a-zA-Z0-9._-]{1,249}/\d+$`}}},
			{"additionalProperties", wholeSchema(&field{least: "0"})}}},
	}
	return anyOf(textSchema(&field{words: []string{"earliest", "latest"}}),
		object{{"type", "object"}, {"properties", at}, {"additionalProperties", false}, {"minProperties", 1}, {"maxProperties", 1}})
}

const timeHint = "write epoch milliseconds, or text such as 2026-11-22T08:00:00Z; without a zone it is in the job's"

// startTime is the time that a start names, in milliseconds since the epoch.
func startTime(text, zone string) (int64, bool) {
	if n, err := strconv.ParseInt(text, 10, 64); err == nil {
		return n, n >= 0
	}
	for _, layout := range []string{time.RFC3339Nano, "2006-01-02T15:04Z07:00"} {
		if at, err := time.Parse(layout, text); err == nil {
			return at.UnixMilli(), at.UnixMilli() >= 0
		}
	}
	loc, err := time.LoadLocation(zone)
	if err != nil {
		return 0, false // found before, see checkZone
	}
	for _, layout := range []string{"2006-01-02T15:04:05", "2006-01-02 15:04:05", "2006-01-02T15:04", "2006-01-02 15:04", "2006-01-02"} {
		if at, err := time.ParseInLocation(layout, text, loc); err == nil {
			return at.UnixMilli(), at.UnixMilli() >= 0
		}
	}
	return 0, false
}

// checkStart looks at where a source begins: its time, and that it reads the topics of its offsets.
func (s *Source) checkStart(zone string) error {
	at := &s.Kafka.Start
	where := "sources." + s.Name + ".kafka.start"
	if _, ok := startTime(at.Time, zone); at.Place == offsets.AtTimestamp && !ok {
		return fail(at.TimePos, timeHint, "%s.timestamp: %q is not a time", where, shortened(at.Time))
	}
	for i, o := range at.Offsets {
		if !s.Kafka.reads(o.Topic) {
			return fail(at.places[i], didYouMean(o.Topic, s.Kafka.topics()), "%s.offsets: the source does not read topic %q", where, o.Topic)
		}
	}
	return nil
}

// topics are those that the file names.
func (k *Kafka) topics() []string {
	if k.Topic != "" {
		return []string{k.Topic}
	}
	return k.Topics
}

func (k *Kafka) reads(topic string) bool {
	if k.Pattern != "" {
		pattern, err := offsets.TopicPattern(k.Pattern)
		return err == nil && pattern.MatchString(topic)
	}
	return slices.Contains(k.topics(), topic)
}

// kafkaOptions are what the source reads, as package offsets takes it.
func (s *Source) kafkaOptions(zone string) (offsets.KafkaOptions, error) {
	k := &s.Kafka
	opts := offsets.KafkaOptions{Source: s.Name, Topics: k.topics(), ReadCommitted: k.Isolation != "read_uncommitted", RetryFor: k.RetryTimeout,
		Start: offsets.StartAt{Start: k.Start.Place, Offsets: k.Start.Offsets}}
	opts.Start.Timestamp, _ = startTime(k.Start.Time, zone) // read before, see checkStart
	var err error
	if k.Pattern != "" {
		opts.Pattern, err = offsets.TopicPattern(k.Pattern)
	}
	return opts, err
}
