package jobspec

import (
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
)

// Times in a table that name no zone are in the zone of the job, by the rules that the plan recorded.
func TestTableZone(t *testing.T) {
	instants := Table{Name: "ads", CSV: "ads.csv", Columns: []Column{{Name: "at", Type: "timestamp"}}}
	in := instants.input("Asia/Tokyo")
	if !slices.Equal(in.Zones, []string{"Asia/Tokyo"}) {
		t.Errorf("zones %v", in.Zones)
	}
	b, err := in.Decode([]byte("at\n2026-11-22 09:00:00\n"), nil)
	if err != nil {
		t.Fatal(err)
	}
	if got, want := b.Cols[0].I64[0], time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC).UnixMicro(); got != want {
		t.Errorf("%d, want %d", got, want)
	}
	utc, err := columnar.LoadZone("UTC")
	if err != nil {
		t.Fatal(err)
	}
	b, err = in.Decode([]byte("at\n2026-11-22 09:00:00\n"), &columnar.Env{Zones: map[string]*columnar.Zone{"Asia/Tokyo": utc}})
	if err != nil || b.Cols[0].I64[0] != time.Date(2026, 11, 22, 9, 0, 0, 0, time.UTC).UnixMicro() {
		t.Errorf("by recorded rules: %d, %v", b.Cols[0].I64[0], err)
	}
	words := Table{Name: "ads", CSV: "ads.csv", Columns: []Column{{Name: "ad", Type: "string"}}}
	if zones := words.input("Asia/Tokyo").Zones; zones != nil {
		t.Errorf("a table without times asks for %v", zones)
	}
	if zones := instants.input("UTC").Zones; zones != nil {
		t.Errorf("UTC asks for %v", zones)
	}
}
