package output_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/big"
	"math/rand/v2"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet/file"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
)

func kind(k columnar.Kind) columnar.Type { return columnar.Type{Kind: k} }

func field(name string, t columnar.Type) columnar.Field { return columnar.Field{Name: name, Type: t} }

// everyType has a column of each kind that a file can hold, and nests them.
func everyType() *columnar.Schema {
	text, number := kind(columnar.String), kind(columnar.Int64)
	item := columnar.StructOf(field("sku", text), field("price", columnar.DecimalOf(12, 2)), field("tags", columnar.ArrayOf(text)))
	return columnar.NewSchema(
		field("b", kind(columnar.Bool)), field("i8", kind(columnar.Int8)), field("i16", kind(columnar.Int16)), field("i32", kind(columnar.Int32)),
		field("i64", number), field("f32", kind(columnar.Float32)), field("f64", kind(columnar.Float64)),
		field("d9", columnar.DecimalOf(9, 3)), field("d18", columnar.DecimalOf(18, 0)), field("d38", columnar.DecimalOf(38, 10)),
		field("s", text), field("day", kind(columnar.Date)), field("at", kind(columnar.Timestamp)), field("wall", kind(columnar.LocalTimestamp)),
		field("list", columnar.ArrayOf(number)), field("lists", columnar.ArrayOf(columnar.ArrayOf(text))),
		field("user", columnar.StructOf(field("id", number), field("address", columnar.StructOf(field("city", text), field("geo", columnar.ArrayOf(kind(columnar.Float64))))))),
		field("items", columnar.ArrayOf(item)), field("labels", columnar.MapOf(text, number)),
		field("deep", columnar.MapOf(text, columnar.ArrayOf(columnar.StructOf(field("m", columnar.MapOf(text, text)))))))
}

// randomVector makes n rows, some of them NULL; below NULLs stands rubbish, which must not come out.
func randomVector(r *rand.Rand, t columnar.Type, n int, nulls bool) *columnar.Vector {
	v := &columnar.Vector{Type: t, N: n}
	if nulls {
		v.Valid = make([]byte, (n+7)/8)
		for i := range n {
			if r.IntN(4) > 0 {
				v.Valid[i>>3] |= 1 << (i & 7)
			}
		}
	}
	switch t.Kind {
	case columnar.Array, columnar.Map, columnar.String:
		v.Off = []int32{0}
		for range n {
			v.Off = append(v.Off, v.Off[len(v.Off)-1]+int32(r.IntN(4)))
		}
	}
	size := 0
	if v.Off != nil {
		size = int(v.Off[n])
	}
	switch t.Kind {
	case columnar.Array:
		v.Kids = []*columnar.Vector{randomVector(r, t.Elem(), size, true)}
	case columnar.Map:
		v.Kids = []*columnar.Vector{distinctKeys(size), randomVector(r, t.Elem(), size, true)}
	case columnar.Struct:
		for _, f := range t.Fields() {
			v.Kids = append(v.Kids, randomVector(r, f.Type, n, true))
		}
	default:
		randomValues(r, v, size)
	}
	return v
}

func randomValues(r *rand.Rand, v *columnar.Vector, size int) {
	for range size {
		v.Data = append(v.Data, "abcxyz"[r.IntN(6)])
	}
	v.Bits = make([]byte, (v.N+7)/8)
	for i := range v.N {
		v.Bits[i>>3] |= byte(r.IntN(2)) << (i & 7)
		bits := map[columnar.Kind]int{columnar.Int8: 8, columnar.Int16: 16, columnar.Date: 15}[v.Type.Kind]
		if bits == 0 {
			bits = 32
		}
		v.I32 = append(v.I32, int32(r.Int64()>>(64-bits)))
		v.F64 = append(v.F64, float64(r.IntN(2000)-1000)/4)
		v.Wide = append(v.Wide, randomDecimal(r, int(v.Type.Precision)))
		v.I64 = append(v.I64, r.Int64N(4_000_000_000_000_000))
	}
}

func randomDecimal(r *rand.Rand, precision int) columnar.Int128 {
	limit := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(r.IntN(precision+1))), nil)
	n := new(big.Int).Mul(new(big.Int).SetUint64(r.Uint64()), new(big.Int).SetUint64(r.Uint64()))
	n.Mod(n, limit)
	if r.IntN(2) == 0 {
		n.Neg(n)
	}
	mask := new(big.Int).SetUint64(1<<64 - 1)
	return columnar.Int128{Lo: new(big.Int).And(n, mask).Uint64(), Hi: new(big.Int).Rsh(n, 64).Int64()}
}

func distinctKeys(n int) *columnar.Vector {
	v := &columnar.Vector{Type: kind(columnar.String), N: n, Off: []int32{0}}
	for i := range n {
		v.Data = append(v.Data, fmt.Sprintf("k%d", i)...)
		v.Off = append(v.Off, int32(len(v.Data)))
	}
	return v
}

func everyTypeBatch(r *rand.Rand, n int) *columnar.Batch {
	b := &columnar.Batch{Schema: everyType(), Rows: n}
	for _, f := range b.Schema.Fields {
		b.Cols = append(b.Cols, randomVector(r, f.Type, n, r.IntN(3) > 0))
	}
	for i := range n {
		if r.IntN(3) > 0 {
			b.Sel = append(b.Sel, int32(i))
		}
	}
	return b
}

// TestDuckDBReadsEveryType compares what DuckDB reads with the rows as JSON lines. Files of a few rows cross no
// boundary; the large one crosses pages.
func TestDuckDBReadsEveryType(t *testing.T) {
	duckdbtest.Need(t)
	r := rand.New(rand.NewPCG(7, 7))
	for _, n := range []int{1, 40, cases(6000, 600)} {
		batches := []*columnar.Batch{everyTypeBatch(r, n), everyTypeBatch(r, n)}
		dir := t.TempDir()
		l := &lake{t, &store.Local{Root: dir}}
		l.write(l.config(flat(everyType())), batches...)
		want := jsonLines(t, batches)
		got := duckdbtest.Query(t, fmt.Sprintf("SELECT to_json(x) FROM '%s/*.parquet' x", filepath.ToSlash(dir)))
		if len(got) != len(want) {
			t.Fatalf("%d rows, want %d", len(got), len(want))
		}
		for i, line := range got {
			if g, w := parsed(t, duckTimes(line[0])), parsed(t, want[i]); !reflect.DeepEqual(g, w) {
				t.Fatalf("row %d of %d:\n%v\nwant\n%v", i, len(got), g, w)
			}
		}
	}
}

func jsonLines(t *testing.T, batches []*columnar.Batch) []string {
	t.Helper()
	var out bytes.Buffer
	s, err := output.NewStdout("x", &out, flat(everyType()))
	if err != nil {
		t.Fatal(err)
	}
	p, err := s.Prepare(context.Background(), output.BatchInfo{Batch: 1}, []output.Shard{{Rows: batches}}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Publish(context.Background(), p); err != nil {
		t.Fatal(err)
	}
	text := strings.TrimSuffix(out.String(), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}

// duckTimes turns DuckDB's times into RFC 3339: "2024-01-31 13:45:00+00".
func duckTimes(line string) string {
	return strings.ReplaceAll(strings.ReplaceAll(line, " ", "T"), `+00"`, `Z"`)
}

// parsed reads a JSON object with numbers as exact fractions.
func parsed(t *testing.T, line string) any {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(line))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, line)
	}
	return exact(v)
}

func exact(v any) any {
	switch v := v.(type) {
	case json.Number:
		x, _ := new(big.Rat).SetString(v.String())
		return x.RatString()
	case []any:
		for i := range v {
			v[i] = exact(v[i])
		}
	case map[string]any:
		for k := range v {
			v[k] = exact(v[k])
		}
	}
	return v
}

// TestArrowReadsEveryType checks the types that another reader sees. It calls elements after the group around them.
func TestArrowReadsEveryType(t *testing.T) {
	l := newLake(t)
	p := l.write(l.config(flat(everyType())), everyTypeBatch(rand.New(rand.NewPCG(1, 1)), 100))
	f, err := file.NewParquetReader(bytes.NewReader(l.get(p.Files[0].Path)))
	if err != nil {
		t.Fatal(err)
	}
	r, err := pqarrow.NewFileReader(f, pqarrow.ArrowReadProperties{}, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	schema, err := r.Schema()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, c := range schema.Fields() {
		got = append(got, c.Name+" "+c.Type.String())
	}
	const want = `b bool
i8 int8
i16 int16
i32 int32
i64 int64
f32 float32
f64 float64
d9 decimal(9, 3)
d18 decimal(18, 0)
d38 decimal(38, 10)
s utf8
day date32
at timestamp[us, tz=UTC]
wall timestamp[us]
list list<list: int64, nullable>
lists list<list: list<list: utf8, nullable>, nullable>
user struct<id: int64, address: struct<city: utf8, geo: list<list: float64, nullable>>>
items list<list: struct<sku: utf8, price: decimal(12, 2), tags: list<list: utf8, nullable>>, nullable>
labels map<utf8, int64, items_nullable>
deep map<utf8, list<list: struct<m: map<utf8, utf8, items_nullable>>, nullable>, items_nullable>`
	if strings.Join(got, "\n") != want {
		t.Errorf("arrow sees\n%s\nwant\n%s", strings.Join(got, "\n"), want)
	}
}

// TestWideDecimalsAreFound looks for negative numbers in a file of several row groups and pages: bounds in the wrong
// order would hide them.
func TestWideDecimalsAreFound(t *testing.T) {
	duckdbtest.Need(t)
	s := columnar.NewSchema(field("d", columnar.DecimalOf(38, 2)))
	n := cases(300_000, 20_000)
	v := &columnar.Vector{Type: s.Fields[0].Type, N: n}
	for i := range n {
		x := int64(i - n/2)
		v.Wide = append(v.Wide, columnar.Int128{Lo: uint64(x), Hi: x >> 63})
	}
	dir := t.TempDir()
	l := &lake{t, &store.Local{Root: dir}}
	l.write(l.config(flat(s)), &columnar.Batch{Schema: s, Cols: []*columnar.Vector{v}, Rows: n})
	got := queries(t, fmt.Sprintf("SELECT count(*) FILTER (d < 0), count(*) FILTER (d = -1.23), sum(d) FROM '%s/*.parquet'", filepath.ToSlash(dir)),
		fmt.Sprintf("SELECT d FROM '%s/*.parquet' WHERE d = -1.23", filepath.ToSlash(dir)),
		fmt.Sprintf("SELECT count(*) FROM '%s/*.parquet' WHERE d < -0.5", filepath.ToSlash(dir)))
	want := fmt.Sprintf("%d|1|%d.00\n-1.23\n%d\n", n/2, -n/200, n/2-50)
	if got != want {
		t.Errorf("DuckDB reads\n%swant\n%s", got, want)
	}
}
