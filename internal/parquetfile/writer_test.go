package parquetfile_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/parquetfile"
)

func schema(types ...columnar.Type) *columnar.Schema {
	s := &columnar.Schema{}
	for i, t := range types {
		s.Fields = append(s.Fields, columnar.Field{Name: fmt.Sprint("c", i), Type: t})
	}
	return s
}

func kind(k columnar.Kind) columnar.Type { return columnar.Type{Kind: k} }

// write makes a file of one row group and opens it with another library.
func write(t *testing.T, codec string, s *columnar.Schema, cols []*columnar.Vector) *parquet.File {
	t.Helper()
	c, err := parquetfile.CodecOf(codec)
	if err != nil {
		t.Fatal(err)
	}
	w, err := parquetfile.NewWriter(parquetfile.Options{Schema: s, Codec: c, CreatedBy: "test"})
	if err != nil {
		t.Fatal(err)
	}
	rows := cols[0].N
	var sel []int32
	for i := range rows {
		sel = append(sel, int32(i))
	}
	for i := range w.Leaves() {
		if err := w.Append(i, cols[w.Column(i)], sel); err != nil {
			t.Fatal(err)
		}
		if err := w.EndLeaf(i); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.EndRowGroup(rows); err != nil {
		t.Fatal(err)
	}
	pieces, err := w.Finish([]parquetfile.Key{{Name: "k", Value: "v"}})
	if err != nil {
		t.Fatal(err)
	}
	data := bytes.Join(pieces, nil)
	f, err := parquet.OpenFile(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		t.Fatal(err)
	}
	if v, ok := f.Lookup("k"); !ok || v != "v" || f.NumRows() != int64(rows) {
		t.Fatalf("%d rows and key %q, want %d rows", f.NumRows(), v, rows)
	}
	return f
}

// bounded are types with bounds, narrow and wide.
var bounded = []columnar.Type{
	kind(columnar.Bool), kind(columnar.Int32), kind(columnar.Int64), kind(columnar.Float32), kind(columnar.Float64),
	columnar.DecimalOf(9, 2), columnar.DecimalOf(18, 2), columnar.DecimalOf(38, 2), kind(columnar.String), kind(columnar.Binary),
}

// drift makes values that mostly rise, or fall, or do neither, so that pages have bounds of every order; whole stretches are NULL
// or NaN.
func drift(r *rand.Rand, typ columnar.Type, n int) *columnar.Vector {
	b := columnar.NewBuilder(typ)
	slope, long := r.IntN(3)-1, r.IntN(8) == 0
	nulls := r.IntN(3)
	for i := range n {
		x := int64(i*slope) + int64(r.IntN(50)) - 25
		switch stretch := i / 30_000; {
		case nulls == 1 && r.IntN(4) == 0, nulls == 2 && stretch == 1:
			b.AppendNull()
		case typ.Kind == columnar.Bool:
			b.AppendBool(x%2 == 0)
		case typ.Kind == columnar.Int32:
			b.AppendInt32(int32(x))
		case typ.Kind == columnar.Int64:
			b.AppendInt64(x << 20)
		case typ.Kind == columnar.Float32, typ.Kind == columnar.Float64:
			f := float64(x) / 4
			if r.IntN(20) == 0 || nulls == 0 && stretch == 2 && slope == 0 {
				f = math.NaN()
			}
			b.AppendFloat64(f)
		case typ.Kind == columnar.Decimal:
			b.AppendWide(columnar.Int128{Lo: uint64(x), Hi: x >> 63})
		default:
			text := fmt.Sprintf("%08d", x+1<<20)
			if long {
				text = strings.Repeat("é", 40) + text
			}
			b.AppendString(text)
		}
	}
	return b.Vector()
}

// TestBounds reads every page back and holds it against what page index and statistics say of it, with the library's own
// order; decimals of 16 bytes, which it orders as unsigned, are compared as numbers.
func TestBounds(t *testing.T) {
	orders := map[format.BoundaryOrder]int{}
	for seed := range uint64(12) {
		r := rand.New(rand.NewPCG(seed, 4))
		var cols []*columnar.Vector
		n := []int{1, 300, 90_000, 140_000}[r.IntN(4)]
		for _, typ := range bounded {
			cols = append(cols, drift(r, typ, n))
		}
		f := write(t, []string{"none", "zstd", "snappy"}[r.IntN(3)], schema(bounded...), cols)
		for i, typ := range bounded {
			t.Run(fmt.Sprintf("seed %d, %d rows of %s", seed, n, typ), func(t *testing.T) {
				orders[checkPages(t, f, i, cols[i])]++
				checkOffsets(t, f, i)
			})
		}
	}
	if len(orders) != 3 {
		t.Errorf("orders of pages met: %v, want all three", orders)
	}
}

func texts(n int, text func(i int) string) *columnar.Vector {
	b := columnar.NewBuilder(kind(columnar.String))
	for i := range n {
		b.AppendString(text(i))
	}
	return b.Vector()
}

// TestDictionaries looks at which columns have one, and reads them.
func TestDictionaries(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 5))
	long := strings.Repeat("-", 60)
	for _, c := range []struct {
		name  string
		text  func(i int) string
		rows  int
		pages string // encodings of the data pages
		dict  bool
	}{
		{"few", func(i int) string { return fmt.Sprint(i % 7) }, 100_000, "coded", true},
		{"one", func(int) string { return "" }, 1000, "coded", true},
		{"all different", func(i int) string { return fmt.Sprint(i) + long }, 100_000, "plain", false},
		{"all different, small", func(i int) string { return fmt.Sprint(i) }, 10, "plain", false},
		{"half different", func(i int) string { return fmt.Sprint(i/2, long) }, 100_000, "coded, then plain", true},
		{"different from some row on", func(i int) string { return fmt.Sprint(max(i, 70_000), long) }, 131_072, "coded, then plain", true},
		{"random of many", func(int) string { return fmt.Sprint(r.IntN(8000)) }, 131_072, "coded", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := texts(c.rows, c.text)
			f := write(t, "zstd", schema(kind(columnar.String)), []*columnar.Vector{v})
			meta := f.Metadata().RowGroups[0].Columns[0].MetaData
			if got := meta.DictionaryPageOffset > 0; got != c.dict {
				t.Errorf("dictionary: %t", got)
			}
			if got := pagesOf(meta); got != c.pages {
				t.Errorf("pages are %s (%v), want %s", got, meta.EncodingStats, c.pages)
			}
			var got []string
			for _, vals := range pagesIn(t, f.RowGroups()[0].ColumnChunks()[0]) {
				for _, v := range vals {
					got = append(got, v.String())
				}
			}
			for i, s := range got {
				if s != string(v.Str(i)) {
					t.Fatalf("row %d is %q, want %q", i, s, v.Str(i))
				}
			}
			if len(got) != c.rows {
				t.Fatalf("%d rows, want %d", len(got), c.rows)
			}
		})
	}
}

func pagesOf(meta format.ColumnMetaData) string {
	var kinds []string
	for _, s := range meta.EncodingStats {
		if s.PageType == format.DataPage {
			kinds = append(kinds, map[format.Encoding]string{format.Plain: "plain", format.RLEDictionary: "coded"}[s.Encoding])
		}
	}
	slices.Sort(kinds)
	return strings.Join(kinds, ", then ")
}

func TestTypesThatParquetLacks(t *testing.T) {
	for _, typ := range []columnar.Type{kind(columnar.Interval), columnar.ArrayOf(kind(columnar.Interval))} {
		if err := parquetfile.Check(typ); err == nil {
			t.Errorf("%s is taken", typ)
		}
		if _, err := parquetfile.NewWriter(parquetfile.Options{Schema: schema(typ)}); err == nil || !strings.HasPrefix(err.Error(), `column "c0": `) {
			t.Errorf("%s: %v", typ, err)
		}
	}
	if _, err := parquetfile.CodecOf("lzma"); err == nil {
		t.Error("lzma is a codec")
	}
}

// TestNothingAllocatedPerRow writes the same rows again and again.
func TestNothingAllocatedPerRow(t *testing.T) {
	s := schema(kind(columnar.String), kind(columnar.Int64), kind(columnar.Float64))
	n := 20_000
	r := rand.New(rand.NewPCG(6, 6))
	cols := []*columnar.Vector{texts(n, func(int) string { return fmt.Sprint(r.IntN(500)) }), drift(r, s.Fields[1].Type, n), drift(r, s.Fields[2].Type, n)}
	c, err := parquetfile.CodecOf("zstd")
	if err != nil {
		t.Fatal(err)
	}
	w, err := parquetfile.NewWriter(parquetfile.Options{Schema: s, Codec: c})
	if err != nil {
		t.Fatal(err)
	}
	sel := make([]int32, n)
	for i := range sel {
		sel[i] = int32(i)
	}
	run := func() {
		for i := range cols {
			if err := errors.Join(w.Append(i, cols[i], sel), w.EndLeaf(i)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.EndRowGroup(n); err != nil {
			t.Fatal(err)
		}
		w.Reset()
	}
	run()
	if got := testing.AllocsPerRun(3, run); got > 300 {
		t.Errorf("%.0f allocations for %d rows", got, n)
	}
}

// TestLongStrings: pages of long strings end within a block, wherever the rows are cut, and the values are those that were written.
func TestLongStrings(t *testing.T) {
	s := schema(kind(columnar.String))
	long := strings.Repeat("long ", 40_000)
	v := texts(100, func(i int) string { return fmt.Sprint(i, long[:i%7*30_000]) })
	var want []byte
	for _, cut := range []int{100, 1, 33} {
		c, err := parquetfile.CodecOf("snappy")
		if err != nil {
			t.Fatal(err)
		}
		w, err := parquetfile.NewWriter(parquetfile.Options{Schema: s, Codec: c})
		if err != nil {
			t.Fatal(err)
		}
		kept := 0
		w.Begin(func(data []byte) ([]byte, error) {
			kept++
			return bytes.Clone(data), nil // so that what was handed over is written over
		})
		for at := 0; at < v.N; at += cut {
			var sel []int32
			for i := at; i < min(at+cut, v.N); i++ {
				sel = append(sel, int32(i))
			}
			if err := w.Append(0, v, sel); err != nil {
				t.Fatal(err)
			}
		}
		if err := errors.Join(w.EndLeaf(0), w.EndRowGroup(v.N)); err != nil {
			t.Fatal(err)
		}
		pieces, err := w.Finish(nil)
		if err != nil {
			t.Fatal(err)
		}
		if kept != len(pieces) || kept < 2 {
			t.Errorf("%d pieces, %d of them kept", len(pieces), kept)
		}
		data := bytes.Join(pieces, nil)
		if want == nil {
			want = data
		}
		if !bytes.Equal(data, want) {
			t.Errorf("cut into %d rows: other bytes", cut)
		}
	}
	f, err := parquet.OpenFile(bytes.NewReader(want), int64(len(want)))
	if err != nil {
		t.Fatal(err)
	}
	offsets, err := f.RowGroups()[0].ColumnChunks()[0].OffsetIndex()
	if err != nil || offsets.NumPages() < 10 {
		t.Errorf("%d pages of 9 MB, %v", offsets.NumPages(), err)
	}
	rows := make([]parquet.Row, v.N+1)
	n, err := f.RowGroups()[0].Rows().ReadRows(rows)
	if n != v.N || err != nil && !errors.Is(err, io.EOF) {
		t.Fatalf("%d rows, %v", n, err)
	}
	for i, r := range rows[:n] {
		if got, want := r[0].String(), string(v.Data[v.Off[i]:v.Off[i+1]]); got != want {
			t.Errorf("row %d: %d bytes, want %d", i, len(got), len(want))
		}
	}
}
