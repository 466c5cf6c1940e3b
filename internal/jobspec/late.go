package jobspec

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/windows"
)

// LateRow says what a row does whose windows have all closed. Its short form is the word alone.
type LateRow struct {
	Pos                dstream.Pos
	Do                 string `key:"do" short:"yes" need:"yes" words:"drop side_output update" doc:"drop counts the row, side_output counts it and keeps it in a sink. update takes it as long as its lateness is allowed, and changes results: the rows of sinks are a changelog."`
	To                 string `key:"to" doc:"With side_output, and with update for rows that are later than allowed: the sink that takes the late rows of all windows. It takes nothing else; its columns are those in front of the windows, and some more, see docs/event-time.md."`
	ToPos              dstream.Pos
	AllowedLateness    time.Duration `key:"allowed_lateness" least:"0s" doc:"With update: how far the watermark may be behind the end of a window whose results still change."`
	AllowedLatenessPos dstream.Pos
}

// check looks at what does not depend on sinks.
func (l *LateRow) check() error {
	switch {
	case l.Do == "side_output" && l.To == "":
		return fail(l.Pos, "write {do: side_output, to: SINK}", "on_late_row: to is missing: which sink takes the late rows?")
	case l.Do == "drop" && l.To != "":
		return fail(l.ToPos, "write do: side_output", "on_late_row: to goes with do: side_output and do: update")
	case l.Do == "update" && l.AllowedLateness == 0:
		return fail(l.Pos, "write {do: update, allowed_lateness: 1h}", "on_late_row: update needs an allowed_lateness above 0")
	case l.Do != "update" && l.AllowedLateness > 0:
		return fail(l.AllowedLatenessPos, "write do: update", "on_late_row: allowed_lateness goes with do: update")
	}
	return nil
}

// emission says when the results of windows come out, and whether they may change behind that.
func (s *Spec) emission() windows.Emission {
	e := windows.Emission{Early: s.Emit == "update"}
	if s.OnLateRow.Do == "update" {
		e.Lateness = ceilMicros(s.OnLateRow.AllowedLateness)
	}
	e.Changelog = e != windows.Emission{}
	return e
}

// changing names the keys that make results change.
func (s *Spec) changing() string {
	var keys []string
	if s.Emit == "update" {
		keys = append(keys, "emit: update")
	}
	if s.OnLateRow.Do == "update" {
		keys = append(keys, "on_late_row: update")
	}
	return strings.Join(keys, " and ")
}

// changelog reports whether the sink says that it takes a changelog, and where.
func (k *Sink) changelog() (says bool, pos dstream.Pos) {
	switch {
	case k.Parquet != nil:
		return k.Parquet.Changelog, k.Parquet.ChangelogPos
	case k.Kafka != nil:
		return k.Kafka.Changelog, k.Kafka.ChangelogPos
	}
	return false, k.Pos
}

// checkChangelogs has sinks and their rows agree: what becomes of rows that are taken back has to be said.
func (s *Spec) checkChangelogs(plan *dstream.Plan) error {
	for i := range plan.Sinks {
		k, err := s.sink(plan.Sinks[i].Name)
		if err != nil {
			return err
		}
		if err := s.checkChangelog(k, &plan.Sinks[i]); err != nil {
			return err
		}
	}
	return nil
}

func (s *Spec) checkChangelog(k *Sink, plan *dstream.SinkPlan) error {
	says, pos := k.changelog()
	where := "sinks." + k.Name + "." + k.Kind()
	switch {
	case plan.Changelog == nil && says:
		hint := "leave it out, or have results change by emit: update or on_late_row: {do: update, allowed_lateness: 1h}"
		if s.changing() != "" {
			hint = "leave it out: only results of windows change"
		}
		return fail(pos, hint, "%s: changelog: true, but its rows are append-only", where)
	case plan.Changelog == nil, k.Stdout != nil:
		return nil
	case !says && k.Parquet != nil:
		return fail(k.Pos, "write changelog: true: the files then have the columns _op and _revision, and explain shows the query of a reader", "%s: with %s its rows are a changelog: a plain reader would see old and new results side by side", where, s.changing())
	case !says:
		return fail(k.Pos, "write changelog: true: the key of each record is then that of its row, and a deleted row a tombstone", "%s: with %s its rows are a changelog: a later record of a key replaces the one before", where, s.changing())
	case k.Kafka != nil && k.Kafka.Value.Format == "raw":
		// No type says that a column is never NULL.
		return fail(k.Kafka.Value.Pos, "write value: json", "%s.value: the rows are a changelog, in which a record without a value deletes the row of its key: a NULL in column %q would look like that", where, k.Kafka.Value.Column)
	case k.Kafka != nil:
		return k.Kafka.checkRowKey(where, plan)
	}
	return nil
}

// checkRowKey refuses keys by which rows of the result would replace each other, or stay where they are gone.
func (k *KafkaSink) checkRowKey(where string, plan *dstream.SinkPlan) error {
	if len(k.Key) == 0 {
		return nil
	}
	key, _, _, err := k.columns(where, plan.Schema)
	if err != nil {
		return err
	}
	slices.Sort(key)
	want := slices.Sorted(slices.Values(plan.Changelog.Key))
	if !slices.Equal(key, want) {
		return fail(k.Key[0].Pos, fmt.Sprintf("write key: [%s], in any order, or leave it out", strings.Join(plan.KeyNames(), ", ")),
			"%s.key: the rows of the changelog are told apart by %s, no more and no less", where, enumerated(plan.KeyNames(), "and"))
	}
	return nil
}
