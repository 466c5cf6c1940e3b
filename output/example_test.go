package output_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
)

// A batch is published twice, as by a process that died behind the first time and one that came after it: the rows are
// there once.
func Example() {
	dir, err := os.MkdirTemp("", "flights")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	text, bigint := columnar.Type{Kind: columnar.String}, columnar.Type{Kind: columnar.Int64}
	schema := columnar.NewSchema(columnar.Field{Name: "origin", Type: text}, columnar.Field{Name: "delay", Type: bigint})
	origin, delay := columnar.NewBuilder(text), columnar.NewBuilder(bigint)
	for i, airport := range []string{"SFO", "LAX", "SFO"} {
		origin.AppendString(airport)
		delay.AppendInt64(int64(10 * i))
	}
	rows := &columnar.Batch{Schema: schema, Rows: 3, Cols: []*columnar.Vector{origin.Vector(), delay.Vector()}}

	ctx := context.Background()
	for attempt := range 2 {
		sink, err := output.OpenParquet(ctx, output.ParquetConfig{
			Sink: "lake", Store: &store.Local{Root: dir}, Root: dir,
			Layout: output.Layout{Schema: schema, Columns: []int{1},
				Partitions: []output.PartitionExpr{{Name: "origin", Expr: columnar.Col(schema, 0)}}},
			Owner: output.Owner{Job: "flights", Checkpoint: "c0ffee"},
		})
		if err != nil {
			panic(err)
		}
		info := output.BatchInfo{Job: "flights", JobHash: strings.Repeat("ab", 32), Batch: 1, Shards: 1, Rerun: attempt > 0}
		prepared, err := sink.Prepare(ctx, info, []output.Shard{{Rows: []*columnar.Batch{rows}}}, nil)
		if err != nil {
			panic(err)
		}
		if err := sink.Publish(ctx, prepared); err != nil {
			panic(err)
		}
		for _, f := range prepared.Files {
			fmt.Println(f.Rows, f.Path)
		}
	}
	there, err := filepath.Glob(dir + "/origin=*/*.parquet")
	fmt.Println(len(there), "files,", err)
	// Output:
	// 1 origin=LAX/flights-b000000000001-s000-abababab.parquet
	// 2 origin=SFO/flights-b000000000001-s000-abababab.parquet
	// 1 origin=LAX/flights-b000000000001-s000-abababab.parquet
	// 2 origin=SFO/flights-b000000000001-s000-abababab.parquet
	// 2 files, <nil>
}
