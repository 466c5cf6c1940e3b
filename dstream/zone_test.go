package dstream

import (
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// A source follows the time zone of the job where columns in use hold instants, and its plan says so.
func TestZoneOfSource(t *testing.T) {
	for _, test := range []struct {
		zone, column string
		want         string
	}{
		{"Europe/Berlin", "at", "Europe/Berlin"},
		{"Europe/Berlin", "times", "Europe/Berlin"},
		{"Europe/Berlin", "n", ""},
		{"Europe/Berlin", "_timestamp", ""},
		{"UTC", "at", ""},
	} {
		g := NewGraph()
		if err := g.SetTimeZone(test.zone); err != nil {
			t.Fatal(err)
		}
		instant := columnar.Type{Kind: columnar.Timestamp}
		err := g.AddSource(Source{Name: "events", Format: columnar.FormatJSON, Fields: []columnar.DecodeField{
			{Field: columnar.Field{Name: "at", Type: instant}},
			{Field: columnar.Field{Name: "times", Type: columnar.ArrayOf(instant)}},
			{Field: columnar.Field{Name: "n", Type: columnar.Type{Kind: columnar.Int64}}},
		}})
		if err != nil {
			t.Fatal(err)
		}
		g.From("events").Select(Col(test.column)).To("out")
		p, err := g.Plan()
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Sources[0].Zone; got != test.want || slices.Contains(p.Zones, "Europe/Berlin") != (test.want != "") ||
			strings.Contains(p.Canonical(), "Europe/Berlin") != (test.want != "") {
			t.Errorf("column %s in %s: zone %q, zones of the plan %v\n%s", test.column, test.zone, got, p.Zones, p.Canonical())
		}
	}
}
