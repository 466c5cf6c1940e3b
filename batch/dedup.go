package batch

import (
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// rowsIn is the number of rows that came in a batch of an exchange: rows that are to be deduplicated travel whole.
func rowsIn(x *dstream.Exchange, b *columnar.Batch) int64 {
	if x.Window.Kind == windows.Dedup {
		return int64(b.Len())
	}
	return sumRows(b)
}

// warnForgotten says when a deduplication begins anew because the job's has other keys, another span or another event time,
// or is gone: nothing is lost by that, but rows that come once more are not recognised.
func (d *driver) warnForgotten(plan *dstream.Plan) {
	if d.history.Last == nil {
		return
	}
	for _, e := range d.history.Last.Edges {
		found := slices.ContainsFunc(plan.Exchanges, func(x dstream.Exchange) bool { return x.Name == e.Operator })
		if e.Remembered > 0 && !found {
			d.o.Warn(fmt.Sprintf("the checkpoint remembers rows (%d) for the operator %q, which the job no longer has: their duplicates will not be recognised", e.Remembered, e.Operator))
		}
	}
}
