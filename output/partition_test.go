package output_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// byTypes is a layout with one level of directories for each partitionable type, and the row's number in the files.
func byTypes() output.Layout {
	s := schema(columnar.Int64, columnar.Date, columnar.Bool, columnar.String, columnar.Int32, columnar.Timestamp)
	l := output.Layout{Schema: s, Columns: []int{0}}
	for i := 1; i < len(s.Fields); i++ {
		l.Partitions = append(l.Partitions, output.PartitionExpr{Name: "p " + s.Fields[i].Name, Expr: columnar.Col(s, i)})
	}
	return l
}

// The texts are written down, not computed: what a directory is called must not depend on the code that names it.
var partitionTexts = [][]struct {
	value any
	text  string
}{
	{{int64(0), "1970-01-01"}, {int64(20779), "2026-11-22"}},
	{{true, "true"}, {false, "false"}, {nil, "__HIVE_DEFAULT_PARTITION__"}},
	{{"a/b", "a%2Fb"}, {"", "__HIVE_DEFAULT_PARTITION__"}, {nil, "__HIVE_DEFAULT_PARTITION__"},
		{"__HIVE_DEFAULT_PARTITION__", "__HIVE_DEFAULT_PARTITION__"}, {"ü", "ü"}},
	{{int64(3), "3"}, {int64(-1), "-1"}},
	{{int64(1_500_000), "1970-01-01 00%3A00%3A01.5"}, {nil, "__HIVE_DEFAULT_PARTITION__"}},
}

func TestPartitions(t *testing.T) {
	for seed := range uint64(cases(8, 3)) {
		rng := rand.New(rand.NewPCG(seed, 0))
		layout := byTypes()
		want := map[string][]outputtest.Row{}
		var shards []output.Shard
		for id := range rng.IntN(3) + 1 {
			rows := randomPartitions(rng, id, want)
			shards = append(shards, output.Shard{ID: id, Rows: batches(rng, layout.Schema, rows, 40)})
		}
		l := newLake(t)
		pr := l.publish(l.open(l.config(layout)), 1, shards...)
		got := map[string][]outputtest.Row{}
		for _, f := range pr.Files {
			got[f.Path] = readArrow(t, l.get(f.Path)).rows
		}
		if a, b := fmt.Sprint(got), fmt.Sprint(want); a != b {
			t.Fatalf("seed %d: files\n%s\nwant\n%s", seed, a, b)
		}
		if n := len(l.files()); n != len(want) {
			t.Errorf("seed %d: a reader finds %d files, want %d", seed, n, len(want))
		}
	}
}

// randomPartitions returns the rows of a shard and adds them to their files in want.
func randomPartitions(rng *rand.Rand, shard int, want map[string][]outputtest.Row) []outputtest.Row {
	var rows []outputtest.Row
	for i := range rng.IntN(200) {
		row := outputtest.Row{int64(1000*shard + i)}
		dir := ""
		for level, choices := range partitionTexts {
			c := choices[rng.IntN(len(choices))]
			row = append(row, c.value)
			dir = path.Join(dir, "p "+byTypes().Schema.Fields[level+1].Name+"="+c.text)
		}
		rows = append(rows, row)
		name := fmt.Sprintf("%s/job-b000000000001-s%03d-00000000.parquet", dir, shard)
		want[name] = append(want[name], row[:1])
	}
	return rows
}

func TestPartitionExpressions(t *testing.T) {
	s := schema(columnar.Int64, columnar.String)
	bigint := columnar.Type{Kind: columnar.Int64}
	half, err := columnar.Call("%", columnar.Col(s, 0), columnar.Const(bigint, columnar.Value{I: 2}))
	if err != nil {
		t.Fatal(err)
	}
	l := newLake(t)
	l.write(l.config(output.Layout{Schema: s, Columns: []int{1}, Partitions: []output.PartitionExpr{{Name: "odd", Expr: half}}}),
		outputtest.Batch(s, outputtest.Row{int64(1), "a"}, outputtest.Row{int64(2), "b"}, outputtest.Row{int64(3), "c"}))
	if got, want := fmt.Sprint(l.files()), "[odd=0/job-b000000000001-s000-00000000.parquet odd=1/job-b000000000001-s000-00000000.parquet]"; got != want {
		t.Errorf("files %s, want %s", got, want)
	}
}

// TestValuesOfOneName puts NULL, the empty string and the text that stands for both into one directory: they are one
// file, their rows stay in order, equal ones stay two, and they count as one directory.
func TestValuesOfOneName(t *testing.T) {
	layout := outputtest.Layout()
	l := newLake(t)
	cfg := l.config(layout)
	cfg.MaxPartitions = 1
	var rows, want []outputtest.Row
	for i, key := range []any{nil, "", "__HIVE_DEFAULT_PARTITION__", nil, "__HIVE_DEFAULT_PARTITION__", ""} {
		rows = append(rows, outputtest.Row{key, int64(i / 2)})
		want = append(want, outputtest.Row{int64(i / 2)})
	}
	pr := l.write(cfg, outputtest.Batch(layout.Schema, rows[:2]...), outputtest.Batch(layout.Schema, rows[2:]...))
	files := []string{"key=__HIVE_DEFAULT_PARTITION__/job-b000000000001-s000-00000000.parquet"}
	if got := l.files(); !slices.Equal(got, files) || len(pr.Files) != 1 {
		t.Fatalf("files %v, manifest entries %v, want %v", got, pr.Files, files)
	}
	wantRows(t, readArrow(t, l.get(files[0])).rows, want)
}

// TestRowErrorsNameTheSink partitions by 60 / number, where a number is 0.
func TestRowErrorsNameTheSink(t *testing.T) {
	layout := outputtest.Layout()
	bigint := columnar.Type{Kind: columnar.Int64}
	share, err := columnar.Call("/", columnar.Const(bigint, columnar.Value{I: 60}), columnar.Col(layout.Schema, 1))
	if err != nil {
		t.Fatal(err)
	}
	whole, err := columnar.Cast(share, bigint)
	if err != nil {
		t.Fatal(err)
	}
	layout.Partitions = []output.PartitionExpr{{Name: "share", Expr: whole}}
	l := newLake(t)
	rows := outputtest.Batch(layout.Schema, outputtest.Row{"a", int64(2)}, outputtest.Row{"b", int64(0)})
	rows.Origin, rows.Offsets = &columnar.Origin{Topic: "flights", Partition: 2}, []int64{104, 105}
	_, err = l.open(l.config(layout)).Prepare(context.Background(), outputtest.Info(1), []output.Shard{{Rows: []*columnar.Batch{rows}}}, nil)
	var row *columnar.RowError
	if !errors.As(err, &row) || row.Row != 1 {
		t.Fatalf("error %v, want a RowError of row 1", err)
	}
	if want := `sink lake: partition column "share": flights/2 offset 105: division by zero in `; !strings.HasPrefix(err.Error(), want) {
		t.Errorf("error %v, want %s…", err, want)
	}
}

func TestPartitionErrors(t *testing.T) {
	layout := outputtest.Layout()
	l := newLake(t)
	cfg := l.config(layout)
	cfg.MaxPartitions = 3
	p := l.open(cfg)
	prepare := func(keys ...string) error {
		var rows []outputtest.Row
		for _, k := range keys {
			rows = append(rows, outputtest.Row{k, int64(1)})
		}
		half := len(rows) / 2
		_, err := p.Prepare(context.Background(), outputtest.Info(1), []output.Shard{
			{ID: 0, Rows: []*columnar.Batch{outputtest.Batch(layout.Schema, rows[:half]...)}},
			{ID: 1, Rows: []*columnar.Batch{outputtest.Batch(layout.Schema, rows[half:]...)}}}, nil)
		return err
	}
	if err := prepare("a", "b", "c", "a", "b", "c"); err != nil {
		t.Errorf("three directories of three: %v", err)
	}
	var limit *output.PartitionLimitError
	if err := prepare("a", "b", "c", "d", "e"); !errors.As(err, &limit) {
		t.Fatalf("five directories of three: %v, want a PartitionLimitError", err)
	}
	want := `sink lake: a batch needs 5 partition directories, max_partitions is 3; column "key" has 5 values: partition by something coarser, or raise max_partitions`
	if limit.Error() != want {
		t.Errorf("error\n%s\nwant\n%s", limit, want)
	}
	var value *output.PartitionValueError
	if err := prepare(strings.Repeat("x", 300)); !errors.As(err, &value) || value.Sink != "lake" || value.Column != "key" {
		t.Errorf("a value of 300 bytes: %v, want a PartitionValueError", err)
	}
	if files := l.files(); len(files) != 0 {
		t.Errorf("files %v are visible", files)
	}
}

func TestLayoutErrors(t *testing.T) {
	s := columnar.NewSchema(
		columnar.Field{Name: "a", Type: columnar.Type{Kind: columnar.String}},
		columnar.Field{Name: "a", Type: columnar.Type{Kind: columnar.Int64}},
		columnar.Field{Name: "x", Type: columnar.Type{Kind: columnar.Float64}},
		columnar.Field{Name: "i", Type: columnar.Type{Kind: columnar.Interval}})
	part := func(name string, col int) []output.PartitionExpr {
		return []output.PartitionExpr{{Name: name, Expr: columnar.Col(s, col)}}
	}
	for _, test := range []struct {
		layout output.Layout
		want   string
	}{
		{output.Layout{}, "no column is left for the files"},
		{output.Layout{Columns: []int{0, 1}}, `two columns are named "a"`},
		{output.Layout{Columns: []int{3}}, `column "i": an interval cannot be stored in Parquet`},
		{output.Layout{Columns: []int{2}, Partitions: part("", 0)}, "a partition column has no name"},
		{output.Layout{Columns: []int{0}, Partitions: part("a", 1)}, `partition column "a": another column has that name`},
		{output.Layout{Columns: []int{0}, Partitions: part("x", 2)}, `partition column "x": a double cannot name a directory; cast it to string`},
	} {
		test.layout.Schema = s
		l := newLake(t)
		_, err := output.OpenParquet(context.Background(), l.config(test.layout))
		if err == nil || err.Error() != "sink lake: "+test.want {
			t.Errorf("error %v, want %s", err, test.want)
		}
		if names, _ := l.store.List(context.Background(), ""); len(names) != 0 {
			t.Errorf("%s: the directory was claimed all the same", test.want)
		}
	}
}
