package output_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/millrace/millrace/columnar"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// landingSchema is the seven columns of an event of the Yahoo Streaming Benchmark.
var landingSchema = columnar.NewSchema(
	columnar.Field{Name: "user_id", Type: columnar.Type{Kind: columnar.String}}, columnar.Field{Name: "page_id", Type: columnar.Type{Kind: columnar.String}},
	columnar.Field{Name: "ad_id", Type: columnar.Type{Kind: columnar.String}}, columnar.Field{Name: "ad_type", Type: columnar.Type{Kind: columnar.String}},
	columnar.Field{Name: "event_type", Type: columnar.Type{Kind: columnar.String}}, columnar.Field{Name: "event_time", Type: columnar.Type{Kind: columnar.Timestamp}},
	columnar.Field{Name: "ip_address", Type: columnar.Type{Kind: columnar.String}})

// landingBatches are so many events: 100 users and pages, 1,000 ads.
func landingBatches(rows int) []*columnar.Batch {
	r := rand.New(rand.NewPCG(1, 2))
	uuids := func(n int) []string {
		out := make([]string, n)
		for i := range out {
			out[i] = fmt.Sprintf("%08x-%04x-4%03x-8%03x-%012x", r.Uint32(), r.Uint32()&0xffff, r.Uint32()&0xfff, r.Uint32()&0xfff, r.Uint64()&0xffffffffffff)
		}
		return out
	}
	users, pages, ads := uuids(100), uuids(100), uuids(1000)
	types, events := []string{"banner", "modal", "sponsored-search", "mail", "mobile"}, []string{"view", "click", "purchase"}
	var out []*columnar.Batch
	for at := 0; at < rows; at += 8192 {
		n := min(8192, rows-at)
		cols := make([]*columnar.Builder, len(landingSchema.Fields))
		for i, f := range landingSchema.Fields {
			cols[i] = columnar.NewBuilder(f.Type)
		}
		for i := range n {
			for c, s := range map[int]string{0: users[r.IntN(100)], 1: pages[r.IntN(100)], 2: ads[r.IntN(1000)], 3: types[r.IntN(5)], 4: events[r.IntN(3)], 6: "1.2.3.4"} {
				cols[c].AppendString(s)
			}
			cols[5].AppendInt64(1_700_000_000_000_000 + int64(at+i)*100)
		}
		b := &columnar.Batch{Schema: landingSchema, Rows: n}
		for _, c := range cols {
			b.Cols = append(b.Cols, c.Vector())
		}
		out = append(out, b)
	}
	return out
}

// BenchmarkLanding writes 262,144 events of seven columns with dictionaries and zstd.
func BenchmarkLanding(b *testing.B) {
	const rows = 1 << 18
	in := landingBatches(rows)
	for _, c := range []string{"zstd", "none"} {
		b.Run(c, func(b *testing.B) {
			l := newLake(b)
			cfg := l.config(flat(landingSchema))
			cfg.Compression = c
			p := l.open(cfg)
			b.ReportAllocs()
			var size int64
			start := outputtest.CPUTime()
			for b.Loop() {
				pr, err := p.Prepare(context.Background(), outputtest.Info(1), []output.Shard{{Rows: in}}, nil)
				if err != nil {
					b.Fatal(err)
				}
				size = pr.Files[0].Bytes
			}
			b.ReportMetric(float64((outputtest.CPUTime()-start).Nanoseconds())/float64(b.N*rows), "cpu-ns/row")
			b.ReportMetric(float64(size)/rows, "B/row")
		})
	}
}
