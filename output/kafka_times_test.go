package output

import (
	"strings"
	"testing"
	"time"
)

// TestTopicTimes: a topic may take fewer timestamps than brokers do by default, never more than the job allows.
func TestTopicTimes(t *testing.T) {
	const never = "9223372036854775807"
	plan := time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC).UnixMicro()
	most := plan + kafkaAhead.Microseconds()
	for _, test := range []struct {
		kind, before, after string
		least, most         time.Duration // from the plan time; 0 least: 1970
	}{
		{"CreateTime", never, "3600000", 0, kafkaAhead},
		{"CreateTime", never, never, 0, kafkaAhead},
		{"", "", "", 0, kafkaAhead},
		{"CreateTime", "720000", "120000", -11 * time.Minute, 110 * time.Second},
		{"CreateTime", "720000", never, -11 * time.Minute, kafkaAhead},
		{"LogAppendTime", "720000", "120000", 0, kafkaAhead},
	} {
		least, got := timesOf(map[string]string{timestampType: test.kind, timestampBefore: test.before, timestampAfter: test.after}).around(plan, most)
		want := int64(0)
		if test.least != 0 {
			want = plan + test.least.Microseconds()
		}
		if least != want || got != plan+test.most.Microseconds() {
			t.Errorf("%+v: %s to %s", test, formatMicros(least), formatMicros(got))
		}
	}
	text := topicTimes{before: 720_000}.refuses(plan, "at")
	if !strings.Contains(text, "of the last 12m0s (message.timestamp.before.max.ms)") || strings.Contains(text, "ahead") {
		t.Error(text)
	}
}
