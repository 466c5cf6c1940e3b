package parquettable

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/cockroachdb/datadriven"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"

	"github.com/millrace/millrace/columnar"
)

var typeNames = func() map[string]columnar.Type {
	out := map[string]columnar.Type{
		"decimal(4,1)": columnar.DecimalOf(4, 1), "decimal(20,0)": columnar.DecimalOf(20, 0), "decimal(38,2)": columnar.DecimalOf(38, 2),
		"array<int>": columnar.ArrayOf(scalar(columnar.Int32)), "array<tinyint>": columnar.ArrayOf(scalar(columnar.Int8)),
		"map<string, int>":     columnar.MapOf(scalar(columnar.String), scalar(columnar.Int32)),
		"struct<B int>":        columnar.StructOf(columnar.Field{Name: "B", Type: scalar(columnar.Int32)}),
		"struct<a int>":        columnar.StructOf(columnar.Field{Name: "a", Type: scalar(columnar.Int32)}),
		"struct<a int, b int>": columnar.StructOf(columnar.Field{Name: "a", Type: scalar(columnar.Int32)}, columnar.Field{Name: "b", Type: scalar(columnar.Int32)}),
		"struct<b tinyint>":    columnar.StructOf(columnar.Field{Name: "b", Type: scalar(columnar.Int8)}),
		"map<string, tinyint>": columnar.MapOf(scalar(columnar.String), scalar(columnar.Int8)),
		"array<struct<a int>>": columnar.ArrayOf(columnar.StructOf(columnar.Field{Name: "a", Type: scalar(columnar.Int32)})),
		"map<int, int>":        columnar.MapOf(scalar(columnar.Int32), scalar(columnar.Int32)),
	}
	for k := columnar.Bool; k <= columnar.LocalTimestamp; k++ {
		out[k.String()] = scalar(k)
	}
	return out
}()

var units = map[string]columnar.TimeUnit{"s": columnar.UnitSecond, "ms": columnar.UnitMilli, "us": columnar.UnitMicro, "ns": columnar.UnitNano}

// appendText appends what a test wrote as a value.
func appendText(t *testing.T, b *columnar.Builder, typ columnar.Type, text string) {
	t.Helper()
	number := func() int64 {
		v, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	switch {
	case text == "NULL":
		b.AppendNull()
	case typ.Kind == columnar.Bool:
		b.AppendBool(text == "true")
	case typ.Kind == columnar.Int64 || typ.Kind == columnar.Timestamp || typ.Kind == columnar.LocalTimestamp:
		b.AppendInt64(number())
	case typ.Integer() || typ.Kind == columnar.Date:
		b.AppendInt32(int32(number()))
	case typ.Float():
		f, err := strconv.ParseFloat(text, 64)
		if err != nil {
			t.Fatal(err)
		}
		b.AppendFloat64(f)
	case typ.Kind == columnar.Decimal:
		v, _, ok := columnar.ParseDecimal([]byte(text), int(typ.Precision), int(typ.Scale))
		if !ok {
			t.Fatalf("no decimal: %s", text)
		}
		b.AppendWide(v)
	case typ.Kind == columnar.String || typ.Kind == columnar.Binary:
		b.AppendString(strings.ReplaceAll(text, "<FF>", "\xff"))
	case typ.Kind == columnar.Struct:
		for i, part := range strings.Split(text, " ") {
			appendText(t, b.Kid(i), typ.Fields()[i].Type, part)
		}
		b.AppendNested()
	default:
		for part := range strings.FieldsSeq(text) {
			if typ.Kind == columnar.Map {
				key, value, _ := strings.Cut(part, "=")
				appendText(t, b.Kid(0), typ.KeyType(), key)
				part = value
			}
			appendText(t, b.Kid(len(b.Vector().Kids)-1), typ.Elem(), part)
		}
		b.AppendNested()
	}
}

// TestConvert runs testdata/convert: a file with one column x of a type, one value in a line, is read as another type.
func TestConvert(t *testing.T) {
	datadriven.RunTest(t, "testdata/convert", func(t *testing.T, d *datadriven.TestData) string {
		var unit string
		d.MaybeScanArgs(t, "unit", &unit)
		from, to, _ := strings.Cut(d.CmdArgs[0].Key+" "+argTexts(d.CmdArgs[1:]), " to ")
		to, _, _ = strings.Cut(to, " unit")
		f := columnar.DecodeField{Field: columnar.Field{Name: "x", Type: typeNamed(t, to)}, Unit: units[unit]}
		for _, a := range d.CmdArgs {
			f.Required = f.Required || a.Key == "required"
		}
		b := columnar.NewBuilder(typeNamed(t, from))
		for line := range strings.SplitSeq(d.Input, "\n") {
			appendText(t, b, typeNamed(t, from), line)
		}
		in := &columnar.Batch{Schema: columnar.NewSchema(columnar.Field{Name: "x", Type: typeNamed(t, from)}), Cols: []*columnar.Vector{b.Vector()}, Rows: b.Len()}
		got, err := Decode("t.parquet", arrowFile(t, in), []columnar.DecodeField{f})
		if err != nil {
			return err.Error() + "\n"
		}
		return show(got)
	})
}

func argTexts(args []datadriven.CmdArg) string {
	var out []string
	for _, a := range args {
		if a.Key != "required" {
			out = append(out, a.Key)
		}
	}
	return strings.Join(out, " ")
}

func typeNamed(t *testing.T, name string) columnar.Type {
	t.Helper()
	name = strings.ReplaceAll(name, "_", " ")
	if typ, ok := typeNames[name]; ok {
		return typ
	}
	if typ, ok := typeNames[strings.ReplaceAll(name, " ntz", "_ntz")]; ok {
		return typ
	}
	t.Fatalf("unknown type %q", name)
	return columnar.Type{}
}

// twoColumns is a file with the columns Name, a string, and address, a struct of city and zip.
func twoColumns(t testing.TB) []byte {
	address := columnar.StructOf(columnar.Field{Name: "city", Type: scalar(columnar.String)}, columnar.Field{Name: "Zip", Type: scalar(columnar.Int32)})
	names, addresses := columnar.NewBuilder(scalar(columnar.String)), columnar.NewBuilder(address)
	for i, city := range []string{"Berlin", "", "Rome"} {
		names.AppendString(fmt.Sprint("n", i))
		if city == "" {
			addresses.AppendNull()
			continue
		}
		addresses.Kid(0).AppendString(city)
		addresses.Kid(1).AppendInt32(int32(i))
		addresses.AppendNested()
	}
	return arrowFile(t, &columnar.Batch{Schema: columnar.NewSchema(columnar.Field{Name: "Name", Type: scalar(columnar.String)},
		columnar.Field{Name: "address", Type: address}), Cols: []*columnar.Vector{names.Vector(), addresses.Vector()}, Rows: 3})
}

func TestColumnsByName(t *testing.T) {
	data := twoColumns(t)
	for _, test := range []struct {
		name, path string
		kind       columnar.Kind
		want       string
	}{
		{"Name", "", columnar.String, `"n0" "n1" "n2"`},
		{"name", "", columnar.String, `"n0" "n1" "n2"`},
		{"n", "NAME", columnar.String, `"n0" "n1" "n2"`},
		{"zip", "address.Zip", columnar.Int64, `0 NULL 2`},
		{"zip", "Address.zip", columnar.Int64, `0 NULL 2`},
		{"nam", "", columnar.String, `t.parquet: column "nam": the file has no column "nam"; the columns are Name, address`},
		{"x", "address.town", columnar.String, `t.parquet: column "x": the file has no column "town"; the columns are city, Zip`},
		{"x", "Name.first", columnar.String, `t.parquet: column "x": path Name.first: Name is no struct`},
		{"x", "address[0]", columnar.String, `t.parquet: column "x": path address[0]: address is no struct`},
		{"address", "", columnar.String, `t.parquet: column "address": the file has a struct there, which becomes no string`},
		{"_key", "", columnar.Binary, `t.parquet: column "_key": a Parquet file has no metadata columns`},
	} {
		f := columnar.DecodeField{Field: columnar.Field{Name: test.name, Type: scalar(test.kind)}}
		if test.path != "" {
			f.Path, _ = columnar.ParsePath(test.path)
		}
		b, err := Decode("t.parquet", data, []columnar.DecodeField{f})
		got := fmt.Sprint(err)
		if err == nil {
			got = strings.ReplaceAll(strings.TrimSuffix(show(b), "|\n"), "|\n", " ")
		}
		if got != test.want {
			t.Errorf("%s %s: got %s, want %s", test.name, test.path, got, test.want)
		}
	}
	var missing *columnar.NoColumnError
	_, err := Decode("t.parquet", data, []columnar.DecodeField{{Field: columnar.Field{Name: "nam", Type: scalar(columnar.String)}}})
	if !errors.As(err, &missing) || missing.Name != "nam" || !slices.Equal(missing.Columns, []string{"Name", "address"}) {
		t.Errorf("got %v, %+v", err, missing)
	}
}

func TestAmbiguousNames(t *testing.T) {
	b := columnar.NewBuilder(scalar(columnar.Int64))
	b.AppendInt64(1)
	col := b.Vector()
	field := func(name string) columnar.Field { return columnar.Field{Name: name, Type: scalar(columnar.Int64)} }
	data := arrowFile(t, &columnar.Batch{Schema: columnar.NewSchema(field("Id"), field("ID")), Cols: []*columnar.Vector{col, col}, Rows: 1})
	if _, err := Decode("t.parquet", data, []columnar.DecodeField{{Field: field("ID")}}); err != nil {
		t.Error(err)
	}
	_, err := Decode("t.parquet", data, []columnar.DecodeField{{Field: field("id")}})
	if want := `t.parquet: column "id": the file has several columns named like "id": "Id", "ID"`; err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if b, err := Decode("t.parquet", data, nil); err != nil || show(b) != "1|1|\n" {
		t.Errorf("all columns: %v", err)
	}
}

func TestNoParquet(t *testing.T) {
	good := twoColumns(t)
	long := slices.Clone(good)
	long[len(long)-5] = 0x7f
	for name, test := range map[string]struct {
		data []byte
		want string
	}{
		"nothing":        {nil, "t.parquet: this is not a Parquet file: it does not begin and end with PAR1"},
		"text":           {[]byte("ad_id,campaign_id\n1,2\n"), "t.parquet: this is not a Parquet file: it does not begin and end with PAR1"},
		"cut":            {good[:len(good)-1], "t.parquet: this is not a Parquet file: it does not begin and end with PAR1"},
		"metadata":       {long, fmt.Sprintf("t.parquet: the file is damaged: metadata of %d bytes in %d", 0x7f<<24|int(good[len(good)-6])<<16|int(good[len(good)-7])<<8|int(good[len(good)-8]), len(good))},
		"only the magic": {[]byte("PAR1\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00PAR1"), ""},
	} {
		for _, decode := range []func() error{
			func() error { _, err := Schema("t.parquet", test.data); return err },
			func() error { _, err := Decode("t.parquet", test.data, nil); return err },
		} {
			if err := decode(); err == nil || test.want != "" && err.Error() != test.want || !strings.HasPrefix(err.Error(), "t.parquet: ") {
				t.Errorf("%s: got %v, want %s", name, err, test.want)
			}
		}
	}
}

// TestDamagedFiles changes files byte by byte: what comes out are rows or an error, never a panic.
func TestDamagedFiles(t *testing.T) {
	r := rand.New(rand.NewPCG(5, 1))
	good := arrowFile(t, randomBatch(r, everyType(), 20))
	refused := 0
	rounds := 500
	if testing.Short() {
		rounds = 150
	}
	for range rounds {
		data := slices.Clone(good)
		for range 1 + r.IntN(3) {
			data[r.IntN(len(data))] = byte(r.Uint32())
		}
		if r.IntN(4) == 0 {
			at := r.IntN(len(data))
			data = slices.Delete(data, at, min(at+1+r.IntN(100), len(data)))
		}
		if _, err := Decode("t.parquet", data, nil); err != nil {
			refused++
		}
	}
	if refused < rounds/10 {
		t.Errorf("%d of %d damaged files refused: the test says little", refused, rounds)
	}
}

func FuzzDecode(f *testing.F) {
	f.Add(twoColumns(f))
	f.Add(arrowFile(f, randomBatch(rand.New(rand.NewPCG(5, 2)), everyType()[20:], 3)))
	for _, form := range oldForms {
		f.Add(form.file(f))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		s, err := Schema("t.parquet", data)
		b, err2 := Decode("t.parquet", data, nil)
		if err == nil && err2 == nil && !s.Equal(b.Schema) {
			t.Errorf("schema %s, columns %s", s, b.Schema)
		}
	})
}

// TestRowsOfMetadata has the metadata promise other numbers of rows and values than there are.
func TestRowsOfMetadata(t *testing.T) {
	for _, test := range []struct {
		change func(*table)
		want   string
	}{
		{func(t *table) {}, ""},
		{func(t *table) { t.file.Metadata().RowGroups[0].NumRows-- }, "the file is damaged: column Name has more values than rows"},
		{func(t *table) { t.file.Metadata().RowGroups[0].NumRows++ }, `row 4: column "Name": the file is damaged: column Name has too few values`},
		{func(t *table) { t.file.Metadata().RowGroups[0].Columns[0].MetaData.NumValues-- }, `row 1: column "Name": the file is damaged: column Name has more values than it says`},
		{func(t *table) { t.file.Metadata().RowGroups[0].Columns[0].MetaData.NumValues++ }, "the file is damaged: column Name lacks 1 values"},
		{func(t *table) { t.file.Metadata().RowGroups[0].Columns[0].MetaData.TotalCompressedSize = 1 << 40 }, "column Name in row group 0: the file is damaged: "},
		{func(t *table) { t.file.Metadata().RowGroups[0].Columns[0].FilePath = "x" }, `column Name in row group 0: its data lie in another file, "x"`},
	} {
		tbl, err := open("t.parquet", twoColumns(t))
		if err != nil {
			t.Fatal(err)
		}
		test.change(tbl)
		_, err = tbl.decode(nil)
		if err == nil && test.want != "" || err != nil && (test.want == "" || !strings.HasPrefix(err.Error(), test.want)) {
			t.Errorf("got %v, want %s", err, test.want)
		}
	}
}

// TestPageHeaders refuses pages that say they are larger than what there is, or than any page may be.
func TestPageHeaders(t *testing.T) {
	chunk := func(h format.PageHeader) []byte {
		p, err := thrift.Marshal(new(thrift.CompactProtocol), h)
		if err != nil {
			t.Fatal(err)
		}
		return append([]byte("PAR1"), append(p, "1234"...)...)
	}
	page := func(compressed, plain, values int32) format.PageHeader {
		h := format.PageHeader{Type: format.DataPage, CompressedPageSize: compressed, UncompressedPageSize: plain}
		h.DataPageHeader.Valid, h.DataPageHeader.V.NumValues = true, values
		return h
	}
	for _, test := range []struct {
		header format.PageHeader
		ok     bool
	}{
		{page(4, 4, 1), true}, {page(5, 4, 1), false}, {page(-1, 4, 1), false}, {page(4, -1, 1), false}, {page(4, 1<<30+1, 1), false},
		{page(4, 4, 1<<26+1), false}, {page(4, 4, -1), false},
	} {
		data := chunk(test.header)
		err := checkPages(data, &format.ColumnChunk{MetaData: format.ColumnMetaData{DataPageOffset: 4, TotalCompressedSize: int64(len(data) - 4), NumValues: 1}})
		if (err == nil) != test.ok {
			t.Errorf("%+v: %v", test.header, err)
		}
	}
}
