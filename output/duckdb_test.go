package output_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// queries returns the rows of several queries, a line each, values separated by "|".
func queries(t *testing.T, queries ...string) string {
	t.Helper()
	var b strings.Builder
	for _, q := range queries {
		for _, row := range duckdbtest.Query(t, q) {
			b.WriteString(strings.Join(row, "|") + "\n")
		}
	}
	return b.String()
}

func TestDuckDBReadsPartitions(t *testing.T) {
	duckdbtest.Need(t)
	s := columnar.NewSchema(
		columnar.Field{Name: "airport", Type: columnar.Type{Kind: columnar.String}},
		columnar.Field{Name: "day", Type: columnar.Type{Kind: columnar.Date}},
		columnar.Field{Name: "window_start", Type: columnar.Type{Kind: columnar.Timestamp}},
		columnar.Field{Name: "flights", Type: columnar.Type{Kind: columnar.Int64}},
		columnar.Field{Name: "delay", Type: columnar.Type{Kind: columnar.Float64}})
	layout := output.Layout{Schema: s, Columns: []int{2, 3, 4}, Partitions: []output.PartitionExpr{
		{Name: "dt", Expr: columnar.Col(s, 1)}, {Name: "airport", Expr: columnar.Col(s, 0)}}}
	dir := t.TempDir()
	l := &lake{t, &store.Local{Root: dir}}
	p := l.open(l.config(layout))
	const hour = int64(3_600_000_000)
	first := outputtest.Batch(s,
		outputtest.Row{"SEA", int64(20779), 1000 * hour, int64(4), 1.5},
		outputtest.Row{"A/B=ü %", int64(20779), 1000 * hour, int64(2), nil},
		outputtest.Row{"SEA", int64(20780), 1001*hour + 1, int64(1), -0.5},
		outputtest.Row{nil, int64(20780), nil, int64(7), 2.0})
	l.publish(p, 1, output.Shard{Rows: []*columnar.Batch{first}})
	l.publish(p, 2, output.Shard{ID: 1, Rows: []*columnar.Batch{outputtest.Batch(s, outputtest.Row{"SEA", int64(20779), 1002 * hour, int64(8), 0.25})}})

	files := fmt.Sprintf("read_parquet('%s/**/*.parquet', hive_partitioning = true)", filepath.ToSlash(dir))
	got := queries(t,
		"SELECT dt, airport, window_start, flights, delay FROM "+files+" ORDER BY ALL",
		"SELECT count(*), count(airport), sum(flights), typeof(any_value(dt)), typeof(any_value(window_start)) FROM "+files,
		"SELECT count(*) FROM "+files+" WHERE dt = '2026-11-22' AND flights > 2")
	const want = `2026-11-22|A/B=ü %|1970-02-11 16:00:00+00:00|2|\N
2026-11-22|SEA|1970-02-11 16:00:00+00:00|4|1.5
2026-11-22|SEA|1970-02-11 18:00:00+00:00|8|0.25
2026-11-23|SEA|1970-02-11 17:00:00.000001+00:00|1|-0.5
2026-11-23|\N|\N|7|2.0
5|4|22|DATE|TIMESTAMP WITH TIME ZONE
2
`
	if got != want {
		t.Errorf("DuckDB reads\n%swant\n%s", got, want)
	}
}

// TestDuckDBReadsBigFiles goes through several row groups, a dictionary that fell back, and a column of NULLs.
func TestDuckDBReadsBigFiles(t *testing.T) {
	duckdbtest.Need(t)
	s, rows := bigBatch()
	rows = rows[:cases(len(rows), 20_000)]
	var micros int64
	ids := map[string]bool{}
	views := 0
	for _, r := range rows {
		ids[r[0].(string)] = true
		micros += r[1].(int64) - 1_700_000_000_000_000
		if r[2] == "view" {
			views++
		}
	}
	dir := t.TempDir()
	l := &lake{t, &store.Local{Root: dir}}
	l.write(l.config(flat(s)), outputtest.Batch(s, rows...))
	files := fmt.Sprintf("'%s/*.parquet'", filepath.ToSlash(dir))
	got := queries(t,
		"SELECT count(*), count(DISTINCT id), sum(epoch_us(t) - 1700000000000000), count(*) FILTER (kind = 'view'), count(none) FROM "+files,
		"SELECT count(*) FROM "+files+" WHERE id = '"+rows[len(rows)-1][0].(string)+"'")
	want := fmt.Sprintf("%d|%d|%d|%d|0\n1\n", len(rows), len(ids), micros, views)
	if got != want {
		t.Errorf("DuckDB reads\n%swant\n%s", got, want)
	}
}
