package columnar

import (
	"context"
	"fmt"
	"os"
	"runtime"
	"slices"
	"testing"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/compute"
	"github.com/apache/arrow/go/v17/arrow/memory"
	arrowscalar "github.com/apache/arrow/go/v17/arrow/scalar"
	"golang.org/x/sys/unix"
)

// kernelRows is how many rows a batch of the kernel benchmarks has.
const kernelRows = 8192

// kernelBatch has columns of bigint a, b, n (a tenth of it NULL), double x, y, m (a tenth NULL), string s of three values,
// long strings u, and c: s with codes.
func kernelBatch(tb testing.TB) *Batch {
	tb.Helper()
	bigint, double, text := Type{Kind: Int64}, Type{Kind: Float64}, Type{Kind: String}
	s := NewSchema(Field{"a", bigint}, Field{"b", bigint}, Field{"n", bigint}, Field{"x", double}, Field{"y", double}, Field{"m", double},
		Field{"s", text}, Field{"u", text}, Field{"c", text})
	r := newRand(tb)
	cols := make([]*Builder, len(s.Fields))
	for i, f := range s.Fields {
		cols[i] = NewBuilder(f.Type)
	}
	for range kernelRows {
		for i, f := range s.Fields {
			switch {
			case (f.Name == "n" || f.Name == "m") && r.IntN(10) == 0:
				cols[i].AppendNull()
			case f.Type == bigint:
				cols[i].AppendInt64(r.Int64N(1000))
			case f.Type == double:
				cols[i].AppendFloat64(r.Float64())
			case f.Name == "u":
				cols[i].AppendString(fmt.Sprintf("0f3e4a7c-%04d-4c1d-9d30-0123456789ab", r.IntN(3)))
			default:
				cols[i].AppendString([]string{"view", "click", "purchase"}[r.IntN(3)])
			}
		}
	}
	batch := &Batch{Schema: s, Rows: kernelRows}
	for _, c := range cols {
		batch.Cols = append(batch.Cols, c.Vector())
	}
	e := &textEncoder{}
	e.encode(batch.Cols[6])
	batch.Cols[8] = &e.out
	return batch
}

// kernelCase is an expression and the same in Arrow's compute functions; bar is the most that a row may cost, in
// nanoseconds, 0 for none.
type kernelCase struct {
	expr *Expr
	fn   string
	args []any // columns by name, scalars
	bar  float64
}

func kernelCases(tb testing.TB, s *Schema) []kernelCase {
	col := func(name string) *Expr { return Col(s, s.Index(name)) }
	half := Const(Type{Kind: Float64}, Value{F: 0.5})
	three := Const(Type{Kind: Float64}, Value{F: 3})
	k, kd := arrowscalar.NewInt64Scalar(500), arrowscalar.NewFloat64Scalar(0.5)
	view, uuid := arrowscalar.NewStringScalar("view"), "0f3e4a7c-0001-4c1d-9d30-0123456789ab"
	call := func(name string, args ...*Expr) *Expr { return mustCall(tb, name, args...) }
	return []kernelCase{
		{call(">", col("a"), bigint(500)), "greater", []any{"a", k}, 0.5},
		{call("=", col("a"), bigint(500)), "equal", []any{"a", k}, 0.5},
		{call("<=", col("x"), half), "less_equal", []any{"x", kd}, 0.5},
		{call("=", col("x"), half), "equal", []any{"x", kd}, 0.5},
		{call(">", col("n"), bigint(500)), "greater", []any{"n", k}, 1},
		{call(">", col("m"), half), "greater", []any{"m", kd}, 1},
		{call("+", col("a"), bigint(500)), "add", []any{"a", k}, 0.5},
		{call("-", col("n"), bigint(500)), "subtract", []any{"n", k}, 1},
		{call("*", col("x"), half), "multiply", []any{"x", kd}, 0.5},
		{call("+", col("m"), half), "add", []any{"m", kd}, 1},
		{call("=", col("s"), text("view")), "equal", []any{"s", view}, 5},
		{call("=", col("u"), text(uuid)), "equal", []any{"u", arrowscalar.NewStringScalar(uuid)}, 5},
		{call("=", col("c"), text("view")), "equal", []any{"c", view}, 1},
		{call("<", col("c"), text("view")), "less", []any{"c", view}, 1},
		{call("<", col("a"), col("b")), "less", []any{"a", "b"}, 0},
		{call("<", col("x"), col("y")), "less", []any{"x", "y"}, 0},
		{call("+", col("a"), col("b")), "add", []any{"a", "b"}, 0},
		{call("*", col("a"), bigint(500)), "multiply", []any{"a", k}, 0.5},
		{call("*", col("a"), col("b")), "multiply", []any{"a", "b"}, 0},
		{call("/", col("x"), three), "divide", []any{"x", arrowscalar.NewFloat64Scalar(3)}, 0.5},
		{call("/", col("a"), bigint(7)), "divide", []any{"a", arrowscalar.NewInt64Scalar(7)}, 0},
		{call("neg", col("a")), "negate", []any{"a"}, 0},
		{call("abs", col("a")), "abs", []any{"a"}, 0},
		{call("floor", col("x")), "floor", []any{"x"}, 0},
	}
}

// arrowSide is the case as a call of Arrow's compute package.
func (c kernelCase) arrowSide(tb testing.TB, b *Batch, rec arrow.Record) func() {
	tb.Helper()
	args := make([]compute.Datum, len(c.args))
	for i, a := range c.args {
		if name, ok := a.(string); ok {
			args[i] = compute.NewDatum(rec.Column(b.Schema.Index(name)))
		} else {
			args[i] = compute.NewDatum(a)
		}
	}
	ctx := context.Background()
	return func() {
		out, err := compute.CallFunction(ctx, c.fn, nil, args...)
		if err != nil {
			tb.Fatal(err)
		}
		out.Release()
	}
}

// cpuTime is the CPU time of this process: what others do on the machine does not count.
func cpuTime(tb testing.TB) int64 {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_PROCESS_CPUTIME_ID, &ts); err != nil {
		tb.Fatal(err)
	}
	return ts.Nano()
}

// inTurn runs the functions in turn, each so many calls, and adds the time of a call, in nanoseconds, to what each took before.
func inTurn(tb testing.TB, took [][]float64, calls int, fs ...func()) {
	for i, f := range fs {
		start := cpuTime(tb)
		for range calls {
			f()
		}
		took[i] = append(took[i], float64(cpuTime(tb)-start)/float64(calls))
	}
}

// middle is the median.
func middle(all []float64) float64 {
	slices.Sort(all)
	return (all[(len(all)-1)/2] + all[len(all)/2]) / 2
}

// BenchmarkKernelsBesideArrow runs each kernel and Arrow's function on the same columns in turn, five rounds at least, and reports
// the medians of CPU time; ratio is ours to Arrow's. With MILLRACE_BARS=1 a figure over its bar, or over Arrow's, is an error.
func BenchmarkKernelsBesideArrow(b *testing.B) {
	batch := kernelBatch(b)
	rec, err := ToArrow(batch, memory.DefaultAllocator)
	if err != nil {
		b.Fatal(err)
	}
	defer rec.Release()
	for _, c := range kernelCases(b, batch.Schema) {
		b.Run(c.expr.describe(), func(b *testing.B) {
			prog, err := Compile(c.expr, batch.Schema)
			if err != nil {
				b.Fatal(err)
			}
			ours := func() {
				if _, err := prog.Eval(batch); err != nil {
					b.Fatal(err)
				}
			}
			took := make([][]float64, 2)
			for b.Loop() {
				for range 5 {
					runtime.GC() // of Arrow's results: it would fall on whoever runs meanwhile
					inTurn(b, took, 10, ours, c.arrowSide(b, batch, rec))
				}
			}
			own, arrows := middle(took[0])/kernelRows, middle(took[1])/kernelRows
			b.ReportMetric(0, "ns/op")
			b.ReportMetric(own, "ns/row")
			b.ReportMetric(arrows, "arrow-ns/row")
			b.ReportMetric(own/arrows, "ratio")
			if c.bar > 0 {
				b.ReportMetric(own/c.bar, "of-bar")
			}
			if os.Getenv("MILLRACE_BARS") == "1" && (c.bar > 0 && own > c.bar || own > arrows) {
				b.Errorf("%.2f ns a row, bar %.1f; Arrow %.2f", own, c.bar, arrows)
			}
		})
	}
}

// TestKernelsAllocateNothing runs every kernel of the benchmark again and again.
func TestKernelsAllocateNothing(t *testing.T) {
	batch := kernelBatch(t)
	for _, c := range kernelCases(t, batch.Schema) {
		prog, err := Compile(c.expr, batch.Schema)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(5, func() {
			if _, err := prog.Eval(batch); err != nil {
				t.Fatal(err)
			}
		}); n != 0 {
			t.Errorf("%s: %v allocations a batch", c.expr.describe(), n)
		}
	}
}
