package sql_test

import (
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/internal/sql/sqltest"
)

// TestDifferentialQueries runs random queries with filters, groups, aggregates, sub-selects and unions as jobs: all rows in
// one batch, in batches of random size over several shards, and some of them row by row. The rows must be DuckDB's, as
// bags.
func TestDifferentialQueries(t *testing.T) {
	t.Parallel()
	duckdbtest.Need(t)
	r := diffSeed(t)
	const rounds = 4
	n, oneSided, failed, rows := diffCount(1200)/rounds, 0, 0, 0
	for range rounds {
		db, setup := randomTable(t, r, 1)
		queries := make([]randomQuery, n)
		var texts []string
		for i := range queries {
			queries[i] = newQuery(r)
			texts = append(texts, outerText(queries[i]))
		}
		for i, a := range duckdbtest.Many(t, append(slices.Clone(diffSetup), setup...), texts) {
			q := queries[i]
			want := bag(a, q.kinds)
			cuts := []sqltest.Database{*db, *db}
			cuts[1].Cut, cuts[1].Step, cuts[1].Shards = int64(2+r.IntN(20)), int64(1+r.IntN(10)), 1+r.IntN(4)
			if i%10 == 0 {
				one := *db
				one.Cut = 1
				cuts = append(cuts, one)
			}
			for _, cut := range cuts {
				got, err := ourRows(&cut, q)
				switch {
				case (err != nil) != (a.Error != ""):
					oneSided++
					if oneSided <= 5 {
						t.Logf("an error on one side: %v | %s\n  %s", err, a.Error, q.ours)
					}
				case err == nil && !slices.Equal(got, want):
					if failed++; failed <= 10 {
						t.Errorf("batches of %d rows, %d shards: %s\n  DuckDB: %s\ngot\n%s\nwant\n%s", cut.Cut, cut.Shards, q.ours, q.duck, strings.Join(got, "\n"), strings.Join(want, "\n"))
					}
				}
				rows += len(got)
			}
		}
	}
	t.Logf("%d queries, %d rows; an error on one side only: %d runs", rounds*n, rows, oneSided)
	if 100*oneSided > 4*rounds*n {
		t.Errorf("%d runs have an error on one side only: too many to call it a test", oneSided)
	}
}

// outerText makes texts of all columns.
func outerText(q randomQuery) string {
	list := make([]string, len(q.kinds))
	for i := range q.kinds {
		list[i] = fmt.Sprintf("c%d::VARCHAR", i+1)
	}
	return "SELECT " + strings.Join(list, ", ") + " FROM (" + q.duck + ") all_rows"
}

func ourRows(db *sqltest.Database, q randomQuery) ([]string, error) {
	res, err := db.Query(q.ours)
	if err != nil {
		return nil, err
	}
	rows, err := res.Text()
	if err != nil {
		return nil, err
	}
	out := make([]string, len(rows))
	for i, row := range rows {
		for c := range row {
			row[c] = plainValue(q.kinds[c], row[c])
		}
		out[i] = strings.Join(row, "|")
	}
	slices.Sort(out)
	return out, nil
}

func bag(a duckdbtest.Answer, list []byte) []string {
	out := make([]string, len(a.Rows))
	for i, row := range a.Rows {
		cells := make([]string, len(row))
		for c, v := range row {
			cells[c] = "NULL"
			if v != nil {
				cells[c] = plainValue(list[c], *v)
			}
		}
		out[i] = strings.Join(cells, "|")
	}
	slices.Sort(out)
	return out
}

// plainValue writes equal values alike: doubles with twelve digits, decimals as fractions.
func plainValue(kind byte, v string) string {
	switch kind {
	case 'x':
		if x, err := strconv.ParseFloat(v, 64); err == nil {
			return strconv.FormatFloat(x+0, 'g', 12, 64)
		}
	case 'p':
		if x, ok := new(big.Rat).SetString(v); ok {
			return x.RatString()
		}
	}
	return v
}
