package batch

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"
)

func onSchedule(t testing.TB, text, zone string) func(*Job) {
	s, err := ParseCron(text, zone)
	if err != nil {
		t.Fatal(err)
	}
	return func(j *Job) { j.Trigger = Trigger{Cron: s} }
}

// stopAt ends a run in an orderly way when the clock is there; before each wait ends, do is called.
func stopAt(w *world, at time.Time, do func(now time.Time)) func(*Options) {
	return func(o *Options) {
		stop, stopped := make(chan struct{}), false
		o.Stop = stop
		w.clock.onWait = func(int) {
			if do != nil {
				do(w.clock.now)
			}
			if !stopped && !w.clock.now.Before(at) {
				stopped = true
				close(stop)
			}
		}
	}
}

// TestCron runs at each time of the schedule until it has read what is there then, and judges silence by plan time as
// available-now does.
func TestCron(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1, 31)
	w.at(1, 5)
	w.mustRun(w.countedJob(onSchedule(t, "*/10 * * * *", "UTC"), rowsMax(2)), stopAt(w, simStart.Add(35*time.Minute), func(now time.Time) {
		if now.Equal(simStart.Add(15 * time.Minute)) {
			w.at(0, 32)
		}
	}))
	w.wantWindows("in the end", 0, 2)
	var times []string
	for _, p := range w.reports {
		times = append(times, fmt.Sprintf("%s %d", strings.TrimPrefix(p.Timestamp, "2026-11-22T"), p.NumInputRows))
	}
	want := []string{"12:10:00Z 2", "12:10:00Z 1", "12:20:00Z 1"} // nothing new at 12:30
	if !slices.Equal(times, want) {
		t.Errorf("batches %q, want %q", times, want)
	}
	if len(w.warned) > 0 {
		t.Errorf("warned of %q", w.warned)
	}
}

// TestCronBusy counts the times that come while a run is busy, and does not make up for them.
func TestCronBusy(t *testing.T) {
	w := timeWorld(t)
	w.at(0, 1)
	surveys := 0
	slow := &hooks{prepare: func() error {
		w.at(0, int64(10*len(w.events)+1))
		w.clock.now = w.clock.now.Add(25*time.Minute + time.Second)
		return nil
	}, partitions: func() error { surveys++; return nil }}
	w.mustRun(w.countedJob(onSchedule(t, "*/10 * * * *", "UTC"), hooked(slow)), stopAt(w, simStart.Add(75*time.Minute), nil))
	var missed []int64
	for _, p := range w.reports {
		missed = append(missed, p.NumTriggersMissed)
	}
	// Fired at 12:10 until 12:35:01, at 12:40 until 13:05:01, at 13:10 until 13:35:01.
	if !slices.Equal(missed, []int64{0, 2, 2}) {
		t.Errorf("missed triggers %v, want 0, 2, 2", missed)
	}
	if len(w.warned) != 3 || !strings.Contains(w.warned[0], "the run of 2026-11-22T12:10:00Z took until 2026-11-22T12:35:01Z: 2 triggers") {
		t.Errorf("warned of %q", w.warned)
	}
	if surveys != 3*3 { // of each run one for its ends, one for its batch and one that finds nothing
		t.Errorf("%d surveys, want 9", surveys)
	}
}

// TestCronZone has the times of the schedule be those of a zone, unless its text names another.
func TestCronZone(t *testing.T) {
	for _, test := range []struct{ text, zone, want string }{
		{"30 2 * * *", "UTC", "2026-11-23T02:30:00Z"},
		{"30 2 * * *", "America/Chicago", "2026-11-23T08:30:00Z"},
		{"CRON_TZ=Asia/Tokyo 30 2 * * *", "America/Chicago", "2026-11-22T17:30:00Z"},
		{"TZ=UTC 30 2 * * *", "America/Chicago", "2026-11-23T02:30:00Z"},
		{"@hourly", "Asia/Kolkata", "2026-11-22T12:30:00Z"},
		{"@every 90s", "UTC", "2026-11-22T12:01:30Z"},
		{"  0 0 29 2 *", "UTC", "2028-02-29T00:00:00Z"},
	} {
		s, err := ParseCron(test.text, test.zone)
		if err != nil {
			t.Fatalf("%s: %v", test.text, err)
		}
		if got := s.Next(simStart).UTC().Format(time.RFC3339); got != test.want {
			t.Errorf("%s in %s: first at %s, want %s", test.text, test.zone, got, test.want)
		}
	}
	for text, want := range map[string]string{
		"":                         "is empty",
		"* * * *":                  "found 4",
		"0 * * * * *":              "found 6",
		"61 * * * *":               "above maximum",
		"0 0 30 2 *":               "never comes",
		"TZ=UTC":                   "no fields behind it",
		"CRON_TZ=Mars/X 0 * * * *": "Mars/X",
		"hourly":                   "write five fields",
	} {
		_, err := ParseCron(text, "UTC")
		wantText(t, err, "cron schedule", want)
	}
}
