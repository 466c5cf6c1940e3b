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
	shape  state.Shape
	store  store // table or sessions
	table  *state.Table
	loader *state.Loader // not nil while blocks are loaded
	used   bool          // rows were merged: too late to load
	failed error         // why the loaded blocks make no table

	sessions      *state.Sessions // in place of table
	sessionLoader *state.SessionLoader
	lateRows      lateRows

	watermark int64    // at the start of the batch
	changes   *changes // nil: results come out once
	came      int64    // results of windows that end at or before it have come out; of a changelog
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
	a := &Aggregate{op: o, window: o.Window, shape: shape, watermark: NoWatermark, came: NoWatermark}
	if o.Window.Kind == Session {
		a.sessions = state.NewSessions(shape, o.Window.Size)
		a.store = a.sessions
	} else {
		a.table = state.NewTable(shape)
		a.store = a.table
	}
	if o.Emit.Changelog {
		a.changes = newChanges(o, shape)
	}
	return a
}

// SetWatermark sets the watermark at the start of the batch, before the batch is merged.
func (a *Aggregate) SetWatermark(w int64) { a.watermark = w }

// Merge folds a batch of partial groups (spec.PartialSchema) into the state. It keeps nothing of the batch. The order
// of calls leaves no trace.
func (a *Aggregate) Merge(partial *columnar.Batch) error {
	if err := a.settle(); err != nil {
		return err
	}
	if a.changes != nil {
		a.table.Watch(func(start int64) bool { return a.cameOut(a.window.End(start)) })
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
		return a.closeSessions(watermark)
	}
	if a.changes != nil {
		return a.closeChanges(watermark)
	}
	groups, err := a.table.RemoveFirst(a.closing(watermark))
	if err != nil {
		return Closed{}, err
	}
	out := Closed{Groups: groups, End: NoWatermark}
	for _, n := range groups.Cols[len(groups.Cols)-1].I64[:groups.Rows] {
		out.Rows += n
	}
	if groups.Rows > 0 {
		out.End = a.window.End(groups.Cols[0].I64[groups.Rows-1])
	}
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

// goneAt is the watermark at which the groups of a window leave the state.
func (a *Aggregate) goneAt(start int64) int64 {
	return saturatingAdd(a.window.End(start), a.op.Emit.Lateness)
}

// closing counts the windows whose groups leave the state at the watermark; those that begin first end first.
func (a *Aggregate) closing(watermark int64) int {
	n := 0
	for _, start := range a.table.Namespaces() {
		if a.goneAt(start) > watermark {
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
	if a.loader == nil {
		a.loader = state.NewLoader(a.shape)
	}
	return a.loader.Load(block, from, to)
}

// DropClosed forgets the windows that end at or before the watermark, of sessions those that end before it: those that the
// batch of the delta loaded last has closed.
func (a *Aggregate) DropClosed(watermark int64) {
	if a.sessionLoader != nil {
		a.sessionLoader.Drop(watermark)
	}
	if a.loader != nil {
		a.loader.Drop(func(start int64) bool { return a.goneAt(start) <= watermark })
	}
	a.came = watermark
}

// settle turns the loaded blocks into the table.
func (a *Aggregate) settle() error {
	if a.sessions != nil {
		return a.settleSessions()
	}
	if a.loader == nil || a.failed != nil {
		return a.failed
	}
	table, err := a.loader.Table()
	if err != nil {
		a.failed = fmt.Errorf("restore windows: %w", err)
		return a.failed
	}
	a.table, a.store, a.loader, a.used = table, table, nil, true
	return nil
}

// OpenWindow is a window that is held because the watermark has not passed it.
type OpenWindow struct {
	Start, End int64 // [Start, End) in µs
	Groups     int   // keys that have come so far
	Rows       int64 // that went into the groups
}

// Open lists the windows held, the one that closes first in front. Of sessions, of which there may be millions, only that
// one is listed, with the keys and rows of all; see [Aggregate.Sessions].
func (a *Aggregate) Open() []OpenWindow {
	if a.settle() != nil {
		return nil
	}
	if a.sessions != nil {
		return a.firstSession()
	}
	var open []OpenWindow
	for _, start := range a.table.Namespaces() {
		groups, rows := a.table.Held(start)
		open = append(open, OpenWindow{Start: start, End: a.window.End(start), Groups: groups, Rows: rows})
	}
	return open
}

// NextClose is the least watermark at which results come out or groups leave the state; false when none is held.
func (a *Aggregate) NextClose() (watermark int64, held bool) {
	if a.settle() != nil {
		return 0, false
	}
	if a.sessions != nil {
		_, end, held := a.sessions.First()
		return saturatingAdd(end, 1), held
	}
	if len(a.table.Namespaces()) == 0 {
		return 0, false
	}
	next := a.goneAt(a.table.Namespaces()[0])
	for _, start := range a.table.Namespaces() {
		if end := a.window.End(start); !a.cameOut(end) {
			return min(next, end), true
		}
	}
	return next, true
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
