package batch

import (
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

// TestOtherKeys says what records have in the place of a key that none of them has.
func TestOtherKeys(t *testing.T) {
	s := &dstream.SourcePlan{Fields: []columnar.DecodeField{{Field: columnar.Field{Name: "delay"}}, {Field: columnar.Field{Name: "origin"}}}}
	for _, test := range []struct {
		path string
		seen []string
		want string
	}{
		{"dely", []string{"delay", "dealy", "origin"}, `the nearest key is "dealy"`},
		{"dely", []string{"delay", "carrier"}, "their other keys are carrier"},
		{"dely", []string{"delay", "origin"}, `the nearest key is "delay", which another column reads`},
		{"carrier", []string{"delay", "origin"}, "all their keys are read by other columns"},
	} {
		if got := otherKeys(s, columnar.Census{Seen: test.seen}, test.path); got != test.want {
			t.Errorf("%s among %v: %s, want %s", test.path, test.seen, got, test.want)
		}
	}
}
