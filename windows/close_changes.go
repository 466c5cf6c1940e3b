package windows

import (
	"slices"
	"sort"

	"github.com/millrace/millrace/columnar"
)

// closeChanges is Close of a changelog. Rows leave the state when their last window takes no late ones any more, which
// nobody notices.
func (a *cells) closeChanges(watermark int64) (Closed, error) {
	change := a.changeCells
	if a.ranges != nil {
		change = a.changeRanges
	}
	if err := change(watermark); err != nil {
		return Closed{}, err
	}
	out := Closed{Groups: a.changes.take(), End: NoWatermark}
	gone := a.closing(watermark)
	for _, name := range a.table.Namespaces()[:gone] {
		out.End = max(out.End, a.end(name))
	}
	out.Rows = a.table.DropFirst(gone)
	a.came = watermark
	return out, nil
}

// cameOut reports whether results of a window with that end came out before the batch.
func (a *cells) cameOut(end int64) bool { return a.op.Emit.Early || end <= a.came }

// mayChange reports whether the results of a window with that end came out, and may still change.
func (a *cells) mayChange(end int64) bool { return a.cameOut(end) && end > a.watermark }

// watched reports whether groups of a cell are part of results that came out.
func (a *cells) watched(name int64) bool {
	if a.ranges == nil {
		return a.cameOut(a.end(name))
	}
	return a.cameOut(a.grid.end(a.grid.firstWindow(a.grid.slotOf(name))))
}

// changeCells adds the changes of windows that are single cells.
func (a *cells) changeCells(watermark int64) error {
	for _, name := range a.changedCells(watermark) {
		change := a.changeCell
		if !a.cameOut(a.end(name)) {
			change = a.insertCell
		}
		if err := change(name); err != nil {
			return err
		}
	}
	return nil
}

// changedCells are those with groups that the batch has touched, and those that come out with it.
func (a *cells) changedCells(watermark int64) []int64 {
	var out []int64
	for _, name := range a.table.Touched() {
		if end := a.end(name); a.cameOut(end) || end <= watermark {
			out = append(out, name)
		}
	}
	for _, name := range a.table.Namespaces() {
		end := a.end(name)
		if a.op.Emit.Early || end > watermark {
			break
		}
		if !a.cameOut(end) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// insertCell adds all groups of a cell.
func (a *cells) insertCell(name int64) error {
	all, err := a.table.Finished(name)
	if err == nil {
		a.addBounds(all)
		a.changes.insert(all)
	}
	return err
}

// changeCell adds what the batch has changed in a cell.
func (a *cells) changeCell(name int64) error {
	before, err := a.changes.image(a.table.Before(name)...)
	if err != nil {
		return err
	}
	changed, err := a.table.Changed(name)
	if err != nil {
		return err
	}
	after, err := a.changes.image(changed)
	if err != nil {
		return err
	}
	a.addBounds(before)
	a.addBounds(after)
	a.changes.update(before, after)
	return nil
}

// changeRanges adds the changes of windows that are made of several cells: those that came out before, all of which end
// before those that come out now. With Early all of them came out before.
func (a *cells) changeRanges(watermark int64) error {
	if err := a.changeWindows(a.changedWindows()); err != nil {
		return err
	}
	if a.op.Emit.Early {
		return nil
	}
	for n, held := a.nextWindow(a.grid.openAt(max(a.came, a.watermark))); held; n, held = a.nextWindow(saturatingAdd(n, 1)) {
		end := a.grid.end(n)
		if end > watermark {
			break
		}
		groups, err := a.ranges.Final(a.grid.name(a.grid.first(n)), a.grid.name(a.grid.behind(n)), a.grid.start(n))
		if err != nil {
			return err
		}
		a.addEnd(groups, func(int) int64 { return end })
		a.changes.insert(groups)
	}
	return nil
}

// changedWindows are the numbers of windows with groups that the batch has touched and whose results may change.
func (a *cells) changedWindows() []int64 {
	var out []int64
	for _, name := range a.table.Touched() {
		s := a.grid.slotOf(name)
		for n, last := a.grid.firstWindow(s), a.grid.lastWindow(s); n <= last; n++ {
			if a.mayChange(a.grid.end(n)) && !a.grid.void(n) {
				out = append(out, n)
			}
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// changeWindows adds what the batch has changed in windows. The groups of the keys that it has touched are gathered from
// all their cells once, as they were before and as they are now; then each window is a run of these, as in closeRanges.
func (a *cells) changeWindows(windows []int64) error {
	if len(windows) == 0 {
		return nil
	}
	before, after, err := a.table.Images(a.cellsOf(windows))
	if err != nil {
		return err
	}
	for _, n := range windows {
		from, to, start, end := a.grid.name(a.grid.first(n)), a.grid.name(a.grid.behind(n)), a.grid.start(n), a.grid.end(n)
		var images [2]*columnar.Batch
		if images[0], err = before.Final(from, to, start); err != nil {
			return err
		}
		if images[1], err = after.Final(from, to, start); err != nil {
			return err
		}
		for _, image := range images {
			a.addEnd(image, func(int) int64 { return end })
		}
		a.changes.update(images[0], images[1])
	}
	return nil
}

// cellsOf lists the cells of which something is held in some of the windows, which ascend.
func (a *cells) cellsOf(windows []int64) []int64 {
	names, at := a.table.Namespaces(), 0
	var out []int64
	for _, n := range windows {
		from, to := a.grid.name(a.grid.first(n)), a.grid.name(a.grid.behind(n))
		at = max(at, sort.Search(len(names), func(i int) bool { return names[i] >= from }))
		for ; at < len(names) && names[at] < to; at++ {
			out = append(out, names[at])
		}
	}
	return out
}

// nextChange is the least watermark at which results come out or groups leave the state, where something is held.
func (a *cells) nextChange() int64 {
	next := a.goneAt(a.table.Namespaces()[0])
	switch {
	case a.op.Emit.Early:
	case a.ranges != nil:
		if n, held := a.nextWindow(a.grid.openAt(max(a.came, a.watermark))); held {
			next = min(next, a.grid.end(n))
		}
	default:
		for _, name := range a.table.Namespaces() {
			if end := a.end(name); !a.cameOut(end) {
				return min(next, end)
			}
		}
	}
	return next
}
