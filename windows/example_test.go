package windows_test

import (
	"fmt"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/windows"
)

// Two batches of one partition: the second one moves the watermark over the end of the first window.
func Example() {
	timestamp := columnar.Type{Kind: columnar.Timestamp}
	clicks := columnar.NewSchema(columnar.Field{Name: "ts", Type: timestamp})
	window := windows.Window{Kind: windows.Tumbling, Size: 10}
	bounds := windows.Bounds{MaxDisorder: 2}

	assign := windows.NewAssign(clicks, 0, window)
	perWindow := columnar.AggSpec{Keys: []int{1}, Aggs: []columnar.Agg{{Func: columnar.CountStar, Arg: -1, Name: "_rows"}}}
	counts := windows.NewAggregate(windows.Operator{Window: window, In: assign.Schema(), Spec: perWindow})
	mark := windows.NewSourceMark()

	for _, times := range [][]int64{{1, 9, 11}, {8, 12}} {
		assign.SetWatermark(mark.Watermark)
		ts := &columnar.Vector{Type: timestamp, N: len(times), I64: times}
		rows, _ := assign.Process(&columnar.Batch{Schema: clicks, Cols: []*columnar.Vector{ts}, Rows: len(times)})
		partial := columnar.NewHashAggregate(assign.Schema(), perWindow)
		if err := partial.Add(rows); err != nil {
			panic(err)
		}
		if err := counts.Merge(partial.Partial()); err != nil {
			panic(err)
		}
		seen := []windows.Seen{{Topic: "clicks", MaxEventTime: times[len(times)-1], Read: true}}
		mark = windows.Advance(mark, seen, bounds, 0)
		closed, err := counts.Close(mark.Watermark)
		if err != nil {
			panic(err)
		}
		fmt.Println("watermark", mark.Watermark, "windows closed:", closed.Groups.Rows)
		for i := range closed.Groups.Rows {
			fmt.Printf("window %d: %d clicks\n", closed.Groups.Cols[0].I64[i], closed.Groups.Cols[1].I64[i])
		}
	}
	// Output:
	// watermark 9 windows closed: 0
	// watermark 10 windows closed: 1
	// window 0: 3 clicks
}
