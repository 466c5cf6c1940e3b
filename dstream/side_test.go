package dstream

import (
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// sided is a plan with a window, and the side outputs that add makes.
func sided(t *testing.T, add func(*Graph) error) (*Plan, error) {
	t.Helper()
	g := NewGraph()
	err := g.AddSource(Source{Name: "events", Format: "json", EventTime: "at", Bounds: windows.Bounds{MaxFuture: -1},
		Fields: []columnar.DecodeField{field("id", columnar.String), field("unused", columnar.Int64), field("at", columnar.Timestamp)}})
	if err != nil {
		t.Fatal(err)
	}
	g.From("events").Window(Tumbling("at", 1e9, 0)).GroupBy(Col("id"), Col("window_start")).Agg(Count().As("n")).To("lake")
	if err := add(g); err != nil {
		return nil, err
	}
	return g.Plan()
}

func field(name string, k columnar.Kind) columnar.DecodeField {
	return columnar.DecodeField{Field: columnar.Field{Name: name, Type: columnar.Type{Kind: k}}}
}

// TestSidesInCanonicalText: whatever decides what side outputs write decides the hash of the job; without them it is what
// it was.
func TestSidesInCanonicalText(t *testing.T) {
	dead := func(of DeadLetter, parts ...Expr) func(*Graph) error {
		return func(g *Graph) error { return g.DeadLetters("aside", of, Pos{}, parts...) }
	}
	texts := map[string]bool{}
	all := []func(*Graph) error{
		func(*Graph) error { return nil }, dead(DeadLetter{MaxBytes: 10}), dead(DeadLetter{MaxBytes: 11}), dead(DeadLetter{MaxBytes: 10, NoValue: true}),
		dead(DeadLetter{MaxBytes: 10}, Col("source")), func(g *Graph) error { return g.LateRows("aside", Pos{}) },
	}
	for i, add := range all {
		p, err := sided(t, add)
		if err != nil {
			t.Fatal(err)
		}
		texts[p.Canonical()] = true
		if has := strings.Contains(p.Canonical(), "side "); has != (i > 0) {
			t.Errorf("plan %d says %t of side outputs:\n%s", i, has, p.Canonical())
		}
	}
	if len(texts) != len(all) {
		t.Errorf("%d texts of %d different jobs", len(texts), len(all))
	}
}

// TestLateColumns: late rows have all visible columns, also those that nothing else reads, and those of the window not.
func TestLateColumns(t *testing.T) {
	p, err := sided(t, func(g *Graph) error { return g.LateRows("late", Pos{}, Col("_operator")) })
	if err != nil {
		t.Fatal(err)
	}
	late := p.sink("late")
	if got := strings.Join(late.Schema.Names(), " "); got != "id unused at _operator _topic _partition _offset _event_time _watermark _window_start _window_end" {
		t.Errorf("columns %s", got)
	}
	if x := p.Exchanges[0]; len(x.Late) != 3 || x.Assigned.Fields[x.Late[1]].Name != "unused" || len(late.Columns) != 10 {
		t.Errorf("late columns %v of (%s); %v in files", x.Late, x.Assigned, late.Columns)
	}
	if len(p.Sources[0].Fields) != 3 {
		t.Errorf("decoded: %v", p.Sources[0].Fields)
	}
}

func TestSideErrors(t *testing.T) {
	for _, c := range []struct {
		add  func(*Graph) error
		want string
	}{
		{func(g *Graph) error { return g.DeadLetters("lake", DeadLetter{}, Pos{}) }, `sink "lake" is used twice`},
		{func(g *Graph) error {
			if err := g.LateRows("late", Pos{}); err != nil {
				return err
			}
			return g.From("events").To("more").Err()
		}, "comes behind that of late rows"},
		{func(g *Graph) error {
			g.From("events").Select(Col("id").As("unused"), Col("at")).Window(Tumbling("at", 2e9, 0)).GroupBy(Col("window_start")).Agg(Count().As("n")).To("more")
			return g.LateRows("late", Pos{})
		}, `column "unused" is a`},
	} {
		if _, err := sided(t, c.add); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("error %v, want %q", err, c.want)
		}
	}
}

// TestSidesAreChecked: a plan from a checkpoint whose side outputs don't fit is refused.
func TestSidesAreChecked(t *testing.T) {
	for name, break_ := range map[string]func(*Plan){
		"no sink":    func(p *Plan) { p.Sides[0].Sink = "none" },
		"of a stage": func(p *Plan) { p.Stages[1].Sinks = append(p.Stages[1].Sinks, "late") },
		"no columns": func(p *Plan) { p.Exchanges[0].Late = nil },
		"other type": func(p *Plan) { p.Exchanges[0].Late[0] = p.Exchanges[0].Late[1] },
		"no side":    func(p *Plan) { p.Sides = nil },
		"twice":      func(p *Plan) { p.Sides = append(p.Sides, p.Sides[0]) },
	} {
		p, err := sided(t, func(g *Graph) error { return g.LateRows("late", Pos{}) })
		if err != nil {
			t.Fatal(err)
		}
		break_(p)
		if err := p.Check(); err == nil {
			t.Errorf("%s: nothing is wrong with it", name)
		}
	}
}
