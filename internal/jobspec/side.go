package jobspec

import (
	"slices"
	"strings"

	"github.com/millrace/millrace/dstream"
)

// deadLetterBytes is the default of on_bad_record.max_value_bytes. It is part of what a checkpoint records, and must stay.
const deadLetterBytes = 128 << 10

// BadRecord says what a record does that does not fit. Its short form is the word alone.
type BadRecord struct {
	Pos              dstream.Pos
	Do               string `key:"do" short:"yes" need:"yes" words:"fail skip dead_letter" doc:"fail stops with exit code 4, skip drops and counts the record, dead_letter counts it and keeps it in a sink."`
	To               string `key:"to" doc:"With dead_letter: the sink that takes the records. It takes nothing else; its columns are fixed, see docs/event-time.md."`
	ToPos            dstream.Pos
	MaxValueBytes    Size `key:"max_value_bytes" doc:"With dead_letter: a longer value, or key, is cut. Default: 128KiB."`
	MaxValueBytesPos dstream.Pos
	IncludeValue     *bool `key:"include_value" doc:"With dead_letter: false leaves the values out. Default: true."`
	StopAbove        Share `key:"stop_above" doc:"With skip and dead_letter: stop when a batch has a greater share of bad records, such as 5%."`
}

// letter is how much of a record its dead letter holds.
func (b *BadRecord) letter() dstream.DeadLetter {
	d := dstream.DeadLetter{MaxBytes: deadLetterBytes, NoValue: b.IncludeValue != nil && !*b.IncludeValue}
	if b.MaxValueBytes > 0 {
		d.MaxBytes = int64(b.MaxValueBytes)
	}
	return d
}

// check looks at what does not depend on sinks. t is the value in the file, nil when it is not there.
func (b *BadRecord) check(t *tree) error {
	if t == nil {
		return nil
	}
	if b.Do == "dead_letter" {
		if b.To == "" {
			return fail(b.Pos, "write {do: dead_letter, to: SINK}", "on_bad_record: to is missing: which sink takes the bad records?")
		}
		return nil
	}
	for _, key := range []string{"to", "max_value_bytes", "include_value"} {
		if v := t.get(key); v != nil {
			return fail(v.pos, "write do: dead_letter", "on_bad_record: %s goes with do: dead_letter", key)
		}
	}
	if b.StopAbove > 0 && b.Do == "fail" {
		return fail(b.Pos, "write do: skip", "on_bad_record: stop_above goes with do: skip and do: dead_letter; do: fail stops at the first bad record")
	}
	return nil
}

// sideOutput is the name of a sink where something is put aside.
type sideOutput struct {
	key  string // of the job file
	sink string
	pos  dstream.Pos
	kind dstream.SideKind
}

// sides are the side outputs of the job.
func (s *Spec) sides() []sideOutput {
	var out []sideOutput
	if b := &s.OnBadRecord; b.To != "" {
		out = append(out, sideOutput{"on_bad_record.to", b.To, b.ToPos, dstream.BadRecords})
	}
	if l := &s.OnLateRow; l.To != "" {
		out = append(out, sideOutput{"on_late_row.to", l.To, l.ToPos, dstream.LateRows})
	}
	return out
}

// isSide reports whether a sink takes the rows of a side output.
func (s *Spec) isSide(sink string) bool {
	return slices.ContainsFunc(s.sides(), func(o sideOutput) bool { return o.sink == sink })
}

// checkSides looks for the sinks of side outputs. Each takes one of them, and not the rows of a query.
func (s *Spec) checkSides() error {
	var names []string
	for _, k := range s.Sinks {
		names = append(names, k.Name)
	}
	for i, side := range s.sides() {
		k, err := s.sink(side.sink)
		if err != nil {
			return fail(side.pos, nearestOr(side.sink, names), "%s: there is no sink %q", side.key, shortened(side.sink))
		}
		if k.From != "" {
			return fail(side.pos, "name a sink of its own, without from", "%s: sink %s takes the rows of query %s (line %d); a sink takes those of one stream", side.key, k.Name, k.From, k.FromPos.Line)
		}
		for _, other := range s.sides()[:i] {
			if other.sink == side.sink {
				return fail(side.pos, "name a sink of its own", "%s: sink %s takes the %s already (%s)", side.key, k.Name, other.kind.Rows(), other.key)
			}
		}
	}
	if b := &s.OnBadRecord; b.To != "" {
		return s.checkLetterSize(b)
	}
	return nil
}

// checkLetterSize keeps every dead letter below what its topic takes, so that none can stop the job: as JSON, value and
// key in base64, the key also as the key of the record, and headers that may be all quotes and braces.
func (s *Spec) checkLetterSize(b *BadRecord) error {
	const headers, rest = 12 * dstream.DeadHeaderBytes, 16 << 10
	k, err := s.sink(b.To)
	if err != nil || k.Kafka == nil {
		return err
	}
	if need := Size(4*b.letter().MaxBytes + headers + rest); need > k.Kafka.MaxMessageBytes {
		pos := b.MaxValueBytesPos
		if b.MaxValueBytes == 0 {
			pos = b.ToPos
		}
		return fail(pos, "lower it, or raise max_message_bytes", "on_bad_record.max_value_bytes: a dead letter may have %d KiB as JSON, sinks.%s.kafka.max_message_bytes allows %d KiB",
			need>>10, k.Name, k.Kafka.MaxMessageBytes>>10)
	}
	return nil
}

// addSides ends the side outputs in their sinks.
func (s *Spec) addSides(g *dstream.Graph) error {
	for _, side := range s.sides() {
		k, err := s.sink(side.sink)
		if err != nil {
			return err
		}
		parts, err := k.partitions()
		if err != nil {
			return err
		}
		if side.kind == dstream.LateRows {
			err = g.LateRows(k.Name, side.pos, parts...)
		} else {
			err = g.DeadLetters(k.Name, s.OnBadRecord.letter(), side.pos, parts...)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// checkFed refuses a job of which every sink takes a side output: nothing takes the rows of its query.
func (s *Spec) checkFed() error {
	for _, k := range s.Sinks {
		if !s.isSide(k.Name) {
			return nil
		}
	}
	var names []string
	for _, side := range s.sides() {
		names = append(names, side.sink+" takes the "+side.kind.Rows())
	}
	return fail(s.queries()[0].Pos, "add a sink", "no sink takes the rows of the query: %s", strings.Join(names, ", "))
}
