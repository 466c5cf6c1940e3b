package batch

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// censusRecords is how many records of a task are looked at for their keys.
const censusRecords = 1000

// census is what the decoder has seen of its records' keys, zero where records have none.
func (c *sourceTree) census() columnar.Census {
	dec := c.dec
	if c.timed != nil {
		dec = c.timed.Decoder
	}
	if d, ok := dec.(interface{ Census() columnar.Census }); ok {
		return d.Census()
	}
	return columnar.Census{}
}

// warnAbsent says which columns are in none of the records that a run has read first of a source: such a column is most
// often misspelt.
func (d *driver) warnAbsent(o *outcome) {
	for i := range o.job.Plan.Sources {
		s := &o.job.Plan.Sources[i]
		c := o.census[s.Name]
		if c.Records == 0 {
			continue
		}
		d.counted[s.Name] = true
		for _, text := range absentColumns(s, c, o.plan.Batch) {
			d.o.Warn(text)
		}
	}
}

// absentColumns has one sentence for each column whose key no record had.
func absentColumns(s *dstream.SourcePlan, c columnar.Census, batch int64) []string {
	var out []string
	for _, f := range s.Fields {
		path := f.JSONPath().String()
		if _, absent := slices.BinarySearch(c.Absent, path); absent {
			out = append(out, fmt.Sprintf("source %s: column %q is in none of the records of batch %d, the first that this run has read: no %q in them; %s",
				s.Name, f.Name, batch, path, otherKeys(s, c, path)))
		}
	}
	return out
}

// keysShown is how many keys a warning lists.
const keysShown = 8

// otherKeys says what the records have that no column reads: the key that is most like the path, or else some.
func otherKeys(s *dstream.SourcePlan, c columnar.Census, path string) string {
	free := slices.DeleteFunc(slices.Clone(c.Seen), func(key string) bool {
		return slices.ContainsFunc(s.Fields, func(f columnar.DecodeField) bool { return f.JSONPath().String() == key })
	})
	if near := dstream.Nearest(path, free); near != "" {
		return fmt.Sprintf("the nearest key is %q", near)
	}
	if len(free) == 0 {
		if near := dstream.Nearest(path, c.Seen); near != "" {
			return fmt.Sprintf("the nearest key is %q, which another column reads", near)
		}
		return "all their keys are read by other columns"
	}
	more := ""
	if len(free) > keysShown {
		more = fmt.Sprintf(" and %d more", len(free)-keysShown)
	}
	return "their other keys are " + strings.Join(free[:min(len(free), keysShown)], ", ") + more
}

// countedBehind are the sources of which the run has read records when the batch is committed.
func (w *work) countedBehind() map[string]bool {
	out := maps.Clone(w.counted)
	for source, c := range w.census {
		if c.Records > 0 {
			out[source] = true
		}
	}
	return out
}
