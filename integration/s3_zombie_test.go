package integration

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store/s3"
	"github.com/millrace/millrace/output"
)

// versions are the objects below an address with their entity tags, but for manifests: see committed.
func (w *s3World) versions(what string) map[string]string {
	w.t.Helper()
	b, err := w.direct.Open(w.address(what))
	if err != nil {
		w.t.Fatal(err)
	}
	names, err := b.List(context.Background(), "")
	out := map[string]string{}
	for _, name := range names {
		if err == nil && !strings.HasPrefix(name, "_millrace/manifest/") {
			out[name], err = b.Version(context.Background(), name)
		}
	}
	if err != nil {
		w.t.Fatal(err)
	}
	return out
}

// TestS3Zombies holds a driver up in the middle of its n-th request, whichever that is; another one takes the job over and
// finishes it; then the first goes on. Nothing of what it does may be seen.
func TestS3Zombies(t *testing.T) {
	job, proxy, bucket := s3WorldParts(t)
	client, direct := s3Client(t, proxy.URL, s3.Options{}), s3Client(t, s3test.Start(t).URL, s3.Options{})
	superseded, finished := 0, 0
	for n := 1; ; n++ {
		w := &s3World{t: t, seed: uint64(n), rng: rand.New(rand.NewPCG(uint64(n), 8)), job: job, client: client, direct: direct, bucket: bucket,
			now: time.UnixMilli(1_795_000_000_000)}
		w.generate(30)
		reached, wake, ended := make(chan struct{}), make(chan struct{}), make(chan error, 1)
		left := n
		proxy.Set(func(*http.Request) s3test.Fault {
			if left--; left == 0 {
				close(reached)
				<-wake
			}
			return s3test.None
		})
		first := *w
		go func() { ended <- first.run() }()
		select {
		case <-reached:
		case err := <-ended:
			prooftest.Figure(t, "zombies on S3, paused inside each request in turn", "%d drivers: %d ended by the take-over, %d had nothing left to do; 0 foreign writes", n-1, superseded, finished)
			if err != nil || superseded < (n-1)/2 {
				t.Errorf("undisturbed: %v", err)
			}
			return
		}
		w.client, w.drivers = direct, 1
		if err := w.run(); err != nil {
			w.fail("successor of a driver paused at request %d: %v", n, err)
		}
		before, listed := w.versions("out"), w.committed()
		close(wake)
		err := <-ended
		var newer *batch.SupersededError
		switch {
		case errors.As(err, &newer):
			superseded++
		case err == nil || strings.Contains(err.Error(), "flushed"):
			finished++ // it was paused before it took the job, or behind its last write
		default:
			w.fail("driver paused at request %d: %v", n, err)
		}
		if after := w.versions("out"); !maps.Equal(before, after) || !slices.Equal(listed, w.committed()) {
			w.fail("driver paused at request %d changed the output:\n%v\n%v", n, slices.Sorted(maps.Keys(before)), slices.Sorted(maps.Keys(after)))
		}
		if rows, _, err := w.rows(); err != nil || !maps.Equal(rows, w.want) {
			w.fail("rows %v (%v), want %v", rows, err, w.want)
		}
	}
}

// committed are the files that manifests list. A woken driver may write a manifest once more that its successor has merged, or merge
// those that there are: each says the same as the others, or this is an error.
func (w *s3World) committed() []output.File {
	w.t.Helper()
	b, err := w.direct.Open(w.address("out"))
	if err != nil {
		w.t.Fatal(err)
	}
	files, err := output.Committed(context.Background(), b, "out", "faults")
	if err != nil {
		w.t.Fatal(err)
	}
	return files
}
