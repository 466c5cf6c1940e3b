package windows

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// A session is the rows of one key with no more than the gap between them: [first, last + gap), where rows that are exactly
// a gap apart are in one session. So it closes only when its end lies before the watermark: a row at the very end may still
// come, and merges.
//
// Sending side: the rows of a key in one cell of time, [k·gap, (k+1)·gap), are always in one session, and travel as one
// half-aggregated group with the least and the greatest of their times. Receiving side: all groups of a batch and all live
// sessions are merged first; then each session that came of it is late, closed or live as a whole.

// The hidden aggregates of sessions stand right before the count of rows.
const (
	FirstColumn = "_first" // least time of the rows
	LastColumn  = "_last"  // greatest time
)

// SessionTimes are the hidden aggregates over the column of times.
func SessionTimes(time int) []columnar.Agg {
	timestamp := columnar.Type{Kind: columnar.Timestamp}
	return []columnar.Agg{
		{Func: columnar.Min, Arg: time, In: timestamp, Name: FirstColumn},
		{Func: columnar.Max, Arg: time, In: timestamp, Name: LastColumn},
	}
}

// checkSession refuses a session without what it needs.
func (o Operator) checkSession() error {
	n := len(o.Spec.Aggs)
	if n < 3 || o.Spec.Aggs[n-3].Name != FirstColumn || o.Spec.Aggs[n-2].Name != LastColumn {
		return fmt.Errorf("sessions need the aggregates %s and %s right before the count of rows", FirstColumn, LastColumn)
	}
	return nil
}

// assignSessions appends the cell of each row. Rows before the floor are late; which others are is found behind the exchange.
func (a *Assign) assignSessions(in *columnar.Batch) *columnar.Batch {
	times, n := in.Cols[a.time], 0
	counts := columnar.RowCounts{In: int64(in.Len())}
	start, end := windowAt(0, a.gap, 0)
	for i := range in.Len() {
		row := int32(i)
		if in.Sel != nil {
			row = in.Sel[i]
		}
		if times.Valid != nil && times.Valid[row>>3]>>(row&7)&1 == 0 {
			counts.Unassigned++
			continue
		}
		t := times.I64[row]
		if t < a.floor {
			counts.Late++
			continue
		}
		if t < start || t >= end {
			start, end = windowAt(t, a.gap, 0)
		}
		a.starts.I64[row] = start
		a.sel[n] = row
		n++
	}
	a.sel = a.sel[:n]
	counts.Out = int64(n)
	a.counts.Add(counts)
	return a.emit(in)
}

// SetFloor makes rows of sessions late that lie before the time t, up to which sessions were flushed: a session that would
// begin before it. It is [NoWatermark] until it is set, and means nothing to other windows.
func (a *Assign) SetFloor(t int64) { a.floor = t }

// OutputWatermark is the watermark behind an operator with these windows: a session that ends at the operator's own
// is still live, and the last moment in it lies one tick before.
func (w Window) OutputWatermark(watermark int64) int64 {
	if w.Kind != Session || watermark == NoWatermark || watermark == MaxWatermark {
		return watermark
	}
	return watermark - 1
}

// lateRows finds the rows of a batch that were late.
type lateRows struct {
	sessions *columnar.Batch // keys, first and last time of the late sessions of the last batch; nil for none
	keys     *columnar.KeyIndex
	byKey    [][]int32 // rows of sessions, by time; keys are numbered by keys
	of       *columnar.Batch
}

// LateRows returns the selected rows of b, physical positions, that went into sessions which the last Close found late. keys
// are the columns of b with the keys of the sessions, without window_start; time is the one with the times. Any rows that
// went into the batch may be asked for; only those with time + gap before the watermark at its start can be late.
func (a *Aggregate) LateRows(b *columnar.Batch, keys []int, time int) ([]int32, error) {
	s, ok := a.store.(*sessions)
	if !ok {
		return nil, errors.New("rows are told from late ones behind the exchange for sessions only")
	}
	return s.late.rows(b, keys, time)
}

// rows lists those of b that the sessions hold.
func (l *lateRows) rows(b *columnar.Batch, keys []int, time int) ([]int32, error) {
	if l.sessions == nil || b.Len() == 0 {
		return nil, nil
	}
	if err := l.index(len(keys)); err != nil {
		return nil, err
	}
	var late []int32
	rows, numbers := l.keys.Lookup(b, keys)
	for i, row := range rows {
		if l.holds(numbers[i], b.Cols[time].I64[row]) {
			late = append(late, row)
		}
	}
	return late, nil
}

// index files the late sessions by key.
func (l *lateRows) index(keys int) error {
	if l.of == l.sessions {
		return nil
	}
	cols, types := make([]int, keys), make([]columnar.Type, keys)
	for i := range cols {
		cols[i], types[i] = i, l.sessions.Schema.Fields[i].Type
	}
	l.keys, l.byKey, l.of = columnar.NewKeyIndex(types), nil, l.sessions
	numbers, err := l.keys.Number(l.sessions, cols)
	if err != nil {
		return err
	}
	l.byKey = make([][]int32, l.keys.Len())
	for _, row := range columnar.SortRows(l.sessions, []int{keys}) {
		l.byKey[numbers[row]] = append(l.byKey[numbers[row]], row)
	}
	return nil
}

// holds reports whether a late session of the key holds the time.
func (l *lateRows) holds(key uint32, t int64) bool {
	n := len(l.sessions.Cols)
	first, last := l.sessions.Cols[n-2].I64, l.sessions.Cols[n-1].I64
	i, found := slices.BinarySearchFunc(l.byKey[key], t, func(row int32, t int64) int {
		switch {
		case last[row] < t:
			return -1
		case first[row] > t:
			return 1
		}
		return 0
	})
	return found && i < len(l.byKey[key])
}
