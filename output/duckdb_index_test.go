package output_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/internal/store"
)

// indexed are columns of every type that has bounds, with the name of the type in DuckDB.
var indexed = []struct {
	typ  columnar.Type
	duck string
}{
	{kind(columnar.Bool), "BOOLEAN"}, {kind(columnar.Int8), "TINYINT"}, {kind(columnar.Int16), "SMALLINT"}, {kind(columnar.Int32), "INTEGER"},
	{kind(columnar.Int64), "BIGINT"}, {kind(columnar.Float32), "FLOAT"}, {kind(columnar.Float64), "DOUBLE"}, {columnar.DecimalOf(9, 3), "DECIMAL(9,3)"},
	{columnar.DecimalOf(18, 0), "DECIMAL(18,0)"}, {columnar.DecimalOf(38, 10), "DECIMAL(38,10)"}, {kind(columnar.String), "VARCHAR"},
	{kind(columnar.Binary), "BLOB"}, {kind(columnar.Date), "DATE"}, {kind(columnar.Timestamp), "TIMESTAMPTZ"}, {kind(columnar.LocalTimestamp), "TIMESTAMP"},
}

// wandering makes values that drift, some of them NULL, with stretches of NULLs, zeros of both signs, NaN and infinities, and
// texts that are longer than what an index has of them.
func wandering(r *rand.Rand, typ columnar.Type, n int) *columnar.Vector {
	b := columnar.NewBuilder(typ)
	slope := int64(r.IntN(5) - 2)
	for i := range n {
		x := slope*int64(i)/64 + r.Int64N(60) - 30
		if i/20_000%3 == 1 || r.IntN(10) == 0 {
			b.AppendNull()
			continue
		}
		switch typ.Kind {
		case columnar.Bool:
			b.AppendBool(x > 0)
		case columnar.Int8, columnar.Int16, columnar.Int32, columnar.Date:
			b.AppendInt32(int32(max(min(x, math.MaxInt8), math.MinInt8)))
		case columnar.Int64:
			b.AppendInt64(x << 40)
		case columnar.Timestamp, columnar.LocalTimestamp:
			b.AppendInt64(x * 1_000_003)
		case columnar.Float32, columnar.Float64:
			odd := max(0, r.IntN(200)-196)
			if odd == 3 && i < 100_000 {
				odd = 0
			}
			b.AppendFloat64([]float64{float64(x) / 4, math.Copysign(0, float64(x)), math.NaN(), math.Inf(int(x))}[odd])
		case columnar.Decimal:
			b.AppendWide(columnar.Int128{Lo: uint64(x), Hi: x >> 63})
		default:
			b.AppendString(strings.Repeat("é~", r.IntN(2)*(i/40_000)*r.IntN(20)) + fmt.Sprintf("%06d", x+500_000))
		}
	}
	return b.Vector()
}

// TestDuckDBReadsIndex holds statistics and page index, as DuckDB reads them, against the values that it reads in the same rows: of a column
// chunk and of a page. Bounds are exact but for long texts, and no value is outside of them.
func TestDuckDBReadsIndex(t *testing.T) {
	duckdbtest.Need(t)
	r := rand.New(rand.NewPCG(8, 8))
	b := &columnar.Batch{Schema: &columnar.Schema{}, Rows: cases(140_000, 20_000)}
	var checks []string
	for i, c := range indexed {
		b.Schema.Fields = append(b.Schema.Fields, field(fmt.Sprint("c", i), c.typ))
		b.Cols = append(b.Cols, wandering(r, c.typ, b.Rows))
		checks = append(checks, indexCheck(i, c.duck, c.typ))
	}
	dir := t.TempDir()
	l := &lake{t, &store.Local{Root: dir}}
	l.write(l.config(flat(b.Schema)), b)
	spans := fmt.Sprintf(`CREATE TABLE r AS SELECT *, file_row_number AS n, unnest(['page', 'chunk']) AS what FROM read_parquet('%[1]s/*.parquet', file_row_number = true);
CREATE TABLE starts AS SELECT row_group_id, coalesce(sum(rows) OVER (ORDER BY row_group_id ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING), 0) AS start
  FROM (SELECT row_group_id, any_value(row_group_num_rows) AS rows FROM parquet_metadata('%[1]s/*.parquet') GROUP BY ALL);
CREATE TABLE spans AS
  SELECT 'page' AS what, column_id, start + first_row_index AS first, num_rows, null_page, null_count, min_value::VARCHAR AS low, max_value::VARCHAR AS high
  FROM parquet_page_index('%[1]s/*.parquet') JOIN starts USING (row_group_id)
  UNION ALL SELECT 'chunk', column_id, start, num_values, NULL, stats_null_count, stats_min_value, stats_max_value
  FROM parquet_metadata('%[1]s/*.parquet') JOIN starts USING (row_group_id);
`, filepath.ToSlash(dir))
	met := map[string]int{}
	for _, row := range duckdbtest.Query(t, spans+strings.Join(checks, "\nUNION ALL ")+"\nORDER BY ALL") {
		n, err := strconv.Atoi(row[2])
		if err != nil {
			t.Fatal(err)
		}
		met[row[1]] += n
		if strings.Join(row[3:], " ") != "0 0 0 0" {
			i, _ := strconv.Atoi(row[0])
			t.Errorf("%s: of %d %ss %s have other counts, %s other values, %s wider bounds, %s none", indexed[i].duck, n, row[1], row[3], row[4], row[5], row[6])
		}
	}
	if met["page"] < cases(40, 15) || met["chunk"] != len(indexed)*cases(2, 1) {
		t.Errorf("few were there to look at: %v", met)
	}
}

// indexCheck counts, of a column, pages and chunks, and those whose counts do not fit, that have values out of bounds, wider bounds, or none
// though they have values.
func indexCheck(i int, duck string, typ columnar.Type) string {
	ordered, short, shown := "", "true", "true"
	if typ.Float() { // DuckDB shows no bounds that are infinite
		ordered, shown = fmt.Sprintf(" FILTER (NOT isnan(c%d))", i), "NOT (isinf(least) OR isinf(most))"
	}
	if size := map[string]string{"VARCHAR": "strlen", "BLOB": "octet_length"}[duck]; size != "" {
		short = fmt.Sprintf("(what = 'chunk' OR %[1]s(least) <= 64 AND %[1]s(most) <= 64)", size)
	}
	return fmt.Sprintf(`SELECT %[1]d, what, count(*), count(*) FILTER (rows <> num_rows OR nulls <> null_count OR null_page <> (nulls = rows)),
  count(*) FILTER (least < low::%[2]s OR most > high::%[2]s), count(*) FILTER (%[4]s AND (low::%[2]s <> least OR high::%[2]s <> most)),
  count(*) FILTER ((low IS NULL OR high IS NULL) AND least IS NOT NULL AND %[5]s)
FROM (SELECT r.what, first, count(*) AS rows, count(*) - count(c%[1]d) AS nulls, min(c%[1]d)%[3]s AS least, max(c%[1]d)%[3]s AS most
  FROM r ASOF JOIN (SELECT what, first FROM spans WHERE column_id = %[1]d) s ON r.what = s.what AND r.n >= s.first GROUP BY r.what, first)
JOIN spans USING (what, first) WHERE column_id = %[1]d GROUP BY ALL`, i, duck, ordered, short, shown)
}
