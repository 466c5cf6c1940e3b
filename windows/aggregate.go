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
	table  *state.Table
	loader *state.Loader // not nil while blocks are loaded
	used   bool          // rows were merged: too late to load
	failed error         // why the loaded blocks make no table

	watermark int64 // at the start of the batch
}

// NewAggregate returns an aggregation without state. o must be valid.
func NewAggregate(o Operator) *Aggregate {
	shape := state.Shape{In: o.In, Spec: o.Spec}
	return &Aggregate{op: o, window: o.Window, shape: shape, table: state.NewTable(shape), watermark: NoWatermark}
}

// SetWatermark sets the watermark at the start of the batch, before the batch is merged.
func (a *Aggregate) SetWatermark(w int64) { a.watermark = w }

// Merge folds a batch of partial groups (spec.PartialSchema) into the state. It keeps nothing of the batch. The order
// of calls leaves no trace.
func (a *Aggregate) Merge(partial *columnar.Batch) error {
	if err := a.settle(); err != nil {
		return err
	}
	a.used = true
	return a.table.Merge(partial)
}

// Close takes the windows that end at or before the watermark out of the state. The cost is that of what closes.
func (a *Aggregate) Close(watermark int64) (Closed, error) {
	if err := a.settle(); err != nil {
		return Closed{}, err
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

// closing counts the windows that are closed at the watermark; those that begin first end first.
func (a *Aggregate) closing(watermark int64) int {
	n := 0
	for _, start := range a.table.Namespaces() {
		if a.window.End(start) > watermark {
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
	return a.table.Delta()
}

// Snapshot returns a state block of all groups held.
func (a *Aggregate) Snapshot() ([]byte, error) {
	if err := a.settle(); err != nil {
		return nil, err
	}
	return a.table.Snapshot()
}

// Load reads the groups of the key groups from..to, both included, out of a state block: they replace what earlier
// blocks said of them. It keeps nothing of the block.
func (a *Aggregate) Load(block []byte, from, to uint8) error {
	if a.used {
		return errors.New("load state: rows were merged already")
	}
	if a.loader == nil {
		a.loader = state.NewLoader(a.shape)
	}
	return a.loader.Load(block, from, to)
}

// DropClosed forgets the windows that end at or before the watermark: those that the batch of the delta loaded last
// has closed.
func (a *Aggregate) DropClosed(watermark int64) {
	if a.loader != nil {
		a.loader.Drop(func(start int64) bool { return a.window.End(start) <= watermark })
	}
}

// settle turns the loaded blocks into the table.
func (a *Aggregate) settle() error {
	if a.loader == nil || a.failed != nil {
		return a.failed
	}
	table, err := a.loader.Table()
	if err != nil {
		a.failed = fmt.Errorf("restore windows: %w", err)
		return a.failed
	}
	a.table, a.loader, a.used = table, nil, true
	return nil
}

// OpenWindow is a window that is held because the watermark has not passed it.
type OpenWindow struct {
	Start, End int64 // [Start, End) in µs
	Groups     int   // keys that have come so far
	Rows       int64 // that went into the groups
}

// Open lists the windows held, the one that closes first in front.
func (a *Aggregate) Open() []OpenWindow {
	if a.settle() != nil {
		return nil
	}
	var open []OpenWindow
	for _, start := range a.table.Namespaces() {
		groups, rows := a.table.Held(start)
		open = append(open, OpenWindow{Start: start, End: a.window.End(start), Groups: groups, Rows: rows})
	}
	return open
}

// NextClose is the end of the window that closes first; false when none is held.
func (a *Aggregate) NextClose() (end int64, held bool) {
	if a.settle() != nil || len(a.table.Namespaces()) == 0 {
		return 0, false
	}
	return a.window.End(a.table.Namespaces()[0]), true
}

// RowsHeld is the number of rows that went into the groups held, for row accounting.
func (a *Aggregate) RowsHeld() int64 {
	if a.settle() != nil {
		return 0
	}
	return a.table.Rows()
}

// SizeBytes is about the memory that the state takes.
func (a *Aggregate) SizeBytes() int64 {
	if a.settle() != nil {
		return 0
	}
	return a.table.SizeBytes()
}
