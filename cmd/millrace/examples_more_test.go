package main

import (
	"encoding/csv"
	"fmt"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
)

// rowsOf reads every Parquet file that the pattern matches.
func rowsOf[T any](t *testing.T, pattern string) (all []T) {
	t.Helper()
	for _, file := range glob(t, pattern) {
		rows, err := parquet.ReadFile[T](file)
		check(t, err)
		all = append(all, rows...)
	}
	return all
}

// flightsOf are the first n flights of the example's file, which the generator sends.
func flightsOf(t *testing.T, root string, n int) (all []flight) {
	t.Helper()
	file, err := os.Open(filepath.Join(root, "examples", "flights", "flights.parquet"))
	check(t, err)
	defer file.Close()
	check(t, eachFlight(file, n, func(_ int, f flight) { all = append(all, f) }))
	return all
}

// sameLines compares rows as sorted lines.
func sameLines(t *testing.T, got, want []string) {
	t.Helper()
	slices.Sort(got)
	slices.Sort(want)
	if len(want) < 10 || !slices.Equal(got, want) {
		t.Errorf("%d rows, want %d:\n%s\nwant\n%s", len(got), len(want), strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

type rawRow struct {
	Value     []byte `parquet:"value,optional"`
	Topic     string `parquet:"topic,optional"`
	Partition int32  `parquet:"kafka_partition,optional"`
	Offset    int64  `parquet:"kafka_offset,optional"`
}

// compareRaw expects the bytes of each record, at the place in Kafka where the generator put it.
func compareRaw(t *testing.T, root string) {
	t.Helper()
	const partitions = 2
	var got, want []string
	for _, r := range rowsOf[rawRow](t, "lake/*/*.parquet") {
		got = append(got, fmt.Sprintf("%s/%d/%d %s", r.Topic, r.Partition, r.Offset, r.Value))
	}
	for i, f := range flightsOf(t, root, 3000) {
		want = append(want, fmt.Sprintf("events/%d/%d %s", i%partitions, i/partitions, f.json()))
	}
	sameLines(t, got, want)
}

type dayRow struct {
	Day     int64  `parquet:"day,optional"` // µs
	Flights int64  `parquet:"flights,optional"`
	Late    int64  `parquet:"late,optional"`
	Most    int64  `parquet:"busiest_hour_flights,optional"`
	Airport string `parquet:"busiest_hour_airport,optional"`
}

// compareBusiest computes both results from the flights: of airports with equally many flights in an hour, the one whose
// name sorts last.
func compareBusiest(t *testing.T, root string) {
	t.Helper()
	type hour struct {
		origin string
		start  int64
	}
	type day struct {
		state string
		start int64
	}
	states := airportStates(t, root)
	hours := map[hour][2]int64{}
	for _, f := range flightsOf(t, root, 10_000) {
		if _, ok := states[f.Origin]; ok {
			c := hours[hour{f.Origin, floorTo(f.Date, time.Hour)}]
			c[0]++
			if f.Delay > 15 {
				c[1]++
			}
			hours[hour{f.Origin, floorTo(f.Date, time.Hour)}] = c
		}
	}
	days := map[day]dayRow{}
	for _, h := range slices.SortedFunc(maps.Keys(hours), func(a, b hour) int { return strings.Compare(a.origin, b.origin) }) {
		k, c := day{states[h.origin], floorTo(h.start, 24*time.Hour)}, hours[h]
		r := days[k]
		r.Flights, r.Late = r.Flights+c[0], r.Late+c[1]
		if c[0] >= r.Most {
			r.Most, r.Airport = c[0], h.origin
		}
		days[k] = r
	}
	var got, want []string
	for k, r := range days {
		want = append(want, fmt.Sprintf("%d %d %d %d %s", k.start, r.Flights, r.Late, r.Most, r.Airport))
	}
	for _, r := range rowsOf[dayRow](t, "lake/days/*/*.parquet") {
		got = append(got, fmt.Sprintf("%d %d %d %d %s", r.Day, r.Flights, r.Late, r.Most, r.Airport))
	}
	sameLines(t, got, want)
	if n := len(rowsOf[dayRow](t, "lake/hours/*/*.parquet")); n != len(hours) {
		t.Errorf("%d hours, want %d", n, len(hours))
	}
}

func floorTo(us int64, d time.Duration) int64 { return us - us%d.Microseconds() }

func airportStates(t *testing.T, root string) map[string]string {
	t.Helper()
	file, err := os.Open(filepath.Join(root, "examples", "flights", "airports.csv"))
	check(t, err)
	defer file.Close()
	rows, err := csv.NewReader(file).ReadAll()
	check(t, err)
	state, iata := slices.Index(rows[0], "state"), slices.Index(rows[0], "iata")
	out := map[string]string{}
	for _, r := range rows[1:] {
		out[r[iata]] = r[state]
	}
	return out
}

type routeRow struct {
	Route   string  `parquet:"route,optional"`
	Start   int64   `parquet:"window_start,optional"` // µs
	Flights int64   `parquet:"flights,optional"`
	First   int64   `parquet:"first_departure,optional"`
	Last    int64   `parquet:"last_departure,optional"`
	Delay   int64   `parquet:"first_delay,optional"`
	Spread  float64 `parquet:"delay_spread,optional"`
	Delays  int64   `parquet:"delays,optional"`
}

func (r routeRow) String() string {
	return fmt.Sprintf("%s %d %d %d %d %d %.6f %d", r.Route, r.Start, r.Flights, r.First, r.Last, r.Delay, r.Spread, r.Delays)
}

// compareRoutes computes each route's six hours from the flights. Of several flights that leave at once the least delay is
// the first.
func compareRoutes(t *testing.T, root string) {
	t.Helper()
	type window struct {
		route string
		start int64
	}
	windows := map[window][]flight{}
	for _, f := range flightsOf(t, root, 10_000) {
		k := window{f.Origin + "-" + f.Destination, floorTo(f.Date, 6*time.Hour)}
		windows[k] = append(windows[k], f)
	}
	var got, want []string
	for k, fs := range windows {
		if len(fs) > 1 {
			want = append(want, routeOf(k.route, k.start, fs).String())
		}
	}
	for _, r := range rowsOf[routeRow](t, "lake/*/*.parquet") {
		got = append(got, r.String())
	}
	sameLines(t, got, want)
}

func routeOf(route string, start int64, fs []flight) routeRow {
	r := routeRow{Route: route, Start: start, Flights: int64(len(fs)), First: math.MaxInt64}
	sum, delays := 0.0, map[int64]bool{}
	for _, f := range fs {
		if f.Date < r.First || f.Date == r.First && f.Delay < r.Delay {
			r.First, r.Delay = f.Date, f.Delay
		}
		r.Last, delays[f.Delay] = max(r.Last, f.Date), true
		sum += float64(f.Delay)
	}
	mean := sum / float64(len(fs))
	for _, f := range fs {
		r.Spread += (float64(f.Delay) - mean) * (float64(f.Delay) - mean) / float64(len(fs))
	}
	r.Spread, r.Delays = math.Sqrt(r.Spread), int64(len(delays))
	return r
}
