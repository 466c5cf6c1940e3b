package limit

import (
	"encoding/json"
	"maps"
	"strings"
	"testing"
	"unsafe"
)

// TestLoopCounts compares the loop's counts with the generator's, and those with the events themselves.
func TestLoopCounts(t *testing.T) {
	e := NewEvents(7, 1<<20)
	campaign := map[string]string{}
	for _, a := range e.Ads {
		campaign[a.ID] = a.Campaign
	}
	l, plain := NewLoop(e.Ads), map[Group]int64{}
	bytes := int64(0)
	e.Each(func(v []byte) {
		l.Row(v)
		bytes += int64(len(v))
		var event struct {
			Ad   string `json:"ad_id"`
			Kind string `json:"event_type"`
			Ms   int64  `json:"event_time,string"`
		}
		if err := json.Unmarshal(v, &event); err != nil {
			t.Fatalf("%s: %v", v, err)
		}
		if event.Kind == "view" {
			plain[Group{campaign[event.Ad], event.Ms / 10_000 * 10_000}]++
		}
	})
	l.Flush()
	counts := map[Group]int64{}
	l.Counts(counts)
	if wrong := Wrong(counts, plain); wrong != 0 || l.Slow != 0 || len(plain) == 0 || !maps.Equal(plain, e.Views) {
		t.Errorf("%d of %d counts are wrong, %d records could not be read", wrong, len(plain), l.Slow)
	}
	if bytes != e.Bytes || bytes < 1<<20 {
		t.Errorf("%d bytes, the events say %d", bytes, e.Bytes)
	}
}

// TestLoopCountsWhatItCannotRead: a record with another blank is no record of the loop, and is not counted as one.
func TestLoopCountsWhatItCannotRead(t *testing.T) {
	l := NewDecodeLoop()
	text := strings.Repeat(" ", 64) + `{ "user_id": "x"}` + strings.Repeat(" ", 64)
	l.Row(unsafe.Slice(unsafe.StringData(text), len(text))[64 : len(text)-64])
	if l.Slow != 1 {
		t.Errorf("Slow is %d", l.Slow)
	}
}

// BenchmarkMemory decodes events in memory, and does all the rest too.
func BenchmarkMemory(b *testing.B) {
	e := NewEvents(1, 500_000_000)
	run := func(l *Loop) func() { return func() { e.Each(l.Row); l.Flush() } }
	for b.Loop() {
		Report(b, Compare(Contender{"decode", e.Records, run(NewDecodeLoop())}, Contender{"full", e.Records, run(NewLoop(e.Ads))}))
	}
}
