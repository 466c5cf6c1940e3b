package limit_test

import (
	"testing"

	"github.com/millrace/millrace/bench/limit"
	"github.com/millrace/millrace/columnar"
)

// memoryBytes is how much JSON the benchmarks decode: much more than fits into caches.
const memoryBytes = 500_000_000

// batchRows is how many rows are gathered before they are handed out.
const batchRows = 4096

// fields are columns of strings; event_time is a time in milliseconds.
func fields(names ...string) []columnar.DecodeField {
	var out []columnar.DecodeField
	for _, n := range names {
		f := columnar.DecodeField{Field: columnar.Field{Name: n, Type: columnar.Type{Kind: columnar.String}}}
		if n == "event_time" {
			f.Type.Kind, f.Unit = columnar.Timestamp, columnar.UnitMilli
		}
		out = append(out, f)
	}
	return out
}

func newDecoder(b testing.TB, fields []columnar.DecodeField) *columnar.JSONDecoder {
	b.Helper()
	d, err := columnar.NewJSONDecoder("events", fields, columnar.DecodeOptions{})
	if err != nil {
		b.Fatal(err)
	}
	return d
}

// decode gives the events to the engine's decoder.
func decode(b *testing.B, name string, e *limit.Events, columns []columnar.DecodeField) limit.Contender {
	b.Helper()
	d := newDecoder(b, columns)
	return limit.Contender{Name: name, Records: e.Records, Run: func() {
		rows := 0
		for i := range e.Runs {
			d.Append(&e.Runs[i])
			if d.Rows() >= batchRows || i == len(e.Runs)-1 {
				batch, bad := d.Flush()
				if rows += batch.Rows; len(bad) > 0 {
					b.Fatal(bad[0])
				}
			}
		}
		if rows != e.Records {
			b.Fatalf("%d rows of %d records", rows, e.Records)
		}
	}}
}

// BenchmarkJSON holds the decoder against the bare loop, which decodes 3 of 7 columns and checks nothing else.
func BenchmarkJSON(b *testing.B) {
	e := limit.NewEvents(1, memoryBytes)
	bare := limit.NewDecodeLoop()
	for b.Loop() {
		limit.Report(b, limit.Compare(
			limit.Contender{Name: "bare", Records: e.Records, Run: func() { e.Each(bare.Row) }},
			decode(b, "3of7", e, fields("ad_id", "event_type", "event_time")),
			decode(b, "7of7", e, fields("user_id", "page_id", "ad_id", "ad_type", "event_type", "event_time", "ip_address")),
		))
	}
}
