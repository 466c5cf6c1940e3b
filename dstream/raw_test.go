package dstream

import (
	"testing"

	"github.com/millrace/millrace/columnar"
)

// A raw source has its value and the metadata; * is the value.
func TestRawSource(t *testing.T) {
	g := NewGraph()
	if err := g.AddSource(Source{Name: "events", Format: columnar.FormatRaw}); err != nil {
		t.Fatal(err)
	}
	g.From("events").Select(Star()).To("all")
	g.From("events").Select(Col("_headers"), Col("_value"), Col("_offset")).To("some")
	p, err := g.Plan()
	if err != nil {
		t.Fatal(err)
	}
	if got, want := p.Sinks[0].Schema.String(), "_value binary"; got != want {
		t.Errorf("* is %s, want %s", got, want)
	}
	if got, want := p.Sinks[1].Schema.String(), "_headers array<struct<key string, value binary>>, _value binary, _offset bigint"; got != want {
		t.Errorf("the sink gets %s, want %s", got, want)
	}
	if _, err := columnar.NewDecoder(p.Sources[0].Format, "events", p.Sources[0].Fields, columnar.DecodeOptions{}); err != nil {
		t.Error(err)
	}
}
