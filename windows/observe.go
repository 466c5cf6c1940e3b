package windows

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// Observer looks at the event times of a source's rows before any operator does: it removes rows without a usable
// event time and remembers the greatest one. It reuses its memory.
type Observer struct {
	column    int
	maxFuture int64
	max       int64
	sel       []int32
	all       []int32 // 0, 1, 2, …
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
// they do not move the greatest event time. Selection and records are valid until the next call. planTime is in
// microseconds.
func (o *Observer) Observe(b *columnar.Batch, planTime int64) []columnar.BadRecord {
	o.bad = o.bad[:0]
	times := b.Cols[o.column]
	if times.Valid == nil && b.Sel == nil && o.scan(times.I64[:b.Rows], planTime) {
		return nil
	}
	rows := b.Sel
	if rows == nil {
		rows = o.every(b.Rows)
	}
	o.sel = slices.Grow(o.sel[:0], max(len(rows), 1)) // never nil, which would mean all rows
	for _, i := range rows {
		if reason := o.unusable(times, i, planTime); reason != "" {
			o.bad = append(o.bad, badRow(b, i, reason))
			continue
		}
		o.sel = append(o.sel, i)
		o.max = max(o.max, times.I64[i])
	}
	b.Sel = o.sel
	return o.bad
}

// Unusable returns what Observe would find among the selected rows of b from row from on, and changes nothing. The records are
// valid until the next call of a method.
func (o *Observer) Unusable(b *columnar.Batch, from int, planTime int64) []columnar.BadRecord {
	o.bad = o.bad[:0]
	times := b.Cols[o.column]
	sel := b.Sel
	for i := int32(from); i < int32(b.Rows); i++ {
		if b.Sel != nil {
			for len(sel) > 0 && sel[0] < i {
				sel = sel[1:]
			}
			if len(sel) == 0 || sel[0] != i {
				continue
			}
		}
		if !times.IsNull(int(i)) && !Future(times.I64[i], planTime, o.maxFuture) {
			continue
		}
		o.bad = append(o.bad, badRow(b, i, o.unusable(times, i, planTime)))
	}
	return o.bad
}

// scan is the common case: no NULL, nothing in the future. It reports false when some time is too far ahead.
func (o *Observer) scan(times []int64, planTime int64) bool {
	m := int64(NoWatermark)
	for _, t := range times {
		m = max(m, t)
	}
	if Future(m, planTime, o.maxFuture) {
		return false
	}
	o.max = max(o.max, m)
	return true
}

// unusable says why row i has no event time to go by; "" when it has one.
func (o *Observer) unusable(times *columnar.Vector, i int32, planTime int64) string {
	switch {
	case times.IsNull(int(i)):
		return "the event time is NULL"
	case Future(times.I64[i], planTime, o.maxFuture):
		return fmt.Sprintf("event time %s is more than max_future %s after the plan time %s: a clock runs ahead; widen or turn off event_time.max_future to accept it",
			FormatTime(times.I64[i]), FormatDuration(o.maxFuture), FormatTime(planTime))
	}
	return ""
}

// every lists the rows of a batch without selection.
func (o *Observer) every(rows int) []int32 {
	for i := int32(len(o.all)); i < int32(rows); i++ {
		o.all = append(o.all, i)
	}
	return o.all[:rows]
}

func badRow(b *columnar.Batch, row int32, reason string) columnar.BadRecord {
	r := columnar.BadRecord{Reason: reason}
	if b.Origin != nil {
		r.Topic, r.Partition, r.Offset = b.Origin.Topic, b.Origin.Partition, b.Offsets[row]
	}
	return r
}
