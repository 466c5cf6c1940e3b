package sql_test

import (
	"os"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/duckdbtest"
)

// duckCell is what a cell about DuckDB in docs/sql.md rests on: queries and what they give; an error is "error: " and a
// part of its text.
type duckCell struct {
	cell string // as in the document; of the functions, where DuckDB stands in it
	is   [][2]string
}

// duckCells are the rows in which DuckDB's cell says something, by the first cell.
var duckCells = map[string]duckCell{
	"names without quotes":            {"as here", [][2]string{{`SELECT "AD_ID" FROM (SELECT 1 AS Ad_ID)`, "1"}, {"SELECT name FROM pragma_table_info('mixed')", "Ad_ID"}}},
	"`timestamp`":                     {"wall time", [][2]string{{"SELECT typeof(now()::timestamp)", "TIMESTAMP"}, {"SELECT typeof(TIMESTAMP '2024-01-31' AT TIME ZONE 'UTC')", "TIMESTAMP WITH TIME ZONE"}}},
	"`TIMESTAMP '…'` without a zone":  {"wall time", [][2]string{{"SELECT TIMESTAMP '2024-01-31 13:45:00'", "2024-01-31 13:45:00"}}},
	"`1.5`":                           {"decimal", [][2]string{{"SELECT typeof(1.5)", "DECIMAL(2,1)"}}},
	"`1 / 2`":                         {"0.5", [][2]string{{"SELECT 1 / 2", "0.5"}}},
	"`decimal / decimal`":             {"double", [][2]string{{"SELECT typeof(1.5 / 2.5)", "DOUBLE"}}},
	"`int + int`":                     {"int, error", [][2]string{{"SELECT typeof(1::int + 1::int)", "INTEGER"}, {"SELECT 2147483647::int + 1::int", "error: Overflow"}}},
	"`sum(bigint)`":                   {"hugeint", [][2]string{{"SELECT typeof(sum(1::bigint))", "HUGEINT"}}},
	"`avg(bigint)`":                   {"double", [][2]string{{"SELECT typeof(avg(1::bigint))", "DOUBLE"}}},
	"`int8`":                          {"64 bits", [][2]string{{"SELECT typeof(1::int8)", "BIGINT"}}},
	"`n < '500'`":                     {"a number", [][2]string{{"SELECT n < '500' FROM (SELECT 60 AS n)", "true"}}},
	"strings":                         {"bytewise", [][2]string{{"SELECT 'Z' < 'a' AND 'a' < 'ä' AND 'z' < 'ä'", "true"}}},
	"`a ^ b`":                         {"power", [][2]string{{"SELECT 2 ^ 3", "8.0"}}},
	"`a -> 'k' = 'v'`":                {"`a -> ('k' = 'v')`", [][2]string{{`SELECT '{"k":"v"}'::json -> 'k' = 'v'`, "error: BOOLEAN"}}},
	"`x LIKE 'a\\_b'`":                {"only with `ESCAPE`", [][2]string{{`SELECT 'a_b' LIKE 'a\_b'`, "false"}, {`SELECT 'a_b' LIKE 'a\_b' ESCAPE '\'`, "true"}}},
	"NULL in an ascending `ORDER BY`": {"last", [][2]string{{"SELECT string_agg(coalesce(x::varchar, 'NULL'), ' ' ORDER BY x) FROM (VALUES (1), (NULL), (2)) t(x)", "1 2 NULL"}}},
	"`array_agg` and NULL":            {"kept", [][2]string{{"SELECT array_agg(x)::varchar FROM (VALUES (1), (NULL)) t(x)", "[1, NULL]"}}},
	"`a[1]`":                          {"the first", [][2]string{{"SELECT a[1] FROM (SELECT [10, 20] AS a)", "10"}}},
	"alias in `GROUP BY`, `HAVING`":   {"as here", [][2]string{{"SELECT x + 1 AS y, count(*) FROM (VALUES (1), (1)) t(x) GROUP BY y HAVING y > 1", "2"}}},
	"alias in `WHERE`, or beside it in the select list": {"taken", [][2]string{{"SELECT x + 1 AS y, y * 2 AS z FROM (VALUES (1)) t(x) WHERE y = 2", "2"}}},
	"`round(0.5)`, `round(2.5)` of doubles":             {"1, 3", [][2]string{{"SELECT round(0.5::double)", "1.0"}, {"SELECT round(2.5::double)", "3.0"}}},
	"`now()`":                                           {"of the transaction", [][2]string{{"SELECT now() = transaction_timestamp()", "true"}, {"SELECT count(DISTINCT now()) FROM range(3000)", "1"}}},

	"`concat(a, NULL)`":                                 {"PostgreSQL and DuckDB leave NULL out", [][2]string{{"SELECT concat('a', NULL)", "a"}}},
	"`substring(s, -1, 3)`":                             {"DuckDB, Spark and Flink count from the end", [][2]string{{"SELECT substring('hello', -1, 3)", "o"}}},
	"`split(s, x)`":                                     {"DuckDB, Flink", [][2]string{{"SELECT split('a.b', '.')::varchar", "[a, b]"}}},
	"`regexp_replace(s, p, r)`":                         {"PostgreSQL, DuckDB", [][2]string{{"SELECT regexp_replace('aaa', 'a', 'b')", "baa"}, {"SELECT regexp_replace('aaa', 'a', 'b', 'g')", "bbb"}}},
	"`regexp_extract(s, p)`":                            {"DuckDB and Spark: an empty text without a match", [][2]string{{"SELECT regexp_extract('abc', 'b(c)')", "bc"}, {"SELECT regexp_extract('abc', 'x') = ''", "true"}}},
	"`.` in a regular expression":                       {"DuckDB, Spark, Flink", [][2]string{{"SELECT regexp_matches(E'a\\nb', 'a.b')", "false"}, {"SELECT regexp_matches(E'a\\nb', 'a.b', 's')", "true"}}},
	"`sha256(s)`":                                       {"DuckDB, Flink", [][2]string{{"SELECT left(sha256('a'), 8)", "ca978112"}}},
	"`log(x)`":                                          {"PostgreSQL, DuckDB", [][2]string{{"SELECT log(100)", "2.0"}}},
	"`greatest(1, NULL)`":                               {"PostgreSQL, DuckDB, Spark", [][2]string{{"SELECT greatest(1, NULL)", "1"}}},
	"`sqrt(-1)`, `ln(0)`":                               {"Spark and DuckDB: NaN, NULL or an infinity", [][2]string{{"SELECT isnan(sqrt(-1))", "true"}, {"SELECT ln(0)", "-inf"}}},
	"`dow`, `dayofweek`, `weekday` of a Sunday":         {"DuckDB: 0, 0, 0", [][2]string{{"SELECT extract(dow FROM DATE '2024-03-03') + dayofweek(DATE '2024-03-03') + weekday(DATE '2024-03-03')", "0"}}},
	"`extract(second …)`, `extract(epoch …)`":           {"DuckDB", [][2]string{{"SELECT extract(second FROM TIMESTAMP '2024-01-31 13:45:12.5')", "12"}, {"SELECT extract(epoch FROM TIMESTAMP '1970-01-01 00:00:12.5')", "12.5"}}},
	"`date_trunc('day', t)` where midnight comes twice": {"PostgreSQL and DuckDB: the second, which may be after t", [][2]string{{"SELECT epoch(date_trunc('day', TIMESTAMPTZ '2024-11-03 00:30:00-04')) - epoch(TIMESTAMPTZ '2024-11-03 00:30:00-04')", "1800.0"}}},
	"`datediff(unit, a, b)`":                            {"DuckDB, Snowflake", [][2]string{{"SELECT datediff('month', DATE '2024-01-31', DATE '2024-02-01')", "1"}}},
	"`make_timestamp(…)`":                               {"PostgreSQL and DuckDB: wall time", [][2]string{{"SELECT typeof(make_timestamp(2024, 1, 1, 0, 0, 0))", "TIMESTAMP"}}},
	"`'no json' -> 'a'`":                                {"PostgreSQL and DuckDB: an error", [][2]string{{"SELECT 'no json' -> 'a'", "error: Malformed JSON"}}},
	"`'{\"a\":1,\"a\":2}' -> 'a'`":                      {"DuckDB: 1", [][2]string{{`SELECT '{"a":1,"a":2}' -> 'a'`, "1"}}},
	"`array_position(a, x)` without a hit":              {"PostgreSQL, DuckDB", [][2]string{{"SELECT array_position([1, 2], 3) IS NULL", "true"}}},
	"`array_contains(a, x)` beside NULLs":               {"DuckDB, Flink", [][2]string{{"SELECT array_contains([1, NULL], 2)", "false"}}},
	"`array_append(NULL, 1)`":                           {"PostgreSQL and DuckDB: an array of 1", [][2]string{{"SELECT array_append(NULL::int[], 1)", "[1]"}}},
}

// TestDocumentedDifferences computes with DuckDB what docs/sql.md says of it. A new row, or another cell, needs a query.
func TestDocumentedDifferences(t *testing.T) {
	duckdbtest.Need(t)
	var queries, want []string
	rows := differenceRows(t)
	for first, about := range rows {
		c, ok := duckCells[first]
		if !ok || !strings.Contains(about, c.cell) {
			t.Errorf("%s: nothing here computes %q", first, about)
		}
		for _, q := range c.is {
			queries, want = append(queries, q[0]), append(want, q[1])
		}
	}
	for first := range duckCells {
		if rows[first] == "" {
			t.Errorf("%s: no row of docs/sql.md", first)
		}
	}
	setup := []string{"SET TimeZone='America/Havana'", "CREATE TABLE mixed (Ad_ID int)"}
	for i, a := range duckdbtest.Many(t, setup, queries) {
		got := "error: " + a.Error
		if a.Error == "" && a.Rows[0][0] != nil {
			got = *a.Rows[0][0]
		}
		part, isError := strings.CutPrefix(want[i], "error: ")
		if !isError && got != want[i] || isError && (a.Error == "" || !strings.Contains(a.Error, part)) {
			t.Errorf("%s\nis %s, want %s", queries[i], got, want[i])
		}
	}
}

// differenceRows are the rows of the tables under "Where it differs" that say something about DuckDB, by their first cell:
// the column of DuckDB, or all that stands behind what is here.
func differenceRows(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile("../../docs/sql.md")
	if err != nil {
		t.Fatal(err)
	}
	_, part, ok := strings.Cut(string(text), "\n## Where it differs\n")
	if !ok {
		t.Fatal("docs/sql.md has no such part")
	}
	rows, column := map[string]string{}, -1
	for _, line := range strings.Split(part, "\n") {
		cells := strings.Split(strings.Trim(strings.ReplaceAll(line, `\|`, "¦"), "| "), " | ")
		switch {
		case !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "|---"):
		case strings.HasPrefix(line, "| | "): // a head
			column = -1
			for i, c := range strings.Split(line, " | ") {
				if c == "DuckDB" {
					column = i
				}
			}
		case column >= 0 && cells[column] != "–":
			rows[cells[0]] = cells[column]
		case column < 0 && strings.Contains(line, "DuckDB"):
			rows[cells[0]] = strings.Join(cells[2:], " | ")
		}
	}
	if len(rows) < 35 {
		t.Fatalf("%d rows", len(rows))
	}
	return rows
}
