package dstream

import (
	"cmp"
	"fmt"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
)

// TestPlans runs testdata/*. Commands:
//
//	relations   the sources and tables of the jobs that follow
//	explain     the job in the input, as Plan.String
//	whole       … as Plan.Explain
//	canonical   … as Plan.Canonical
//	same        two jobs, separated by a line "===": "same", or both canonical texts
//	columns     the columns of the stream
//	pushed      what decoders could look at of filters, and whether they do
//	error       the job's mistake
func TestPlans(t *testing.T) {
	datadriven.Walk(t, "testdata", func(t *testing.T, path string) {
		var relations string
		datadriven.RunTest(t, path, func(t *testing.T, d *datadriven.TestData) string {
			if d.Cmd == "relations" {
				relations = d.Input
				return declare(NewGraph(), relations)
			}
			return runCommand(t, d, relations)
		})
	})
}

// declare adds relations and returns the first mistake.
func declare(g *Graph, relations string) string {
	for _, line := range strings.Split(relations, "\n") {
		if err := addRelation(g, line); err != nil {
			return err.Error() + "\n"
		}
	}
	return ""
}

func newProgram(relations, text string) *program {
	p := &program{graph: NewGraph(), saved: map[string]*Stream{}}
	declare(p.graph, relations)
	p.run(text)
	return p
}

func runCommand(t *testing.T, d *datadriven.TestData, relations string) string {
	if d.Cmd == "same" {
		return compare(t, relations, d.Input)
	}
	p := newProgram(relations, d.Input)
	if d.Cmd == "columns" {
		return listColumns(t, p.stream)
	}
	plan, err := p.plan()
	if err != nil && d.Cmd != "error" {
		return "unexpected error: " + err.Error() + "\n"
	}
	switch d.Cmd {
	case "error":
		if err == nil {
			return "no error: " + plan.String()
		}
		if _, ok := err.(*Error); !ok {
			t.Fatalf("%s: %T is no *Error: %v", d.Pos, err, err)
		}
		return err.Error() + "\n"
	case "explain":
		return plan.String()
	case "whole":
		return plan.Explain().String()
	case "canonical":
		return plan.Canonical()
	case "pushed":
		return showPushed(plan)
	}
	t.Fatalf("%s: no command %q", d.Pos, d.Cmd)
	return ""
}

func compare(t *testing.T, relations, input string) string {
	var texts []string
	for _, job := range strings.Split(input, "===\n") {
		plan, err := newProgram(relations, job).plan()
		if err != nil {
			return err.Error() + "\n"
		}
		texts = append(texts, plan.Canonical())
	}
	if texts[0] == texts[1] {
		return "same\n"
	}
	return strings.Join(texts, "===\n")
}

func listColumns(t *testing.T, s *Stream) string {
	if err := s.Err(); err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	for _, c := range s.Columns() {
		hidden := ""
		if c.Hidden {
			hidden = " (hidden)"
		}
		fmt.Fprintf(&b, "%s.%s %s%s\n", c.Qualifier, c.Name, c.Type, hidden)
	}
	return b.String()
}

func showPushed(p *Plan) string {
	var out strings.Builder
	for i := range p.Sources {
		s := &p.Sources[i]
		var texts []string
		for _, e := range p.Pushable(i) {
			texts = append(texts, renderOuter(e, func(i int) string { return s.Fields[i].Name }))
		}
		fmt.Fprintf(&out, "source %s: %s", s.Name, cmp.Or(strings.Join(texts, " AND "), "nothing"))
		if len(texts) > 0 && len(p.Pushed(i)) == 0 {
			out.WriteString(", which is not worth while")
		}
		out.WriteByte('\n')
	}
	return out.String()
}
