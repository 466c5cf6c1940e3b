package windows

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
)

// cells is the store of all windows that are made of cells.
type cells struct {
	*course
	table  *state.Table
	ranges *state.Ranges // of windows that are made of several cells; else nil
	loader *state.Loader // not nil while blocks are loaded
	last   drop          // that the loader was told
	groups int           // of the window that closed last
}

func newCells(c *course) *cells {
	a := &cells{course: c}
	a.setTable(state.NewTable(c.shape))
	return a
}

func (a *cells) setTable(t *state.Table) {
	a.table = t
	if !a.grid.single() {
		a.ranges = state.NewRanges(t)
	}
}

// Merge folds partial groups in.
func (a *cells) Merge(partial *columnar.Batch) error {
	if a.changes != nil {
		a.table.Watch(a.watched)
	}
	return a.table.Merge(partial)
}

// Close takes out what the watermark has passed.
func (a *cells) Close(watermark int64) (Closed, error) {
	switch {
	case a.changes != nil:
		return a.closeChanges(watermark)
	case a.ranges != nil:
		return a.closeRanges(watermark)
	}
	rows := a.table.Rows()
	groups, err := a.table.RemoveFirst(a.closing(watermark))
	if err != nil {
		return Closed{}, err
	}
	out := Closed{Groups: groups, Rows: rows - a.table.Rows(), End: NoWatermark}
	if groups.Rows > 0 {
		out.End = a.end(groups.Cols[0].I64[groups.Rows-1])
	}
	a.addBounds(groups)
	return out, nil
}

// end is the end of the last window that has the cell of a name.
func (a *cells) end(name int64) int64 { return a.endIn(&a.grid, name) }

func (a *cells) endIn(g *grid, name int64) int64 {
	if a.window == (Window{}) {
		return MaxWatermark
	}
	return g.lastEnd(name)
}

// goneAt is the watermark at which the groups of a cell leave the state.
func (a *cells) goneAt(name int64) int64 { return saturatingAdd(a.end(name), a.op.Emit.Lateness) }

// closing counts the cells whose groups leave the state at the watermark; those that begin first end first.
func (a *cells) closing(watermark int64) int {
	n := 0
	for _, name := range a.table.Namespaces() {
		if a.goneAt(name) > watermark {
			break
		}
		n++
	}
	return n
}

// Delta, Snapshot, Rows and SizeBytes are those of the table.
func (a *cells) Delta() ([]byte, error)    { return a.table.Delta() }
func (a *cells) Snapshot() ([]byte, error) { return a.table.Snapshot() }
func (a *cells) Slice(room []byte, from, to uint8) ([]byte, error) {
	return a.table.Slice(room, from, to)
}
func (a *cells) Rows() int64      { return a.table.Rows() }
func (a *cells) SizeBytes() int64 { return a.table.SizeBytes() }

// Load reads a state block.
func (a *cells) Load(block *state.Block, from, to uint8) error {
	if a.loader == nil {
		a.loader = state.NewLoader(a.shape)
	}
	return a.loader.LoadBlock(block, from, to)
}

// drop is what Drop was told: the watermark, and the grid of that time. Rules of another time zone may open again what
// was closed; so may a flush that was taken back.
type drop struct {
	grid      grid
	watermark int64
}

// Drop forgets the cells of which the last window is closed, of the blocks loaded so far.
func (a *cells) Drop(watermark int64) {
	if a.loader == nil {
		return
	}
	d := drop{a.grid, watermark}
	covers := a.last.grid.zone == d.grid.zone && a.last.watermark <= d.watermark
	a.last = d
	a.loader.Drop(func(name int64) bool {
		return saturatingAdd(a.endIn(&d.grid, name), a.op.Emit.Lateness) <= d.watermark
	}, covers)
}

// Settle turns the loaded blocks into the table.
func (a *cells) Settle(each func(n int, f func(i int) error) error) error {
	table, err := a.loader.Table(each)
	if err != nil {
		return fmt.Errorf("restore windows: %w", err)
	}
	a.setTable(table)
	a.loader = nil
	return nil
}
