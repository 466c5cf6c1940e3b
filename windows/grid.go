package windows

import (
	"math"
	"math/bits"

	"github.com/millrace/millrace/columnar"
)

// grid is where tumbling, sliding and cumulative windows begin and end, and the cells between: the longest runs of time
// with the same windows. State is kept by cell, so a row is stored once however many windows it is in.
//
//	sliding, size 5, slide 3            cumulative, size 6, step 2
//	├─────0──────┤                      ├─0─┤
//	       ├─────1──────┤               ├───1───┤
//	              ├─────2──────┤        ├─────2─────┤
//	├─0─┤─┤├─1─┤─┤├─2─┤─┤ cells         ├─0─┼─1─┼─2─┤ cells
//
// Windows are numbered by their ends. Of sliding windows, two cells have the number of the window that begins with them: the
// second begins where another window ends. A cumulative window has the number of its last cell. So time is cut into
// half-steps: cell n.0 begins at n·step, n.1 rest behind it.
type grid struct {
	window     Window
	step       int64 // units from cell n.0 to the next
	rest       int64 // units from n.0 to n.1; 0 = n.0 is the whole step
	whole      int64 // steps in a window, rounded down
	shift      int64 // steps that the count begins behind the epoch
	offset     int64 // µs, in [0, step); calendar: of local time
	cumulative bool
	zone       *columnar.Zone // of calendar units
}

// cell is the place of a time in the grid.
type cell struct {
	name       int64 // by which state knows the cell: its start; calendar: what clocks show then
	start, end int64 // µs, [start, end)
	last       int64 // the end of the last window that has the cell
	gap        bool  // no window has it: the slide is longer than the size
}

// slot is the number of a cell.
type slot struct {
	n      int64
	second bool
}

// newGrid returns the grid of a valid window. One without a window, or of sessions, is not to be asked. Calendar units go by
// the rules in this binary until others are set.
func newGrid(w Window) grid {
	if w == (Window{}) || w.Kind == Session {
		return grid{window: w}
	}
	g := grid{window: w, step: w.Size, whole: 1, offset: w.Offset}
	switch w.Kind {
	case Sliding:
		g.step, g.whole, g.rest = w.Slide, w.Size/w.Slide, w.Size%w.Slide
	case Cumulative:
		g.step, g.whole, g.cumulative = w.Slide, w.Size/w.Slide, true
	}
	if w.Unit != Micros {
		if g.zone, _ = columnar.LoadZone(w.Zone); g.zone == nil {
			g.zone, _ = columnar.LoadZone("UTC") // the rules are still to come
		}
		return g
	}
	g.offset = floorMod(w.Offset, g.step)
	if g.cumulative {
		g.shift = (floorMod(w.Offset, w.Size) - g.offset) / g.step
	}
	return g
}

// at is the cell of a time. The last tick of all is in the cell of the one before it, since no bound lies behind it.
func (g *grid) at(t int64) cell {
	t = min(t, math.MaxInt64-1)
	if g.zone != nil {
		return g.cellOf(g.slotOf(g.local(t)))
	}
	in := floorMod(t, g.step) - g.offset
	if in < 0 {
		in += g.step
	}
	c := cell{start: saturatingSub(t, in), end: saturatingAdd(t, g.step-in)}
	switch {
	case g.cumulative:
		in = floorMod(t, g.window.Size) - floorMod(g.window.Offset, g.window.Size)
		if in < 0 {
			in += g.window.Size
		}
		c.last = saturatingAdd(t, g.window.Size-in)
	case g.rest > 0 && in < g.rest:
		c.end, c.last = saturatingAdd(t, g.rest-in), endBehind(t, g.window.Size, in)
	case g.rest > 0:
		c.start, c.last, c.gap = saturatingSub(t, in-g.rest), endBehind(t, g.window.Size, in), g.whole == 0
	default:
		c.last = endBehind(t, g.window.Size, in)
	}
	c.name = c.start
	return c
}

// endBehind is t + size − in, which may be before t.
func endBehind(t, size, in int64) int64 {
	if size < in {
		return saturatingSub(t, in-size)
	}
	return saturatingAdd(t, size-in)
}

// cellOf is the cell of a number.
func (g *grid) cellOf(s slot) cell {
	next := s.next(g)
	return cell{name: g.name(s), start: g.edge(s), end: g.edge(next), last: g.end(g.lastWindow(s)), gap: s.second && g.whole == 0}
}

func (s slot) next(g *grid) slot {
	if g.rest > 0 && !s.second {
		return slot{s.n, true}
	}
	return slot{saturatingAdd(s.n, 1), false}
}

// slotOf is the number of the cell that a name, or any time between it and the next one, belongs to.
func (g *grid) slotOf(name int64) slot {
	if g.zone != nil {
		unit := g.unitAt(name)
		return slot{floorDiv(unit, g.step), g.rest > 0 && floorMod(unit, g.step) >= g.rest}
	}
	n, in := floorDiv(name, g.step), floorMod(name, g.step)-g.offset
	if in < 0 {
		n, in = n-1, in+g.step
	}
	return slot{saturatingSub(n, g.shift), g.rest > 0 && in >= g.rest}
}

// name is where cell s begins, as state knows it.
func (g *grid) name(s slot) int64 {
	add := int64(0)
	if s.second {
		add = g.rest
	}
	if g.zone != nil {
		return g.unitStart(multiplyAdd(s.n, g.step, add))
	}
	return multiplyAdd(saturatingAdd(s.n, g.shift), g.step, g.offset+add)
}

// edge is when cell s begins.
func (g *grid) edge(s slot) int64 {
	if g.zone != nil {
		return reached(g.zone, g.name(s))
	}
	return g.name(s)
}

// single reports whether a window is one cell.
func (g *grid) single() bool { return !g.cumulative && (g.whole <= 1 && g.rest == 0 || g.whole == 0) }

// first and behind are the first cell of window n and the one behind its last.
func (g *grid) first(n int64) slot {
	if g.cumulative {
		return slot{multiplyAdd(floorDiv(n, g.whole), g.whole, 0), false}
	}
	return slot{n, false}
}

func (g *grid) behind(n int64) slot {
	switch {
	case g.cumulative:
		return slot{saturatingAdd(n, 1), false}
	}
	return slot{saturatingAdd(n, g.whole), g.rest > 0}
}

// start and end are the bounds of window n.
func (g *grid) start(n int64) int64 { return g.edge(g.first(n)) }
func (g *grid) end(n int64) int64   { return g.edge(g.behind(n)) }

// void reports whether window n is none: the last step of a cumulative window is a day that clocks have skipped, so that it would
// be the same window as the one a step shorter, or empty.
func (g *grid) void(n int64) bool {
	return g.cumulative && g.zone != nil && g.edge(slot{n: n}) == g.edge(slot{n: saturatingAdd(n, 1)})
}

// firstWindow is the first window that ends behind the begin of cell s: the first that has it, if any does.
func (g *grid) firstWindow(s slot) int64 {
	switch {
	case g.cumulative:
		return s.n
	case g.rest > 0 && !s.second:
		return saturatingSub(s.n, g.whole)
	case g.whole == 0:
		return saturatingAdd(s.n, 1)
	}
	return saturatingSub(s.n, g.whole-1)
}

// lastWindow is the last window that has cell s.
func (g *grid) lastWindow(s slot) int64 {
	if g.cumulative {
		return multiplyAdd(floorDiv(s.n, g.whole), g.whole, g.whole-1)
	}
	return s.n
}

// lastEnd is the end of the last window that has the cell of a name: then its rows leave the state.
func (g *grid) lastEnd(name int64) int64 { return g.end(g.lastWindow(g.slotOf(name))) }

// openAt is the first window that ends behind t.
func (g *grid) openAt(t int64) int64 {
	return g.firstWindow(g.slotOf(g.local(min(t, math.MaxInt64-1))))
}

// multiplyAdd is a·b + c for b, c ≥ 0, clamped to what an int64 holds.
func multiplyAdd(a, b, c int64) int64 {
	hi, lo := bits.Mul64(uint64(a), uint64(b))
	if a < 0 {
		hi -= uint64(b)
	}
	lo, carry := bits.Add64(lo, uint64(c), 0)
	switch hi += carry; {
	case int64(hi) == int64(lo)>>63:
		return int64(lo)
	case int64(hi) < 0:
		return math.MinInt64
	}
	return math.MaxInt64
}

// floorDiv is a / b rounded down, b > 0.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}
