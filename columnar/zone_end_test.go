package columnar

import (
	"testing"
	"time"
)

// Zones with summer time to the end of the table, against package time, around every change and at the ends of years.
func TestLoadZoneFarAhead(t *testing.T) {
	for _, name := range []string{"Europe/Berlin", "America/New_York", "Australia/Sydney", "Asia/Tokyo"} {
		z, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		end := time.Date(zoneLastYear, 1, 1, 0, 0, 0, 0, time.UTC)
		for at := time.Date(2035, 1, 1, 0, 30, 0, 0, time.UTC); at.Before(end); at = at.Add(31 * time.Hour) {
			_, want := at.In(loc).Zone()
			if got, _, _ := z.OffsetAt(at.UnixMicro()); got != int64(want)*microsPerSecond {
				t.Fatalf("%s at %s: offset %d, want %d s", name, at, got, want)
			}
		}
	}
}
