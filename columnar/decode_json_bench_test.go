package columnar

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/offsets"
)

// ysbFields are the seven columns of the Yahoo streaming benchmark's event.
func ysbFields(names ...string) []DecodeField {
	var fields []DecodeField
	for _, n := range names {
		f := DecodeField{Field: Field{Name: n, Type: Type{Kind: String}}}
		if n == "event_time" {
			f.Type.Kind, f.Unit = Timestamp, UnitMilli
		}
		fields = append(fields, f)
	}
	return fields
}

var (
	ysbAll   = ysbFields("user_id", "page_id", "ad_id", "ad_type", "event_type", "event_time", "ip_address")
	ysbThree = ysbFields("ad_id", "event_type", "event_time")
)

// ysbRecords returns n seeded events of about 246 bytes as one run of records.
func ysbRecords(n int) *offsets.Records {
	r := rand.New(rand.NewPCG(1, 2))
	uuid := func() string {
		a, b := r.Uint64(), r.Uint64()
		return fmt.Sprintf("%08x-%04x-%04x-%04x-%012x", a>>32, a>>16&0xffff, a&0xffff, b>>48, b&0xffffffffffff)
	}
	kinds := []string{"banner", "modal", "sponsored-search", "mail", "mobile"}
	events := []string{"view", "click", "purchase"}
	var values []string
	for i := range n {
		values = append(values, fmt.Sprintf(`{"user_id": "%s", "page_id": "%s", "ad_id": "%s", "ad_type": "%s", "event_type": "%s", "event_time": "%d", "ip_address": "1.2.3.4"}`,
			uuid(), uuid(), uuid(), kinds[r.IntN(5)], events[r.IntN(3)], 1_700_000_000_000+i/100))
	}
	return recordsOf(values...)
}

// recordsOf packs values into one run of records, with offsets from 0.
func recordsOf(values ...string) *offsets.Records {
	recs := &offsets.Records{Topic: "t", Buf: []byte{0}}
	for i, v := range values {
		recs.Rows = append(recs.Rows, offsets.Record{
			Offset:    int64(i),
			Timestamp: 1_700_000_000_000 + int64(i),
			Key:       offsets.Span{Len: -1},
			Headers:   offsets.Span{Len: 1}, // the count of none
			Value:     offsets.Span{Start: int32(len(recs.Buf)), Len: int32(len(v))},
		})
		recs.Buf = append(recs.Buf, v...)
	}
	recs.Buf = append(recs.Buf, make([]byte, offsets.Slack)...)[:len(recs.Buf)]
	return recs
}

func newDecoder(t testing.TB, fields []DecodeField) *JSONDecoder {
	t.Helper()
	return newDecoderWith(t, fields, DecodeOptions{})
}

func newDecoderWith(t testing.TB, fields []DecodeField, opts DecodeOptions) *JSONDecoder {
	t.Helper()
	d, err := NewJSONDecoder("events", fields, opts)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func benchmarkYSB(b *testing.B, fields []DecodeField, careful bool) {
	recs := ysbRecords(4096)
	d := newDecoder(b, fields)
	d.careful = careful
	b.ReportAllocs()
	b.SetBytes(int64(len(recs.Buf)))
	for b.Loop() {
		d.Append(recs)
		d.Flush()
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(recs.Rows)), "ns/record")
}

func BenchmarkJSONYSB3of7(b *testing.B)        { benchmarkYSB(b, ysbThree, false) }
func BenchmarkJSONYSB7of7(b *testing.B)        { benchmarkYSB(b, ysbAll, false) }
func BenchmarkJSONYSB3of7Careful(b *testing.B) { benchmarkYSB(b, ysbThree, true) }

func TestJSONSteadyStateDoesNotAllocate(t *testing.T) {
	recs := ysbRecords(500)
	meta := append(ysbFields("_topic"), DecodeField{Field: Field{Name: "_offset", Type: Type{Kind: Int64}}})
	for _, careful := range []bool{false, true} {
		d := newDecoder(t, append(meta, ysbAll...))
		d.careful = careful
		round := func() {
			d.Append(recs)
			if b, bad := d.Flush(); b.Rows != 500 || len(bad) != 0 {
				t.Fatalf("%d rows, bad %v", b.Rows, bad)
			}
		}
		round()
		if n := testing.AllocsPerRun(20, round); n != 0 {
			t.Errorf("careful %v: %v allocations per 500 records, want 0", careful, n)
		}
	}
}

// nestedRecords are orders with an object, an array of objects and a map in each.
func nestedRecords(n int) *offsets.Records {
	r := rand.New(rand.NewPCG(2, 1))
	var values []string
	for i := range n {
		values = append(values, fmt.Sprintf(`{"id": "%d", "offer": {"unitPrice": %d.%02d, "currency": "EUR"}, "items": [{"sku": "s%d", "n": %d}, {"sku": "\u0073%d", "n": 2}], "tags": {"a": "x", "b": "%d"}, "at": %d}`,
			i, r.IntN(1000), r.IntN(100), r.IntN(50), r.IntN(9), r.IntN(50), i, 1_700_000_000_000+i))
	}
	return recordsOf(values...)
}

const nestedColumns = `id string
price decimal(10,2) path=offer.unitPrice
currency string path=offer.currency
items array<struct<sku string, n int>>
tags map<string, string>
second string path=items[1].sku
at timestamp(ms)`

func BenchmarkJSONNested(b *testing.B) { benchmarkJSON(b, nestedRecords(4096), nestedColumns) }

// BenchmarkJSONNestedOne has one column that is not flat among the flat ones.
func BenchmarkJSONNestedOne(b *testing.B) {
	benchmarkJSON(b, nestedRecords(4096), "id string\nprice decimal(10,2) path=offer.unitPrice\nat timestamp(ms)")
}

func BenchmarkJSONNestedNone(b *testing.B) {
	benchmarkJSON(b, nestedRecords(4096), "id string\nat timestamp(ms)")
}

func benchmarkJSON(b *testing.B, recs *offsets.Records, columns string) {
	d := newDecoder(b, parseFields(b, columns))
	b.ReportAllocs()
	b.SetBytes(int64(len(recs.Buf)))
	for b.Loop() {
		d.Append(recs)
		if got, bad := d.Flush(); got.Rows != len(recs.Rows) || len(bad) > 0 {
			b.Fatal(bad)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(recs.Rows)), "ns/record")
}

func TestJSONNestedSteadyStateDoesNotAllocate(t *testing.T) {
	recs := nestedRecords(500)
	for _, careful := range []bool{false, true} {
		d := newDecoder(t, parseFields(t, nestedColumns))
		d.careful = careful
		round := func() {
			d.Append(recs)
			if b, bad := d.Flush(); b.Rows != 500 || len(bad) != 0 {
				t.Fatalf("%d rows, bad %v", b.Rows, bad)
			}
		}
		round()
		if n := testing.AllocsPerRun(20, round); n != 0 {
			t.Errorf("careful %v: %v allocations per 500 records, want 0", careful, n)
		}
	}
}
