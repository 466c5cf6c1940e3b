package windows

import (
	"errors"
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
)

// Aggregate is the receiving side of a windowed aggregation in one shard: it merges the partial groups that an exchange
// brings into state, and gives out the groups of windows that the watermark has passed. It is used by one goroutine.
//
// A shard starts empty, or with Load and DropClosed for a snapshot and the deltas behind it, oldest first. After an
// error it must not be used any more.
type Aggregate struct {
	op     Operator
	window Window
	grid   grid
	shape  state.Shape
	store  store // table or sessions
	table  *state.Table
	ranges *state.Ranges // of windows that are made of several cells; else nil
	loader *state.Loader // not nil while blocks are loaded
	last   drop          // that the loader was told
	used   bool          // rows were merged: too late to load
	failed error         // why the loaded blocks make no table

	sessions      *state.Sessions // in place of table
	sessionLoader *state.SessionLoader
	dedup         *dedup // in place of table
	lateRows      lateRows

	watermark int64    // at the start of the batch
	changes   *changes // nil: results come out once
	came      int64    // results of windows that end at or before it have come out; of a changelog
	closedTo  int64    // the greatest watermark that windows were closed with
}

// store is the state of one kind of window.
type store interface {
	Merge(partial *columnar.Batch) error
	Delta() ([]byte, error)
	Snapshot() ([]byte, error)
	Rows() int64
	SizeBytes() int64
}

// NewAggregate returns an aggregation without state. o must be valid.
func NewAggregate(o Operator) *Aggregate {
	shape := state.Shape{In: o.In, Spec: o.Spec}
	a := &Aggregate{op: o, window: o.Window, grid: newGrid(o.Window), shape: shape, watermark: NoWatermark, closedTo: NoWatermark, came: NoWatermark}
	if o.Window.Kind == Session {
		a.sessions = state.NewSessions(shape, o.Window.Size)
		a.store = a.sessions
	} else if o.Window.Kind == Dedup {
		a.dedup = newDedup(o)
		a.store = a.dedup
	} else {
		a.setTable(state.NewTable(shape))
	}
	if o.Emit.Changelog {
		a.changes = newChanges(o, shape)
	}
	return a
}

func (a *Aggregate) setTable(t *state.Table) {
	a.table, a.store = t, t
	if !a.grid.single() {
		a.ranges = state.NewRanges(t)
	}
}

// SetZone makes the windows of a calendar go by these rules of their zone, from now on: those of the batch that is to come, or
// of the one that the next [Aggregate.DropClosed] is about. Rows stay in the day that clocks showed; when it begins and ends
// may change. Until it is called, the rules of this binary hold.
func (a *Aggregate) SetZone(z *columnar.Zone) {
	if a.window.Unit != Micros {
		a.grid.zone = z
	}
}

// SetWatermark sets the watermark at the start of the batch, before the batch is merged. Windows that end at or before it do
// not come out again.
func (a *Aggregate) SetWatermark(w int64) { a.watermark, a.closedTo = w, max(a.closedTo, w) }

// Merge folds a batch of partial groups (spec.PartialSchema) into the state. It keeps nothing of the batch. The order
// of calls leaves no trace.
func (a *Aggregate) Merge(partial *columnar.Batch) error {
	if err := a.settle(); err != nil {
		return err
	}
	switch {
	case a.changes == nil:
	case a.sessions != nil:
		a.sessions.Watch(a.changingSessions())
	default:
		a.table.Watch(a.watched)
	}
	a.used = true
	return a.store.Merge(partial)
}

// Close takes the windows that end at or before the watermark out of the state, of sessions those that end before it. The
// cost is that of what closes.
func (a *Aggregate) Close(watermark int64) (Closed, error) {
	if err := a.settle(); err != nil {
		return Closed{}, err
	}
	if a.sessions != nil {
		if a.changes != nil {
			return a.changeSessions(watermark)
		}
		return a.closeSessions(watermark)
	}
	if a.dedup != nil {
		return a.dedup.close(watermark)
	}
	if a.changes != nil {
		return a.closeChanges(watermark)
	}
	if a.ranges != nil {
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

// OfNothing returns the group of no rows in the window that starts at start, which must be the only key: what an
// aggregation over nothing gives (spec.FinalSchema). It is not part of the state.
func (a *Aggregate) OfNothing(start int64) (*columnar.Batch, error) {
	h := columnar.NewHashAggregate(a.shape.In, a.shape.Spec)
	row := &columnar.Batch{Schema: a.shape.In, Cols: make([]*columnar.Vector, len(a.shape.In.Fields)), Rows: 1}
	row.Cols[a.shape.Spec.Keys[0]] = &columnar.Vector{Type: columnar.Type{Kind: columnar.Timestamp}, N: 1, I64: []int64{start}}
	if err := h.Touch(row); err != nil {
		return nil, err
	}
	return h.Final()
}

// end is the end of the last window that has the cell of a name.
func (a *Aggregate) end(name int64) int64 { return a.endIn(&a.grid, name) }

func (a *Aggregate) endIn(g *grid, name int64) int64 {
	if a.window == (Window{}) {
		return MaxWatermark
	}
	return g.lastEnd(name)
}

// goneAt is the watermark at which the groups of a cell leave the state.
func (a *Aggregate) goneAt(name int64) int64 { return saturatingAdd(a.end(name), a.op.Emit.Lateness) }

// closing counts the cells whose groups leave the state at the watermark; those that begin first end first.
func (a *Aggregate) closing(watermark int64) int {
	n := 0
	for _, name := range a.table.Namespaces() {
		if a.goneAt(name) > watermark {
			break
		}
		n++
	}
	return n
}

// Delta returns a state block of the groups that changed since the last Delta, Snapshot or Load and are still held.
func (a *Aggregate) Delta() ([]byte, error) {
	if err := a.settle(); err != nil {
		return nil, err
	}
	return a.store.Delta()
}

// Snapshot returns a state block of all groups held.
func (a *Aggregate) Snapshot() ([]byte, error) {
	if err := a.settle(); err != nil {
		return nil, err
	}
	return a.store.Snapshot()
}

// Load reads the groups of the key groups from..to, both included, out of a state block: they replace what earlier
// blocks said of them. It keeps nothing of the block.
func (a *Aggregate) Load(block []byte, from, to uint8) error {
	if a.used {
		return errors.New("load state: rows were merged already")
	}
	if a.sessions != nil {
		if a.sessionLoader == nil {
			a.sessionLoader = state.NewSessionLoader(a.shape, a.window.Size)
		}
		return a.sessionLoader.Load(block, from, to)
	}
	if a.dedup != nil {
		return a.dedup.load(block, from, to)
	}
	if a.loader == nil {
		a.loader = state.NewLoader(a.shape)
	}
	return a.loader.Load(block, from, to)
}

// drop is what DropClosed was told: the watermark, and the grid of that time. Rules of another time zone may open again what
// was closed; so may a flush that was taken back.
type drop struct {
	grid      grid
	watermark int64
}

// DropClosed forgets the rows of which all windows end at or before the watermark, of sessions before it: those that the batch
// of the delta loaded last has closed.
func (a *Aggregate) DropClosed(watermark int64) {
	if a.sessionLoader != nil {
		a.sessionLoader.Drop(a.op.Emit.LateMark(watermark))
	}
	if a.dedup != nil {
		a.dedup.drop(watermark)
	}
	a.came = watermark
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

// Resume says that the batch of the snapshot loaded last, which holds nothing that its batch has closed, ended at the watermark:
// for where [Aggregate.DropClosed] has no rules of a time zone to go by.
func (a *Aggregate) Resume(watermark int64) { a.came = watermark }

// settle turns the loaded blocks into the table.
func (a *Aggregate) settle() error {
	if a.sessions != nil {
		return a.settleSessions()
	}
	if a.dedup != nil {
		return a.dedup.settle()
	}
	if a.loader == nil || a.failed != nil {
		return a.failed
	}
	table, err := a.loader.Table()
	if err != nil {
		a.failed = fmt.Errorf("restore windows: %w", err)
		return a.failed
	}
	a.setTable(table)
	a.loader, a.used = nil, true
	return nil
}

// RowsHeld is the number of rows that went into the groups held, for row accounting.
func (a *Aggregate) RowsHeld() int64 {
	if a.settle() != nil {
		return 0
	}
	return a.store.Rows()
}

// SizeBytes is about the memory that the state takes.
func (a *Aggregate) SizeBytes() int64 {
	if a.settle() != nil {
		return 0
	}
	return a.store.SizeBytes()
}
