package main

import (
	"fmt"
	"slices"
	"testing"
	"time"
)

type burstRow struct {
	Origin  string `parquet:"origin,optional"`
	First   int64  `parquet:"first,optional"`
	Last    int64  `parquet:"last,optional"`
	Flights int64  `parquet:"flights,optional"`
	Worst   int64  `parquet:"worst,optional"`
}

type hoursRow struct {
	Origin  string `parquet:"origin,optional"`
	At      int64  `parquet:"at,optional"`
	Flights int64  `parquet:"flights,optional"`
}

type localDayRow struct {
	Day     int64 `parquet:"day,optional"`
	End     int64 `parquet:"day_end,optional"`
	Flights int64 `parquet:"flights,optional"`
}

// compareBursts computes sessions, sliding windows and days in Chicago from the file.
func compareBursts(t *testing.T, root string) {
	t.Helper()
	flights := flightsOf(t, root, 10_000)
	slices.SortFunc(flights, func(a, b flight) int { return int(a.Date - b.Date) })
	var got []string
	for _, r := range rowsOf[burstRow](t, "lake/bursts/*.parquet") {
		got = append(got, fmt.Sprintf("%+v", r))
	}
	sameLines(t, got, burstsOf(flights))
	hours := map[hoursRow]int64{}
	days := map[localDayRow]int64{}
	for _, f := range flights {
		for end := floorTo(f.Date, time.Hour) + time.Hour.Microseconds(); end-3*time.Hour.Microseconds() <= f.Date; end += time.Hour.Microseconds() {
			hours[hoursRow{Origin: f.Origin, At: end}]++
		}
		days[dayInChicago(t, f.Date)]++
	}
	got = nil
	for _, r := range rowsOf[hoursRow](t, "lake/last_hours/*.parquet") {
		got = append(got, fmt.Sprintf("%+v", r))
	}
	sameLines(t, got, counted(hours, func(r hoursRow, n int64) any { r.Flights = n; return r }))
	got = nil
	for _, r := range rowsOf[localDayRow](t, "lake/days/*.parquet") {
		got = append(got, fmt.Sprintf("%+v", r))
	}
	want := counted(days, func(r localDayRow, n int64) any { r.Flights = n; return r })
	slices.Sort(got)
	if slices.Sort(want); len(want) < 2 || !slices.Equal(got, want) {
		t.Errorf("days %q, want %q", got, want)
	}
}

// counted writes rows with their counts.
func counted[R comparable](rows map[R]int64, with func(R, int64) any) (out []string) {
	for r, n := range rows {
		out = append(out, fmt.Sprintf("%+v", with(r, n)))
	}
	return out
}

// burstsOf are the sessions of late flights, which come in the order of time.
func burstsOf(flights []flight) (out []string) {
	open := map[string]*burstRow{}
	var all []*burstRow
	for _, f := range flights {
		if f.Delay <= 15 {
			continue
		}
		b := open[f.Origin]
		if b == nil || f.Date-b.Last > 30*time.Minute.Microseconds() {
			b = &burstRow{Origin: f.Origin, First: f.Date, Worst: f.Delay}
			open[f.Origin], all = b, append(all, b)
		}
		b.Last, b.Flights, b.Worst = f.Date, b.Flights+1, max(b.Worst, f.Delay)
	}
	for _, b := range all {
		if b.Flights > 1 {
			out = append(out, fmt.Sprintf("%+v", *b))
		}
	}
	return out
}

func dayInChicago(t *testing.T, us int64) localDayRow {
	t.Helper()
	zone, err := time.LoadLocation("America/Chicago")
	check(t, err)
	y, m, d := time.UnixMicro(us).In(zone).Date()
	return localDayRow{Day: time.Date(y, m, d, 0, 0, 0, 0, zone).UnixMicro(), End: time.Date(y, m, d+1, 0, 0, 0, 0, zone).UnixMicro()}
}
