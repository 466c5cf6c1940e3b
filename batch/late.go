package batch

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// lateRows makes the rows of a side output of what one operator finds late.
type lateRows struct {
	side   int // in the plan's sides
	x      *dstream.Exchange
	schema *columnar.Schema
	done   []*columnar.Batch
}

// newLateRows returns nil for a job without a side output of late rows.
func newLateRows(plan *dstream.Plan, x *dstream.Exchange) *lateRows {
	i := plan.Side(dstream.LateRows)
	if i < 0 {
		return nil
	}
	for k := range plan.Sinks {
		if plan.Sinks[k].Name == plan.Sides[i].Sink {
			return &lateRows{side: i, x: x, schema: plan.Sinks[k].Schema}
		}
	}
	return nil // a plan that was checked has the sink
}

// missed finds the last window of a time, false where it is not known.
type missed func(t int64) (start, end int64, ok bool)

// add makes late rows of rows of in, which are as the window operator takes them. watermark is the mark that they are late
// against, see windows.Emission.
func (l *lateRows) add(in *columnar.Batch, rows []int32, watermark int64, window missed) {
	if len(rows) == 0 {
		return
	}
	taken := columnar.Take(in, rows)
	out := &columnar.Batch{Schema: l.schema, Rows: len(rows)}
	for i, c := range l.x.Late {
		if c >= 0 {
			out.Cols = append(out.Cols, taken.Cols[c])
		} else {
			out.Cols = append(out.Cols, nulls(l.schema.Fields[i].Type, len(rows)))
		}
	}
	out.Cols = append(out.Cols, l.metadata(taken, l.x.Emit.Watermark(watermark), window)...)
	l.done = append(l.done, out)
}

// metadata are the columns of [dstream.LateMetadata].
func (l *lateRows) metadata(rows *columnar.Batch, watermark int64, window missed) []*columnar.Vector {
	var cols [8]*columnar.Builder
	for i, f := range dstream.LateMetadata() {
		cols[i] = columnar.NewBuilder(f.Type)
	}
	for i := range rows.Rows {
		cols[0].AppendString(l.x.Name)
		if rows.Origin != nil && i < len(rows.Offsets) {
			cols[1].AppendString(rows.Origin.Topic)
			cols[2].AppendInt32(rows.Origin.Partition)
			cols[3].AppendInt64(rows.Offsets[i])
		} else {
			for _, c := range cols[1:4] {
				c.AppendNull()
			}
		}
		at, known := int64(0), l.x.TimeColumn >= 0
		if known {
			at = rows.Cols[l.x.TimeColumn].I64[i]
		}
		start, end, in := int64(0), int64(0), false
		if known && window != nil {
			start, end, in = window(at)
		}
		appendTime(cols[4], at, known)
		appendTime(cols[5], watermark, watermark != windows.MaxWatermark) // the input has ended
		appendTime(cols[6], start, in)
		appendTime(cols[7], end, in)
	}
	out := make([]*columnar.Vector, len(cols))
	for i, c := range cols {
		out[i] = c.Vector()
	}
	return out
}

func appendTime(b *columnar.Builder, t int64, known bool) {
	if known {
		b.AppendInt64(t)
	} else {
		b.AppendNull()
	}
}

// nulls is a column of n NULLs.
func nulls(t columnar.Type, n int) *columnar.Vector {
	b := columnar.NewBuilder(t)
	for range n {
		b.AppendNull()
	}
	return b.Vector()
}

// finish adds to r what the task yielded.
func (l *lateRows) finish(r *Result) {
	if len(l.done) > 0 {
		r.addSide(l.side, l.done)
	}
	l.done = nil
}
