package parquettable

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"
	"github.com/apache/arrow/go/v17/parquet"
	"github.com/apache/arrow/go/v17/parquet/compress"
	"github.com/apache/arrow/go/v17/parquet/pqarrow"

	"github.com/millrace/millrace/columnar"
)

// appendRandom appends a random value to b.
func appendRandom(r *rand.Rand, b *columnar.Builder, t columnar.Type) {
	if r.IntN(5) == 0 {
		b.AppendNull()
		return
	}
	switch t.Kind {
	case columnar.Bool:
		b.AppendBool(r.IntN(2) == 0)
	case columnar.Int8:
		b.AppendInt32(int32(int8(r.Uint32())))
	case columnar.Int16:
		b.AppendInt32(int32(int16(r.Uint32())))
	case columnar.Int32, columnar.Date:
		b.AppendInt32(int32(r.Uint32()))
	case columnar.Int64, columnar.Timestamp, columnar.LocalTimestamp:
		b.AppendInt64(r.Int64() >> r.IntN(64) * int64(1-2*r.IntN(2)))
	case columnar.Float32:
		b.AppendFloat64(float64(math.Float32frombits(r.Uint32())))
	case columnar.Float64:
		b.AppendFloat64(math.Float64frombits(r.Uint64()))
	case columnar.Decimal:
		digits := strconv.FormatUint(r.Uint64(), 10) + strconv.FormatUint(r.Uint64(), 10)
		v, _, ok := columnar.ParseDecimal([]byte(digits[:1+r.IntN(min(int(t.Precision), len(digits)))]), int(t.Precision), 0)
		if !ok {
			panic(digits)
		}
		if r.IntN(2) == 0 {
			v = v.Neg()
		}
		b.AppendWide(v)
	case columnar.String:
		b.AppendString(strings.Repeat(string(rune('a'+r.IntN(5))), r.IntN(20)))
	case columnar.Binary:
		b.AppendBytes([]byte{byte(r.Uint32()), byte(r.Uint32())}[:r.IntN(3)])
	default:
		appendRandomNested(r, b, t)
	}
}

func appendRandomNested(r *rand.Rand, b *columnar.Builder, t columnar.Type) {
	switch t.Kind {
	case columnar.Array:
		for range r.IntN(4) {
			appendRandom(r, b.Kid(0), t.Elem())
		}
	case columnar.Struct:
		for i, f := range t.Fields() {
			appendRandom(r, b.Kid(i), f.Type)
		}
	case columnar.Map:
		for i := range r.IntN(4) {
			b.Kid(0).AppendString(fmt.Sprint("k", i))
			appendRandom(r, b.Kid(1), t.Elem())
		}
	}
	b.AppendNested()
}

// everyType has a column of each type, and some of them inside each other.
func everyType() []columnar.Field {
	var out []columnar.Field
	add := func(t columnar.Type) { out = append(out, columnar.Field{Name: fmt.Sprint("c", len(out)), Type: t}) }
	for _, k := range []columnar.Kind{columnar.Bool, columnar.Int8, columnar.Int16, columnar.Int32, columnar.Int64, columnar.Float32,
		columnar.Float64, columnar.String, columnar.Binary, columnar.Date, columnar.Timestamp, columnar.LocalTimestamp} {
		add(scalar(k))
		add(columnar.ArrayOf(scalar(k)))
	}
	for _, d := range [][2]int{{9, 2}, {18, 18}, {38, 10}, {1, 0}} {
		add(columnar.DecimalOf(d[0], d[1]))
	}
	text, number := scalar(columnar.String), scalar(columnar.Int64)
	person := columnar.StructOf(columnar.Field{Name: "name", Type: text}, columnar.Field{Name: "tags", Type: columnar.ArrayOf(text)},
		columnar.Field{Name: "inner", Type: columnar.StructOf(columnar.Field{Name: "n", Type: number})})
	add(person)
	add(columnar.ArrayOf(person))
	add(columnar.ArrayOf(columnar.ArrayOf(columnar.ArrayOf(number))))
	add(columnar.MapOf(text, number))
	add(columnar.MapOf(text, columnar.ArrayOf(person)))
	add(columnar.ArrayOf(columnar.MapOf(text, columnar.StructOf(columnar.Field{Name: "m", Type: columnar.MapOf(text, text)}))))
	return out
}

func randomBatch(r *rand.Rand, fields []columnar.Field, rows int) *columnar.Batch {
	b := &columnar.Batch{Schema: columnar.NewSchema(fields...), Rows: rows}
	for _, f := range fields {
		build := columnar.NewBuilder(f.Type)
		for range rows {
			appendRandom(r, build, f.Type)
		}
		b.Cols = append(b.Cols, build.Vector())
	}
	return b
}

// arrowFile lets Arrow write a batch.
func arrowFile(t testing.TB, b *columnar.Batch, opts ...parquet.WriterProperty) []byte {
	t.Helper()
	rec, err := columnar.ToArrow(b, memory.DefaultAllocator)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Release()
	var out bytes.Buffer
	table := array.NewTableFromRecords(rec.Schema(), []arrow.Record{rec})
	defer table.Release()
	if err := pqarrow.WriteTable(table, &out, 37, parquet.NewWriterProperties(opts...), pqarrow.DefaultWriterProps()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func show(b *columnar.Batch) string {
	var out strings.Builder
	for row := range b.Rows {
		for _, v := range b.Cols {
			out.WriteString(showValue(v, row) + "|")
		}
		out.WriteByte('\n')
	}
	return out.String()
}

func showValue(v *columnar.Vector, row int) string {
	if v.IsNull(row) {
		return "NULL"
	}
	switch v.Type.Kind {
	case columnar.Bool:
		return strconv.FormatBool(v.Bool(row))
	case columnar.Int8, columnar.Int16, columnar.Int32, columnar.Date:
		return strconv.Itoa(int(v.I32[row]))
	case columnar.Int64, columnar.Timestamp, columnar.LocalTimestamp:
		return strconv.FormatInt(v.I64[row], 10)
	case columnar.Float32, columnar.Float64:
		return strconv.FormatFloat(v.F64[row], 'g', -1, 64)
	case columnar.Decimal:
		return string(v.Wide[row].AppendDecimal(nil, int(v.Type.Scale)))
	case columnar.String, columnar.Binary:
		return strconv.Quote(string(v.Str(row)))
	case columnar.Struct:
		var parts []string
		for i, f := range v.Type.Fields() {
			parts = append(parts, f.Name+": "+showValue(v.Kids[i], row))
		}
		return "{" + strings.Join(parts, ", ") + "}"
	}
	var parts []string
	for i := int(v.Off[row]); i < int(v.Off[row+1]); i++ {
		part := showValue(v.Kids[len(v.Kids)-1], i)
		if v.Type.Kind == columnar.Map {
			part = showValue(v.Kids[0], i) + "=" + part
		}
		parts = append(parts, part)
	}
	return "[" + strings.Join(parts, ", ") + "]"
}

// TestFilesOfArrow reads files that Arrow wrote, in row groups of 37 rows and small pages, in all its codecs.
func TestFilesOfArrow(t *testing.T) {
	fields := everyType()
	for seed, opts := range [][]parquet.WriterProperty{
		{},
		{parquet.WithCompression(compress.Codecs.Snappy), parquet.WithDataPageSize(64)},
		{parquet.WithCompression(compress.Codecs.Zstd), parquet.WithDataPageVersion(parquet.DataPageV2)},
		{parquet.WithCompression(compress.Codecs.Gzip), parquet.WithDictionaryDefault(false), parquet.WithDataPageSize(64)},
		{parquet.WithVersion(parquet.V1_0)},
	} {
		t.Run(fmt.Sprint("seed=", seed), func(t *testing.T) {
			want := randomBatch(rand.New(rand.NewPCG(uint64(seed), 1)), fields, 200)
			data := arrowFile(t, want, opts...)
			s, err := Schema("t.parquet", data)
			if err != nil {
				t.Fatal(err)
			}
			got, err := Decode("t.parquet", data, nil)
			if err != nil {
				t.Fatal(err)
			}
			if !s.Equal(want.Schema) || !got.Schema.Equal(want.Schema) {
				t.Fatalf("columns %s\nwant    %s", s, want.Schema)
			}
			if got.Rows != want.Rows || show(got) != show(want) {
				t.Errorf("rows\n%s\nwant\n%s", show(got), show(want))
			}
		})
	}
}
