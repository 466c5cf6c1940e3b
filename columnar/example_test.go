package columnar_test

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
)

// Example keeps the late flights of a batch and sums their delay by airport.
func Example() {
	str, bigint := columnar.Type{Kind: columnar.String}, columnar.Type{Kind: columnar.Int64}
	schema := columnar.NewSchema(columnar.Field{Name: "origin", Type: str}, columnar.Field{Name: "delay", Type: bigint})
	origin, delay := columnar.NewBuilder(str), columnar.NewBuilder(bigint)
	for i, airport := range []string{"SFO", "LAX", "SFO", "SFO"} {
		origin.AppendString(airport)
		delay.AppendInt64(int64(10 * i))
	}
	batch := &columnar.Batch{Schema: schema, Rows: 4, Cols: []*columnar.Vector{origin.Vector(), delay.Vector()}}

	late, err := columnar.Call(">=", columnar.Col(schema, 1), columnar.Const(bigint, columnar.Value{I: 10}))
	if err != nil {
		panic(err)
	}
	filter, err := columnar.NewFilter(schema, late)
	if err != nil {
		panic(err)
	}
	kept, err := filter.Process(batch)
	if err != nil {
		panic(err)
	}
	totals := columnar.NewHashAggregate(schema, columnar.AggSpec{
		Keys: []int{0},
		Aggs: []columnar.Agg{{Func: columnar.Sum, Arg: 1, In: bigint, Name: "delay"}},
	})
	if err := totals.Add(kept); err != nil {
		panic(err)
	}
	out, err := totals.Final()
	if err != nil {
		panic(err)
	}
	for i := range out.Rows {
		fmt.Printf("%s %d\n", out.Cols[0].Str(i), out.Cols[1].I64[i])
	}
	// Output:
	// LAX 10
	// SFO 50
}
