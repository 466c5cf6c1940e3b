package jobspec

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/offsets"
)

func TestStartTime(t *testing.T) {
	for _, test := range []struct {
		text, zone string
		want       string // RFC 3339; "" for none
	}{
		{"1764000000123", "UTC", "2025-11-24T16:00:00.123Z"},
		{"0", "Europe/Berlin", "1970-01-01T00:00:00Z"},
		{"2026-11-22T08:00:00Z", "Europe/Berlin", "2026-11-22T08:00:00Z"},
		{"2026-11-22T08:00Z", "Europe/Berlin", "2026-11-22T08:00:00Z"},
		{"2026-11-22T08:00+05:30", "Europe/Berlin", "2026-11-22T02:30:00Z"},
		{"2026-11-22T08:00:00.5+05:30", "Europe/Berlin", "2026-11-22T02:30:00.5Z"},
		{"2026-11-22T08:00:00", "Europe/Berlin", "2026-11-22T07:00:00Z"},
		{"2026-07-22 08:00", "Europe/Berlin", "2026-07-22T06:00:00Z"},
		{"2026-07-22", "America/Chicago", "2026-07-22T05:00:00Z"},
		{"1960-01-01", "UTC", ""},
		{"-1", "UTC", ""},
		{"yesterday", "UTC", ""},
		{"", "UTC", ""},
	} {
		at, ok := startTime(test.text, test.zone)
		got := ""
		if ok {
			got = time.UnixMilli(at).UTC().Format(time.RFC3339Nano)
		}
		if got != test.want {
			t.Errorf("%q in %s is %q, want %q", test.text, test.zone, got, test.want)
		}
	}
}

// TestKafkaOptions: what a job file says of reading comes to the source.
func TestKafkaOptions(t *testing.T) {
	workDir(t)
	const topic = "topic: ad-events"
	options := func(text string) (*Spec, offsets.KafkaOptions) {
		s, _ := mustJob(t, replaced(t, viewsJob, topic, text))
		opts, err := s.Sources[0].kafkaOptions(s.Timezone)
		if err != nil {
			t.Fatal(err)
		}
		return s, opts
	}
	if _, o := options(topic); strings.Join(o.Topics, " ") != "ad-events" || !o.ReadCommitted || o.Start.Start != offsets.Earliest || o.RetryFor != 30*time.Second || o.Pattern != nil || o.Source != "events" {
		t.Errorf("defaults %+v", o)
	}
	s, o := options("topics: [a, b], isolation: read_uncommitted, retry_timeout: 2m, start: {timestamp: 2026-11-22}")
	if strings.Join(o.Topics, " ") != "a b" || o.ReadCommitted || o.Start.Start != offsets.AtTimestamp || o.Start.Timestamp != 1795305600000 || o.RetryFor != 2*time.Minute {
		t.Errorf("%+v", o)
	}
	if job, _, err := s.Job(); err != nil || job.Sources["events"].Start != offsets.AtTimestamp {
		t.Errorf("the job's source %+v, %v", job.Sources, err)
	}
	_, o = options("topic_pattern: 'a|b-.*', start: {offsets: {b-1/7: 12}}")
	if !o.Pattern.MatchString("b-1") || o.Pattern.MatchString("xa") || o.Pattern.MatchString("ax") || len(o.Topics) != 0 {
		t.Errorf("pattern %v, topics %v", o.Pattern, o.Topics)
	}
	if want := (offsets.StartOffset{Topic: "b-1", Partition: 7, Offset: 12}); len(o.Start.Offsets) != 1 || o.Start.Offsets[0] != want {
		t.Errorf("start %+v, want %v", o.Start, want)
	}
}

// TestKafkaHash: which topics a job reads and where it began may change on a checkpoint, what it sees of transactions is
// another result.
func TestKafkaHash(t *testing.T) {
	workDir(t)
	_, job := mustJob(t, viewsJob)
	for text, same := range map[string]bool{
		"topics: [ad-events, more]":                     true,
		"topic_pattern: ad-.*":                          true,
		"topic: ad-events, start: latest":               true,
		"topic: ad-events, retry_timeout: 5m":           true,
		"topic: ad-events, isolation: read_committed":   true,
		"topic: ad-events, isolation: read_uncommitted": false,
	} {
		if _, other := mustJob(t, replaced(t, viewsJob, "topic: ad-events", text)); (other.Hash == job.Hash) != same {
			t.Errorf("%s: same job %v, want %v", text, !same, same)
		}
	}
}
