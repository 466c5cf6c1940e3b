package windows

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/state"
)

// Dedup is no window: of the rows of a key whose times lie less than Size apart the first one comes out, at once. It stands
// beside the kinds of windows because it takes rows, judges late ones and keeps state as they do.
//
// Sending side: [Assign] drops rows before the watermark, about which nobody remembers enough, and appends their own time
// as window_start; whole rows travel. Receiving side: all rows of a batch are judged together, by time, then in the order
// of the plan, so that neither tasks nor cores matter. What was kept is remembered until the watermark has left it behind
// by Size, see [state.Seen].
const Dedup Kind = "dedup"

// dedup is the receiving side.
type dedup struct {
	schema *columnar.Schema // of the rows
	shape  state.Shape
	span   int64
	seen   *state.Seen
	loader *state.SeenLoader // not nil while blocks are loaded
	parts  []*columnar.Batch // rows of the batch, not judged yet
}

func newDedup(o Operator) *dedup {
	shape := state.Shape{In: o.In, Spec: o.Spec}
	return &dedup{schema: o.In, shape: shape, span: o.Window.Size, seen: state.NewSeen(shape, o.Window.Size)}
}

// Merge takes rows to be judged. It keeps nothing of the batch.
func (d *dedup) Merge(rows *columnar.Batch) error {
	if !rows.Schema.Equal(d.schema) {
		return fmt.Errorf("deduplicate rows (%s) as (%s)", rows.Schema, d.schema)
	}
	d.parts = append(d.parts, columnar.Concat([]*columnar.Batch{rows}))
	return nil
}

// Close judges the rows that came since the last call. The end of the input forgets nothing: it may be reopened, and then
// what has come out has come out.
func (d *dedup) Close(watermark int64) (Closed, error) {
	rows, err := state.Concat(d.schema, d.parts)
	if err != nil {
		return Closed{}, err
	}
	d.parts = nil
	kept, err := d.seen.Keep(rows)
	if err != nil {
		return Closed{}, fmt.Errorf("remember rows: %w", err)
	}
	slices.Sort(kept) // they come out in the order in which they came
	if watermark != MaxWatermark {
		d.seen.Expire(watermark)
	}
	out := columnar.Take(rows, kept)
	return Closed{Groups: out, Rows: int64(out.Rows), Duplicates: int64(rows.Rows - out.Rows), End: NoWatermark}, nil
}

// Load reads a state block.
func (d *dedup) Load(block *state.Block, from, to uint8) error {
	if d.loader == nil {
		d.loader = state.NewSeenLoader(d.shape, d.span)
	}
	return d.loader.LoadBlock(block, from, to)
}

// Drop forgets what the batch of the block loaded last has forgotten.
func (d *dedup) Drop(watermark int64) {
	if d.loader != nil && watermark != MaxWatermark {
		d.loader.Drop(watermark)
	}
}

// Settle turns the loaded blocks into the memory.
func (d *dedup) Settle(func(n int, f func(i int) error) error) error {
	seen, err := d.loader.Seen()
	if err != nil {
		return fmt.Errorf("restore deduplication: %w", err)
	}
	d.seen, d.loader = seen, nil
	return nil
}

// Open is none: there are no windows.
func (d *dedup) Open() []OpenWindow { return nil }

// NextClose is never: rows come out with their batch.
func (d *dedup) NextClose() (watermark int64, held bool) { return 0, false }

// Remembered is the number of rows that a deduplication has let through and still knows; 0 for windows.
func (a *Aggregate) Remembered() int64 {
	d, ok := a.store.(*dedup)
	if !ok || a.settle() != nil {
		return 0
	}
	return int64(d.seen.Len())
}

func (d *dedup) Delta() ([]byte, error)    { return d.seen.Delta() }
func (d *dedup) Snapshot() ([]byte, error) { return d.seen.Snapshot() }

// Slice is that of the memory.
func (d *dedup) Slice(room []byte, from, to uint8) ([]byte, error) {
	return d.seen.Slice(room, from, to)
}

// Rows is none: a row comes out, or is dropped, with its batch.
func (d *dedup) Rows() int64 { return 0 }

func (d *dedup) SizeBytes() int64 { return d.seen.SizeBytes() }
