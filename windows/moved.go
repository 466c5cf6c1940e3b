package windows

import "github.com/millrace/millrace/columnar"

// Moved returns a window that other rules of its zone would begin or end elsewhere, as it is and as it would be: of the windows
// around the watermark, whose results have come out or are about to, and of those that are held. Results that have come
// out are known by these bounds. It is for windows of the calendar; moved is false for others.
func (a *Aggregate) Moved(z *columnar.Zone, watermark int64) (was, is OpenWindow, moved bool) {
	held, ok := a.store.(*cells)
	if !ok || a.window.Unit == Micros || watermark == NoWatermark || watermark == MaxWatermark || a.settle() != nil {
		return was, is, false
	}
	other := a.grid
	other.zone = z
	differs := func(n int64) bool {
		was, is = OpenWindow{Start: a.grid.start(n), End: a.grid.end(n)}, OpenWindow{Start: other.start(n), End: other.end(n)}
		return was != is
	}
	for n := saturatingSub(a.grid.openAt(a.op.Emit.LateMark(watermark)), 1); n <= a.grid.openAt(watermark); n++ {
		if differs(n) {
			return was, is, true
		}
	}
	for _, name := range held.table.Namespaces() {
		s := a.grid.slotOf(name)
		for n := a.grid.firstWindow(s); n <= a.grid.lastWindow(s); n++ {
			if differs(n) {
				return was, is, true
			}
		}
	}
	return was, is, false
}
