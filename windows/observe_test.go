package windows

import (
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/millrace/millrace/columnar"
)

// timesBatch is a batch of one timestamp column at offsets 100, 101, …; nil is NULL.
func timesBatch(times ...any) *columnar.Batch {
	b := columnar.NewBuilder(columnar.Type{Kind: columnar.Timestamp})
	out := &columnar.Batch{Schema: columnar.NewSchema(columnar.Field{Name: "t", Type: columnar.Type{Kind: columnar.Timestamp}}),
		Rows: len(times), Origin: &columnar.Origin{Source: "s", Topic: "t", Partition: 3}}
	for i, t := range times {
		out.Offsets = append(out.Offsets, int64(100+i))
		if t == nil {
			b.AppendNull()
		} else {
			b.AppendInt64(int64(t.(int)))
		}
	}
	out.Cols = []*columnar.Vector{b.Vector()}
	return out
}

func TestObserver(t *testing.T) {
	const plan, future = 1000, 50
	tests := []struct {
		name      string
		times     []any
		sel       []int32 // before
		maxFuture int64
		want      []int32 // rows left; nil: all
		max       int64
		bad       []string // reasons, in part
	}{
		{name: "all usable", times: []any{5, 3, 1050}, maxFuture: future, max: 1050},
		{name: "just too far ahead", times: []any{5, 1051}, maxFuture: future, want: []int32{0}, max: 5, bad: []string{"more than max_future 50µs after the plan time 1970-01-01T00:00:00.001Z"}},
		{name: "no guard", times: []any{5, math.MaxInt}, maxFuture: -1, max: math.MaxInt64},
		{name: "NULL", times: []any{nil, 7, nil}, maxFuture: future, want: []int32{1}, max: 7, bad: []string{"NULL", "NULL"}},
		{name: "nothing usable is not everything", times: []any{nil, 2000}, maxFuture: future, want: []int32{}, max: NoWatermark, bad: []string{"NULL", "max_future"}},
		{name: "only selected rows", times: []any{9, 8, 7, nil}, sel: []int32{1, 2}, maxFuture: future, want: []int32{1, 2}, max: 8},
		{name: "no rows", times: []any{}, maxFuture: future, max: NoWatermark},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			o := NewObserver(0, Bounds{MaxFuture: test.maxFuture})
			b := timesBatch(test.times...)
			b.Sel = test.sel
			bad := o.Observe(b, plan)
			if !reflect.DeepEqual(b.Sel, test.want) {
				t.Errorf("rows %v, want %v", b.Sel, test.want)
			}
			if got := o.Max(); got != test.max || o.Max() != NoWatermark {
				t.Errorf("greatest time %d, want %d, and none afterwards", got, test.max)
			}
			if len(bad) != len(test.bad) {
				t.Fatalf("%d bad records, want %d", len(bad), len(test.bad))
			}
			for i, r := range bad {
				if !strings.Contains(r.Reason, test.bad[i]) || r.Topic != "t" || r.Partition != 3 || r.Offset < 100 {
					t.Errorf("bad record %+v, want reason %q", r, test.bad[i])
				}
			}
		})
	}
}

func TestObserverAllocatesNothing(t *testing.T) {
	o := NewObserver(0, Bounds{MaxFuture: -1})
	b := timesBatch(1, nil, 3)
	if n := testing.AllocsPerRun(100, func() { b.Sel = nil; o.Observe(b, 0) }); n > 0 {
		t.Errorf("%v allocations a batch", n)
	}
}

func TestFormatTime(t *testing.T) {
	for us, want := range map[int64]string{
		NoWatermark: "none", MaxWatermark: "end of time", 0: "1970-01-01T00:00:00Z",
		-1: "1969-12-31T23:59:59.999999Z", 1_500_000: "1970-01-01T00:00:01.5Z",
	} {
		if got := FormatTime(us); got != want {
			t.Errorf("%d is %q, want %q", us, got, want)
		}
	}
}
