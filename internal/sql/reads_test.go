package sql

import (
	"fmt"
	"strings"
	"testing"

	"github.com/millrace/millrace/dstream"
)

func TestReads(t *testing.T) {
	for text, want := range map[string]string{
		"SELECT a FROM s":                                                                       "s@1:15",
		`SELECT a FROM "My Source" AS x`:                                                        "My Source@1:15",
		"SELECT a FROM s JOIN t ON s.a = t.a":                                                   "s@1:15 t@1:22",
		"SELECT a FROM TUMBLE(TABLE s, DESCRIPTOR(t), INTERVAL '1' HOUR)":                       "s@1:28",
		"SELECT a FROM s UNION ALL (SELECT a FROM r)":                                           "s@1:15 r@1:42",
		"SELECT a FROM (SELECT a FROM s) x":                                                     "s@1:30",
		"WITH c AS (SELECT a FROM s) SELECT a FROM C":                                           "s@1:26",
		"WITH c AS (SELECT a FROM c) SELECT a FROM c":                                           "c@1:26",
		"WITH c AS (SELECT a FROM s), d AS (SELECT a FROM c) SELECT a FROM d":                   "s@1:26",
		"SELECT a FROM (WITH c AS (SELECT a FROM s) SELECT a FROM c) UNION ALL SELECT a FROM c": "s@1:41 c@1:85",
		"SELECT a FROM s CROSS JOIN UNNEST(s.list) AS u(a)":                                     "s@1:15",
	} {
		refs, err := Reads("q.sql", text, dstream.Pos{})
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		var got []string
		for _, r := range refs {
			got = append(got, fmt.Sprintf("%s@%d:%d", r.Name, r.Pos.Line, r.Pos.Column))
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%s reads %s, want %s", text, got, want)
		}
	}
	if _, err := Reads("q.sql", "SELECT a FRM s", dstream.Pos{}); err == nil || !strings.HasPrefix(err.Error(), "q.sql:1:") {
		t.Errorf("a broken query: %v", err)
	}
}
