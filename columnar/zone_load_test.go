package columnar

import (
	"testing"
	"time"
)

// TestLoadZone compares the tables of zones with package time, also behind the years that the zone database lists and on
// the last days of leap years, where package time says that the offset it is asked for ends at once.
func TestLoadZone(t *testing.T) {
	for _, name := range []string{"UTC", "Europe/Berlin", "America/Chicago", "Asia/Kolkata", "Australia/Lord_Howe", "America/Sao_Paulo", "Africa/Casablanca"} {
		z, err := LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		step := 37 * time.Hour
		if testing.Short() {
			step *= 20
		}
		for at := time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC); at.Year() < 2490; at = at.Add(step) {
			_, want := at.In(loc).Zone()
			if got, from, until := z.OffsetAt(at.UnixMicro()); got != int64(want)*1_000_000 || from > at.UnixMicro() || until <= at.UnixMicro() {
				t.Fatalf("%s at %s: offset %d µs from %d until %d, want %d s", name, at, got, from, until, want)
			}
		}
	}
	if _, err := LoadZone("Europe/Berlinn"); err == nil {
		t.Error("an unknown zone is loaded")
	}
}
