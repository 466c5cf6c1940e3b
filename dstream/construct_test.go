package dstream

import (
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

// TestConstructors binds what the constructors make, so that a wrong operator name or literal shows.
func TestConstructors(t *testing.T) {
	g := NewGraph()
	if mistake := declare(g, "source s at: n bigint, x double, b boolean, at timestamp"); mistake != "" {
		t.Fatal(mistake)
	}
	n, x, b := Col("n"), Col("s.x"), Col("b")
	tests := []struct {
		e    Expr
		want string
	}{
		{n.Eq(Int(1)), "(n = 1)"},
		{n.Ne(Int(1)), "(n <> 1)"},
		{n.Lt(Int(1)), "(n < 1)"},
		{n.Le(Int(1)), "(n <= 1)"},
		{n.Gt(Int(1)), "(n > 1)"},
		{n.Ge(Int(1)), "(n >= 1)"},
		{x.Add(Float(0.5)), "(x + 0.5)"},
		{x.Sub(x), "(x - x)"},
		{x.Mul(x), "(x * x)"},
		{n.Div(n), "(n / n)"},
		{b.And(Bool(true)), "(b and true)"},
		{b.Or(Bool(false)), "(b or false)"},
		{b.Not(), "not(b)"},
		{n.IsNull(), "isnull(n)"},
		{n.IsNotNull(), "isnotnull(n)"},
		{Fn("coalesce", Null(), n), "coalesce(null, n)"},
		{CastTo(n, columnar.Type{Kind: columnar.String}).Eq(Str("1")), "(cast(n as string) = '1')"},
	}
	binder := g.From("s").binder(Pos{}, "SELECT")
	for _, tt := range tests {
		bound, err := binder.bind(tt.e)
		if err != nil {
			t.Errorf("%s: %v", tt.want, err)
			continue
		}
		if got := g.columns.render(bound); got != tt.want {
			t.Errorf("got %s, want %s", got, tt.want)
		}
	}
}

// TestWrittenText checks that expressions keep the text of the query, which run-time errors quote.
func TestWrittenText(t *testing.T) {
	g := NewGraph()
	if mistake := declare(g, "source s -: n bigint"); mistake != "" {
		t.Fatal(mistake)
	}
	inner := Int(1).Div(Col("n"))
	inner.Text = "1 / n"
	outer := inner.Gt(Int(0))
	outer.Text = "1 / n > 0"
	g.From("s").Filter(outer).To("sink")
	p, err := g.Plan()
	if err != nil {
		t.Fatal(err)
	}
	f := p.Stages[0].Ops[0].Filter
	if f.Text != outer.Text || f.Args[0].Text != inner.Text {
		t.Errorf("got %q and %q", f.Text, f.Args[0].Text)
	}
}

// TestHiddenLiterals checks the names of what has a secret in it: it is not there, and another secret is another name.
func TestHiddenLiterals(t *testing.T) {
	var names []string
	for _, secret := range []string{"salt", "pepper"} {
		g := testGraph(t)
		g.HideLiterals(func(text string) string { return strings.ReplaceAll(text, secret, "***") })
		s := g.From("events").Window(Tumbling("at", time.Second, 0)).GroupBy(Col("window_start"), Fn("concat", Str("a "+secret), Col("name")))
		s.Agg(Fn("max", Fn("concat", Col("name"), Str(secret))).As("top"), Fn("string_agg", Col("name"), Str(secret)).As("all")).To("lake")
		p, err := g.Plan()
		if err != nil {
			t.Fatal(err)
		}
		x := p.Exchanges[0]
		if text := x.Name + x.Spec.PartialSchema(x.Assigned).String(); strings.Contains(text, secret) || strings.Count(x.Name, "***#") != 3 {
			t.Errorf("named %s", text)
		}
		if !strings.Contains(p.Canonical(), secret) {
			t.Error("the plan itself has lost it")
		}
		names = append(names, x.Name)
	}
	if names[0] == names[1] {
		t.Errorf("both are %s", names[0])
	}
}
