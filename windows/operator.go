package windows

import (
	"errors"
	"fmt"
	"slices"

	"github.com/millrace/millrace/columnar"
)

// OpColumn is the name of the column of a changelog that says what a row does, a string: one of the Op constants.
const OpColumn = "_op"

// What a row of a changelog does, in Flink's words. A changed result is a pair: its old row with [UpdateBefore], right
// behind it the new one with [UpdateAfter].
const (
	Insert       = columnar.OpInsert
	UpdateBefore = columnar.OpUpdateBefore
	UpdateAfter  = columnar.OpUpdateAfter
	Delete       = columnar.OpDelete
)

// Emission says when the results of a window come out. The zero value is once, when the watermark passes the end.
type Emission struct {
	Changelog bool  `json:"changelog,omitempty"`   // results may change: they carry [OpColumn]
	Early     bool  `json:"early,omitempty"`       // results of open windows come out with every batch that changes them
	Lateness  int64 `json:"lateness_us,omitempty"` // how long, in µs, a window takes rows behind its end; with Changelog only
}

// Canonical is the text of the emission that hashes are made of; empty for results that come out once.
func (e Emission) Canonical() string {
	if e == (Emission{}) {
		return ""
	}
	return fmt.Sprintf(" changelog %t early %t lateness %d", e.Changelog, e.Early, e.Lateness)
}

// Operator is a windowed aggregation as a whole.
type Operator struct {
	Window Window
	In     *columnar.Schema // of the rows behind [Assign], of which window_start is the last column
	// Spec's first key is window_start, its last aggregate a count(*) of the rows.
	Spec columnar.AggSpec
	Emit Emission
}

// Final is the schema of results: window_start, the other keys, the aggregates, then [EndColumn] and [OpColumn] where there
// is need of them.
func (o Operator) Final() *columnar.Schema {
	if o.Window.Kind == Dedup {
		return o.In
	}
	final := o.results()
	if !o.Emit.Changelog {
		return final
	}
	return columnar.NewSchema(append(slices.Clone(final.Fields), columnar.Field{Name: OpColumn, Type: columnar.Type{Kind: columnar.String}})...)
}

// results is Final without the operations.
func (o Operator) results() *columnar.Schema {
	final := o.Spec.FinalSchema(o.In)
	if !o.Window.HasEnd() {
		return final
	}
	return columnar.NewSchema(append(slices.Clone(final.Fields), columnar.Field{Name: EndColumn, Type: columnar.Type{Kind: columnar.Timestamp}})...)
}

// Validate refuses what no operator computes.
func (o Operator) Validate() error {
	if err := o.Window.Validate(); err != nil {
		return err
	}
	if o.Window.Kind == Dedup && o.Emit != (Emission{}) {
		return errors.New("rows that were deduplicated never change")
	}
	if o.Window.Kind == Session {
		if err := o.checkSession(); err != nil {
			return err
		}
	}
	return o.Emit.validate()
}

// LateMark is the mark that [Assign] judges rows by when the watermark is w: rows whose windows end at or before it are
// late.
func (e Emission) LateMark(w int64) int64 {
	if w == MaxWatermark {
		return w
	}
	return saturatingSub(w, e.Lateness)
}

func (e Emission) validate() error {
	switch {
	case e.Lateness < 0:
		return fmt.Errorf("allowed lateness is %d µs: it must not be negative", e.Lateness)
	case !e.Changelog && e != Emission{}:
		return errors.New("results that come out early, or again for late rows, need a changelog")
	}
	return nil
}

// Closed is what closing windows yields.
type Closed struct {
	Groups     *columnar.Batch // Operator.Final, ordered by window, then by the other keys; it belongs to the caller
	Rows       int64           // input rows that left the state: each once, with the last window that it is in
	Late       int64           // input rows that were found late behind the exchange
	Duplicates int64           // input rows that a deduplication dropped
	End        int64           // the greatest end of a window that closed, NoWatermark for none
}
