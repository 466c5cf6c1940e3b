package batch

import (
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// pushedFilter is the filter at the beginning of a source's tree, of which the decoder knows a part: it leaves rows out that the
// filter would drop. They count as decoded and filtered, their event times count for the watermark, and batches are cut as if
// they were there, so that nothing of it shows.
type pushedFilter struct {
	dec    *columnar.JSONDecoder
	filter *columnar.Filter
	bounds windows.Bounds
}

// pushable is what the decoder of a source is to know of the filter behind it; nil for nothing.
func (j *Job) pushable(source int) *columnar.RowFilter {
	pushed := (*dstream.Plan).Pushed
	if j.pushed != nil {
		pushed = j.pushed
	}
	where := pushed(j.Plan, source)
	if len(where) == 0 {
		return nil
	}
	return &columnar.RowFilter{Where: where, Time: j.Plan.Sources[source].EventTime}
}

// newPushedFilter returns nil where nothing is pushed.
func newPushedFilter(dec columnar.Decoder, pushed *columnar.RowFilter, t *tree, bounds windows.Bounds) *pushedFilter {
	if pushed == nil {
		return nil
	}
	return &pushedFilter{dec: dec.(*columnar.JSONDecoder), filter: t.chains[0].ops[0].(*columnar.Filter), bounds: bounds}
}

// start prepares for a task planned at that time.
func (p *pushedFilter) start(at int64) {
	if p != nil {
		p.dec.SetLatest(p.bounds.Latest(at))
	}
}

// rows is how many rows the decoder has gathered, with those that it left out.
func (p *pushedFilter) rows(dec columnar.Decoder) int {
	if p == nil {
		return dec.Rows()
	}
	return p.dec.Gathered()
}

// finish gives the filter the rows that it did not see, and returns the greatest event time among them.
func (p *pushedFilter) finish() int64 {
	if p == nil {
		return windows.NoWatermark
	}
	out := p.dec.LeftOut()
	p.filter.CountDropped(out.Rows)
	return out.MaxTime
}
