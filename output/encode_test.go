package output_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// randomRow has NULLs, repeated and rare values, and the ends of each type's range.
func randomRow(rng *rand.Rand, s *columnar.Schema) outputtest.Row {
	row := outputtest.Row{}
	for _, f := range s.Fields {
		row = append(row, randomValue(rng, f.Type.Kind))
	}
	return row
}

func randomValue(rng *rand.Rand, k columnar.Kind) any {
	if rng.IntN(5) == 0 {
		return nil
	}
	switch k {
	case columnar.Bool:
		return rng.IntN(2) == 0
	case columnar.Int32, columnar.Date:
		return int64(pick(rng, math.MinInt32, math.MaxInt32, 0, rng.Int32()))
	case columnar.Int64, columnar.Timestamp:
		return pick(rng, math.MinInt64, math.MaxInt64, 0, rng.Int64())
	case columnar.Float64:
		return pick(rng, math.Inf(1), math.NaN(), math.Copysign(0, -1), rng.NormFloat64())
	case columnar.Binary:
		return []byte(randomText(rng))
	}
	return randomText(rng)
}

func pick[T any](rng *rand.Rand, xs ...T) T { return xs[rng.IntN(len(xs))] }

func randomText(rng *rand.Rand) string {
	return pick(rng, "", "view", "ü€😀", strings.Repeat("x", rng.IntN(100)), fmt.Sprint(rng.Uint64()))
}

// batches cuts rows into batches of up to size rows, and hides rows that are not selected between them.
func batches(rng *rand.Rand, s *columnar.Schema, rows []outputtest.Row, size int) []*columnar.Batch {
	var out []*columnar.Batch
	for len(rows) > 0 {
		n := min(1+rng.IntN(size), len(rows))
		out = append(out, withHidden(rng, s, rows[:n]))
		rows = rows[n:]
	}
	return out
}

func withHidden(rng *rand.Rand, s *columnar.Schema, rows []outputtest.Row) *columnar.Batch {
	if rng.IntN(3) == 0 {
		return outputtest.Batch(s, rows...)
	}
	var all []outputtest.Row
	var sel []int32
	for _, row := range rows {
		for rng.IntN(3) == 0 {
			all = append(all, randomRow(rng, s))
		}
		sel = append(sel, int32(len(all)))
		all = append(all, row)
	}
	b := outputtest.Batch(s, all...)
	b.Sel = sel
	return b
}

// cases is how many cases a test tries: all, or a few under -short.
func cases(all, few int) int {
	if testing.Short() {
		return few
	}
	return all
}

func wantRows(t *testing.T, got, want []outputtest.Row) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%d rows, want %d", len(got), len(want))
	}
	for i := range want {
		if !slices.EqualFunc(got[i], want[i], sameValue) {
			t.Fatalf("row %d is %#v, want %#v", i, got[i], want[i])
		}
	}
}

// sameValue takes NaN as equal to itself and tells the two zeros apart.
func sameValue(a, b any) bool {
	switch x := a.(type) {
	case float64:
		y, ok := b.(float64)
		return ok && math.Float64bits(x) == math.Float64bits(y)
	case []byte:
		y, ok := b.([]byte)
		return ok && bytes.Equal(x, y)
	}
	return a == b
}

func TestArrowReadsWhatWasWritten(t *testing.T) {
	for seed := range uint64(cases(12, 4)) {
		rng := rand.New(rand.NewPCG(seed, 0))
		var rows []outputtest.Row
		for range rng.IntN(3000) + 1 {
			rows = append(rows, randomRow(rng, allKinds))
		}
		l := newLake(t)
		cfg := l.config(flat(allKinds))
		cfg.Compression = pick(rng, "zstd", "snappy", "none", "")
		pr := l.write(cfg, batches(rng, allKinds, rows, 700)...)
		if len(pr.Files) != 1 {
			t.Fatalf("seed %d: files %v, want one", seed, pr.Files)
		}
		data := l.get(pr.Files[0].Path)
		t.Run(fmt.Sprintf("seed %d", seed), func(t *testing.T) { wantRows(t, readArrow(t, data).rows, rows) })
		if f := pr.Files[0]; f.Rows != int64(len(rows)) || f.Bytes != int64(len(data)) || pr.Rows != f.Rows {
			t.Errorf("seed %d: manifest entry %+v for %d rows in %d bytes", seed, f, len(rows), len(data))
		}
	}
}

func TestTypesAndFooter(t *testing.T) {
	l := newLake(t)
	s := columnar.NewSchema(append(slices.Clone(allKinds.Fields), columnar.Field{Name: `a, "odd" name`, Type: columnar.Type{Kind: columnar.Int32}})...)
	row := make(outputtest.Row, len(s.Fields))
	pr := l.write(l.config(flat(s)), outputtest.Batch(s, row))
	got := readArrow(t, l.get(pr.Files[0].Path))
	var fields []string
	for _, f := range got.fields {
		fields = append(fields, fmt.Sprintf("%s: %s nullable=%t", f.Name, f.Type, f.Nullable))
	}
	want := []string{
		"timestamp: timestamp[us, tz=UTC] nullable=true",
		"string: utf8 nullable=true",
		"bigint: int64 nullable=true",
		"boolean: bool nullable=true",
		"double: float64 nullable=true",
		"int: int32 nullable=true",
		"binary: binary nullable=true",
		"date: date32 nullable=true",
		`a, "odd" name: int32 nullable=true`,
	}
	if !slices.Equal(fields, want) {
		t.Errorf("fields\n%s\nwant\n%s", strings.Join(fields, "\n"), strings.Join(want, "\n"))
	}
	wantRows(t, got.rows, []outputtest.Row{row})
	if got.createdBy != "millrace version 2" {
		t.Errorf("created by %q", got.createdBy)
	}
	for key, want := range map[string]string{
		"millrace.writer":      "1",
		"millrace.job":         "job",
		"millrace.batch":       "1",
		"millrace.ranges":      `[{"source":"events","topic":"t","topic_id":"00000000000000000000000000000000","partition":0,"from":10,"until":20,"leader_epoch":3}]`,
		"millrace.rows_sha256": pr.Files[0].RowsSHA256,
	} {
		if got.footer[key] != want {
			t.Errorf("footer %s = %q, want %q", key, got.footer[key], want)
		}
	}
}

// bigBatch has more rows than a row group, more strings than a dictionary takes, and a column of NULLs. It is made once.
var bigBatch = sync.OnceValues(func() (*columnar.Schema, []outputtest.Row) {
	s := columnar.NewSchema(
		columnar.Field{Name: "id", Type: columnar.Type{Kind: columnar.String}},
		columnar.Field{Name: "t", Type: columnar.Type{Kind: columnar.Timestamp}},
		columnar.Field{Name: "kind", Type: columnar.Type{Kind: columnar.String}},
		columnar.Field{Name: "none", Type: columnar.Type{Kind: columnar.String}})
	rng := rand.New(rand.NewPCG(7, 0))
	var rows []outputtest.Row
	for i := range 1<<17 + 5000 {
		rows = append(rows, outputtest.Row{fmt.Sprintf("%016x", rng.Uint64()), int64(1_700_000_000_000_000 + 1000*i), pick(rng, "view", "click", "purchase"), nil})
	}
	return s, rows
})

func TestRowGroupsAndDictionaryFallback(t *testing.T) {
	s, rows := bigBatch()
	l := newLake(t)
	pr := l.write(l.config(flat(s)), outputtest.Batch(s, rows...))
	got := readArrow(t, l.get(pr.Files[0].Path))
	wantRows(t, got.rows, rows)
	if !slices.Equal(got.groups, []int64{1 << 17, 5000}) {
		t.Errorf("row groups of %v rows", got.groups)
	}
}

func TestBytesDependOnRowsOnly(t *testing.T) {
	s, rows := bigBatch()
	rng := rand.New(rand.NewPCG(8, 0))
	for _, n := range []int{1, 255, 256, 257, 3000, cases(len(rows), 10_000)} {
		l := newLake(t)
		first := l.write(l.config(flat(s)), outputtest.Batch(s, rows[:n]...))
		want := l.get(first.Files[0].Path)
		for _, size := range []int{100, 1 << 14} {
			if n > 3000 && size == 100 {
				continue // slow, and shows nothing that 3,000 rows do not
			}
			// Another sink first writes other rows, so that its buffers are used.
			l2 := newLake(t)
			p := l2.open(l2.config(flat(s)))
			l2.publish(p, 2, output.Shard{Rows: batches(rng, s, rows[:n/4+1], size)})
			second := l2.publish(p, 1, output.Shard{Rows: batches(rng, s, rows[:n], size)})
			if !slices.Equal(first.Files, second.Files) {
				t.Errorf("%d rows in batches of up to %d: files %v, want %v", n, size, second.Files, first.Files)
			}
			if !bytes.Equal(l2.get(second.Files[0].Path), want) {
				t.Errorf("%d rows in batches of up to %d: other bytes", n, size)
			}
		}
	}
}

func TestRowsDoNotDependOnCompression(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 0))
	rows := []outputtest.Row{randomRow(rng, allKinds), randomRow(rng, allKinds)}
	sums := map[string]bool{}
	for _, c := range []string{"zstd", "snappy", "none"} {
		l := newLake(t)
		cfg := l.config(flat(allKinds))
		cfg.Compression = c
		sums[l.write(cfg, outputtest.Batch(allKinds, rows...)).Files[0].RowsSHA256] = true
	}
	if len(sums) != 1 {
		t.Errorf("%d different rows_sha256", len(sums))
	}
	l := newLake(t)
	cfg := l.config(flat(allKinds))
	cfg.Compression = "lzma"
	_, err := output.OpenParquet(context.Background(), cfg)
	if err == nil || err.Error() != `sink lake: unknown compression "lzma": zstd, snappy or none` {
		t.Errorf("open with lzma: %v", err)
	}
}

func BenchmarkPrepare(b *testing.B) {
	s, rows := bigBatch()
	var in []*columnar.Batch
	for rest := rows; len(rest) > 0; {
		n := min(8192, len(rest))
		in = append(in, outputtest.Batch(s, rest[:n]...))
		rest = rest[n:]
	}
	for _, c := range []string{"zstd", "snappy", "none"} {
		b.Run(c, func(b *testing.B) {
			l := newLake(b)
			cfg := l.config(flat(s))
			cfg.Compression = c
			p := l.open(cfg)
			b.ReportAllocs()
			var size int64
			for b.Loop() {
				pr, err := p.Prepare(context.Background(), outputtest.Info(1), []output.Shard{{Rows: in}}, nil)
				if err != nil {
					b.Fatal(err)
				}
				size = pr.Files[0].Bytes
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*len(rows)), "ns/row")
			b.ReportMetric(float64(size)/float64(len(rows)), "B/row")
		})
	}
}

// BenchmarkSmallFiles is the worst case of partitioning: 1,000 directories of 10 rows each.
func BenchmarkSmallFiles(b *testing.B) {
	layout := outputtest.Layout()
	var rows []outputtest.Row
	for i := range 10_000 {
		rows = append(rows, outputtest.Row{fmt.Sprint(i % 1000), int64(i)})
	}
	l := newLake(b)
	p := l.open(l.config(layout))
	in := []output.Shard{{Rows: []*columnar.Batch{outputtest.Batch(layout.Schema, rows...)}}}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := p.Prepare(context.Background(), outputtest.Info(1), in, nil); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*1000), "ns/file")
}

// TestColumnsAtATime encodes a large batch with one column after the other, and with all of them at once: the bytes are
// the same. Flat and nested columns share no buffer, which the race detector looks at.
func TestColumnsAtATime(t *testing.T) {
	rng := rand.New(rand.NewPCG(11, 0))
	var rows []outputtest.Row
	for range 20_000 {
		rows = append(rows, randomRow(rng, allKinds))
	}
	in := batches(rng, allKinds, rows, 4096)
	atOnce := func(n int, f func(i int) error) error {
		errs := make([]error, n)
		var wg sync.WaitGroup
		for i := range n {
			wg.Go(func() { errs[i] = f(i) })
		}
		wg.Wait()
		return errors.Join(errs...)
	}
	var files []output.File
	for _, each := range []func(int, func(int) error) error{nil, atOnce, atOnce} {
		l := newLake(t)
		cfg := l.config(flat(allKinds))
		cfg.Each = each
		files = append(files, l.write(cfg, in...).Files...)
	}
	if len(files) != 3 || files[0].SHA256 == "" || files[1] != files[0] || files[2] != files[0] {
		t.Errorf("one after the other and at once: %+v", files)
	}
}
