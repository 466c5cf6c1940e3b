package columnar

import (
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestRawDecoder runs testdata/decode_raw, whose commands are those of [TestJSONDecoder].
func TestRawDecoder(t *testing.T) {
	var fields []DecodeField
	var opts DecodeOptions
	datadriven.RunTest(t, "testdata/decode_raw", func(t *testing.T, d *datadriven.TestData) string {
		if d.Cmd == "columns" {
			var policy string
			d.MaybeScanArgs(t, "on_bad_value", &policy)
			fields, opts = parseFields(t, d.Input), DecodeOptions{NullBadValues: policy == "null"}
		}
		dec, err := NewRawDecoder("events", fields, opts)
		if err != nil {
			return "error: " + err.Error() + "\n"
		}
		var out strings.Builder
		for line := range strings.SplitSeq(d.Input, "\n") {
			if d.Cmd == "decode" {
				dec.Append(recordOf(line))
				out.WriteString(showFlush(dec))
			}
		}
		return out.String()
	})
}

func TestNewDecoder(t *testing.T) {
	for _, format := range []string{FormatJSON, FormatRaw} {
		var fields []DecodeField
		for _, f := range MetadataFields(format) {
			fields = append(fields, DecodeField{Field: f})
		}
		d, err := NewDecoder(format, "events", fields, DecodeOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if got := d.Schema().Names(); len(got) != len(fields) {
			t.Errorf("%s: columns %v", format, got)
		}
	}
	d, err := NewDecoder("avro", "events", nil, DecodeOptions{})
	if d != nil || err == nil || err.Error() != `unknown format "avro"; the formats are json and raw` {
		t.Errorf("got %v, %v", d, err)
	}
}

func TestRawSteadyStateDoesNotAllocate(t *testing.T) {
	recs := ysbRecords(500)
	var fields []DecodeField
	for _, f := range MetadataFields(FormatRaw) {
		fields = append(fields, DecodeField{Field: f})
	}
	d, err := NewRawDecoder("events", fields, DecodeOptions{})
	if err != nil {
		t.Fatal(err)
	}
	round := func() {
		if b, bad := appendFlush(d, recs); b.Rows != 500 || len(bad) != 0 {
			t.Fatalf("%d rows, bad %v", b.Rows, bad)
		}
	}
	round()
	if n := testing.AllocsPerRun(20, round); n != 0 {
		t.Errorf("%v allocations per 500 records, want 0", n)
	}
}
