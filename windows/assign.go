package windows

import "github.com/millrace/millrace/columnar"

// Assign appends the cell of each row to the batch as the last column, [StartColumn], and drops rows of which the last
// window was closed at the start of the batch. Rows without a time, and those between two windows, are in no window:
// unassigned. A cell is the run of time with the same windows, known by its start: of tumbling windows the window itself.
// Cells of the calendar are known by what clocks show at their start, which stays the same when the rules of the zone
// change.
//
// It implements columnar.Operator: its batches alias the input and are valid until the next call.
type Assign struct {
	schema    *columnar.Schema
	time      int
	window    Window
	grid      grid
	watermark int64
	gap       int64 // of sessions, else 0
	floor     int64 // of sessions

	starts columnar.Vector
	sel    []int32
	late   []int32
	out    columnar.Batch
	counts columnar.RowCounts
}

// NewAssign returns the operator for rows of schema in, of which timeColumn, a timestamp, decides the window. w must
// be valid, or no window: then timeColumn means nothing. The watermark is [NoWatermark] until it is set.
func NewAssign(in *columnar.Schema, timeColumn int, w Window) *Assign {
	if w.Kind == Dedup {
		w = Window{Kind: Tumbling, Size: 1} // a row is late when it lies before the watermark
	}
	timestamp := columnar.Type{Kind: columnar.Timestamp}
	fields := make([]columnar.Field, 0, len(in.Fields)+1)
	fields = append(append(fields, in.Fields...), columnar.Field{Name: StartColumn, Type: timestamp})
	a := &Assign{
		schema:    columnar.NewSchema(fields...),
		time:      timeColumn,
		window:    w,
		grid:      newGrid(w),
		watermark: NoWatermark,
		starts:    columnar.Vector{Type: timestamp},
		floor:     NoWatermark,
	}
	if w.Kind == Session {
		a.gap = w.Size
	}
	return a
}

// SetWatermark sets the watermark at the start of the batch: rows of windows that end at or before it are late. Sessions
// are found late behind the exchange.
func (a *Assign) SetWatermark(w int64) { a.watermark = w }

// Schema is that of the input and window_start.
func (a *Assign) Schema() *columnar.Schema { return a.schema }

// Process implements columnar.Operator. An error is a time zone that the batch has no rules for.
func (a *Assign) Process(in *columnar.Batch) (*columnar.Batch, error) {
	a.reserve(in.Rows)
	if a.gap > 0 {
		return a.assignSessions(in), nil
	}
	if a.window == (Window{}) {
		return a.withoutWindow(in), nil
	}
	if a.grid.zone != nil {
		var err error
		if a.grid.zone, err = in.Env.Zone(a.window.Zone); err != nil {
			return nil, err
		}
	}
	times, rows := in.Cols[a.time], in.Sel
	if times.Valid != nil {
		rows = a.withTime(times, in)
	}
	if a.grid.whole == 0 {
		rows = a.withWindow(times.I64[:in.Rows], rows)
	}
	if rows == nil {
		a.sel = a.assignAll(times.I64[:in.Rows])
	} else {
		a.sel = a.assignRows(times.I64, rows)
	}
	unassigned := 0
	if rows != nil {
		unassigned = in.Len() - len(rows)
	}
	a.counts.Add(columnar.RowCounts{
		In:         int64(in.Len()),
		Out:        int64(len(a.sel)),
		Late:       int64(in.Len() - unassigned - len(a.sel)),
		Unassigned: int64(unassigned),
	})
	return a.emit(in), nil
}

// withoutWindow puts all rows into the one window that there is, which the end of the input alone closes.
func (a *Assign) withoutWindow(in *columnar.Batch) *columnar.Batch {
	clear(a.starts.I64)
	counts := columnar.RowCounts{In: int64(in.Len()), Out: int64(in.Len())}
	a.sel = a.sel[:in.Len()] // as many as there are: the selection of in stays
	if isOpen(MaxWatermark, a.watermark) == 0 {
		a.sel = a.sel[:0]
		counts.Out, counts.Late = 0, counts.In
	}
	a.counts.Add(counts)
	return a.emit(in)
}

// emit is in with the column of window starts behind its own, and the rows of a.sel selected.
func (a *Assign) emit(in *columnar.Batch) *columnar.Batch {
	cols := append(append(a.out.Cols[:0], in.Cols...), &a.starts)
	a.out = *in
	a.out.Schema, a.out.Cols = a.schema, cols
	if len(a.sel) < in.Len() {
		a.out.Sel = a.sel
	}
	return &a.out
}

// Counts implements columnar.Operator.
func (a *Assign) Counts() columnar.RowCounts {
	c := a.counts
	a.counts = columnar.RowCounts{}
	return c
}

func (a *Assign) reserve(rows int) {
	if cap(a.sel) < rows {
		a.sel = make([]int32, rows)
		a.starts.I64 = make([]int64, rows)
	}
	a.sel = a.sel[:rows]
	a.starts.I64 = a.starts.I64[:rows]
	a.starts.N = rows
}

// withTime lists the selected rows whose time is not NULL in a.sel.
func (a *Assign) withTime(times *columnar.Vector, in *columnar.Batch) []int32 {
	rows, n := a.sel[:in.Rows], 0
	for i := range in.Len() {
		row := int32(i)
		if in.Sel != nil {
			row = in.Sel[i]
		}
		rows[n] = row
		n += int(times.Valid[row>>3] >> (row & 7) & 1)
	}
	return rows[:n]
}

// withWindow lists the rows, all if they are nil, that are not between two windows in a.sel, where they may be themselves.
func (a *Assign) withWindow(times []int64, rows []int32) []int32 {
	sel, n, count := a.sel[:len(times)], 0, len(rows)
	if rows == nil {
		count = len(times)
	}
	var c cell
	for i := range count {
		row := int32(i)
		if rows != nil {
			row = rows[i]
		}
		if t := times[row]; t < c.start || t >= c.end {
			c = a.grid.at(t)
		}
		if !c.gap {
			sel[n] = row
			n++
		}
	}
	return sel[:n]
}

// neighbours are two cells side by side, the second of which may be empty. Times mostly stay in them, also where they are out
// of order at a bound; which of both it is takes no branch that could be guessed wrong.
type neighbours struct {
	start, middle, end int64    // µs
	name               [2]int64 // by which state knows the cells
	open               [2]int   // 0: the last window of the cell is closed
}

// around returns the cell of a time, which is in none of the two cells before, beside one of these if it lies there.
func (a *Assign) around(t int64, before neighbours) neighbours {
	c := a.grid.at(t)
	open := isOpen(c.last, a.watermark)
	switch {
	case c.start == before.end && before.middle < before.end:
		return neighbours{before.middle, c.start, c.end, [2]int64{before.name[1], c.name}, [2]int{before.open[1], open}}
	case c.start == before.end:
		return neighbours{before.start, c.start, c.end, [2]int64{before.name[0], c.name}, [2]int{before.open[0], open}}
	case c.end == before.start:
		return neighbours{c.start, c.end, before.middle, [2]int64{c.name, before.name[0]}, [2]int{open, before.open[0]}}
	}
	return neighbours{c.start, c.end, c.end, [2]int64{c.name, c.name}, [2]int{open, open}} // the last tick of all is behind the end
}

// in is 1 if the time is in the second cell, else 0.
func (n *neighbours) in(t int64) int {
	if t >= n.middle {
		return 1
	}
	return 0
}

// assignAll sets the cell of every row and lists those that are not late in a.sel. The divisions are seldom needed.
func (a *Assign) assignAll(times []int64) []int32 {
	starts, sel, n := a.starts.I64[:len(times)], a.sel[:len(times)], 0
	cells := a.around(0, neighbours{})
	for i, t := range times {
		if t < cells.start || t >= cells.end {
			cells = a.around(t, cells)
		}
		k := cells.in(t) & 1
		starts[i] = cells.name[k]
		sel[n] = int32(i)
		n += cells.open[k]
	}
	return sel[:n]
}

// assignRows is assignAll for the given rows, which may lie in a.sel themselves: it never writes ahead of its reading.
func (a *Assign) assignRows(times []int64, rows []int32) []int32 {
	starts, sel, n := a.starts.I64, a.sel[:len(rows)], 0
	cells := a.around(0, neighbours{})
	for _, row := range rows {
		t := times[row]
		if t < cells.start || t >= cells.end {
			cells = a.around(t, cells)
		}
		k := cells.in(t) & 1
		starts[row] = cells.name[k]
		sel[n] = row
		n += cells.open[k]
	}
	return sel[:n]
}

// isOpen is 1 for a window that is not closed at watermark w, else 0.
func isOpen(end, w int64) int {
	if end > w {
		return 1
	}
	return 0
}
