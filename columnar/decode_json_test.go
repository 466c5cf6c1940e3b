package columnar

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/millrace/millrace/offsets"
)

// TestJSONDecoder runs the files of testdata whose names begin with decode_json. "columns" declares the columns of what
// follows, with on_bad_value=null where it says so; every line of "decode" is one record, decoded by both tiers; the
// output is one line for each record, in order.
func TestJSONDecoder(t *testing.T) {
	files, err := filepath.Glob("testdata/decode_json*")
	if err != nil || len(files) < 2 {
		t.Fatalf("files %v, %v", files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) { runJSON(t, file) })
	}
}

func runJSON(t *testing.T, file string) {
	var fields []DecodeField
	var opts DecodeOptions
	datadriven.RunTest(t, file, func(t *testing.T, d *datadriven.TestData) string {
		lines := strings.Split(d.Input, "\n")
		switch d.Cmd {
		case "columns":
			var policy string
			d.MaybeScanArgs(t, "on_bad_value", &policy)
			fields, opts = parseFields(t, d.Input), DecodeOptions{NullBadValues: policy == "null"}
			if _, err := NewJSONDecoder("events", fields, opts); err != nil {
				return "error: " + err.Error() + "\n"
			}
			return ""
		case "decode":
			return decodeLines(t, fields, opts, lines)
		case "census":
			d.MaybeScanArgs(t, "records", &opts.CensusRecords)
			return censusLines(t, fields, opts, lines)
		}
		t.Fatalf("unknown command %s", d.Cmd)
		return ""
	})
}

// decodeLines decodes the records one by one: the fast tier has then learnt from the lines before.
func decodeLines(t *testing.T, fields []DecodeField, opts DecodeOptions, lines []string) string {
	fast, careful := newDecoderWith(t, fields, opts), newDecoderWith(t, fields, opts)
	careful.careful = true
	var out strings.Builder
	for _, line := range lines {
		recs := recordOf(line)
		fast.Append(recs)
		careful.Append(recs)
		got, want := showFlush(fast), showFlush(careful)
		if got != want {
			t.Errorf("%s: the fast tier gives %q, the careful one %q", line, got, want)
		}
		out.WriteString(got)
	}
	return out.String()
}

// censusLines decodes the records one by one and shows the census of them all.
func censusLines(t *testing.T, fields []DecodeField, opts DecodeOptions, lines []string) string {
	if opts.CensusRecords == 0 {
		opts.CensusRecords = 1000
	}
	d := newDecoderWith(t, fields, opts)
	for _, line := range lines {
		appendFlush(d, recordOf(line))
	}
	c := d.Census()
	return fmt.Sprintf("records: %d\nseen: %s\nabsent: %s\n", c.Records, strings.Join(c.Seen, ", "), strings.Join(c.Absent, ", "))
}

// showFlush shows the rows and bad records of a decoder, and its counts where there is neither.
func showFlush(d Decoder) string {
	b, bad := d.Flush()
	c := d.Counts()
	out := showBatch(b)
	for _, r := range bad {
		out += "bad: " + r.Reason + "\n"
	}
	if c.In != c.Out+c.Dropped() || c.Out != int64(b.Rows) || c.Bad != int64(len(bad)) {
		out += fmt.Sprintf("wrong counts %+v\n", c)
	}
	if c.Tombstone > 0 {
		out += "tombstone\n"
	}
	if c.Nulled > 0 {
		out = strings.TrimSuffix(out, "\n") + fmt.Sprintf(" (nulled %d)\n", c.Nulled)
	}
	return out
}

func TestJSONDecoderFlush(t *testing.T) {
	d := newDecoder(t, []DecodeField{{Field: Field{Name: "a", Type: Type{Kind: Int64}}}})
	if b, bad := d.Flush(); b.Rows != 0 || len(bad) != 0 || b.Cols[0].N != 0 {
		t.Fatalf("first flush: %d rows, %d bad", b.Rows, len(bad))
	}
	d.Append(recordsOf(`{"a":1}`, `{"a":x}`, `{}`))
	d.Append(recordsOf(`{"a":3}`))
	if d.Rows() != 3 {
		t.Fatalf("Rows() = %d, want 3", d.Rows())
	}
	b, bad := d.Flush()
	if got := showBatch(b); got != "1\n\\N\n3\n" || !slices.Equal(b.Offsets, []int64{0, 2, 0}) {
		t.Errorf("rows %q at offsets %v", got, b.Offsets)
	}
	if *b.Origin != (Origin{Source: "events", Topic: "t"}) {
		t.Errorf("origin %+v", *b.Origin)
	}
	want := `bad record at t/0 offset 1: not valid JSON at byte 5: want a value, found 'x'; value: {"a":x}`
	if len(bad) != 1 || bad[0].Error() != want {
		t.Errorf("bad records %v, want %s", bad, want)
	}
	if d.Rows() != 0 {
		t.Errorf("Rows() = %d behind Flush", d.Rows())
	}
	if b, bad := d.Flush(); b.Rows != 0 || len(bad) != 0 || len(b.Offsets) != 0 {
		t.Errorf("second flush: %d rows, %d bad", b.Rows, len(bad))
	}
	if b, _ := appendFlush(d, recordsOf(`{"a":4}`)); b.Cols[0].Valid != nil || b.Rows != 1 {
		t.Errorf("after reuse: %d rows, validity %v, want 1 row and no bitmap", b.Rows, b.Cols[0].Valid)
	}
}

func appendFlush(d Decoder, recs *offsets.Records) (*Batch, []BadRecord) {
	d.Append(recs)
	return d.Flush()
}

func TestJSONDecoderRefusesTwoPartitionsInOneBatch(t *testing.T) {
	d := newDecoder(t, ysbThree)
	d.Append(recordsOf(`{}`))
	defer func() {
		if r := recover(); r != "columnar: records of t/0 and t/1 in one batch" {
			t.Errorf("recovered %v", r)
		}
	}()
	other := recordsOf(`{}`)
	other.Partition = 1
	d.Append(other)
}

// TestJSONRecordsWithoutSlack gives a buffer that breaks the promise of offsets.Records.
func TestJSONRecordsWithoutSlack(t *testing.T) {
	recs := recordsOf(`{"ad_id":"0123456789"}`)
	recs.Buf = slices.Clip(slices.Clone(recs.Buf))
	b, bad := appendFlush(newDecoder(t, ysbFields("ad_id")), recs)
	if got := showBatch(b); got != "\"0123456789\"\n" || len(bad) > 0 {
		t.Fatalf("got %q, bad %v", got, bad)
	}
}

// TestJSONRecordEndsWhereItEnds puts records side by side of which the second completes the first.
func TestJSONRecordEndsWhereItEnds(t *testing.T) {
	whole := `{"ad_id":"x","event_time":"1"}`
	for cut := 1; cut < len(whole); cut++ {
		b, bad := appendFlush(newDecoder(t, ysbThree), recordsOf(whole, whole[:cut], whole[cut:], whole))
		if b.Rows != 2 || len(bad) != 2 {
			t.Errorf("cut at %d: %d rows, bad %v", cut, b.Rows, bad)
		}
	}
}

func TestJSONDecoderBytes(t *testing.T) {
	d := newDecoder(t, ysbFields("ad_id", "ad_type"))
	d.Append(recordsOf(`{"ad_id":"123","ad_type":"12345"}`, `{"ad_id":"123"}`))
	if d.Bytes() != 6 {
		t.Errorf("Bytes() = %d, want 6, the size of ad_id", d.Bytes())
	}
}

// TestJSONBadValueIsCut checks how much of a long value a bad record keeps, and of a long field its reason.
func TestJSONBadValueIsCut(t *testing.T) {
	value := `{"event_time":"` + strings.Repeat("ü", 500) + `"}`
	_, bad := appendFlush(newDecoder(t, ysbThree), recordsOf(value))
	if len(bad) != 1 || string(bad[0].Value) != value[:BadValueBytes] {
		t.Fatalf("bad records %q", bad)
	}
	want := `column "event_time": "` + strings.Repeat("ü", 29) + `… is not a timestamp(ms)`
	if bad[0].Reason != want {
		t.Errorf("reason %s, want %s", bad[0].Reason, want)
	}
}

func TestJSONDepth(t *testing.T) {
	nested := func(levels int) string {
		return `{"x":` + strings.Repeat(`[{"y":`, levels/2) + `1` + strings.Repeat(`}]`, levels/2) + `}`
	}
	d := newDecoder(t, ysbThree)
	if b, bad := appendFlush(d, recordsOf(nested(998))); b.Rows != 1 || len(bad) != 0 {
		t.Errorf("999 levels: %v", bad)
	}
	_, bad := appendFlush(d, recordsOf(nested(1000)))
	if len(bad) != 1 || bad[0].Reason != "not valid JSON at byte 3000: more than 1000 levels of nesting" {
		t.Errorf("1001 levels: %v", bad)
	}
}

// TestJSONKeysAreData fills the store of literals, so that the fast tier has to go on without it.
func TestJSONKeysAreData(t *testing.T) {
	d := newDecoder(t, ysbFields("ad_id"))
	for i := range 2 * maxJSONSteps {
		record := fmt.Sprintf(`{"k%d":1,"ad_id":"%d","x%s":2}`, i, i, strings.Repeat("y", i))
		b, bad := appendFlush(d, recordsOf(record))
		if got, want := showBatch(b), fmt.Sprintf("\"%d\"\n", i); got != want || len(bad) > 0 {
			t.Fatalf("record %d: %s, bad %v", i, got, bad)
		}
	}
	if n := len(d.shape.steps); n != maxJSONSteps {
		t.Errorf("%d literals kept, want %d", n, maxJSONSteps)
	}
}
