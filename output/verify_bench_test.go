package output_test

import (
	"fmt"
	"testing"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// BenchmarkVerify checks a lake of files of events as verify does: bytes against the manifest of each, footer, rows. It reports
// bytes per second of CPU time.
func BenchmarkVerify(b *testing.B) {
	for _, size := range []struct {
		name    string
		rows    int
		batches int
	}{{"large", 1 << 18, 64}, {"small", 1 << 12, 512}} {
		b.Run(size.name, func(b *testing.B) {
			dir := b.TempDir()
			s := &store.Local{Root: dir}
			owner := output.Owner{Job: "job", Checkpoint: "0123456789abcdef0123456789abcdef"}
			p, err := output.OpenParquet(b.Context(), output.ParquetConfig{Sink: "lake", Store: s, Root: dir, Owner: owner, Layout: flat(landingSchema), Compression: "none", MaxPartitions: 10})
			if err != nil {
				b.Fatal(err)
			}
			expect := output.Expected{Owner: owner, First: 1, Last: int64(size.batches), Planned: int64(size.batches)}
			rows := []output.Shard{{Rows: landingBatches(size.rows)}}
			for batch := range int64(size.batches) {
				expect.Batches = append(expect.Batches, writeBatch(b, p, batch+1, rows))
			}
			check := output.ParquetCheck{Sink: "lake", Store: s, Expect: expect, Each: func(n int, f func(int) error) error {
				for i := range n {
					if err := f(i); err != nil {
						return err
					}
				}
				return nil
			}}
			var read int64
			start := outputtest.CPUTime()
			for b.Loop() {
				got, err := check.Run(b.Context())
				if err != nil || len(got.Findings) > 0 || got.Files != size.batches {
					b.Fatal(fmt.Errorf("checked %+v: %w", got, err))
				}
				read += got.Bytes
			}
			b.ReportMetric(float64(read)/(outputtest.CPUTime()-start).Seconds(), "B/cpu-s")
			b.ReportMetric(float64(read)/float64(b.N*size.batches), "B/file")
		})
	}
}

func writeBatch(b *testing.B, p *output.Parquet, batch int64, rows []output.Shard) output.ExpectedBatch {
	b.Helper()
	prepared, err := p.Prepare(b.Context(), outputtest.Info(batch), rows, nil)
	if err == nil {
		err = p.Publish(b.Context(), prepared)
	}
	if err == nil {
		err = p.Committed(b.Context(), batch, prepared.Files)
	}
	if err != nil {
		b.Fatal(err)
	}
	return output.ExpectedBatch{Batch: batch, Files: prepared.Files, Rows: prepared.Rows}
}
