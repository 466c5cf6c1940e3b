package columnar

import (
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"
)

// TestJSONValues gives decoders the values of testdata/json_values, each between two good records, as a column that is
// wanted and as one that is not, with literals that were seen before and that were not.
func TestJSONValues(t *testing.T) {
	text, err := os.ReadFile("testdata/json_values")
	if err != nil {
		t.Fatal(err)
	}
	counts := map[byte]int{}
	for i, line := range strings.Split(strings.TrimSpace(string(text)), "\n") {
		if line[0] == '#' {
			continue
		}
		value, err := strconv.Unquote(line[2:])
		if err != nil {
			t.Fatalf("line %d: %v", i+1, err)
		}
		counts[line[0]]++
		for _, careful := range []bool{false, true} {
			checkJSONValue(t, value, line[0] == 'y', careful)
		}
	}
	if counts['y'] < 40 || counts['n'] < 80 || counts['i'] < 15 {
		t.Errorf("%v values only", counts)
	}
}

func checkJSONValue(t *testing.T, value string, good, careful bool) {
	t.Helper()
	for _, before := range []string{`"before"`, `5`, `null`} {
		for _, names := range [][]string{{"z"}, {"z", "a"}} {
			d := newDecoder(t, ysbFields(names...))
			d.careful = careful
			record := func(z, v string) string { return `{"a":` + v + `,"z":"` + z + `"}` }
			b, bad := appendFlush(d, recordsOf(record("one", before), record("two", value), record("three", before)))
			var got []string
			for row := range b.Rows {
				got = append(got, string(b.Cols[0].Str(row)))
			}
			want := "[one three]"
			if good {
				want = "[one two three]"
			}
			if fmt.Sprint(got) != want || good != (len(bad) == 0) || good != oracleValid([]byte(record("two", value))) {
				t.Errorf("%q behind %s, columns %v, careful %v: rows %v, bad %v, want %s", value, before, names, careful, got, bad, want)
			}
		}
	}
}

// TestJSONHostile puts records that are made to hurt between good ones.
func TestJSONHostile(t *testing.T) {
	good := func(n int) string {
		return fmt.Sprintf(`{"ad_id":"ad%d","event_type":"view","event_time":"%d"}`, n, 1_700_000_000_000+n)
	}
	long := strings.Repeat("x", 100_000_000)
	for _, c := range []struct{ name, record, reason, row string }{
		{"100,000 levels", `{"x":` + strings.Repeat("[", 100_000), "more than 1000 levels of nesting", ""},
		{"100,000 levels, closed", `{"x":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_001), "more than 1000 levels of nesting", ""},
		{"100 MB string", `{"ad_id":"` + long + `"}`, "", long},
		{"100 MB string that nobody wants", `{"x":"` + long + `","ad_id":"1"}`, "", "1"},
		{"100 MB string without an end", `{"ad_id":"` + long, "ends inside a string", ""},
		{"invalid UTF-8", "{\"ad_id\":\"a\xffb\"}", "invalid UTF-8", ""},
		{"NaN", `{"event_time":NaN}`, "want a value", ""},
		{"Infinity", `{"event_time":-Infinity}`, "want a digit", ""},
		{"400 digits", `{"event_time":` + strings.Repeat("9", 400) + `}`, "out of range", ""},
		{"400 digits for text", `{"ad_id":` + strings.Repeat("9", 400) + `}`, "", strings.Repeat("9", 400)},
		{"two quotes", `{"ad_id":"ad2"","event_type":"view","event_time":"1700000000002"}`, "not valid JSON", ""},
	} {
		for _, careful := range []bool{false, true} {
			d := newDecoder(t, ysbThree)
			d.careful = careful
			b, bad := appendFlush(d, recordsOf(good(0), good(1), c.record, good(3)))
			want := []string{"ad0", "ad1", c.row, "ad3"}
			if c.reason != "" {
				want = []string{"ad0", "ad1", "ad3"}
			}
			if len(bad) != 4-len(want) || c.reason != "" && !strings.Contains(bad[0].Reason, c.reason) {
				t.Errorf("%s, careful %v: bad %v, want %q", c.name, careful, bad, c.reason)
				continue
			}
			for row, w := range want {
				if string(b.Cols[0].Str(row)) != w {
					t.Errorf("%s, careful %v: row %d is another one", c.name, careful, row)
				}
			}
		}
	}
}

// TestJSONTruncated cuts a record everywhere: what stands behind it in the buffer must not complete it.
func TestJSONTruncated(t *testing.T) {
	whole := `{"ad_id": "0123456789-0123456789", "event_type": "view", "event_time": "1700000000000"}`
	for n := range len(whole) {
		d := newDecoder(t, ysbThree)
		recs := recordsOf(whole, whole, whole)
		recs.Rows[1].Value.Len = int32(n)
		b, bad := appendFlush(d, recs)
		if got, want := showBatch(b), showDecoded(t, whole, whole); got != want || len(bad) != 1 || bad[0].Offset != 1 {
			t.Errorf("cut behind %q: rows %q, bad %v", whole[:n], got, bad)
		}
	}
}

func showDecoded(t *testing.T, values ...string) string {
	b, _ := appendFlush(newDecoder(t, ysbThree), recordsOf(values...))
	return showBatch(b)
}

// TestJSONWords compares the tests of whole words with those of single bytes, for each byte at each place.
func TestJSONWords(t *testing.T) {
	for place := range 16 {
		for c := range 256 {
			b := []byte("abcdefghijklmnopqrstuvwxyz0123456789")
			b[place] = byte(c)
			odd := c == '"' || c == '\\' || c < ' ' || c > 0x7f
			want := 16
			if odd {
				want = place
			}
			if got := plainLength(b, 0, 16); got != want {
				t.Errorf("byte %#x at %d: %d plain bytes, want %d", c, place, got, want)
			}
		}
	}
	for n := range 9 {
		for c := range 256 {
			b := []byte(" \t\r\n \t\r\n")
			for k := n; k < 8; k++ {
				b[k] = byte(c)
			}
			want := n
			if strings.ContainsRune(" \t\r\n", rune(c)) || n == 8 {
				want = 8
			}
			if got := whiteLength(wordAt(b, 0)); got != want {
				t.Errorf("bytes %#x from %d: %d of white space, want %d", c, n, got, want)
			}
		}
	}
}
