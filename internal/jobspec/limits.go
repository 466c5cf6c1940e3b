package jobspec

import (
	"fmt"
	"slices"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/offsets"
)

// batch are the limits as package batch takes them.
func (l *Limits) batch() batch.Limits {
	return batch.Limits{Rows: l.Rows, Bytes: int64(l.Bytes), Rate: l.Rate, Backpressure: l.Backpressure.gains()}
}

// gains are those of the controller; nil when it is off.
func (b *Backpressure) gains() *offsets.Gains {
	if b == nil || !b.Enabled {
		return nil
	}
	return &offsets.Gains{Proportional: float64(b.Proportional), Integral: float64(b.Integral), Derived: float64(b.Derived), MinRate: float64(b.MinRate)}
}

// checkBackpressure refuses gains that do not control anything, and an interval that is not there to keep.
func (s *Spec) checkBackpressure(t *tree) error {
	gains := s.Limits.Backpressure.gains()
	if gains == nil {
		return nil
	}
	at := t.get("limits").get("backpressure")
	if err := gains.Check(); err != nil {
		return fail(at.pos, "", "limits.backpressure: %s", err)
	}
	if s.Trigger.Every == 0 {
		return fail(at.pos, "leave it out; limits.rate bounds a job of any trigger", "limits.backpressure keeps batches within trigger.every, and this job's trigger is %s", s.Trigger.String())
	}
	return nil
}

// limits says how much a batch reads at most, and what shows how far the job is.
func (d *description) limits() {
	l := &d.spec.Limits
	d.line("rows", "at most %s offsets a batch, split by lag; %s of a partition of which nothing is known yet", grouped(l.Rows), grouped(offsets.FirstOffsetsMax))
	if l.Bytes > 0 {
		d.line("bytes", "at most %s a batch on the wire, by each partition's mean", sizeText(int64(l.Bytes)))
	}
	if l.Rate > 0 {
		d.line("rate", "at most %s offsets a second: %s", grouped(l.Rate), d.rateText())
	}
	if g := l.Backpressure.gains(); g != nil {
		d.line("pressure", "batches are sized to take %s: proportional %g, integral %g, derived %g, at least %g offsets a second",
			ShortDuration(d.spec.Trigger.Every), g.Proportional, g.Integral, g.Derived, g.MinRate)
	}
	for i := range d.spec.Sources {
		src := &d.spec.Sources[i]
		if group := d.spec.group(src); group != "" {
			d.line("lag", "of source %s: in progress, and as consumer group %s for lag tools", src.Name, group)
		} else {
			d.line("lag", "of source %s: in progress", src.Name)
		}
	}
}

// rateText says what a rate means for batches.
func (d *description) rateText() string {
	per := batch.RateWindow
	if every := d.spec.Trigger.Every; every > 0 {
		per = max(every, time.Second)
		return fmt.Sprintf("%s a batch", grouped(int64(float64(d.spec.Limits.Rate)*per.Seconds())))
	}
	return fmt.Sprintf("%s a batch, with pauses between batches", grouped(int64(float64(d.spec.Limits.Rate)*per.Seconds())))
}

// group is the consumer group that shows how far a source is read; "" for none. Two sources that may read the same topic
// have a group each, or either would hide the other's lag.
func (s *Spec) group(src *Source) string {
	switch g := src.Kafka.Group; g {
	case "off":
		return ""
	case "":
	default:
		return g
	}
	group := "millrace-" + s.Name
	for i := range s.Sources {
		if other := &s.Sources[i]; other != src && src.Kafka.overlaps(&other.Kafka) {
			return group + "-" + src.Name
		}
	}
	return group
}

// overlaps reports whether two sources may read the same topic of the same cluster. Two patterns may.
func (k *Kafka) overlaps(other *Kafka) bool {
	return k.Pattern != "" && other.Pattern != "" ||
		slices.ContainsFunc(k.topics(), other.reads) || slices.ContainsFunc(other.topics(), k.reads)
}

// checkGroups refuses one group for two sources that may read the same topic.
func (s *Spec) checkGroups() error {
	var groups []string
	for i := range s.Sources {
		groups = append(groups, s.group(&s.Sources[i]))
		for j := range i {
			a, b := &s.Sources[j], &s.Sources[i]
			if group := groups[i]; group != "" && group == groups[j] && a.Kafka.overlaps(&b.Kafka) {
				return fail(b.Pos, "give each a group of its own, or off", "sources.%s: it may read the topics of source %s and has the same group, %s, which can show only one of them", b.Name, a.Name, group)
			}
		}
	}
	return nil
}
