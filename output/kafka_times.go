package output

import (
	"fmt"
	"strconv"
	"time"
)

// Configurations of a topic that say which timestamps it takes.
const (
	timestampType   = "message.timestamp.type"
	timestampBefore = "message.timestamp.before.max.ms"
	timestampAfter  = "message.timestamp.after.max.ms"
)

// topicTimes are how far from a broker's clock the timestamps of a topic may be, in milliseconds; 0: it does not say.
type topicTimes struct{ before, after int64 }

// timesOf reads the configuration of a topic. One that has the broker's time in its records takes all.
func timesOf(configs map[string]string) topicTimes {
	if configs[timestampType] == "LogAppendTime" {
		return topicTimes{}
	}
	of := func(name string) int64 {
		ms, err := strconv.ParseInt(configs[name], 10, 64)
		if err != nil || ms < 0 || ms > time.Duration(1<<63-1).Milliseconds() { // that is some 292 years: no bound
			return 0
		}
		return ms
	}
	return topicTimes{of(timestampBefore), of(timestampAfter)}
}

// around are the bounds of timestamps beside a plan time, in microseconds, at most most. A twelfth is left for clocks
// that differ and for batches that take their time, as of the hour that is the default.
func (t topicTimes) around(plan, most int64) (int64, int64) {
	least := int64(0)
	if t.before > 0 {
		least = max(plan-t.before*1000/12*11, 0)
	}
	if t.after > 0 {
		most = min(most, plan+t.after*1000/12*11)
	}
	return least, max(most, least)
}

// refuses says why a timestamp is none of the topic's.
func (t topicTimes) refuses(at int64, column string) string {
	text := "takes timestamps"
	if t.before > 0 {
		text += fmt.Sprintf(" of the last %s (%s)", time.Duration(t.before)*time.Millisecond, timestampBefore)
	}
	if t.after > 0 {
		text += fmt.Sprintf(" up to %s ahead (%s)", time.Duration(t.after)*time.Millisecond, timestampAfter)
	}
	return fmt.Sprintf("%s, less a twelfth for slow clocks, and %s of column %q is none of them; raise that of the topic (a batch that is open keeps its options), or begin with timestamp: {column: %s, out_of_range: clamp}",
		text, formatMicros(at), column, column)
}
