package limit_test

import (
	"flag"
	"slices"
	"testing"

	"github.com/goccy/go-json"

	"github.com/millrace/millrace/bench/limit"
	"github.com/millrace/millrace/columnar"
)

// memoryBytes is how much JSON the benchmarks decode: much more than fits into caches.
const memoryBytes = 500_000_000

// batchRows is how many rows are gathered before they are handed out.
const batchRows = 4096

var seed = flag.Uint64("seed", 1, "of the names, the order, the white space and the lengths in BenchmarkJSONDrawn")

// fields are columns of strings; event_time is a time in milliseconds.
func fields(names ...string) []columnar.DecodeField {
	var out []columnar.DecodeField
	for _, n := range names {
		f := columnar.DecodeField{Field: columnar.Field{Name: n, Type: columnar.Type{Kind: columnar.String}}}
		if n == "event_time" {
			f = timeField(n)
		}
		out = append(out, f)
	}
	return out
}

func timeField(name string) columnar.DecodeField {
	return columnar.DecodeField{Field: columnar.Field{Name: name, Type: columnar.Type{Kind: columnar.Timestamp}}, Unit: columnar.UnitMilli}
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

var (
	three = fields("ad_id", "event_type", "event_time")
	seven = fields("user_id", "page_id", "ad_id", "ad_type", "event_type", "event_time", "ip_address")
)

// BenchmarkJSON holds the decoder against the bare loop, which decodes 3 of 7 columns and checks nothing else.
func BenchmarkJSON(b *testing.B) {
	e := limit.NewEvents(1, memoryBytes)
	bare := limit.NewDecodeLoop()
	for b.Loop() {
		limit.Report(b, limit.Compare(
			limit.Contender{Name: "bare", Records: e.Records, Run: func() { e.Each(bare.Row) }},
			decode(b, "3of7", e, three),
			decode(b, "7of7", e, seven),
		))
	}
}

// BenchmarkJSONDrawn decodes records that look as the flag -seed says, and compares the cost of a byte with that of the
// events of the benchmark.
func BenchmarkJSONDrawn(b *testing.B) {
	e, shape := limit.NewEvents(1, memoryBytes), limit.NewShape(*seed)
	drawn := shape.Events(*seed, memoryBytes)
	var all []columnar.DecodeField
	for _, name := range shape.Names {
		if name == shape.Time {
			all = append(all, timeField(name))
		} else {
			all = append(all, fields(name)...)
		}
	}
	some := slices.DeleteFunc(slices.Clone(all), func(f columnar.DecodeField) bool {
		return f.Name != shape.Ad && f.Name != shape.Kind && f.Name != shape.Time
	})
	for b.Loop() {
		results := limit.Compare(decode(b, "3of7", e, three), decode(b, "drawn-3of7", drawn, some), decode(b, "7of7", e, seven), decode(b, "drawn-7of7", drawn, all))
		limit.Report(b, results)
		perByte := func(r limit.Result, e *limit.Events) float64 { return r.Ns * float64(e.Records) / float64(e.Bytes) }
		b.ReportMetric(perByte(results[1], drawn)/perByte(results[0], e), "drawn-3of7/3of7-per-byte")
		b.ReportMetric(perByte(results[3], drawn)/perByte(results[2], e), "drawn-7of7/7of7-per-byte")
	}
	b.Logf("seed %d, e.g. %s", *seed, first(drawn))
}

// first is the value of the first record.
func first(e *limit.Events) []byte { return e.Runs[0].Rows[0].Value.Of(e.Runs[0].Buf) }

// event is the struct that go-json decodes into.
type event struct {
	User string `json:"user_id"`
	Page string `json:"page_id"`
	Ad   string `json:"ad_id"`
	Type string `json:"ad_type"`
	Kind string `json:"event_type"`
	Time int64  `json:"event_time,string"`
	IP   string `json:"ip_address"`
}

// BenchmarkJSONAdversarial decodes records in which nothing can be predicted, beside goccy/go-json into a struct.
func BenchmarkJSONAdversarial(b *testing.B) {
	e := limit.NewAdversarialEvents(*seed, memoryBytes/5)
	goccy := func() {
		e.Each(func(v []byte) {
			var row event
			if err := json.Unmarshal(v, &row); err != nil {
				b.Fatalf("%s: %v", v, err)
			}
		})
	}
	for b.Loop() {
		limit.Report(b, limit.Compare(limit.Contender{Name: "go-json", Records: e.Records, Run: goccy}, decode(b, "7of7", e, seven), decode(b, "3of7", e, three)))
	}
	b.Logf("e.g. %s", first(e))
}
