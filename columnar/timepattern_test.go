package columnar

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// readablePattern is a pattern of a dialect that says all of a time, down to some unit.
func readablePattern(r *rand.Rand, dialect string) (pattern string, unit time.Duration) {
	fields := map[string][][]string{
		"java":       {{"yyyy", "y"}, {"MM", "M", "MMM", "MMMM"}, {"dd", "d"}, {"HH", "H", "kk"}, {"mm"}, {"ss"}, {"SSSSSS"}},
		"postgresql": {{"YYYY"}, {"MM", "Mon", "FMMonth", "FMMM"}, {"DD", "FMDD"}, {"HH24", "FMHH24"}, {"MI"}, {"SS"}, {"US"}},
		"c":          {{"%Y"}, {"%m", "%-m", "%b", "%B"}, {"%d", "%-d"}, {"%H", "%-H"}, {"%M"}, {"%S"}, {"%f"}},
	}[dialect]
	units := []time.Duration{0, 0, 24 * time.Hour, time.Hour, time.Minute, time.Second, time.Microsecond}
	last := 2 + r.IntN(len(fields)-2)
	var parts []string
	for _, f := range fields[:last+1] {
		parts = append(parts, f[r.IntN(len(f))])
	}
	return strings.Join(parts, []string{"-", "/", " ", ", ", ":"}[r.IntN(5)]), units[last]
}

// What a pattern writes it reads back.
func TestPatternsReadWhatTheyWrite(t *testing.T) {
	r := newRand(t)
	for range cases(6000, 1000) {
		dialect := []string{"java", "postgresql", "c"}[r.IntN(3)]
		pattern, unit := readablePattern(r, dialect)
		p, err := readingPattern(dialect, pattern)
		if err != nil {
			t.Fatal(err)
		}
		at := time.Date(1+r.IntN(9998), time.Month(1+r.IntN(12)), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1e6)*1000, time.UTC)
		var w wallTime
		w.set(at.UnixMicro())
		text := p.append(nil, &w)
		got, _, _, ok := p.read(text)
		if want := at.Truncate(unit).UnixMicro(); !ok || got != want {
			t.Fatalf("%s pattern %q wrote %q of %s, read %s, %t", dialect, pattern, text, at, time.UnixMicro(got).UTC(), ok)
		}
	}
}

// FuzzTimePatterns: no pattern and no text makes a panic.
func FuzzTimePatterns(f *testing.F) {
	f.Add("java", "yyyy-MM-dd'T'HH:mm:ss.SSSXXX", "2024-02-29T12:30:45.678+02:00")
	f.Add("postgresql", `FMDay, DDth "of" Month YYYY HH12:MI AM TZH:TZM`, "x")
	f.Add("c", "%a %-d %B %Y %j %z", "Thu 29 February 2024 060 +0100")
	f.Fuzz(func(t *testing.T, dialect, pattern, text string) {
		if patternDialects[dialect] == nil {
			return
		}
		p, err := compileTimePattern(dialect, pattern)
		if err != nil {
			return
		}
		w := wallTime{offset: -3600, zone: "Europe/Berlin"}
		w.set(exampleNow)
		p.append(nil, &w)
		if p.checkReading() == nil {
			p.read([]byte(text))
		}
	})
}
