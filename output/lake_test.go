package output_test

import (
	"context"
	"path"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// lake is a directory for a Parquet sink, in memory.
type lake struct {
	t     testing.TB
	store store.Store
}

func newLake(t testing.TB) *lake {
	return &lake{t, &store.Local{Root: "/lake", FS: storetest.NewCrashFS()}}
}

func (l *lake) config(layout output.Layout) output.ParquetConfig {
	return output.ParquetConfig{Sink: "lake", Store: l.store, Root: "/lake", Layout: layout, Owner: outputtest.Me}
}

func (l *lake) open(cfg output.ParquetConfig) *output.Parquet {
	l.t.Helper()
	p, err := output.OpenParquet(context.Background(), cfg)
	if err != nil {
		l.t.Fatalf("open: %v", err)
	}
	return p
}

// write publishes one batch of one shard.
func (l *lake) write(cfg output.ParquetConfig, batches ...*columnar.Batch) *output.Prepared {
	l.t.Helper()
	return l.publish(l.open(cfg), 1, output.Shard{Rows: batches})
}

func (l *lake) publish(p *output.Parquet, batch int64, shards ...output.Shard) *output.Prepared {
	l.t.Helper()
	ctx := context.Background()
	pr, err := p.Prepare(ctx, outputtest.Info(batch), shards, nil)
	if err != nil {
		l.t.Fatalf("prepare: %v", err)
	}
	if err := p.Publish(ctx, pr); err != nil {
		l.t.Fatalf("publish: %v", err)
	}
	return pr
}

// files lists what a reader of the directory finds.
func (l *lake) files() []string {
	l.t.Helper()
	names, err := l.store.List(context.Background(), "")
	if err != nil {
		l.t.Fatalf("list: %v", err)
	}
	var out []string
	for _, n := range names {
		if path.Ext(n) == ".parquet" && !strings.HasPrefix(n, "_") {
			out = append(out, n)
		}
	}
	return out
}

func (l *lake) get(name string) []byte {
	l.t.Helper()
	data, err := l.store.Get(context.Background(), name)
	if err != nil {
		l.t.Fatalf("get: %v", err)
	}
	return data
}

// schema returns columns named after their types.
func schema(kinds ...columnar.Kind) *columnar.Schema {
	s := &columnar.Schema{}
	for _, k := range kinds {
		s.Fields = append(s.Fields, columnar.Field{Name: k.String(), Type: columnar.Type{Kind: k}})
	}
	return s
}

var allKinds = schema(columnar.Timestamp, columnar.String, columnar.Int64, columnar.Bool, columnar.Float64, columnar.Int32,
	columnar.Binary, columnar.Date)

// flat puts all columns into files, in one directory.
func flat(s *columnar.Schema) output.Layout {
	l := output.Layout{Schema: s}
	for i := range s.Fields {
		l.Columns = append(l.Columns, i)
	}
	return l
}
