package parquettable

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/integration/duckdbtest"
)

// TestFileOfDuckDB reads a file that DuckDB wrote, with a type in each column.
func TestFileOfDuckDB(t *testing.T) {
	duckdbtest.Need(t)
	path := filepath.Join(t.TempDir(), "t.parquet")
	duckdbtest.Query(t, `COPY (SELECT * FROM (VALUES
		(1::tinyint, 2::utinyint, 3::uinteger, 4::ubigint, 5::hugeint::double, 1.5::float, 12.34::decimal(5,2), '100000000000000000000.123'::decimal(38,3),
		 'ü', '\x00\xFF'::blob, date '1969-12-31', timestamp '2026-11-22 10:20:30.5', timestamptz '2026-11-22 10:20:30+02', timestamp_ms '1970-01-01 00:00:00.001',
		 timestamp_ns '1970-01-01 00:00:00.000001999', uuid '00112233-4455-6677-8899-aabbccddeeff', [1, NULL, 3], [['a'], []], {'a': 1, 'b': 'x'}, MAP {'k': 1, 'l': NULL}, true),
		(NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL))
		AS t(i8, u8, u32, u64, d, f, d5, d38, s, b, day, wall, instant, ms, ns, id, list, lists, st, mp, ok)) TO '`+path+`' (FORMAT parquet); SELECT 1`)
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := Schema("t.parquet", data)
	if err != nil {
		t.Fatal(err)
	}
	const columns = "i8 tinyint, u8 smallint, u32 bigint, u64 decimal(20,0), d double, f float, d5 decimal(5,2), d38 decimal(38,3), s string, b binary, " +
		"day date, wall timestamp_ntz, instant timestamp, ms timestamp_ntz, ns timestamp_ntz, id string, list array<int>, lists array<array<string>>, " +
		"st struct<a int, b string>, mp map<string, int>, ok boolean"
	if s.String() != columns {
		t.Errorf("columns %s\nwant    %s", s, columns)
	}
	b, err := Decode("t.parquet", data, nil)
	if err != nil {
		t.Fatal(err)
	}
	const rows = `1|2|3|4|5|1.5|12.34|100000000000000000000.123|"ü"|"\x00\xff"|-1|1795342830500000|1795335630000000|1000|1|` +
		`"00112233-4455-6677-8899-aabbccddeeff"|[1, NULL, 3]|[["a"], []]|{a: 1, b: "x"}|["k"=1, "l"=NULL]|true|` + "\n" +
		"NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|NULL|\n"
	if got := show(b); got != rows {
		t.Errorf("rows\n%s\nwant\n%s", got, rows)
	}
}
