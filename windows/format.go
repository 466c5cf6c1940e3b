package windows

import "time"

// FormatTime returns microseconds since the epoch as RFC 3339 in UTC; "none" and "end of time" for the bounds.
func FormatTime(us int64) string {
	switch us {
	case NoWatermark:
		return "none"
	case MaxWatermark:
		return "end of time"
	}
	return time.UnixMicro(us).UTC().Format("2006-01-02T15:04:05.999999Z")
}

// FormatDuration returns microseconds as a duration, e.g. 5m0s.
func FormatDuration(us int64) string { return (time.Duration(us) * time.Microsecond).String() }
