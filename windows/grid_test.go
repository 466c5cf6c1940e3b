package windows

import (
	"math"
	"math/big"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

// TestCells compares the grid of random windows with their definition, time by time: a cell is the longest run of times in the
// same windows.
func TestCells(t *testing.T) {
	const seed = 41
	r := rand.New(rand.NewPCG(seed, 0))
	for c := range 300 {
		w := randomWindow(r)
		g := newGrid(w)
		for ts := int64(-60); ts < 60; ts++ {
			all := exactWindows(w, ts)
			got := g.at(ts)
			if got != g.cellOf(g.slotOf(ts)) || g.slotOf(ts) != g.slotOf(got.name) {
				t.Fatalf("seed %d case %d: %+v: %d is in cell %+v and in %+v", seed, c, w, ts, got, g.cellOf(g.slotOf(ts)))
			}
			if got.gap != (len(all) == 0) || got.start > ts || got.end <= ts {
				t.Fatalf("seed %d case %d: %+v: cell of %d %+v, windows %v", seed, c, w, ts, got, all)
			}
			if got.gap {
				continue
			}
			checkCell(t, &g, got, ts, all)
		}
	}
}

func checkCell(t *testing.T, g *grid, c cell, ts int64, all [][2]int64) {
	t.Helper()
	want, last := map[[2]int64]bool{}, int64(math.MinInt64)
	for _, w := range all {
		want[w], last = true, max(last, w[1])
		if c.start < w[0] || c.end > w[1] {
			t.Fatalf("%+v: cell %+v of %d is not inside of %v", g.window, c, ts, w)
		}
	}
	s := g.slotOf(ts)
	if c.last != last || g.openAt(ts) != g.firstWindow(s) {
		t.Fatalf("%+v: %+v of %d, last end %d; windows from %d, open from %d", g.window, c, ts, last, g.firstWindow(s), g.openAt(ts))
	}
	for n := g.firstWindow(s); n <= g.lastWindow(s); n++ {
		if w := [2]int64{g.start(n), g.end(n)}; !want[w] {
			t.Fatalf("%+v: %d is not in window %d %v", g.window, ts, n, w)
		}
		delete(want, [2]int64{g.start(n), g.end(n)})
	}
	if len(want) > 0 {
		t.Fatalf("%+v: %d is also in %v", g.window, ts, want)
	}
}

// TestGridAtTheEnds looks at cells and windows with integers of any size: their bounds are clamped, and no row is lost.
func TestGridAtTheEnds(t *testing.T) {
	const seed = 42
	r := rand.New(rand.NewPCG(seed, 0))
	for c := range 20_000 {
		w := Window{Kind: []Kind{Sliding, Cumulative}[r.IntN(2)], Slide: 1 + r.Int64N(1<<(1+r.IntN(59))), Offset: edgy(r)}
		if w.Size = w.Slide * (1 + r.Int64N(7)); w.Kind == Sliding {
			w.Size += r.Int64N(w.Slide)
		}
		if w.Validate() != nil {
			continue
		}
		g, ts := newGrid(w), edgy(r)
		cell := g.at(ts)
		if ts = min(ts, math.MaxInt64-1); cell.start > ts || cell.end <= ts || cell != g.cellOf(g.slotOf(ts)) {
			t.Fatalf("seed %d case %d: %+v: %d in cell %+v and %+v", seed, c, w, ts, cell, g.cellOf(g.slotOf(ts)))
		}
		s := g.slotOf(cell.name)
		for n := g.firstWindow(s); ; n++ {
			if from, to := g.name(g.first(n)), g.name(g.behind(n)); cell.name < from || cell.name >= to || g.end(n) > cell.last {
				t.Fatalf("seed %d case %d: %+v: cell %+v is not in window %d [%d, %d)", seed, c, w, cell, n, from, to)
			}
			if n == g.lastWindow(s) {
				break
			}
		}
	}
}

func TestMultiplyAdd(t *testing.T) {
	r := rand.New(rand.NewPCG(43, 0))
	for range 20_000 {
		a, b, c := edgy(r), max(edgy(r), 1), max(edgy(r), 0)
		want := new(big.Int).Mul(big.NewInt(a), big.NewInt(b))
		if got := multiplyAdd(a, b, c); got != clamp(want.Add(want, big.NewInt(c))) {
			t.Fatalf("%d · %d + %d = %d, want %v", a, b, c, got, want)
		}
	}
}

// TestMonths compares the calendar with that of package time.
func TestMonths(t *testing.T) {
	for day := int64(-800_000); day < 800_000; day += 13 {
		at := time.Unix(day*86_400, 0).UTC()
		month := int64(at.Year()-1970)*12 + int64(at.Month()) - 1
		first := time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC).Unix() / 86_400
		if monthOf(day) != month || dayOfMonth(month) != first {
			t.Fatalf("%v: month %d begins on day %d, want %d and %d", at, monthOf(day), dayOfMonth(monthOf(day)), month, first)
		}
	}
}

// TestEveryZone goes through the changes of the clocks of many zones: days follow each other without gap, none is empty but one
// that clocks have skipped, and the rows of a day show its date, unless clocks were set back over midnight.
func TestEveryZone(t *testing.T) {
	r := rand.New(rand.NewPCG(44, 0))
	changes, odd := 0, 0
	for _, name := range []string{"America/Chicago", "America/Sao_Paulo", "America/St_Johns", "America/Toronto", "America/Havana", "Asia/Gaza",
		"Pacific/Apia", "Pacific/Kwajalein", "Europe/London", "Africa/Monrovia", "Asia/Tehran", "Australia/Lord_Howe", "Antarctica/Troll", "UTC"} {
		z, err := columnar.LoadZone(name)
		if err != nil {
			t.Fatal(err)
		}
		loc, err := time.LoadLocation(name)
		if err != nil {
			t.Fatal(err)
		}
		g := newGrid(Window{Kind: Tumbling, Unit: Day, Size: 1, Zone: name})
		for at := time.Date(1905, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(); at < time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC).UnixMicro(); changes++ {
			for range 20 {
				ts := at + r.Int64N(4*microsPerDay) - 2*microsPerDay
				c, y := g.at(ts), time.UnixMicro(ts).In(loc)
				if c.start > ts || c.end <= ts || c != g.at(c.start) || c != g.at(c.end-1) || g.at(c.end).start != c.end {
					t.Fatalf("%s: cell of %v: %s to %s", name, y, FormatTime(c.start), FormatTime(c.end))
				}
				if date := time.UnixMicro(c.name).UTC(); date.Day() != y.Day() || date.Month() != y.Month() {
					if odd++; ts-c.start > 2*3_600_000_000 || time.UnixMicro(c.start).In(loc).Day() != date.Day() {
						t.Errorf("%s: %v is in the day %v", name, y, date)
					}
				}
			}
			_, _, at = z.OffsetAt(at)
		}
	}
	t.Logf("%d changes of the clocks; %d times fell behind the begin of the day after the one that clocks showed", changes, odd)
	if odd == 0 {
		t.Error("no clock was set back over midnight")
	}
}

// TestFarTimes: the calendar ends 146,000 years from now, and times beyond have a cell all the same.
func TestFarTimes(t *testing.T) {
	for _, unit := range []Unit{Day, Week, Month} {
		for _, zone := range []string{"America/Chicago", "Asia/Tokyo"} {
			g := newGrid(Window{Kind: Tumbling, Unit: unit, Size: 1, Zone: zone, Offset: maxDays * microsPerDay})
			last := g.at(math.MaxInt64)
			if first := g.at(math.MinInt64); first.end < first.start || last.end < last.start || first != g.at(-farthest) || last != g.at(farthest) {
				t.Errorf("%s %s: %+v %+v", zone, unit, first, last)
			}
			if g.openAt(math.MinInt64) > g.openAt(math.MaxInt64) {
				t.Errorf("%s %s: windows run backwards", zone, unit)
			}
		}
	}
}
