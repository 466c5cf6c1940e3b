package windows

import (
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Late lists the rows of in that the last call of Process, with in, found late: ascending, valid until the next call.
func (a *Assign) Late(in *columnar.Batch) []int32 {
	if len(a.sel) == in.Len() {
		return nil
	}
	a.late = slices.Grow(a.late[:0], in.Len()-len(a.sel))
	next := 0
	for i := range in.Len() {
		row := int32(i)
		if in.Sel != nil {
			row = in.Sel[i]
		}
		switch {
		case next < len(a.sel) && a.sel[next] == row:
			next++
		case a.inWindow(in, row):
			a.late = append(a.late, row)
		}
	}
	return a.late
}

// inWindow reports whether a row of the last batch is in a window, open or not.
func (a *Assign) inWindow(in *columnar.Batch, row int32) bool {
	if a.time < 0 {
		return true
	}
	if in.Cols[a.time].IsNull(int(row)) {
		return false
	}
	_, _, ok := a.LastWindow(in.Cols[a.time].I64[row])
	return ok || a.gap > 0
}

// LastWindow returns the bounds of the last window that a row of the last batch with that time is in, whether the window
// is open or not; false: it is in none, or in a session, which only the receiving side knows.
func (a *Assign) LastWindow(t int64) (start, end int64, ok bool) {
	if a.gap > 0 {
		return 0, 0, false
	}
	c := a.grid.at(t)
	return a.grid.start(a.grid.lastWindow(a.grid.slotOf(c.name))), c.last, !c.gap
}
