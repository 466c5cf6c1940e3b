package output

import (
	"context"
	"slices"
	"strconv"
	"testing"

	"github.com/millrace/millrace/offsets"
)

// TestKafkaCheck: what a topic holds of each batch, against the log.
func TestKafkaCheck(t *testing.T) {
	record := func(job string, batch int64) offsets.MemoryRecord {
		r := offsets.MemoryRecord{Value: []byte("{}")}
		if job != "" {
			r.Headers = []offsets.MemoryHeader{{Key: "trace", Value: nil}, {Key: kafkaJobHeader, Value: []byte(job)}, {Key: kafkaBatchHeader, Value: strconv.AppendInt(nil, batch, 10)}}
		}
		return r
	}
	expect := Expected{Owner: Owner{Job: "views"}, First: 1, Last: 3, Planned: 4,
		Batches: []ExpectedBatch{{Batch: 1, Rows: 2}, {Batch: 2}, {Batch: 3, Rows: 1}}}
	for _, test := range []struct {
		name    string
		batches []int64 // of the records, one after the other over two partitions
		others  int
		trimmed bool
		change  func(*KafkaCheck)
		want    []string
		notes   int
	}{
		{name: "as written", batches: []int64{1, 1, 3}},
		{name: "other writers", batches: []int64{1, 1, 3}, others: 2, notes: 1},
		{name: "a row is missing", batches: []int64{1, 3}, want: []string{"sink s: missing t (batch 1): the topic has 1 rows of it, written were 2"}},
		{name: "a row is there twice", batches: []int64{1, 1, 3, 3}, want: []string{"sink s: doubled t (batch 3): the topic has 2 rows of it, written were 1"}},
		{name: "at least once it may be", batches: []int64{1, 1, 3, 3}, change: func(c *KafkaCheck) { c.AtLeastOnce = true }},
		{name: "rows of a batch without any", batches: []int64{1, 1, 2, 3}, want: []string{"sink s: doubled t (batch 2): the topic has 1 rows of it, written were 0"}},
		{name: "a batch under way", batches: []int64{1, 1, 3, 4, 4}, notes: 1},
		{name: "a batch that nobody planned", batches: []int64{1, 1, 3, 5}, want: []string{"sink s: foreign t (batch 5): the topic has 1 rows of it, the log has none"}},
		{name: "a batch that came meanwhile", batches: []int64{1, 1, 3, 5}, change: func(c *KafkaCheck) { c.Expect.Running = true }},
		{name: "old records are deleted", batches: []int64{1, 1, 3}, trimmed: true, notes: 1},
		{name: "a compacted changelog", batches: []int64{1, 3}, change: func(c *KafkaCheck) { c.Changelog = true }, notes: 1},
		{name: "without headers", batches: []int64{7}, change: func(c *KafkaCheck) { c.NoHeaders = true }, notes: 1},
	} {
		m := offsets.NewMemory("s")
		m.Create("t", 2)
		for i, b := range test.batches {
			m.Append("t", int32(i%2), record("views", b))
		}
		for range test.others {
			m.Append("t", 0, record("", 0), record("viewers", 1))
		}
		if test.trimmed {
			m.DeleteBefore("t", 0, 1)
		}
		c := KafkaCheck{Sink: "s", Topic: "t", Source: m, Expect: expect}
		if test.change != nil {
			test.change(&c)
		}
		got, err := c.Run(context.Background())
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		var found []string
		for _, f := range got.Findings {
			found = append(found, f.String())
		}
		if !slices.Equal(found, test.want) || len(got.Notes) != test.notes {
			t.Errorf("%s: found %q, want %q; notes %q, want %d", test.name, found, test.want, got.Notes, test.notes)
		}
	}
}
