package output_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// roller is a driver that does no more than keep what is pending.
type roller struct {
	*lake
	sink    *output.Parquet
	pending []output.PendingBatch
	blocks  map[int64][]byte
	batch   int64
}

func (l *lake) rolling(cfg output.ParquetConfig) *roller {
	return &roller{lake: l, sink: l.open(cfg), blocks: map[int64][]byte{}}
}

// prepare is what the next batch would publish, planned n seconds behind the first one.
func (r *roller) prepare(second int64, roll bool, shards ...output.Shard) *output.Prepared {
	r.t.Helper()
	r.batch++
	info := outputtest.Info(r.batch)
	info.PlanTime, info.Roll = second*1_000_000, roll
	load := func(_ context.Context, b *output.PendingBatch) ([]byte, error) { return r.blocks[b.Batch], nil }
	pr, err := r.sink.Prepare(context.Background(), info, shards, &output.Pending{Batches: r.pending, Load: load})
	if err != nil {
		r.t.Fatalf("batch %d: %v", r.batch, err)
	}
	return pr
}

// next publishes a batch that is planned n seconds behind the first one.
func (r *roller) next(second int64, roll bool, shards ...output.Shard) *output.Prepared {
	r.t.Helper()
	pr := r.prepare(second, roll, shards...)
	if err := r.sink.Publish(context.Background(), pr); err != nil {
		r.t.Fatalf("batch %d: %v", r.batch, err)
	}
	if pr.Pending != nil {
		r.pending = pr.Pending.Apply(r.pending)
		r.blocks[r.batch] = pr.Block
	}
	return pr
}

// randomRows are rows of every type.
func randomRows(rng *rand.Rand, n int) *columnar.Batch {
	b := &columnar.Batch{Schema: everyType(), Rows: n}
	for _, f := range b.Schema.Fields {
		b.Cols = append(b.Cols, randomVector(rng, f.Type, n, true))
	}
	return b
}

// TestRolledRows: whatever batches a file's rows have come in, it has the rows, in their order and to the bit, that it would have had
// if they had come in one, of every type; and no row is in two files or in none.
func TestRolledRows(t *testing.T) {
	rng := rand.New(rand.NewPCG(20261126, 1))
	files := 0
	for range cases(5, 1) {
		l := newLake(t)
		cfg := l.config(flat(everyType()))
		cfg.MaxAge, cfg.MaxFileRows, cfg.MaxFileBytes = time.Duration(1+rng.IntN(8))*time.Second, rng.Int64N(3)*100, 20_000+rng.Int64N(200_000)
		r := l.rolling(cfg)
		all, done := map[int][]*columnar.Batch{}, map[int]int{}
		plain := newLake(t)
		whole := plain.open(plain.config(flat(everyType())))
		for n := range int64(12) {
			var shards []output.Shard
			for s := range 2 {
				if rng.IntN(3) > 0 {
					rows := randomRows(rng, 1+rng.IntN(150))
					shards = append(shards, output.Shard{ID: s, Rows: []*columnar.Batch{rows}})
					all[s] = append(all[s], rows)
				}
			}
			for _, f := range r.next(n, n == 11, shards...).Files {
				shard := strings.Index("01", f.Path[strings.Index(f.Path, "-s00")+4:][:1])
				rows := make([]int32, f.Rows)
				for i := range rows {
					rows[i] = int32(done[shard] + i)
				}
				done[shard] += len(rows)
				want, err := whole.Prepare(t.Context(), outputtest.Info(1), []output.Shard{{Rows: []*columnar.Batch{columnar.Take(columnar.Concat(all[shard]), rows)}}}, nil)
				if err != nil || want.Files[0].RowsSHA256 != f.RowsSHA256 {
					t.Fatalf("%s has other rows than %d to %d of its shard (%v)", f.Path, rows[0], done[shard], err)
				}
				files++
			}
		}
		for s := range all {
			if n := columnar.Concat(all[s]).Rows; done[s] != n || len(r.pending) > 0 {
				t.Errorf("shard %d: %d rows of %d are in files, %v pending", s, done[s], n, r.pending)
			}
		}
	}
	t.Logf("%d files", files)
}

// TestPendingCanBeListed: where more directories would have rows that wait than a record of the log can list, those whose rows have
// waited longest get their files, and no more of them than must. Long names count for more.
func TestPendingCanBeListed(t *testing.T) {
	dirs := func(first, n int, name string) output.Shard {
		keys := make([]string, n)
		for i := range keys {
			keys[i] = fmt.Sprintf("%s%05d", name, first+i)
		}
		return output.Shard{Rows: []*columnar.Batch{keyRows(keys...)}}
	}
	for _, test := range []struct {
		name          string // "key=" and five digits more: 2 units of 128 bytes, and 1
		first, second int
	}{{strings.Repeat("long", 30), 6000, 4500}, {"k", 12_000, 8500}}[:cases(2, 1)] {
		l := newLake(t)
		cfg := l.config(outputtest.Layout())
		cfg.MaxAge, cfg.MaxPartitions = time.Hour, 20_000
		r := l.rolling(cfg)
		if pr := r.next(0, false, dirs(0, test.first, test.name)); len(pr.Files) > 0 {
			t.Fatalf("%d files of the first rows", len(pr.Files))
		}
		pr := r.prepare(1, false, dirs(test.first, test.second, test.name))
		if len(pr.Files) != 500 {
			t.Errorf("%d files, want 500", len(pr.Files))
		}
		for _, f := range pr.Files {
			if !strings.Contains(f.Path, "-b000000000001-000000000002-") {
				t.Fatalf("%s is not of rows that have waited longest", f.Path)
			}
		}
	}
}

// TestDuckDBReadsRolled reads files with rows of several batches, and what their footers say.
func TestDuckDBReadsRolled(t *testing.T) {
	duckdbtest.Need(t)
	dir := t.TempDir()
	l := &lake{t, &store.Local{Root: dir}}
	cfg := l.config(outputtest.Layout())
	cfg.MaxAge, cfg.MaxFileRows = time.Minute, 5
	r := l.rolling(cfg)
	for n := range int64(4) {
		r.next(n, n == 3, output.Shard{Rows: []*columnar.Batch{keyRows("a", "a", "a")}})
	}
	path := filepath.ToSlash(dir) + "/**/*.parquet"
	got := queries(t, fmt.Sprintf("SELECT count(*) FROM read_parquet('%s', hive_partitioning = true)", path),
		fmt.Sprintf("SELECT string_agg(decode(value), ' ' ORDER BY file_name) FROM parquet_kv_metadata('%s') WHERE key = 'millrace.first_batch'", path),
		fmt.Sprintf("SELECT string_agg(concat(decode(value)::JSON->>'$[0].from', '-', decode(value)::JSON->>'$[0].until'), ' ' ORDER BY file_name) FROM parquet_kv_metadata('%s') WHERE key = 'millrace.ranges'", path))
	if want := "12\n1 2\n10-30 20-50 40-50\n"; got != want {
		t.Errorf("DuckDB reads %q, want %q: the rows, the first batches of files that have several, and the ranges of all of a file's batches", got, want)
	}
}

// TestPendingColumnsChanged refuses rows of other columns than those of files of today.
func TestPendingColumnsChanged(t *testing.T) {
	l := newLake(t)
	cfg := l.config(flat(schema(columnar.Int64)))
	cfg.MaxAge = time.Minute
	r := l.rolling(cfg)
	r.next(0, false, output.Shard{Rows: []*columnar.Batch{outputtest.Batch(cfg.Layout.Schema, outputtest.Row{int64(7)})}})
	cfg.Layout = flat(schema(columnar.String))
	info := outputtest.Info(2)
	info.Roll = true
	load := func(_ context.Context, b *output.PendingBatch) ([]byte, error) { return r.blocks[b.Batch], nil }
	_, err := l.open(cfg).Prepare(t.Context(), info, nil, &output.Pending{Batches: r.pending, Load: load})
	if err == nil || !strings.Contains(err.Error(), "rows of batch 1 wait for it") {
		t.Errorf("error %v", err)
	}
}

// TestFilesEndWithRuns has files end where the rows of one task do and those of the next begin, rolled over batches and not.
func TestFilesEndWithRuns(t *testing.T) {
	for _, age := range []time.Duration{0, time.Hour} {
		l := newLake(t)
		cfg := l.config(flat(outputtest.Layout().Schema))
		cfg.MaxFileRows, cfg.MaxAge = 2, age
		r := l.rolling(cfg)
		for n := range int64(3) {
			r.next(n, n == 2, output.Shard{Rows: []*columnar.Batch{keyRows("a", "b"), keyRows("c", "d"), keyRows("e")}})
		}
		if files, want := l.files(), map[time.Duration]int{0: 9, time.Hour: 8}[age]; len(files) != want {
			t.Errorf("max_age %s: %d files, want %d", age, len(files), want)
		}
	}
}
