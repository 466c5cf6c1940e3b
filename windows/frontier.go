package windows

// FirstOpen is the least start of a window that the watermark has not closed: what comes out of the operator behind it
// starts there or later. Of sessions it is so for those of on-time rows that are still to come; the live ones are told by
// [Aggregate.FirstStart].
func (a *course) FirstOpen(watermark int64) int64 {
	w := a.window
	if watermark == NoWatermark || watermark == MaxWatermark {
		return watermark
	}
	switch {
	case w == (Window{}):
		return NoWatermark
	case w.Kind == Session || w.Kind == Dedup:
		return watermark
	}
	return a.grid.start(a.grid.openAt(watermark))
}

// FirstEnd is the least end of a window that the watermark has not closed, or a time before it.
func (a *course) FirstEnd(watermark int64) int64 {
	switch {
	case watermark == NoWatermark || watermark == MaxWatermark:
		return watermark
	case a.window == (Window{}):
		return NoWatermark
	case a.window.Kind == Session: // which closes only when its end lies before the watermark
		return watermark
	}
	return watermark + 1
}

// FirstStart is the least start of a live session; false when there is none. It looks at all of them.
func (a *Aggregate) FirstStart() (start int64, live bool) {
	s, ok := a.store.(*sessions)
	if !ok || a.settle() != nil {
		return 0, false
	}
	return s.live.FirstStart()
}
