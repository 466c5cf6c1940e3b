package dstream

import (
	"slices"

	"github.com/millrace/millrace/columnar"
)

// A filter of a source's rows can be looked at where they are decoded, so that rows that it drops are not even put into columns.
// It stays in the plan, and drops what the decoder leaves to it: what a job writes, counts and is called do not depend on this.

// pushedTexts is how many columns of strings there have to be beside the event time and what the tests look at, so that it is
// worth while; see docs/performance.md.
const pushedTexts = 6

// Pushed is what the decoder of a source looks at of the filter behind it: operands of its AND, none of which changes which error
// another operand meets. It is empty where nothing can be pushed, or nothing is gained by it.
func (p *Plan) Pushed(source int) []*columnar.Expr {
	tests := p.Pushable(source)
	if !worthPushing(&p.Sources[source], tests) {
		return nil
	}
	return tests
}

// Pushable is Pushed without asking what is gained.
func (p *Plan) Pushable(source int) []*columnar.Expr {
	s, stage := &p.Sources[source], &p.Stages[p.Root(source)]
	if s.Format != columnar.FormatJSON || s.Time != nil || len(stage.Ops) == 0 || stage.Ops[0].Filter == nil || stage.Ops[0].Ops > 0 {
		return nil
	}
	var tests []*columnar.Expr
	for _, e := range operands(stage.Ops[0].Filter, nil) {
		switch {
		case columnar.CheapTest(e, s.Fields):
			tests = append(tests, e)
		case !columnar.SureOfEveryRow(e, stage.In):
			return tests // a row that is dropped in front of it would not meet its error
		}
	}
	return tests
}

// worthPushing says whether enough is left undone for rows that are left out: what is saved is strings, which are not kept; numbers are
// read all the same, because one that does not fit makes its record a bad one.
func worthPushing(s *SourcePlan, tests []*columnar.Expr) bool {
	if len(tests) == 0 {
		return false
	}
	var looked []int
	for _, e := range tests {
		looked = references(e, looked)
	}
	texts := 0
	for i, f := range s.Fields {
		if f.Type.Kind == columnar.String && !slices.Contains(looked, i) {
			texts++
		}
	}
	return texts >= pushedTexts
}
