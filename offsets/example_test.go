package offsets_test

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/millrace/millrace/offsets"
)

// A job plans two ranges of at most four offsets, one behind the other, and reads exactly what is inside them. The
// second range is shorter in records than in offsets: an aborted transaction has left a gap.
func Example() {
	ctx := context.Background()
	source := offsets.NewMemory("events")
	appendValues(source, "a", "b", "c")
	source.Gap("clicks", 0, 2)
	appendValues(source, "d")

	var reached []offsets.Position
	for range 2 {
		states, err := source.Survey(ctx, reached)
		if err != nil {
			panic(err)
		}
		ranges, err := offsets.PlanRanges("events", states, reached, offsets.Limits{Rows: 4}, offsets.Earliest)
		if err != nil {
			panic(err)
		}
		fmt.Println(ranges[0], readValues(ctx, source, ranges[0]))
		reached = []offsets.Position{ranges[0].After()}
	}
	// Output:
	// clicks/0 [0, 4) [a b c]
	// clicks/0 [4, 6) [d]
}

// A position that the log does not hold any more is an error: to go on behind it would lose records silently.
func ExampleRangeGoneError() {
	source := offsets.NewMemory("events")
	appendValues(source, "a", "b", "c", "d")
	source.DeleteBefore("clicks", 0, 3)
	states, err := source.Partitions(context.Background())
	if err != nil {
		panic(err)
	}
	reached := []offsets.Position{{Source: "events", Topic: "clicks", TopicID: states[0].TopicID, Next: 2}}
	_, err = offsets.PlanRanges("events", states, reached, offsets.Limits{}, offsets.Earliest)
	var gone *offsets.RangeGoneError
	fmt.Println(errors.As(err, &gone), err)
	// Output:
	// true clicks/0 position 2: retention has deleted offsets before 3; available [3, 4)
}

func appendValues(m *offsets.Memory, values ...string) {
	for _, v := range values {
		m.Append("clicks", 0, offsets.MemoryRecord{Value: []byte(v)})
	}
}

func readValues(ctx context.Context, source offsets.Source, r offsets.Range) (values []string) {
	reader, err := source.Read(ctx, r)
	if err != nil {
		panic(err)
	}
	defer reader.Close()
	var recs offsets.Records
	for {
		if err = reader.Next(ctx, &recs); err == io.EOF {
			return values
		} else if err != nil {
			panic(err)
		}
		for _, rec := range recs.Rows {
			values = append(values, string(rec.Value.Of(recs.Buf)))
		}
	}
}
