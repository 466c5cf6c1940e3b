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
	failed error             // why the loaded blocks make no memory
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

// close judges the rows that came since the last call. The end of the input forgets nothing: it may be reopened, and then
// what has come out has come out.
func (d *dedup) close(watermark int64) (Closed, error) {
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

// load reads a state block, see [Aggregate.Load].
func (d *dedup) load(block []byte, from, to uint8) error {
	if d.loader == nil {
		d.loader = state.NewSeenLoader(d.shape, d.span)
	}
	return d.loader.Load(block, from, to)
}

// drop forgets what the batch of the block loaded last has forgotten.
func (d *dedup) drop(watermark int64) {
	if d.loader != nil && watermark != MaxWatermark {
		d.loader.Drop(watermark)
	}
}

// settle turns the loaded blocks into the memory.
func (d *dedup) settle() error {
	if d.loader == nil || d.failed != nil {
		return d.failed
	}
	seen, err := d.loader.Seen()
	if err != nil {
		d.failed = fmt.Errorf("restore deduplication: %w", err)
		return d.failed
	}
	d.seen, d.loader = seen, nil
	return nil
}

// Remembered is the number of rows that a deduplication has let through and still knows; 0 for windows.
func (a *Aggregate) Remembered() int64 {
	if a.dedup == nil || a.settle() != nil {
		return 0
	}
	return int64(a.dedup.seen.Len())
}

func (d *dedup) Delta() ([]byte, error)    { return d.seen.Delta() }
func (d *dedup) Snapshot() ([]byte, error) { return d.seen.Snapshot() }

// Rows is none: a row comes out, or is dropped, with its batch.
func (d *dedup) Rows() int64 { return 0 }

func (d *dedup) SizeBytes() int64 { return d.seen.SizeBytes() }
