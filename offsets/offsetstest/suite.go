package offsetstest

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/millrace/millrace/offsets"
)

// Fixture is one topic with its source. The functions fail the test they were made for.
type Fixture struct {
	Source offsets.Source // reads just this topic, read_committed
	Topic  string
	// Append writes records at the end of a partition, with the given values, keys "k<value>", and the headers
	// value = <value> and none = NULL.
	Append func(partition int32, values ...string)
	// Gap adds at least one offset without a record, e.g. an aborted transaction.
	Gap func(partition int32)
	// DeleteBefore removes what lies before an offset.
	DeleteBefore func(partition int32, offset int64)
	// Recreate deletes the topic and makes it anew with as many partitions.
	Recreate func()
}

// Run runs the contract. open makes a topic of its own with a number of partitions.
func Run(t *testing.T, open func(t *testing.T, partitions int) Fixture) {
	tests := []struct {
		name string
		run  func(*testing.T, Fixture)
	}{
		{"empty topic", emptyTopic},
		{"partitions in order", partitionsInOrder},
		{"survey", survey},
		{"every range of a log with gaps", everyRange},
		{"random log", randomLog},
		{"range deleted by retention", rangeDeleted},
		{"range behind the end", rangeBehindEnd},
		{"topic made anew", topicRecreated},
		{"cancelled read", cancelledRead},
		{"close before the end", closeEarly},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			f := open(t, 3)
			defer f.Source.Close()
			test.run(t, f)
		})
	}
}

// Row is a record as a test sees it.
type Row struct {
	Offset  int64
	Key     string
	Value   string
	Headers string // key=value, … in order; NULL for a value that is
}

// ReadAll reads a range to its end and checks what every reader owes: order, bounds, slack.
func ReadAll(ctx context.Context, s offsets.Source, r offsets.Range) ([]Row, error) {
	reader, err := s.Read(ctx, r)
	if err != nil {
		return nil, err
	}
	defer reader.Close()
	var rows []Row
	var recs offsets.Records
	last := r.From - 1
	for {
		err := reader.Next(ctx, &recs)
		if err == io.EOF {
			return rows, nil
		}
		if err != nil {
			return rows, err
		}
		if recs.Topic != r.Topic || recs.Partition != r.Partition {
			return rows, fmt.Errorf("records of %s/%d in a read of %s", recs.Topic, recs.Partition, r)
		}
		if len(recs.Rows) > 0 && cap(recs.Buf)-len(recs.Buf) < offsets.Slack {
			return rows, fmt.Errorf("%d bytes of slack, want %d", cap(recs.Buf)-len(recs.Buf), offsets.Slack)
		}
		for _, rec := range recs.Rows {
			if rec.Offset <= last || rec.Offset >= r.Until {
				return rows, fmt.Errorf("offset %d after %d in a read of %s", rec.Offset, last, r)
			}
			last = rec.Offset
			headers, err := headerText(recs.Buf, &rec)
			if err != nil {
				return rows, err
			}
			rows = append(rows, Row{rec.Offset, string(rec.Key.Of(recs.Buf)), string(rec.Value.Of(recs.Buf)), headers})
		}
	}
}

func headerText(buf []byte, rec *offsets.Record) (string, error) {
	var out []string
	for h := offsets.ReadHeaders(buf, rec); ; {
		key, value, ok := h.Next()
		if !ok {
			return strings.Join(out, " "), h.Err()
		}
		text := "NULL"
		if value.Len >= 0 {
			text = string(value.Of(buf))
		}
		out = append(out, string(key.Of(buf))+"="+text)
	}
}

func states(t *testing.T, f Fixture) []offsets.PartitionState {
	t.Helper()
	s, err := f.Source.Partitions(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// whole is the range of all that a partition holds now.
func whole(t *testing.T, f Fixture, partition int) offsets.Range {
	t.Helper()
	s := states(t, f)[partition]
	return offsets.Range{Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition,
		From: s.Start, Until: s.End, LeaderEpoch: s.LeaderEpoch}
}

func mustRead(t *testing.T, f Fixture, r offsets.Range) []Row {
	t.Helper()
	rows, err := ReadAll(t.Context(), f.Source, r)
	if err != nil {
		t.Fatal(err)
	}
	return rows
}

func values(rows []Row) string {
	var all []string
	for _, r := range rows {
		all = append(all, r.Value)
	}
	return strings.Join(all, " ")
}

func wantGone(t *testing.T, f Fixture, r offsets.Range, reason string) {
	t.Helper()
	rows, err := ReadAll(t.Context(), f.Source, r)
	var gone *offsets.RangeGoneError
	if !errors.As(err, &gone) || !strings.Contains(gone.Reason, reason) {
		t.Fatalf("read %s: %d rows, error %v; want a RangeGoneError with %q", r, len(rows), err, reason)
	}
}

func emptyTopic(t *testing.T, f Fixture) {
	for i, s := range states(t, f) {
		if s.Topic != f.Topic || s.Partition != int32(i) || s.Start != 0 || s.End != 0 || s.HighWatermark != 0 {
			t.Errorf("state %d of an empty topic: %+v", i, s)
		}
	}
	if rows := mustRead(t, f, whole(t, f, 0)); len(rows) != 0 {
		t.Errorf("%d rows in an empty range", len(rows))
	}
}

func partitionsInOrder(t *testing.T, f Fixture) {
	f.Append(2, "a", "b")
	f.Append(0, "c")
	var ends []int64
	for _, s := range states(t, f) {
		ends = append(ends, s.End)
	}
	if fmt.Sprint(ends) != "[1 0 2]" {
		t.Errorf("ends %v, want [1 0 2]", ends)
	}
	if got := values(mustRead(t, f, whole(t, f, 2))); got != "a b" {
		t.Errorf("partition 2 holds %q", got)
	}
}

// survey asks on behalf of a job, which stands at positions that the log holds, or at none.
func survey(t *testing.T, f Fixture) {
	f.Append(0, "a", "b")
	f.Append(2, "c")
	want := states(t, f)
	var reached []offsets.Position
	for range len(want) + 1 {
		got, err := f.Source.Survey(t.Context(), reached)
		if err != nil || fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("at %v: %v, %v; want %v", reached, got, err, want)
		}
		if s := want[len(reached)%len(want)]; len(reached) < len(want) {
			reached = append(reached, offsets.Position{Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition, Next: s.End, LeaderEpoch: s.LeaderEpoch})
		}
	}
	f.Recreate()
	got, err := f.Source.Survey(t.Context(), reached)
	if err != nil || len(got) != len(want) || got[0].TopicID == want[0].TopicID {
		t.Errorf("a topic made anew is left to the planner: %v, %v", got, err)
	}
}

// everyRange reads all sub-ranges of a small log and compares each with the whole.
func everyRange(t *testing.T, f Fixture) {
	f.Append(1, "a", "b", "c")
	f.Gap(1)
	f.Append(1, "d")
	f.Append(1, "e", "f")
	f.Gap(1)
	all := whole(t, f, 1)
	rows := mustRead(t, f, all)
	if values(rows) != "a b c d e f" {
		t.Fatalf("the whole log reads %q", values(rows))
	}
	for from := all.From; from <= all.Until; from++ {
		for until := from; until <= all.Until; until++ {
			r := all
			r.From, r.Until = from, until
			if got, want := mustRead(t, f, r), cut(rows, r); fmt.Sprint(got) != fmt.Sprint(want) {
				t.Errorf("%s reads %v, want %v", r, got, want)
			}
		}
	}
}

func cut(rows []Row, r offsets.Range) (out []Row) {
	for _, row := range rows {
		if row.Offset >= r.From && row.Offset < r.Until {
			out = append(out, row)
		}
	}
	return out
}

func randomLog(t *testing.T, f Fixture) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 0))
	var want []string
	for len(want) < 2000 {
		if rng.IntN(4) == 0 {
			f.Gap(0)
			continue
		}
		run := make([]string, 1+rng.IntN(200))
		for i := range run {
			run[i] = fmt.Sprintf("%d.%s", len(want)+i, strings.Repeat("x", rng.IntN(100)))
		}
		f.Append(0, run...)
		want = append(want, run...)
	}
	all := whole(t, f, 0)
	rows := mustRead(t, f, all)
	if values(rows) != strings.Join(want, " ") {
		t.Fatalf("%d rows read are not the %d written", len(rows), len(want))
	}
	var pieces []Row
	for _, piece := range all.Cut(1 + rng.Int64N(500)) {
		pieces = append(pieces, mustRead(t, f, piece)...)
	}
	if fmt.Sprint(pieces) != fmt.Sprint(rows) {
		t.Errorf("the pieces of a range do not add up to it")
	}
	for _, r := range rows {
		if r.Key != "k"+r.Value || r.Headers != "value="+r.Value+" none=NULL" {
			t.Fatalf("value %q has key %q and headers %q", r.Value, r.Key, r.Headers)
		}
	}
}

func rangeDeleted(t *testing.T, f Fixture) {
	f.Append(0, "a", "b", "c", "d")
	r := whole(t, f, 0)
	f.DeleteBefore(0, 2)
	wantGone(t, f, r, "retention has deleted offsets before 2")
	r.From = 2
	if got := values(mustRead(t, f, r)); got != "c d" {
		t.Errorf("what is left reads %q", got)
	}
}

func rangeBehindEnd(t *testing.T, f Fixture) {
	f.Append(0, "a", "b", "c", "d")
	r := whole(t, f, 0)
	r.Until = 6
	wantGone(t, f, r, "the log was cut: it ends at 4")
	r.From = 5
	wantGone(t, f, r, "the log was cut: it ends at 4")
}

func topicRecreated(t *testing.T, f Fixture) {
	f.Append(0, "a", "b")
	r := whole(t, f, 0)
	f.Recreate()
	f.Append(0, "x", "y")
	wantGone(t, f, r, "the topic was deleted and made again")
	if got := values(mustRead(t, f, whole(t, f, 0))); got != "x y" {
		t.Errorf("the new topic reads %q", got)
	}
}

func cancelledRead(t *testing.T, f Fixture) {
	f.Append(0, "a", "b")
	r := whole(t, f, 0)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := ReadAll(ctx, f.Source, r); !errors.Is(err, context.Canceled) {
		t.Errorf("a cancelled read ends with %v", err)
	}
	if got := values(mustRead(t, f, r)); got != "a b" {
		t.Errorf("after a cancelled read %q", got)
	}
}

func closeEarly(t *testing.T, f Fixture) {
	f.Append(0, "a", "b")
	f.Append(0, "c", "d")
	reader, err := f.Source.Read(t.Context(), whole(t, f, 0))
	if err != nil {
		t.Fatal(err)
	}
	var recs offsets.Records
	if err := reader.Next(t.Context(), &recs); err != nil {
		t.Fatal(err)
	}
	if err := reader.Close(); err != nil {
		t.Fatal(err)
	}
}
