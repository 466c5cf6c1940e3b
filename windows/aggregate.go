package windows

import (
	"errors"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
)

// Aggregate is the receiving side of a windowed aggregation in one shard: it merges the partial groups that an exchange
// brings into state, and gives out the groups of windows that the watermark has passed. It is used by one goroutine.
//
// A shard starts empty, or with Load and DropClosed for a snapshot and the deltas behind it, oldest first. After an
// error it must not be used any more.
type Aggregate struct {
	*course
	store  store
	loaded bool  // there are blocks that the store was not made of yet
	used   bool  // too late to load
	failed error // why the loaded blocks make no state
}

// course is how far an aggregation has come, which its store shares with it.
type course struct {
	op        Operator
	window    Window
	grid      grid
	shape     state.Shape
	final     *columnar.Schema // Operator.Final
	results   *columnar.Schema // without operations
	changes   *changes         // nil: results come out once
	watermark int64            // at the start of the batch
	came      int64            // results of windows that end at or before it have come out; of a changelog
	closedTo  int64            // the greatest watermark that windows were closed with
}

// store is the state of one kind of window, and how it closes. It is asked nothing between Load and Settle.
type store interface {
	restorer
	closer
	holder
}

// restorer is the way of a store out of blocks.
type restorer interface {
	Load(block *state.Block, from, to uint8) error
	Drop(watermark int64)
	Settle(each func(n int, f func(i int) error) error) error // the loaded blocks become the state
}

// closer is the way of rows through a store. See the methods of [Aggregate].
type closer interface {
	Merge(partial *columnar.Batch) error
	Close(watermark int64) (Closed, error)
	Open() []OpenWindow
	NextClose() (watermark int64, held bool)
}

// holder is what a store holds.
type holder interface {
	Delta() ([]byte, error)
	Snapshot() ([]byte, error)
	Slice(room []byte, from, to uint8) ([]byte, error)
	Rows() int64
	SizeBytes() int64
}

// NewAggregate returns an aggregation without state. o must be valid.
func NewAggregate(o Operator) *Aggregate {
	c := &course{op: o, window: o.Window, grid: newGrid(o.Window), shape: state.Shape{In: o.In, Spec: o.Spec}}
	c.results, c.final = o.results(), o.Final()
	c.watermark, c.came, c.closedTo = NoWatermark, NoWatermark, NoWatermark
	if o.Emit.Changelog {
		c.changes = newChanges(c)
	}
	return &Aggregate{course: c, store: newStore(c)}
}

func newStore(c *course) store {
	switch c.window.Kind {
	case Session:
		return newSessions(c)
	case Dedup:
		return newDedup(c.op)
	}
	return newCells(c)
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
	a.used = true
	return a.store.Merge(partial)
}

// Close takes the windows that end at or before the watermark out of the state, of sessions those that end before it. The
// cost is that of what closes.
func (a *Aggregate) Close(watermark int64) (Closed, error) {
	if err := a.settle(); err != nil {
		return Closed{}, err
	}
	return a.store.Close(watermark)
}

// Open lists the windows in which something is held, the one that closes first in front. Of sessions, of which there may be
// millions, only that one is listed, with the keys and rows of all; see [Aggregate.Sessions]. A deduplication has none.
func (a *Aggregate) Open() []OpenWindow {
	if a.settle() != nil {
		return nil
	}
	return a.store.Open()
}

// NextClose is the least watermark at which results come out or groups leave the state; false when none is held.
func (a *Aggregate) NextClose() (watermark int64, held bool) {
	if a.settle() != nil {
		return 0, false
	}
	return a.store.NextClose()
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

// Slice appends a state block of all groups held of the key groups from..to, both included, to room, which is empty: memory of an
// earlier one that nobody needs any more, or nil. It is taken behind Delta and leaves everything as it was.
func (a *Aggregate) Slice(room []byte, from, to uint8) ([]byte, error) {
	if err := a.settle(); err != nil {
		return nil, err
	}
	return a.store.Slice(room, from, to)
}

// Load reads the groups of the key groups from..to, both included, out of a state block: they replace what earlier
// blocks said of them. It keeps nothing of the block.
func (a *Aggregate) Load(block []byte, from, to uint8) error {
	b, err := state.OpenBlock(block, inTurn)
	if err != nil {
		return err
	}
	return a.LoadBlock(b, from, to)
}

func inTurn(n int, f func(i int) error) error {
	for i := range n {
		if err := f(i); err != nil {
			return err
		}
	}
	return nil
}

// LoadBlock is Load of a block that is decoded already, for several shards or on several cores.
func (a *Aggregate) LoadBlock(block *state.Block, from, to uint8) error {
	if a.used {
		return errors.New("load state: rows were merged already")
	}
	a.loaded = true
	return a.store.Load(block, from, to)
}

// DropClosed forgets the rows of which all windows end at or before the watermark, of sessions before it: those that the batch
// of the delta loaded last has closed.
func (a *Aggregate) DropClosed(watermark int64) {
	a.store.Drop(watermark)
	a.came = watermark
}

// Resume says that the batch of the snapshot loaded last, which holds nothing that its batch has closed, ended at the watermark:
// for where [Aggregate.DropClosed] has no rules of a time zone to go by.
func (a *Aggregate) Resume(watermark int64) { a.came = watermark }

// Settle makes the state of the loaded blocks, which is done when it is first asked for anything else. Shards share nothing, so
// several may do so at a time; each calls f for 0 to n−1, several at a time if it likes, for what one shard alone can share out.
func (a *Aggregate) Settle(each func(n int, f func(i int) error) error) error {
	if a.loaded {
		a.loaded, a.used = false, true
		a.failed = a.store.Settle(each)
	}
	return a.failed
}

// settle makes the state of the loaded blocks.
func (a *Aggregate) settle() error { return a.Settle(inTurn) }

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
