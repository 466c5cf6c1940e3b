package batch

import (
	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
)

var mappedColumns = columnar.NewSchema(simField("event_ad", columnar.String), simField("kind", columnar.String), simField("n", columnar.Int64),
	simField("price", columnar.Float64), simField("ts", columnar.Timestamp))

// mapped means what windowed does, with a function in Go on the way that hands most columns on, and makes one anew.
var mapped = windowedOf("mapped", func(g *dstream.Graph) *dstream.Stream {
	return g.From("events").
		Select(col("ad"), col("kind"), col("n"), col("price"), col("ts")).
		MapBatch("n anew", mappedColumns, nAnew).
		Filter(col("kind").Eq(dstream.Str("view"))).
		Join("ads", "", dstream.Inner, col("event_ad").Eq(col("ads.ad")))
}, "view")

func nAnew(rec arrow.Record) (arrow.Record, error) {
	schema, err := columnar.ArrowSchema(mappedColumns)
	if err != nil {
		return nil, err
	}
	b := array.NewInt64Builder(memory.DefaultAllocator)
	defer b.Release()
	b.AppendValues(rec.Column(2).(*array.Int64).Int64Values(), nil)
	n := b.NewArray()
	defer n.Release()
	return array.NewRecord(schema, []arrow.Array{rec.Column(0), rec.Column(1), n, rec.Column(3), rec.Column(4)}, rec.NumRows()), nil
}
