package output_test

import (
	"errors"
	"fmt"
	"math"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// planUS is the plan time of the contract's batches.
const planUS = 1_700_000_000_000_000

func typed(names []string, kinds ...columnar.Kind) *columnar.Schema {
	s := &columnar.Schema{}
	for i, k := range kinds {
		s.Fields = append(s.Fields, columnar.Field{Name: names[i], Type: columnar.Type{Kind: k}})
	}
	return s
}

// wide has a column of each kind that a key or a value may be.
func wide(c *output.KafkaConfig) {
	s := typed([]string{"s", "i", "f", "at", "b"}, columnar.String, columnar.Int64, columnar.Float64, columnar.Timestamp, columnar.Binary)
	c.Layout = output.Layout{Schema: s, Columns: []int{0, 1, 2, 3, 4}}
}

// TestKafkaRecordParts has each form of key, value, timestamp and headers.
func TestKafkaRecordParts(t *testing.T) {
	row := outputtest.Row{"é\"\n", int64(math.MaxInt64), 0.1, int64(planUS - 1_500_001), "\x00raw"}
	nulls := outputtest.Row{nil, nil, nil, nil, nil}
	const all = `{"s":"é\"\n","i":9223372036854775807,"f":0.1,"at":"2023-11-14T22:13:18.499999Z","b":"AHJhdw=="}`
	const none = `{"s":null,"i":null,"f":null,"at":null,"b":null}`
	const headers = "millrace-job=job millrace-batch=5"
	for _, test := range []struct {
		name   string
		change func(*output.KafkaConfig)
		row    outputtest.Row
		want   string
	}{
		{"text as key", func(c *output.KafkaConfig) { c.Key = []int{0} }, row, "é\"\n " + all + " 1700000000000 " + headers},
		{"a number as key", func(c *output.KafkaConfig) { c.Key = []int{1} }, row, "9223372036854775807 " + all + " 1700000000000 " + headers},
		{"a double as key", func(c *output.KafkaConfig) { c.Key = []int{2} }, row, "0.1 " + all + " 1700000000000 " + headers},
		{"a time as key", func(c *output.KafkaConfig) { c.Key = []int{3} }, row, "2023-11-14T22:13:18.499999Z " + all + " 1700000000000 " + headers},
		{"bytes as key", func(c *output.KafkaConfig) { c.Key = []int{4} }, row, "\x00raw " + all + " 1700000000000 " + headers},
		{"several columns as key", func(c *output.KafkaConfig) { c.Key = []int{1, 0} }, row, `{"i":9223372036854775807,"s":"é\"\n"} ` + all + " 1700000000000 " + headers},
		{"several NULLs as key", func(c *output.KafkaConfig) { c.Key = []int{1, 0} }, nulls, `{"i":null,"s":null} ` + none + " 1700000000000 " + headers},
		{"NULL as key", func(c *output.KafkaConfig) { c.Key = []int{0} }, nulls, "NULL " + none + " 1700000000000 " + headers},
		{"no key", func(c *output.KafkaConfig) { c.Key = nil }, row, "NULL " + all + " 1700000000000 " + headers},
		{"an empty key is not NULL", func(c *output.KafkaConfig) { c.Key = []int{0} }, outputtest.Row{"", nil, nil, nil, nil},
			" " + strings.Replace(none, `"s":null`, `"s":""`, 1) + " 1700000000000 " + headers},
		{"bytes as value", func(c *output.KafkaConfig) { c.Key, c.Value = nil, 4 }, row, "NULL \x00raw 1700000000000 " + headers},
		{"a tombstone", func(c *output.KafkaConfig) { c.Key, c.Value = []int{0}, 4 }, outputtest.Row{"k", nil, nil, nil, nil}, "k NULL 1700000000000 " + headers},
		{"a time of its own, rounded down", func(c *output.KafkaConfig) { c.Key, c.Value, c.Timestamp = nil, 0, 3 }, row, "NULL é\"\n 1699999998499 " + headers},
		{"NULL as time", func(c *output.KafkaConfig) { c.Key, c.Value, c.Timestamp = nil, 0, 3 }, nulls, "NULL NULL 1700000000000 " + headers},
		{"no headers", func(c *output.KafkaConfig) { c.Key, c.Value, c.NoHeaders = nil, 0, true }, row, "NULL é\"\n 1700000000000 "},
	} {
		p := newKafkaPlace(t, 1, wide, test.change)
		p.mustPublish(p.started(), 5, test.row)
		if got := p.Records("t"); len(got) != 1 || got[0].String() != "0 "+test.want {
			t.Errorf("%s: %q, want %q", test.name, got, "0 "+test.want)
		}
	}
}

// TestKafkaTimestamps refuses or clamps what brokers would refuse.
func TestKafkaTimestamps(t *testing.T) {
	const ahead = 55 * 60 * 1_000_000
	for _, test := range []struct{ at, clamped int64 }{{0, 0}, {-1, 0}, {planUS + ahead, planUS + ahead}, {planUS + ahead + 1, planUS + ahead}, {math.MaxInt64, planUS + ahead}, {math.MinInt64, 0}} {
		for _, clamp := range []bool{false, true} {
			p := newKafkaPlace(t, 1, wide, func(c *output.KafkaConfig) { c.Timestamp, c.ClampTimestamps = 3, clamp })
			k := p.started()
			pr, err := k.Prepare(t.Context(), info(1), shardOf(p.cfg.Layout.Schema, outputtest.Row{"a", nil, nil, test.at, nil}), nil)
			var out *output.TimestampRangeError
			if refused := test.at != test.clamped && !clamp; refused != errors.As(err, &out) || refused != (err != nil) {
				t.Errorf("%d, clamp %v: error %v", test.at, clamp, err)
			} else if err == nil {
				if err := k.Publish(t.Context(), pr); err != nil || p.Records("t")[0].At != test.clamped/1000 {
					t.Errorf("%d, clamp %v: %v, %v", test.at, clamp, p.Records("t"), err)
				}
			}
		}
	}
}

// TestKafkaSizes cuts record batches, and refuses a record that fits in none.
func TestKafkaSizes(t *testing.T) {
	text := strings.Repeat("x", 300)
	rows := make([]outputtest.Row, 50)
	for i := range rows {
		rows[i] = outputtest.Row{fmt.Sprintf("%03d%s", i, text), int64(i)}
	}
	for _, compression := range []string{"none", "gzip", "snappy", "lz4", "zstd"} {
		p := newKafkaPlace(t, 2, func(c *output.KafkaConfig) { c.Compression, c.MaxMessageBytes = compression, 2000 })
		p.mustPublish(p.started(), 1, rows...)
		if got := p.Records("t"); len(got) != len(rows) {
			t.Errorf("%s: %d records", compression, len(got))
		}
		_, err := p.started().Prepare(t.Context(), info(2), shardOf(p.cfg.Layout.Schema, outputtest.Row{strings.Repeat("y", 2000), int64(1)}), nil)
		var large *output.MessageTooLargeError
		if !errors.As(err, &large) || large.Limit != 2000 || large.Size < 4000 || !strings.Contains(err.Error(), `sink out: topic t: a record with the key "yyy`) {
			t.Errorf("%s: error %v", compression, err)
		}
	}
	p := newKafkaPlace(t, 1)
	p.AddTopic("t", 1, "max.message.bytes", "1500")
	p.mustPublish(p.started(), 1, rows...)
	_, err := p.started().Prepare(t.Context(), info(2), shardOf(p.cfg.Layout.Schema, outputtest.Row{strings.Repeat("y", 2000), int64(1)}), nil)
	var topic *output.TopicError
	if !errors.As(err, &topic) || !strings.Contains(err.Error(), "topic t takes record batches of 1500 bytes") {
		t.Errorf("error %v", err)
	}
}

// BenchmarkKafkaEncode encodes rows of about 200 bytes from columns.
func BenchmarkKafkaEncode(b *testing.B) {
	for _, compression := range []string{"none", "lz4"} {
		b.Run(compression, func(b *testing.B) {
			p := newKafkaPlace(nil, 4, func(c *output.KafkaConfig) { c.Compression = compression })
			k, err := output.OpenKafka(b.Context(), p.Cluster(), p.cfg)
			if err != nil {
				b.Fatal(err)
			}
			rows := make([]outputtest.Row, 10_000)
			for i := range rows {
				rows[i] = outputtest.Row{fmt.Sprintf("%d%s", i, strings.Repeat("x", 170)), int64(i)}
			}
			shards := shardOf(p.cfg.Layout.Schema, rows...)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := k.Prepare(b.Context(), info(1), shards, nil); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/record")
		})
	}
}
