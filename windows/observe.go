package windows

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// Observer looks at the event times of a source's rows before any operator does: it removes rows without a usable
// event time and remembers the greatest one. It reuses its memory.
type Observer struct {
	column    int
	maxFuture int64
	max       int64
	sel       []int32
	bad       []columnar.BadRecord
}

// NewObserver returns an observer of column, with the guard of bounds against clocks that run ahead.
func NewObserver(column int, bounds Bounds) *Observer {
	return &Observer{column: column, maxFuture: bounds.MaxFuture, max: NoWatermark}
}

// Max returns the greatest event time since the last call, NoWatermark for none, and starts anew.
func (o *Observer) Max() int64 {
	m := o.max
	o.max = NoWatermark
	return m
}

// Observe narrows b.Sel to the rows with a usable event time. The others come back as bad records without their values;
// they do not move the greatest event time. The records are valid until the next call. planTime is in microseconds.
func (o *Observer) Observe(b *columnar.Batch, planTime int64) []columnar.BadRecord {
	o.bad = o.bad[:0]
	v := b.Cols[o.column]
	limit := int64(MaxWatermark)
	if o.maxFuture >= 0 && planTime <= MaxWatermark-o.maxFuture {
		limit = planTime + o.maxFuture
	}
	if v.Valid == nil && b.Sel == nil && o.scan(v.I64[:b.Rows], limit) {
		return nil
	}
	o.sel = o.sel[:0]
	keep := func(i int32) {
		switch {
		case v.IsNull(int(i)):
			o.bad = append(o.bad, badRow(b, i, "the event time is NULL"))
		case v.I64[i] > limit:
			o.bad = append(o.bad, badRow(b, i, fmt.Sprintf("event time %s is more than max_future %s after the plan time %s: a clock runs ahead; widen or turn off event_time.max_future to accept it",
				FormatTime(v.I64[i]), FormatDuration(o.maxFuture), FormatTime(planTime))))
		default:
			o.sel = append(o.sel, i)
			o.max = max(o.max, v.I64[i])
		}
	}
	if b.Sel != nil {
		for _, i := range b.Sel {
			keep(i)
		}
	} else {
		for i := range b.Rows {
			keep(int32(i))
		}
	}
	b.Sel = o.sel
	return o.bad
}

// scan is the common case: no NULL, nothing in the future. It reports false when some time is over the limit.
func (o *Observer) scan(times []int64, limit int64) bool {
	m := int64(NoWatermark)
	for _, t := range times {
		m = max(m, t)
	}
	if m > limit {
		return false
	}
	o.max = max(o.max, m)
	return true
}

func badRow(b *columnar.Batch, row int32, reason string) columnar.BadRecord {
	r := columnar.BadRecord{Reason: reason}
	if b.Origin != nil {
		r.Topic, r.Partition, r.Offset = b.Origin.Topic, b.Origin.Partition, b.Offsets[row]
	}
	return r
}
