package batch

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/bench/limit"
	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/dstream"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/windows"
)

// BenchmarkPushed runs the source tasks of jobs with a filter, which the decoder looks at and which it does not look at, in turn,
// in one process. Of each it tells the processor time per record and the ratio of the two.

// pushedLoad is a kind of records, of which a share of so many in a thousand has the kind k0, and the job over them.
type pushedLoad struct {
	name    string
	columns []string // name type; what has kind and at besides
	share   int
	filter  dstream.Expr // kind = k0 unless it says something else
	job     func(*dstream.Stream) *dstream.Stream
}

func repeatColumns(n int, typ string) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("%.1s%d %s", typ, i, typ))
	}
	return out
}

func countByFirst(s *dstream.Stream) *dstream.Stream {
	return s.Window(dstream.Tumbling("at", 10*time.Second, 0)).GroupBy(col("u0"), col("window_start")).Agg(dstream.Count().As("views"))
}

// sums computes from every column.
func sums(s *dstream.Stream) *dstream.Stream {
	var exprs []dstream.Expr
	for i := range 8 {
		exprs = append(exprs, col(fmt.Sprint("b", i)).Mul(dstream.Int(3)).Add(dstream.Int(int64(i))).As(fmt.Sprint("x", i)))
	}
	return s.Select(exprs...)
}

func allColumns(s *dstream.Stream) *dstream.Stream { return s }

func pushedLoads() (out []pushedLoad) {
	for _, share := range []int{10, 333, 900} {
		for _, l := range []pushedLoad{
			{name: "ysb", columns: []string{"u0 uuid"}, job: countByFirst},
			{name: "strings-2", columns: repeatColumns(2, "uuid"), job: allColumns},
			{name: "strings-4", columns: repeatColumns(4, "uuid"), job: allColumns},
			{name: "strings-6", columns: repeatColumns(6, "uuid"), job: allColumns},
			{name: "strings-8", columns: repeatColumns(8, "uuid"), job: allColumns},
			{name: "strings-24", columns: repeatColumns(24, "uuid"), job: allColumns},
			{name: "bigints-8", columns: repeatColumns(8, "bigint"), job: allColumns},
			{name: "sums-8", columns: repeatColumns(8, "bigint"), job: sums},
			{name: "decimals-8", columns: repeatColumns(8, "decimal"), job: allColumns},
			{name: "text-1", columns: repeatColumns(1, "text"), job: allColumns},
			{name: "text-4", columns: repeatColumns(4, "text"), job: allColumns},
			{name: "lists-2", columns: repeatColumns(2, "list"), job: allColumns},
			{name: "arrays-2", columns: repeatColumns(2, "array"), job: allColumns},
		} {
			l.share = share
			out = append(out, l)
		}
	}
	return out
}

var pushedTypes = map[string]columnar.Type{
	"uuid": {Kind: columnar.String}, "text": {Kind: columnar.String}, "list": {Kind: columnar.String}, "bigint": {Kind: columnar.Int64},
	"decimal": {Kind: columnar.Decimal, Precision: 18, Scale: 4}, "array": columnar.ArrayOf(columnar.Type{Kind: columnar.Int64}),
}

func (l *pushedLoad) value(r *rand.Rand, typ string) string {
	switch typ {
	case "uuid":
		return fmt.Sprintf(`"%016x-%016x"`, r.Uint64(), r.Uint64())
	case "text":
		return `"` + strings.Repeat("lorem ipsum dolor ", 40+r.IntN(30)) + `"`
	case "list":
		return "[" + strings.Repeat(fmt.Sprintf(`{"sku":"s%d","n":%d},`, r.IntN(1000), r.IntN(9)), 10+r.IntN(10)) + "{}]"
	case "array":
		return "[" + strings.Repeat(fmt.Sprintf(`%d,`, r.IntN(1000)), 10+r.IntN(10)) + "7]"
	case "decimal":
		return fmt.Sprintf("%d.%04d", r.IntN(1e6), r.IntN(1e4))
	}
	return fmt.Sprint(r.Int64N(1e12))
}

// records are about so many bytes of JSON in runs of 1000 records.
func (l *pushedLoad) records(bytes int) (runs []offsets.Records, n int64) {
	r := rand.New(rand.NewPCG(20261127, uint64(l.share)))
	for size := 0; size < bytes; {
		run := offsets.Records{Topic: "events"}
		for range 1000 {
			kind := fmt.Sprint("k", 1+r.IntN(4))
			if r.IntN(1000) < l.share {
				kind = "k0"
			}
			start := len(run.Buf)
			run.Buf = append(run.Buf, '{')
			for i, c := range l.columns {
				name, typ, _ := strings.Cut(c, " ")
				run.Buf = fmt.Appendf(run.Buf, `"%s": %s, `, name, l.value(r, typ))
				if i == len(l.columns)/2 {
					run.Buf = fmt.Appendf(run.Buf, `"kind": "%s", `, kind)
				}
			}
			run.Buf = fmt.Appendf(run.Buf, `"at": %d}`, 1_700_000_000_000+n)
			run.Rows = append(run.Rows, offsets.Record{Offset: n, Key: offsets.Span{Len: -1}, Headers: offsets.Span{Len: 1},
				Value: offsets.Span{Start: int32(start), Len: int32(len(run.Buf) - start)}})
			n++
		}
		run.Buf = append(run.Buf, make([]byte, offsets.Slack)...)[:len(run.Buf)]
		size += len(run.Buf)
		runs = append(runs, run)
	}
	return runs, n
}

func (l *pushedLoad) plan(b *testing.B) *dstream.Plan {
	fields := []columnar.DecodeField{{Field: simField("kind", columnar.String)}, {Field: simField("at", columnar.Timestamp), Unit: columnar.UnitMilli}}
	for _, c := range l.columns {
		name, typ, _ := strings.Cut(c, " ")
		fields = append(fields, columnar.DecodeField{Field: columnar.Field{Name: name, Type: pushedTypes[typ]}})
	}
	g := dstream.NewGraph()
	err := g.AddSource(dstream.Source{Name: "events", Format: "json", EventTime: "at", Fields: fields, Bounds: windows.Bounds{MaxFuture: -1}})
	if err != nil {
		b.Fatal(err)
	}
	l.job(g.From("events").Filter(col("kind").Eq(dstream.Str("k0")))).To("nowhere")
	plan, err := g.Plan()
	if err != nil {
		b.Fatal(err)
	}
	return plan
}

// runsSource hands out runs that lie in memory.
type runsSource struct {
	offsets.Source
	runs []offsets.Records
}

func (s *runsSource) Read(context.Context, offsets.Range) (offsets.Reader, error) {
	return &runsReader{s.runs}, nil
}

type runsReader struct{ runs []offsets.Records }

func (r *runsReader) Next(_ context.Context, recs *offsets.Records) error {
	if len(r.runs) == 0 {
		return io.EOF
	}
	*recs, r.runs = r.runs[0], r.runs[1:]
	return nil
}

func (r *runsReader) Close() error { return nil }

func BenchmarkPushed(b *testing.B) {
	for _, l := range pushedLoads() {
		b.Run(fmt.Sprintf("%s/%.1f%%", l.name, float64(l.share)/10), func(b *testing.B) {
			runs, n := l.records(40 << 20)
			task := func(name string, pushed func(*dstream.Plan, int) []*columnar.Expr) limit.Contender {
				job := &Job{Plan: l.plan(b), OnBadRecord: FailOnBad, pushed: pushed}
				w := newWorker(job, []offsets.Source{&runsSource{runs: runs}}, 1)
				t := Task{Batch: 1, Shards: 1, Range: &offsets.Range{Source: "events", Topic: "events", Until: n}}
				return limit.Contender{Name: name, Records: int(n), Run: func() {
					if r, err := w.run(b.Context(), t); err != nil || r.Source.MaxEventTime != (1_700_000_000_000+n-1)*1000 {
						b.Fatal(err)
					}
				}}
			}
			for b.Loop() {
				limit.Report(b, limit.Compare(task("kept", func(*dstream.Plan, int) []*columnar.Expr { return nil }), task("pushed", (*dstream.Plan).Pushable)))
			}
		})
	}
}
