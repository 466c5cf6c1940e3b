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

// Expressions in the zone of the job, or in one of their own, are found wherever they stand.
func TestZonesOfExpressions(t *testing.T) {
	for _, test := range []struct {
		job  string
		want string
	}{
		{"filter (> (hour _timestamp) 1)\nselect n\nto lake", "Europe/Berlin"},
		{"select (hour _timestamp)\nto lake", "Europe/Berlin"},
		{"select n _timestamp\nto lake (as (date _timestamp) dt)", "Europe/Berlin"},
		{"select (as (timezone 'Asia/Tokyo' _timestamp) t)\nto lake", "Asia/Tokyo"},
		{"select n (as (timezone 'Asia/Tokyo' _timestamp) t) (as (hour _timestamp) h)\nto lake", "Asia/Tokyo Europe/Berlin"},
		{"window _timestamp 1h\ngroup window_start\nagg (as (max (hour _timestamp)) h)\nto lake", "Europe/Berlin"},
		{"select (as (trycast (cast n string) timestamp) t)\nto lake", "Europe/Berlin"},
		{"select n (as (timezone 'UTC' _timestamp) t)\nto lake", ""},
		{"select n\nto lake", ""},
	} {
		p := newProgram("source events _timestamp: n bigint", "timezone Europe/Berlin\nfrom events\n"+test.job)
		plan, err := p.plan()
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Join(plan.Zones, " "); got != test.want {
			t.Errorf("%s: zones %q, not %q", test.job, got, test.want)
		}
	}
}
