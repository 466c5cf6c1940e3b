package batch

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/robfig/cron/v3"
)

// Schedule says at which times a job runs.
type Schedule interface {
	// Next is the first time behind t at which the job runs; the zero time when there is none.
	Next(t time.Time) time.Time
}

// ParseCron reads a schedule of five fields (minute, hour, day of month, month, day of week) or one of the words
// @hourly, @daily, @weekly, @monthly, @yearly and @every DURATION. Its times are those of wall clocks in zone, an IANA
// name, unless the text begins with CRON_TZ=ZONE. A time that a clock change skips is left out that day.
func ParseCron(text, zone string) (Schedule, error) {
	prefix, fields, err := splitZone(strings.TrimSpace(text))
	if err != nil {
		return nil, err
	}
	if prefix == "" {
		prefix = "CRON_TZ=" + zone
	}
	s, err := cron.ParseStandard(prefix + " " + fields)
	if err != nil {
		return nil, fmt.Errorf("cron schedule %q: %w; write five fields: minute hour day-of-month month day-of-week, e.g. \"0 * * * *\"", text, err)
	}
	if s.Next(time.Unix(0, 0)).IsZero() {
		return nil, fmt.Errorf("cron schedule %q never comes: no such day is in the calendar", text)
	}
	return s, nil
}

// splitZone separates the time zone, which may stand in front, from the fields.
func splitZone(text string) (zone, fields string, err error) {
	if !strings.HasPrefix(text, "TZ=") && !strings.HasPrefix(text, "CRON_TZ=") {
		if text == "" {
			return "", "", errors.New(`cron schedule is empty; write five fields, e.g. "0 * * * *"`)
		}
		return "", text, nil
	}
	zone, fields, ok := strings.Cut(text, " ")
	if fields = strings.TrimSpace(fields); !ok || fields == "" {
		return "", "", fmt.Errorf("cron schedule %q has a time zone but no fields behind it", text)
	}
	return zone, fields, nil
}
