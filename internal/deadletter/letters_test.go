package deadletter

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

func letter(source string, partition int32, offset, batch int64, value string) *Letter {
	l := &Letter{Source: source, Topic: "t", Partition: partition, Offset: offset, Batch: batch, Complete: value != "", Value: value != ""}
	l.Record = offsets.MemoryRecord{Value: []byte(value), Timestamp: offset}
	return l
}

func gathered(t *testing.T, list ...*Letter) *gatherer {
	t.Helper()
	g := &gatherer{most: mostBytes}
	for _, l := range list {
		if err := g.add(l); err != nil {
			t.Fatal(err)
		}
	}
	return g
}

// records reads a source from one end to the other.
func records(t *testing.T, src *offsets.Memory) (out []string) {
	t.Helper()
	states, err := src.Survey(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range states {
		r, err := src.Read(t.Context(), offsets.Range{Topic: s.Topic, TopicID: s.TopicID, Partition: s.Partition, From: s.Start, Until: s.End})
		if err != nil {
			t.Fatal(err)
		}
		for {
			var recs offsets.Records
			if err := r.Next(t.Context(), &recs); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			for _, row := range recs.Rows {
				out = append(out, string(rune('0'+recs.Partition))+":"+string(rune('0'+row.Offset))+"="+string(row.Value.Of(recs.Buf)))
			}
		}
	}
	return out
}

// TestSource: letters come in their partitions and offsets, each once, however they were read.
func TestSource(t *testing.T) {
	s, err := gathered(t, letter("b", 0, 1, 1, "other"), letter("a", 1, 7, 2, "z"), letter("a", 0, 5, 2, "y"), letter("a", 0, 2, 1, "x"), letter("a", 0, 2, 1, "x")).letters("job")
	if err != nil {
		t.Fatal(err)
	}
	if got := records(t, s.Source("a")); !slices.Equal(got, []string{"0:2=x", "0:5=y", "1:7=z"}) {
		t.Errorf("source a holds %q", got)
	}
	if got := s.Sources(); !slices.Equal(got, []string{"a", "b"}) || s.Len() != 4 || s.Span() != 7 {
		t.Errorf("sources %q, %d letters, span %d", got, s.Len(), s.Span())
	}
	states, err := s.Source("a").Survey(t.Context(), nil)
	if err != nil || states[0].TopicID != topicID("job", "t") || states[0].TopicID == topicID("other", "t") || states[0].Start != 0 {
		t.Errorf("states %+v, %v", states, err)
	}
}

// TestTopicMadeAnew: offsets that go back, or come again, are of another topic with the same name.
func TestTopicMadeAnew(t *testing.T) {
	for _, list := range [][]*Letter{
		{letter("a", 0, 5, 1, "x"), letter("a", 0, 2, 2, "y")},
		{letter("a", 0, 5, 1, "x"), letter("a", 0, 5, 2, "x")},
	} {
		if _, err := gathered(t, list...).letters("job"); err == nil || !strings.Contains(err.Error(), "deleted and made again") {
			t.Errorf("%v: %v", list, err)
		}
	}
	if _, err := gathered(t, letter("a", 0, 5, 1, "x"), letter("a", 1, 2, 2, "y"), letter("b", 0, 2, 2, "y")).letters("job"); err != nil {
		t.Errorf("other partitions and sources: %v", err)
	}
}

func TestIncomplete(t *testing.T) {
	s, err := gathered(t, letter("a", 0, 2, 1, "x"), letter("a", 0, 5, 2, ""), letter("a", 0, 6, 2, "")).letters("job")
	if err != nil {
		t.Fatal(err)
	}
	if n, first, left := s.Incomplete(); n != 2 || first != "t/0 offset 5 (batch 2)" || !left {
		t.Errorf("%d incomplete, the first %s, left out %t", n, first, left)
	}
	s.LeaveOutIncomplete()
	if got := records(t, s.Source("a")); !slices.Equal(got, []string{"0:2=x"}) {
		t.Errorf("left: %q", got)
	}
}

func TestLimit(t *testing.T) {
	g := &gatherer{most: 1000}
	var limit *RefusedError
	if err := errors.Join(g.add(letter("a", 0, 1, 1, "x")), g.add(letter("a", 0, 2, 1, strings.Repeat("x", 1000)))); !errors.As(err, &limit) {
		t.Errorf("error %v", err)
	}
}

func TestDirectories(t *testing.T) {
	got := directories("source=a%3Db/topic=__HIVE_DEFAULT_PARTITION__/x/f.parquet")
	if len(got) != 2 || got["source"] != "a=b" || got["topic"] != "" {
		t.Errorf("%v", got)
	}
}

func TestNoPlace(t *testing.T) {
	for _, l := range []*Letter{letter("a", -1, 1, 1, "x"), letter("a", 0, -1, 1, "x"), letter("a", 0, 1<<62, 1, "x"), {Source: "a"}} {
		if err := (&gatherer{most: mostBytes}).add(l); err == nil {
			t.Errorf("%+v was taken", l)
		}
	}
}

// TestLettersBound: letters take no more than their share of the memory, and 1 GiB where nobody says.
func TestLettersBound(t *testing.T) {
	for share, want := range map[int64]int64{0: mostBytes, 1 << 20: 1 << 20, 2 << 30: mostBytes} {
		if got := bound(share); got != want {
			t.Errorf("a share of %d bounds letters at %d bytes, want %d", share, got, want)
		}
	}
	m := offsets.NewMemory("letters")
	for i := range int64(4) {
		post(m, "job", 0, i, 1, strings.Repeat("x", 512<<10))
	}
	for share, fits := range map[int64]bool{3 << 20: true, 1 << 20: false} {
		_, err := ReadKafka(t.Context(), "job", m, KafkaOptions{Until: 1, Share: share, Clock: &waiter{}})
		var refused *RefusedError
		switch {
		case fits && err != nil:
			t.Errorf("%d MiB: %v", share>>20, err)
		case !fits && (!errors.As(err, &refused) || !strings.Contains(err.Error(), "more than the 1 MiB that memory: leaves for them")):
			t.Errorf("%d MiB: %v", share>>20, err)
		}
	}
}

// FuzzParseLetter: whatever stands in a topic, it is a letter or an error.
func FuzzParseLetter(f *testing.F) {
	f.Add([]byte(`{"source":"a","topic":"t","partition":0,"offset":5,"timestamp":"2026-11-26T05:00:00.001Z","batch":1,"reason":"r","key":null,"value":"eA==","value_bytes":1,"headers":[{"key":"h","value":null}],"complete":true}`))
	f.Add([]byte(`{"source":"a","topic":"t","partition":0,"offset":5,"timestamp":null,"batch":1,"key":"","value":null,"headers":null,"complete":false}`))
	f.Add([]byte(`{"source":1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, data []byte) {
		l, err := parseLetter(data)
		if err != nil {
			return
		}
		g := &gatherer{most: mostBytes}
		if g.add(l) != nil {
			return
		}
		s, err := g.letters("job")
		if err != nil || s.Len() != 1 {
			t.Fatalf("%d letters, %v", s.Len(), err)
		}
		if s.Span() < 10_000 && len(records(t, s.Source(l.Source))) != 1 {
			t.Fatal("the letter is no record")
		}
	})
}

// TestParseLetter reads what a Kafka sink writes.
func TestParseLetter(t *testing.T) {
	l, err := parseLetter([]byte(`{"source":"a","topic":"t","partition":3,"offset":5,"timestamp":"2026-11-26T05:00:00.001Z","batch":7,"reason":"r","key":"","value":"eA==","value_bytes":1,"headers":[{"key":"h","value":null},{"key":"i","value":"eQ=="}],"complete":true}`))
	if err != nil {
		t.Fatal(err)
	}
	if l.Source != "a" || l.Topic != "t" || l.Partition != 3 || l.Offset != 5 || l.Batch != 7 || !l.Complete || !l.Value {
		t.Errorf("%+v", l)
	}
	if r := l.Record; r.Key == nil || len(r.Key) != 0 || string(r.Value) != "x" || r.Timestamp != 1795669200001 || len(r.Headers) != 2 || r.Headers[0].Value != nil || string(r.Headers[1].Value) != "y" {
		t.Errorf("%+v", r)
	}
	if l, err := parseLetter([]byte(`{"source":"a","topic":"t","partition":3,"offset":5,"timestamp":null,"batch":7,"key":null,"value":null,"headers":null,"complete":false}`)); err != nil ||
		l.Value || l.Complete || l.Record.Key != nil || l.Record.Timestamp != -1 {
		t.Errorf("%+v, %v", l, err)
	}
	for _, text := range []string{`{}`, `[]`, `x`, `{"source":"a","topic":"t","partition":0,"offset":5,"timestamp":"noon","batch":1,"complete":true}`} {
		if _, err := parseLetter([]byte(text)); err == nil || !strings.Contains(err.Error(), "no dead letter") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

// TestRefused: what no other try can help is refused.
func TestRefused(t *testing.T) {
	_, twice := gathered(t, letter("a", 0, 5, 1, "x"), letter("a", 0, 2, 2, "y")).letters("job")
	_, text := parseLetter([]byte("{}"))
	dir := t.TempDir()
	if err := os.MkdirAll(filepath.Join(dir, "_millrace"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "_millrace", "owner"), []byte(`{"format":1,"job":"other","checkpoint_id":"d"}`), 0o644); err != nil {
		t.Fatal(err)
	}
	_, owned := ReadParquet(t.Context(), "job", output.Dir(dir), dir, 0)
	for what, err := range map[string]error{"deleted and made again": twice, "columns are missing": text, "belongs to job other, not to job": owned} {
		var refused *RefusedError
		if !errors.As(err, &refused) || !strings.Contains(err.Error(), what) {
			t.Errorf("%s: %v", what, err)
		}
	}
}
