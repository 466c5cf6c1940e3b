package output_test

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/storetest"
	"github.com/millrace/millrace/output"
	"github.com/millrace/millrace/output/outputtest"
)

// BenchmarkManifests is what the manifests of 100,450 batches with a file each cost a driver that starts and a verification, single
// and merged: in a directory, and as requests to an object store that lists a thousand names at a time.
func BenchmarkManifests(b *testing.B) {
	const batches = 100_450
	s := &storetest.Objects{}
	l := newMergeLake(b, s, 0)
	p := l.open(l.cfg)
	for batch := int64(1); batch <= batches; batch++ {
		l.commit(p, batch, someFiles(batch, 1))
	}
	benchmarkManifests(b, "single", s)
	for batch := int64(batches + 1); len(l.names()) > 1000; batch += 19 {
		batch -= batch % 20 // there is nothing to do with the others
		l.merge(p, batch)
	}
	benchmarkManifests(b, "merged", s)
}

func benchmarkManifests(b *testing.B, what string, s *storetest.Objects) {
	dir := b.TempDir()
	names, err := s.List(b.Context(), "")
	if err != nil {
		b.Fatal(err)
	}
	for _, name := range names {
		data, err := s.Get(b.Context(), name)
		if err == nil {
			err = os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o700)
		}
		if err == nil {
			err = os.WriteFile(filepath.Join(dir, name), data, 0o600)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
	start := func(ctx context.Context, s store.Store) error {
		cfg := newMergeLake(b, s, 0).cfg
		cfg.Last = 100_450
		p, err := output.OpenParquet(ctx, cfg)
		if err == nil {
			_, err = p.Published(ctx)
		}
		return err
	}
	read := func(ctx context.Context, s store.Store) error {
		_, err := output.Committed(ctx, s, "/lake", outputtest.Me.Job)
		return err
	}
	for name, run := range map[string]func(context.Context, store.Store) error{"start": start, "verify": read} {
		b.Run(what+"/"+name, func(b *testing.B) {
			counted := &listed{Objects: s.Clone()}
			if err := run(b.Context(), counted); err != nil {
				b.Fatal(err)
			}
			before, n := cpu(b), 0
			for ; b.Loop(); n++ {
				if err := run(b.Context(), &store.Local{Root: dir}); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((cpu(b)-before).Microseconds())/1000/float64(n), "cpu-ms/op")
			b.ReportMetric(float64(counted.pages), "lists")
			b.ReportMetric(float64(counted.Ops()["read"]), "reads")
		})
	}
}

// cpu is how long the process has computed.
func cpu(b *testing.B) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		b.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
