package wal

import (
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store"
)

// BenchmarkAppendSync appends records of the size of a plan to a log on the disk of temporary files, and writes and syncs as many
// bytes in a bare preallocated file, in turn. It reports the 99th percentile of both, in µs, and how many times the bare one the
// log takes.
func BenchmarkAppendSync(b *testing.B) {
	dir := b.TempDir()
	log, err := Create(store.OS{Private: true}, filepath.Join(dir, "wal"), 1)
	if err != nil {
		b.Fatal(err)
	}
	defer log.Close()
	bare, err := store.OS{Private: true}.Create(filepath.Join(dir, "bare"))
	if err != nil {
		b.Fatal(err)
	}
	defer bare.Close()
	const capacity = 4 << 20
	if err := bare.Allocate(capacity); err != nil {
		b.Fatal(err)
	}
	payload, at := make([]byte, 1000), int64(0)
	write := make([]byte, recordBytes(len(payload)))
	var logged, bared []time.Duration
	for b.Loop() {
		began := time.Now()
		if _, err := log.Append(payload); err != nil {
			b.Fatal(err)
		}
		appended := time.Now()
		if _, err := bare.WriteAt(write, at); err != nil {
			b.Fatal(err)
		}
		if err := bare.Sync(); err != nil {
			b.Fatal(err)
		}
		logged, bared = append(logged, appended.Sub(began)), append(bared, time.Since(appended))
		if at += int64(len(write)); at+int64(len(write)) > capacity {
			at = 0
		}
	}
	p99 := func(d []time.Duration) float64 {
		slices.Sort(d)
		return float64(d[len(d)*99/100].Nanoseconds()) / 1e3
	}
	l, f := p99(logged), p99(bared)
	b.ReportMetric(l, "log-p99-µs")
	b.ReportMetric(f, "bare-p99-µs")
	b.ReportMetric(l/f, "times-bare")
}
