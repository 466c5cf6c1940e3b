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

func TestMany(t *testing.T) {
	answers := Many(t, []string{"CREATE TABLE t AS SELECT * FROM (VALUES (1, 'a'), (NULL, 'ü')) v(n, s)"},
		[]string{"SELECT n, s, n > 0 FROM t", "SELECT nothing FROM t", "SELECT 0.1::DOUBLE"})
	if a := answers[0]; len(a.Rows) != 2 || *a.Rows[0][0] != "1" || *a.Rows[0][2] != "true" || a.Rows[1][0] != nil || *a.Rows[1][1] != "ü" {
		t.Errorf("%+v", a)
	}
	if answers[1].Error == "" || *answers[2].Rows[0][0] != "0.1" {
		t.Errorf("%+v", answers[1:])
	}
}
