package columnar

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// testZones have summer time, half hours of it, odd offsets, a day that was skipped, and midnights that come twice or
// never.
var testZones = []string{"Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia", "America/Havana", "America/Sao_Paulo", "Africa/Casablanca"}

// zonePair is a zone of ours and the one of package time that it must agree with.
func zonePair(t *testing.T, name string) (*Zone, *time.Location) {
	t.Helper()
	z, err := LoadZone(name)
	if err != nil {
		t.Fatal(err)
	}
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return z, loc
}

var (
	zoneTestFrom = time.Date(1880, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
	zoneTestTo   = time.Date(2500, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()
)

// zoneTime is a random time: one third near a change of the rules, one near what clocks show at one.
func zoneTime(r *rand.Rand, z *Zone) int64 {
	kind := r.IntN(3)
	if kind == 0 || len(z.starts) == 1 {
		return zoneTestFrom + r.Int64N(zoneTestTo-zoneTestFrom)
	}
	i := 1 + r.IntN(len(z.starts)-1)
	if kind == 1 {
		return z.starts[i] + r.Int64N(4*microsPerDay) - 2*microsPerDay
	}
	return z.starts[i] + z.offsets[i] + r.Int64N(4*microsPerHour) - 2*microsPerHour
}

func offsetByTime(loc *time.Location, instant int64) int64 {
	_, seconds := time.UnixMicro(instant).In(loc).Zone()
	return int64(seconds) * microsPerSecond
}

// instantsByTime are all instants at which clocks show a local time.
func instantsByTime(loc *time.Location, local int64) (out []int64) {
	for hours := int64(-36); hours <= 36; hours += 12 {
		t := local - offsetByTime(loc, local+hours*microsPerHour)
		if t+offsetByTime(loc, t) == local {
			out = append(out, t)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

func TestZonesAgreeWithPackageTime(t *testing.T) {
	r := newRand(t)
	for _, name := range testZones {
		z, loc := zonePair(t, name)
		cursor := zoneCursor{zone: z}
		twice, never := 0, 0
		for range cases(6000, 1000) {
			at := zoneTime(r, z)
			want := offsetByTime(loc, at)
			got, from, until := z.OffsetAt(at)
			if got != want || at < from || at >= until || cursor.offsetAt(at) != want {
				t.Fatalf("%s at %s: offset %d from %d until %d, cursor %d, want %d", name, time.UnixMicro(at).UTC(), got, from, until, cursor.offsetAt(at), want)
			}
			switch checkLocal(t, z, &cursor, loc, at) {
			case 0:
				never++
			case 2:
				twice++
			}
		}
		if name != "Asia/Kathmandu" && (twice == 0 || never == 0) {
			t.Errorf("%s: %d times that come twice, %d that never come", name, twice, never)
		}
	}
}

// checkLocal reads a number as a local time and returns how many instants show it.
func checkLocal(t *testing.T, z *Zone, cursor *zoneCursor, loc *time.Location, local int64) int {
	t.Helper()
	instants := instantsByTime(loc, local)
	first, last := local-offsetByTime(loc, local-36*microsPerHour), int64(0)
	if last = first; len(instants) > 0 {
		first, last = instants[0], instants[len(instants)-1]
	}
	if z.Instant(local) != last || cursor.instant(local) != last || z.first(local) != first {
		t.Fatalf("%s: clocks show %s at %d, cursor %d, first %d; want %d and first %d", z.Name(), time.UnixMicro(local).UTC(), z.Instant(local), cursor.instant(local), z.first(local), last, first)
	}
	return len(instants)
}

// Before the table, and behind it, the first and the last offset hold.
func TestZoneEnds(t *testing.T) {
	z, loc := zonePair(t, "Europe/Berlin")
	for _, at := range []int64{math.MinInt64, time.Date(1850, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro()} {
		if got, _, _ := z.OffsetAt(at); got != offsetByTime(loc, zoneTestFrom) {
			t.Errorf("at %d: offset %d", at, got)
		}
	}
	if got, _, until := z.OffsetAt(math.MaxInt64); got != microsPerHour || until != math.MaxInt64 {
		t.Errorf("at the end: offset %d until %d", got, until)
	}
}

func TestZonesAreWrittenDown(t *testing.T) {
	for _, name := range append(testZones, "UTC") {
		z, _ := zonePair(t, name)
		back, err := DecodeZone(name, z.Encode())
		if err != nil || !slices.Equal(back.starts, z.starts) || !slices.Equal(back.offsets, z.offsets) || back.Name() != name {
			t.Errorf("%s: %v", name, err)
		}
		data := z.Encode()
		if _, err := DecodeZone(name, data[:len(data)-1]); err == nil {
			t.Errorf("%s: a byte is missing, and nobody sees it", name)
		}
	}
	if _, err := LoadZone("Europe/Berln"); err == nil || err.Error() != `unknown time zone "Europe/Berln"` {
		t.Errorf("got %v", err)
	}
}

// truncByTime is date_trunc by package time: the first instant of all that lie in the same unit on the clocks.
func truncByTime(unit string, loc *time.Location, at int64) int64 {
	offset := offsetByTime(loc, at)
	wall := time.UnixMicro(at + offset).UTC()
	start := interpretTrunc(unit, wall).UnixMicro()
	switch unit {
	case "second", "minute", "hour":
		return start - offset
	}
	if instants := instantsByTime(loc, start); len(instants) > 0 {
		return instants[0]
	}
	return start - offsetByTime(loc, start-36*microsPerHour)
}

func TestTruncInZones(t *testing.T) {
	r := newRand(t)
	schema := NewSchema(Field{"at", Type{Kind: Timestamp}})
	for _, name := range testZones {
		z, loc := zonePair(t, name)
		for _, unit := range []string{"second", "minute", "hour", "day", "week", "month", "quarter", "year"} {
			e, err := Session{Zone: name}.Call("date_trunc", textLiteral(unit), Col(schema, 0))
			if err != nil {
				t.Fatal(err)
			}
			checkTrunc(t, e, unit, loc, zoneTimes(r, z, cases(1000, 200)))
		}
	}
}

// zoneTimes are times in runs, as in event streams.
func zoneTimes(r *rand.Rand, z *Zone, n int) []int64 {
	out := make([]int64, n)
	for i := range out {
		if i == 0 || r.IntN(10) == 0 {
			out[i] = zoneTime(r, z)
		} else {
			out[i] = out[i-1] + r.Int64N(microsPerHour) - microsPerHour/4
		}
	}
	return out
}

func checkTrunc(t *testing.T, e *Expr, unit string, loc *time.Location, times []int64) {
	t.Helper()
	prog, err := Compile(e, NewSchema(Field{"at", Type{Kind: Timestamp}}))
	if err != nil {
		t.Fatal(err)
	}
	v, err := prog.Eval(&Batch{Schema: NewSchema(Field{"at", Type{Kind: Timestamp}}), Rows: len(times), Cols: []*Vector{{Type: Type{Kind: Timestamp}, N: len(times), I64: times}}})
	if err != nil {
		t.Fatal(err)
	}
	for i, at := range times {
		if want := truncByTime(unit, loc, at); v.I64[i] != want {
			t.Fatalf("%s: %s of %s is %s, want %s", loc, unit, time.UnixMicro(at).In(loc), time.UnixMicro(v.I64[i]).In(loc), time.UnixMicro(want).In(loc))
		}
	}
}
