package duckdbtest

import (
	"reflect"
	"testing"
)

func TestQuery(t *testing.T) {
	got := Query(t, `CREATE TABLE x AS SELECT 1 AS a, 'b,c' AS s; SELECT a, s, NULL FROM x`)
	if want := [][]string{{"1", "b,c", `\N`}}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}
