package batch

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/output"
)

// rowsOfSink are the rows for one sink that only one of two jobs has yielded so far. Most rows come out of both in the same
// batch and cancel each other, so that few are held.
type rowsOfSink struct {
	name     string
	columns  []string // that both have
	key      int      // the first so many of columns
	notes    []string
	old, new *dstream.SinkPlan // nil: one of the jobs has no such sink
	render   map[*dstream.SinkPlan]*output.JSONRows
	rows     map[string]int64 // by text: how many more the new job has
	counts   [2]int64         // of the old and the new job
	bytes    int64            // of rows, about
}

// pairSinks are the sinks of both plans, by name.
func pairSinks(old, with *dstream.Plan) []*rowsOfSink {
	byName := map[string]*rowsOfSink{}
	at := func(name string) *rowsOfSink {
		if byName[name] == nil {
			byName[name] = &rowsOfSink{name: name, rows: map[string]int64{}, render: map[*dstream.SinkPlan]*output.JSONRows{}}
		}
		return byName[name]
	}
	for i := range old.Sinks {
		at(old.Sinks[i].Name).old = &old.Sinks[i]
	}
	for i := range with.Sinks {
		at(with.Sinks[i].Name).new = &with.Sinks[i]
	}
	var out []*rowsOfSink
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		k := byName[name]
		k.pair()
		out = append(out, k)
	}
	return out
}

// pair finds the columns that both have, those of the key first, and says what differs.
func (k *rowsOfSink) pair() {
	switch {
	case k.old == nil:
		k.notes = append(k.notes, "only the new job has this sink")
		k.columns = namesOf(k.new.Schema)
	case k.new == nil:
		k.notes = append(k.notes, "only the old job has this sink")
		k.columns = namesOf(k.old.Schema)
	default:
		k.common()
	}
	for _, s := range []*dstream.SinkPlan{k.old, k.new} {
		if s != nil {
			k.renderer(s)
		}
	}
}

func namesOf(s *columnar.Schema) []string {
	var out []string
	for _, f := range s.Fields {
		out = append(out, f.Name)
	}
	return out
}

func (k *rowsOfSink) common() {
	for _, c := range k.keyColumns() {
		k.columns = append(k.columns, c)
		k.key++
	}
	for _, f := range k.old.Schema.Fields {
		i := k.new.Schema.Index(f.Name)
		switch {
		case i < 0:
			k.notes = append(k.notes, fmt.Sprintf("only the old job has the column %q", f.Name))
			continue
		case k.new.Schema.Fields[i].Type.String() != f.Type.String():
			k.notes = append(k.notes, fmt.Sprintf("column %q was %s and is %s", f.Name, f.Type, k.new.Schema.Fields[i].Type))
		}
		if !slices.Contains(k.columns, f.Name) {
			k.columns = append(k.columns, f.Name)
		}
	}
	for _, f := range k.new.Schema.Fields {
		if k.old.Schema.Index(f.Name) < 0 {
			k.notes = append(k.notes, fmt.Sprintf("only the new job has the column %q", f.Name))
		}
	}
}

// keyColumns are the columns that tell rows of both results apart, none when there are no such columns. A changelog has
// several rows of a key.
func (k *rowsOfSink) keyColumns() []string {
	names := func(s *dstream.SinkPlan) (out []string) {
		for _, c := range s.Key {
			out = append(out, s.Schema.Fields[c].Name)
		}
		return out
	}
	old, with := names(k.old), names(k.new)
	if k.old.Changelog != nil || k.new.Changelog != nil || len(old) == 0 || !slices.Equal(slices.Sorted(slices.Values(old)), slices.Sorted(slices.Values(with))) {
		return nil
	}
	return old
}

func (k *rowsOfSink) renderer(s *dstream.SinkPlan) {
	var at []int
	for _, name := range k.columns {
		at = append(at, s.Schema.Index(name))
	}
	k.render[s] = output.NewJSONRows(s.Schema, at)
}

// take adds the rows of a batch of the new job with sign 1, of the old with −1.
func (k *rowsOfSink) take(o *outcome, sign int64) error {
	s, side := k.new, 1
	if sign < 0 {
		s, side = k.old, 0
	}
	if s == nil {
		return nil
	}
	for _, shard := range o.shards[k.name] {
		for _, b := range shard.Rows {
			err := k.render[s].Each(b, func(_ int, text []byte) error {
				k.counts[side]++
				k.add(text, sign)
				return nil
			})
			if err != nil {
				return fmt.Errorf("sink %s: %w", k.name, err)
			}
		}
	}
	return nil
}

// mapEntry is about what a row takes beside its text.
const mapEntry = 64

func (k *rowsOfSink) add(text []byte, sign int64) {
	old := k.rows[string(text)]
	switch n := old + sign; {
	case n == 0:
		delete(k.rows, string(text))
		k.bytes -= int64(len(text)) + mapEntry
	case old == 0:
		k.bytes += int64(len(text)) + mapEntry
		fallthrough
	default:
		k.rows[string(text)] = n
	}
}

// compare pairs what is left by its key.
func (k *rowsOfSink) compare(samples int) (SinkComparison, error) {
	out := SinkComparison{Sink: k.name, Notes: k.notes, Key: k.columns[:k.key], Old: k.counts[0], New: k.counts[1]}
	left := map[string][]string{} // by key: texts of rows that only the old job has
	texts := slices.Sorted(maps.Keys(k.rows))
	if k.key > 0 {
		for _, text := range texts {
			if n := -k.rows[text]; n > 0 {
				key, err := keyOfText(text, k.key)
				if err != nil {
					return out, err
				}
				left[key] = append(left[key], slices.Repeat([]string{text}, int(n))...)
			}
		}
	}
	for _, text := range texts {
		n := k.rows[text]
		key := ""
		if k.key > 0 {
			var err error
			if key, err = keyOfText(text, k.key); err != nil {
				return out, err
			}
		}
		for ; n > 0; n-- {
			if old := left[key]; len(old) > 0 {
				left[key] = old[1:]
				out.Changed++
				if len(out.ChangedRows) < samples {
					out.ChangedRows = append(out.ChangedRows, [2]string{old[0], text})
				}
				continue
			}
			out.OnlyNew++
			if len(out.OnlyNewRows) < samples {
				out.OnlyNewRows = append(out.OnlyNewRows, text)
			}
		}
		if k.key == 0 && n < 0 {
			out.onlyOld(text, -n, samples)
		}
	}
	for _, key := range slices.Sorted(maps.Keys(left)) {
		for _, text := range left[key] {
			out.onlyOld(text, 1, samples)
		}
	}
	return out, nil
}

func (s *SinkComparison) onlyOld(text string, n int64, samples int) {
	s.OnlyOld += n
	for ; n > 0 && len(s.OnlyOldRows) < samples; n-- {
		s.OnlyOldRows = append(s.OnlyOldRows, text)
	}
}

// keyOfText is the text of the first n values of a row.
func keyOfText(text string, n int) (string, error) {
	d := json.NewDecoder(strings.NewReader(text))
	if _, err := d.Token(); err != nil {
		return "", fmt.Errorf("read row: %w", err)
	}
	for range n {
		var value json.RawMessage
		if _, err := d.Token(); err != nil {
			return "", fmt.Errorf("read row: %w", err)
		}
		if err := d.Decode(&value); err != nil {
			return "", fmt.Errorf("read row: %w", err)
		}
	}
	return text[:d.InputOffset()], nil
}
