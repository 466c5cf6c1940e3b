package windows

import (
	"slices"
	"sort"

	"github.com/millrace/millrace/columnar"
)

// closeRanges is Close for windows that are made of several cells: each is merged from what is held of them. Rows leave with
// the last window that has them.
func (a *cells) closeRanges(watermark int64) (Closed, error) {
	rows, ends := columnar.NewRowsBuilder(a.table.FinalSchema()), []int64(nil)
	out := Closed{End: NoWatermark}
	rows.Reserve(a.groups)
	for n, held := a.nextWindow(a.grid.openAt(a.closedTo)); held; n, held = a.nextWindow(saturatingAdd(n, 1)) {
		end := a.grid.end(n)
		if end > watermark {
			break
		}
		groups, err := a.ranges.AppendFinal(rows, a.grid.name(a.grid.first(n)), a.grid.name(a.grid.behind(n)), a.grid.start(n))
		if err != nil {
			return Closed{}, err
		}
		if a.window.HasEnd() {
			ends = append(ends, slices.Repeat([]int64{end}, groups)...)
		}
		if a.groups = groups; out.End == NoWatermark { // windows side by side have about as many groups
			more := saturatingSub(a.grid.openAt(watermark), saturatingAdd(n, 1))
			rows.Reserve(groups * int(max(min(more, reservedWindows), 0)))
		}
		out.End = end
	}
	out.Rows = a.table.DropFirst(a.closing(watermark))
	a.closedTo = max(a.closedTo, watermark)
	out.Groups = rows.Batch()
	a.addEnd(out.Groups, func(row int) int64 { return ends[row] })
	return out, nil
}

// reservedWindows is for how many more windows memory is made when the first one closes.
const reservedWindows = 16

// nextWindow is the first window from n on in which something is held.
func (a *cells) nextWindow(n int64) (window int64, held bool) {
	names := a.table.Namespaces()
	for ; ; n = saturatingAdd(n, 1) {
		from := a.grid.name(a.grid.first(n))
		i := sort.Search(len(names), func(i int) bool { return names[i] >= from })
		if i == len(names) {
			return 0, false
		}
		if names[i] >= a.grid.name(a.grid.behind(n)) {
			n = a.grid.firstWindow(a.grid.slotOf(names[i]))
		}
		if !a.grid.void(n) {
			return n, true
		}
	}
}

// addBounds makes finished groups of single cells those of windows: of the calendar, what clocks showed at the start becomes
// the instant, and the end is added.
func (a *cells) addBounds(groups *columnar.Batch) {
	if a.window.Unit == Micros {
		return
	}
	names, starts := groups.Cols[0].I64[:groups.Rows], make([]int64, groups.Rows)
	ends := make([]int64, groups.Rows)
	for i, name := range names {
		if i > 0 && name == names[i-1] {
			starts[i], ends[i] = starts[i-1], ends[i-1]
			continue
		}
		starts[i], ends[i] = a.grid.edge(a.grid.slotOf(name)), a.end(name)
	}
	groups.Cols[0] = &columnar.Vector{Type: groups.Cols[0].Type, N: groups.Rows, I64: starts}
	a.addEnd(groups, func(row int) int64 { return ends[row] })
}

// addEnd adds the column of window ends where there is need of it.
func (a *cells) addEnd(groups *columnar.Batch, end func(row int) int64) {
	if !a.window.HasEnd() {
		return
	}
	ends := &columnar.Vector{Type: columnar.Type{Kind: columnar.Timestamp}, N: groups.Rows, I64: make([]int64, groups.Rows)}
	for row := range ends.I64 {
		ends.I64[row] = end(row)
	}
	groups.Schema, groups.Cols = a.results, append(groups.Cols, ends)
}

// OpenWindow is a window that is held because the watermark has not passed it.
type OpenWindow struct {
	Start, End int64 // [Start, End) in µs
	// Groups and Rows leave the state with the window: those of other windows that they are in too are closed by then. A group is
	// a key in a cell; of tumbling windows they are the keys that have come so far.
	Groups int
	Rows   int64 // that went into the groups
	Out    bool  // it is over and its results have come out; it is held for late rows, which may change them
}

// Open lists the windows in which something is held.
func (a *cells) Open() []OpenWindow {
	if a.window == (Window{}) {
		return a.openWithout()
	}
	var open []OpenWindow
	next := a.grid.openAt(a.closedTo)
	for _, name := range a.table.Namespaces() {
		s := a.grid.slotOf(name)
		last := a.grid.lastWindow(s)
		for n := max(next, a.grid.firstWindow(s)); n <= last; n++ {
			if a.grid.void(n) {
				continue
			}
			end := a.grid.end(n)
			open = append(open, OpenWindow{Start: a.grid.start(n), End: end, Out: a.changes != nil && end <= a.came})
			next = n + 1
		}
		if len(open) > 0 {
			groups, rows := a.table.Held(name)
			open[len(open)-1].Groups += groups
			open[len(open)-1].Rows += rows
		}
	}
	return open
}

// openWithout lists the one window there is when there is none.
func (a *cells) openWithout() (open []OpenWindow) {
	for _, name := range a.table.Namespaces() {
		groups, rows := a.table.Held(name)
		open = append(open, OpenWindow{Start: name, End: MaxWatermark, Groups: groups, Rows: rows})
	}
	return open
}

// NextClose is the least watermark at which something happens.
func (a *cells) NextClose() (watermark int64, held bool) {
	if len(a.table.Namespaces()) == 0 {
		return 0, false
	}
	switch {
	case a.changes != nil:
		return a.nextChange(), true
	case a.ranges != nil:
		n, held := a.nextWindow(a.grid.openAt(a.closedTo))
		return a.grid.end(n), held
	}
	return a.end(a.table.Namespaces()[0]), true
}
