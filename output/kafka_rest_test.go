package output_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// wideShards are rows of 50 KB in several shards and batches, some of them without a key.
func wideShards(s *columnar.Schema) (out []output.Shard) {
	n := int64(0)
	for id, batches := range [][]int{{3, 40}, {}, {1, 0, 90}} {
		shard := output.Shard{ID: id}
		for _, rows := range batches {
			var all []outputtest.Row
			for range rows {
				n++
				all = append(all, row(fmt.Sprint(n)+strings.Repeat("x", 50_000), n))
			}
			if rows > 0 {
				shard.Rows = append(shard.Rows, outputtest.Batch(s, all...))
			}
		}
		out = append(out, shard)
	}
	return out
}

// roomFor is a BatchInfo.Fits that has room for n record batches.
func roomFor(n int) func(int64) bool {
	return func(int64) bool { n--; return n >= 0 }
}

func (p *kafkaPlace) publishIn(k *output.Kafka, batch int64, room int) (*output.Prepared, error) {
	p.t.Helper()
	i := info(batch)
	i.Fits = roomFor(room)
	pr, err := k.Prepare(p.t.Context(), i, wideShards(p.cfg.Layout.Schema), nil)
	if err != nil {
		p.t.Fatal(err)
	}
	return pr, k.Publish(p.t.Context(), pr)
}

// TestKafkaWithoutRoom: however little of a batch could be kept, the same records come in the same order, with the same digest;
// keys in their partitions, or rows without one in turn.
func TestKafkaWithoutRoom(t *testing.T) {
	for codec, keys := range map[string][]int{"none": {0}, "lz4": nil} {
		change := func(c *output.KafkaConfig) { c.Key, c.Compression = keys, codec }
		whole := newKafkaPlace(t, 5, change)
		want, err := whole.publishIn(whole.started(), 1, 1<<20)
		if err != nil {
			t.Fatal(err)
		}
		for _, room := range []int{0, 1, 7} {
			p := newKafkaPlace(t, 5, change)
			produced := 0
			p.Fault = func(op string) outputtest.Fault {
				if op == "produce" {
					produced++
				}
				return outputtest.Fault{}
			}
			got, err := p.publishIn(p.started(), 1, room)
			if err != nil {
				t.Fatal(err)
			}
			if !slices.Equal(texts(p.Records("t")), texts(whole.Records("t"))) || !slices.Equal(got.Files, want.Files) || got.Rows != want.Rows {
				t.Errorf("key %v, %s, room for %d record batches: %d records, %+v, want %d, %+v", keys, codec, room, len(p.Records("t")), got.Files, len(whole.Records("t")), want.Files)
			}
			if codec == "none" && produced < 3 {
				t.Errorf("room for %d record batches: %d pieces", room, produced)
			}
		}
	}
}

func texts(records []outputtest.KafkaRecord) (out []string) {
	for _, r := range records {
		out = append(out, r.String())
	}
	return out
}

// TestKafkaWithoutRoomLostAnswers loses the answer of every step of a batch that is written in pieces: it is there once.
func TestKafkaWithoutRoomLostAnswers(t *testing.T) {
	whole := newKafkaPlace(t, 3)
	if _, err := whole.publishIn(whole.started(), 1, 1<<20); err != nil {
		t.Fatal(err)
	}
	steps := 0
	for at := 0; steps == 0; at++ {
		for _, applied := range []bool{false, true} {
			p := newKafkaPlace(t, 3)
			k := p.started()
			n := -1
			p.Fault = func(op string) outputtest.Fault {
				if n++; n == at {
					return outputtest.LostAnswer(op, applied)
				}
				return outputtest.Fault{}
			}
			if _, err := p.publishIn(k, 1, 2); err != nil {
				t.Fatalf("step %d: %v", at, err)
			}
			if !slices.Equal(texts(p.Records("t")), texts(whole.Records("t"))) {
				t.Errorf("step %d, applied %v: %d records, want %d", at, applied, len(p.Records("t")), len(whole.Records("t")))
			}
			if n < at {
				steps = at
			}
		}
	}
	if steps < 5 {
		t.Errorf("%d steps only", steps)
	}
}
