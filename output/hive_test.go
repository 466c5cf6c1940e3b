package output

import (
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/millrace/millrace/columnar"
)

func TestEscapeHive(t *testing.T) {
	for in, want := range map[string]string{
		"2026-11-22 03:00:00": "2026-11-22 03%3A00%3A00",
		"a/b":                 "a%2Fb",
		"100%":                "100%25",
		"x=y":                 "x%3Dy",
		"ü€😀":                 "ü€😀",
		"a\x00b\x1f\x7f":      "a%00b%1F%7F",
		"\xff\xc3":            "%FF%C3",
		`"#'*?[\]^{`:          "%22%23%27%2A%3F%5B%5C%5D%5E%7B",
		"} + , ; ~ . -":       "} + , ; ~ . -",
	} {
		if got := escapeHive(in); got != want {
			t.Errorf("escapeHive(%q) = %s, want %s", in, got, want)
		}
	}
}

// unescapeHive undoes escapeHive. A percent sign that two hexadecimal digits do not follow stands for itself, as in
// Hive.
func unescapeHive(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); i++ {
		if s[i] == '%' && i+2 < len(s) {
			if v, err := strconv.ParseUint(s[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(v))
				i += 2
				continue
			}
		}
		b.WriteByte(s[i])
	}
	return b.String()
}

func FuzzEscapeHive(f *testing.F) {
	for _, s := range []string{"", "a/b", "%", "%2", "%25", "\x00\xff", "é", "..", "a=b"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := escapeHive(s)
		if got := unescapeHive(e); got != s {
			t.Fatalf("%q became %q and came back as %q", s, e, got)
		}
		if !utf8.ValidString(e) || strings.ContainsAny(e, "/\x00\\=") {
			t.Fatalf("%q became %q, which is no name", s, e)
		}
	})
}

func FuzzEscapeJob(f *testing.F) {
	for _, s := range []string{"", "ad-views", "a/b", "%", ".x", "_x", "\x00\xff", "é"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		e := escapeJob(s)
		if got := unescapeHive(e); got != s {
			t.Fatalf("%q became %q and came back as %q", s, e, got)
		}
		if strings.HasPrefix(e, ".") || strings.HasPrefix(e, "_") || strings.Contains(e, "/") {
			t.Fatalf("%q became %q, which readers do not see", s, e)
		}
	})
}

func TestClipKeepsCharactersWhole(t *testing.T) {
	for in, want := range map[string]string{"abc": "abc", "abcdef": "abcd…", "abcü": "abc…", "€€": "€…"} {
		if got := clip(in, 4); got != want {
			t.Errorf("clip(%q, 4) = %q, want %q", in, got, want)
		}
	}
}

func TestIntText(t *testing.T) {
	for _, test := range []struct {
		kind columnar.Kind
		v    int64
		want string
	}{
		{columnar.Bool, 0, "false"},
		{columnar.Bool, 1, "true"},
		{columnar.Int32, -7, "-7"},
		{columnar.Int64, -1 << 63, "-9223372036854775808"},
		{columnar.Date, 0, "1970-01-01"},
		{columnar.Date, -1, "1969-12-31"},
		{columnar.Date, 20779, "2026-11-22"},
		{columnar.Timestamp, 0, "1970-01-01 00:00:00"},
		{columnar.Timestamp, -1, "1969-12-31 23:59:59.999999"},
		{columnar.Timestamp, 1_500_000, "1970-01-01 00:00:01.5"},
	} {
		if got := intText(test.kind, test.v); got != test.want {
			t.Errorf("%s %d = %s, want %s", test.kind, test.v, got, test.want)
		}
	}
}

func TestDirName(t *testing.T) {
	long := strings.Repeat("/", 90)
	_, err := dirName("lake", "k", long)
	want := "sink lake: partition column \"k\": value " + strings.Repeat("%2F", 20) + "… makes a directory name of 272 bytes, the most is 255; partition by something shorter"
	if err == nil || err.Error() != want {
		t.Errorf("error %v, want %s", err, want)
	}
	for value, want := range map[string]string{"": "a b=__HIVE_DEFAULT_PARTITION__", "1/2": "a b=1%2F2"} {
		if got, err := dirName("lake", "a b", value); got != want || err != nil {
			t.Errorf("dirName(%q) = %s, %v; want %s", value, got, err, want)
		}
	}
}
