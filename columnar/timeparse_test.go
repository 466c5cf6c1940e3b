package columnar

import (
	"testing"
	"time"
)

// TestParseDateAllYears walks through the four-digit years in steps of 13 days, which meet every month's first and last
// days and the leap days of all kinds of years.
func TestParseDateAllYears(t *testing.T) {
	day := time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	for want := int32(day.Unix() / 86400); day.Year() <= 9999; want += 13 {
		text := day.AppendFormat(nil, time.DateOnly)
		if got, ok := ParseDate(text); !ok || got != want {
			t.Fatalf("ParseDate(%s) = %d, %v; want %d", text, got, ok, want)
		}
		day = day.AddDate(0, 0, 13)
	}
}

func TestParseDateRefuses(t *testing.T) {
	for _, text := range []string{"", "2026-11-2", "2026-11-022", "2026/11/22", "2026-00-10", "2026-13-10", "2026-04-31", "2026-02-29",
		"2100-02-29", "2026-11-00", "2026-11-32", "-026-11-22", "2026-1a-22", " 2026-11-2"} {
		if days, ok := ParseDate([]byte(text)); ok {
			t.Errorf("ParseDate(%q) = %d", text, days)
		}
	}
}

func TestParseTimestamp(t *testing.T) {
	for text, want := range map[string]string{
		"1970-01-01T00:00:00Z":                "1970-01-01T00:00:00Z",
		"2026-11-22T23:59:59.999999999-00:01": "2026-11-23T00:00:59.999999Z",
		"2026-11-22 00:30:00+01":              "2026-11-21T23:30:00Z",
		"0000-01-01T00:00:00+23:59":           "-0001-12-31T00:01:00Z",
		"1960-02-29T12:00:00.1":               "1960-02-29T12:00:00.1Z",
	} {
		got, ok := ParseTimestamp([]byte(text))
		if shown := time.UnixMicro(got).UTC().Format(time.RFC3339Nano); !ok || shown != want {
			t.Errorf("ParseTimestamp(%q) = %s, %v; want %s", text, shown, ok, want)
		}
	}
}

func TestParseTimestampRefuses(t *testing.T) {
	for _, text := range []string{"", "2026-11-22", "2026-11-22T10:20", "2026-11-22_10:20:30", "2026-11-22T10:20:3", "2026-11-22T10-20-30",
		"2026-11-22T24:00:00", "2026-11-22T10:60:00", "2026-11-22T10:20:60", "2026-11-22T10:20:30.Z", "2026-11-22T10:20:30,5", "2026-02-30T10:20:30",
		"2026-11-22T10:20:30 Z", "2026-11-22T10:20:30ZZ", "2026-11-22T10:20:30+1", "2026-11-22T10:20:30+1:00", "2026-11-22T10:20:30+01:60",
		"2026-11-22T10:20:30+24:00", "2026-11-22T10:20:30 UTC", "2026-11-22T10:20:30+01:00:00"} {
		if micros, ok := ParseTimestamp([]byte(text)); ok {
			t.Errorf("ParseTimestamp(%q) = %d", text, micros)
		}
	}
}
