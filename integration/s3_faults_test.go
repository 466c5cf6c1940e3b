package integration

import (
	"bytes"
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/jobspec"
	"github.com/millrace/millrace/internal/prooftest"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/s3"
	"github.com/millrace/millrace/offsets"
	"github.com/millrace/millrace/output"
)

const s3Job = `
name: faults
sources:
  events:
    kafka: {brokers: "localhost:1", topic: events}
    format: json
    columns: {k: string, n: bigint, at: timestamp(ms)}
    event_time: {column: at, max_disorder: 1h}
query: |
  SELECT k, window_start, count(*) AS c, sum(n) AS s
  FROM TUMBLE(events, at, INTERVAL '10' SECOND) GROUP BY k, window_start
sinks:
  lake: {parquet: {path: "s3://lake/out"}}
trigger: {available_now: true}
limits: {rows: 12}
checkpoint: s3://lake/cp
`

// s3World is one job on one store, driven until it is done.
type s3World struct {
	t       *testing.T
	rng     *rand.Rand
	seed    uint64
	job     *batch.Job
	client  *s3.Client // through the proxy
	direct  *s3.Client
	bucket  string
	source  *offsets.Memory
	want    map[string]int
	now     time.Time
	drivers int
}

func (w *s3World) address(what string) string {
	return fmt.Sprintf("s3://%s/%d/%s", w.bucket, w.seed, what)
}

// Now implements batch.Clock.
func (w *s3World) Now() time.Time { return w.now }

// Wait implements batch.Clock.
func (w *s3World) Wait(ctx context.Context, d time.Duration) error {
	w.now = w.now.Add(d)
	return ctx.Err()
}

// Uint64 implements batch.Rand.
func (w *s3World) Uint64() uint64 { return w.rng.Uint64() }

// generate fills the topic and works out what must come out.
func (w *s3World) generate(n int) {
	w.source = offsets.NewMemory("events")
	w.source.Create("events", 2)
	type group struct {
		key    string
		window int64
	}
	counts, sums := map[group]int64{}, map[group]int64{}
	for i := range n {
		key, at := string(rune('a'+w.rng.IntN(3))), w.now.UnixMilli()+w.rng.Int64N(40_000)
		w.source.Append("events", int32(i%2), offsets.MemoryRecord{Value: fmt.Appendf(nil, `{"k":%q,"n":%d,"at":%d}`, key, i, at)})
		g := group{key, at / 10_000 * 10_000_000}
		counts[g]++
		sums[g] += int64(i)
	}
	w.want = map[string]int{}
	for g, c := range counts {
		w.want[fmt.Sprint(g.key, " ", g.window, " ", c, " ", sums[g])]++
	}
}

// run is the life of one driver.
func (w *s3World) run() error {
	job := *w.job
	job.Checkpoint, job.Trigger.FlushWindows = w.address("cp"), true
	job.Sources = map[string]batch.Source{"events": {Start: offsets.Earliest, Open: func(context.Context) (offsets.Source, error) { return w.source, nil }}}
	plan := &job.Plan.Sinks[0]
	job.Sinks = []batch.Sink{{Name: plan.Name, Open: func(ctx context.Context, o output.Opening) (output.Sink, error) {
		b, err := w.client.Open(w.address("out"))
		if err != nil {
			return nil, err
		}
		return output.OpenParquet(ctx, output.ParquetConfig{Sink: plan.Name, Store: b, Root: w.address("out"), Compression: "none",
			Layout: output.Layout{Schema: plan.Schema, Columns: plan.Columns}, Owner: o.Owner, Written: o.Written, Lead: o.Lead, Last: o.Last, MergeRun: 2})
	}}}
	w.drivers++
	env := batch.Env{Clock: w, Rand: w, FS: store.OS{}, Host: "test", PID: w.drivers,
		Objects: func(_ context.Context, address string) (store.Objects, error) { return w.client.Open(address) }}
	return batch.Run(context.Background(), batch.Options{Job: &job, Cores: 1, Version: "test", Env: env,
		Resolve: func([]byte) (*batch.Job, error) { return &job, nil }})
}

type s3Row struct {
	K           string `parquet:"k"`
	WindowStart int64  `parquet:"window_start"`
	C           int64  `parquet:"c"`
	S           int64  `parquet:"s"`
}

// rows are those that a plain reader of the directory sees.
func (w *s3World) rows() (rows map[string]int, uploads int, err error) {
	b, err := w.direct.Open(w.address("out"))
	if err != nil {
		return nil, 0, err
	}
	names, err := b.List(context.Background(), "")
	if err != nil {
		return nil, 0, err
	}
	rows = map[string]int{}
	for _, name := range names {
		if !strings.HasSuffix(name, ".parquet") {
			continue
		}
		data, err := b.Get(context.Background(), name)
		if err != nil {
			return nil, 0, err
		}
		read, err := parquet.Read[s3Row](bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return nil, 0, fmt.Errorf("%s: %w", name, err)
		}
		for _, r := range read {
			rows[fmt.Sprint(r.K, " ", r.WindowStart, " ", r.C, " ", r.S)]++
		}
	}
	uploads, err = b.AbortUploads(context.Background(), nil)
	return rows, uploads, err
}

func (w *s3World) fail(format string, args ...any) {
	w.t.Helper()
	w.t.Fatalf("MILLRACE_SEED=%d: %s", w.seed, fmt.Sprintf(format, args...))
}

// dying lets a driver make n requests, hit by faults now and then; after that it is dead for the store.
func dying(n int, faults func(*http.Request) s3test.Fault) func(*http.Request) s3test.Fault {
	return func(r *http.Request) s3test.Fault {
		if n--; n < 0 {
			return s3test.Reset
		}
		return faults(r)
	}
}

// s3WorldParts are what the worlds of a test have in common: the job, a proxy before the store, and a bucket.
func s3WorldParts(t *testing.T) (*batch.Job, *s3test.Proxy, string) {
	t.Helper()
	g := s3test.Start(t)
	return s3WorldJob(t), g.Proxy(t), g.Bucket(t)
}

func s3WorldJob(t *testing.T) *batch.Job {
	t.Helper()
	path := filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(path, []byte(s3Job), 0o600); err != nil {
		t.Fatal(err)
	}
	spec, err := jobspec.Load(path, jobspec.Options{})
	if err != nil {
		t.Fatal(err)
	}
	job, _, err := spec.Job()
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// s3FaultSeeds are the schedules that [TestS3Faults] runs.
func s3FaultSeeds() (from, to uint64) {
	if text := os.Getenv("MILLRACE_SEED"); text != "" {
		seed, _ := strconv.ParseUint(text, 10, 64)
		return seed, seed + 1
	}
	switch {
	case os.Getenv("MILLRACE_LONG") != "":
		return 1, 20_001
	case testing.Short():
		return 1, 21
	}
	return 1, 2001
}

// s3Lanes is how many worlds there are at a time: each waits for its faults most of the time.
const s3Lanes = 6

// s3Lane runs worlds one after the other, behind a proxy of its own.
type s3Lane struct {
	job            *batch.Job
	proxy          *s3test.Proxy
	bucket         string
	client, direct *s3.Client

	crashes, errs, drivers int
}

func newS3Lane(t *testing.T, bucket string) *s3Lane {
	t.Helper()
	l := &s3Lane{bucket: bucket, job: s3WorldJob(t), proxy: s3test.Start(t).Proxy(t)}
	l.proxy.Hang = 30 * time.Millisecond
	options := s3.Options{Attempts: 3, MaxBackoff: time.Millisecond, ResponseTimeout: 20 * time.Millisecond}
	l.client, l.direct = s3Client(t, l.proxy.URL, options), s3Client(t, s3test.Start(t).URL, s3.Options{})
	return l
}

// world lets drivers live and die until the job of a seed is done, and compares the rows with the oracle's.
func (l *s3Lane) world(seed uint64) error {
	w := &s3World{seed: seed, rng: rand.New(rand.NewPCG(seed, 7)), job: l.job, client: l.client, direct: l.direct, bucket: l.bucket,
		now: time.UnixMilli(1_795_000_000_000)}
	w.generate(20 + w.rng.IntN(40))
	for range 1 + w.rng.IntN(4) {
		faults := s3test.Random(w.rng, 2+w.rng.IntN(8), s3test.InternalErr, s3test.SlowDown, s3test.Conflict, s3test.Denied, s3test.Reset,
			s3test.Slow, s3test.LostAnswer, s3test.TimedOut, s3test.DoneThen500, s3test.CutBody)
		l.proxy.Set(dying(w.rng.IntN(90), faults))
		err := w.run()
		l.proxy.Set(nil)
		l.crashes++
		if err == nil {
			break
		}
		l.errs++
		if strings.Contains(err.Error(), "internal error: ") || strings.Contains(err.Error(), "damaged") {
			return err
		}
	}
	w.client = l.direct // a busy machine must not look like a fault
	if err := w.run(); err != nil && !strings.Contains(err.Error(), "flushed") {
		return fmt.Errorf("without faults: %w", err)
	}
	rows, _, err := w.rows()
	if err == nil && !maps.Equal(rows, w.want) {
		err = fmt.Errorf("rows\n%v, want\n%v", slices.Sorted(maps.Keys(rows)), slices.Sorted(maps.Keys(w.want)))
	}
	l.drivers += w.drivers
	return err
}

// TestS3Faults drives whole jobs on a real store through a proxy that does what stores and networks do, and lets drivers
// die at any request: whatever happens, the rows are those of an oracle.
func TestS3Faults(t *testing.T) {
	t.Parallel() // it waits now and then, and so do the kills
	bucket := s3test.Start(t).Bucket(t)
	from, to := s3FaultSeeds()
	lanes := make([]*s3Lane, s3Lanes)
	for i := range lanes {
		lanes[i] = newS3Lane(t, bucket)
	}
	var running sync.WaitGroup
	for i, l := range lanes {
		running.Go(func() {
			for seed := from + uint64(i); seed < to; seed += s3Lanes {
				if err := l.world(seed); err != nil {
					t.Errorf("MILLRACE_SEED=%d: %v", seed, err)
					return
				}
			}
		})
	}
	running.Wait()
	tellS3Faults(t, lanes, to-from)
}

func tellS3Faults(t *testing.T, lanes []*s3Lane, seeds uint64) {
	all, hit := lanes[0].proxy.Counts(), 0
	crashes, errs, drivers := 0, 0, 0
	for i, l := range lanes {
		for f, n := range l.proxy.Counts() {
			if i > 0 {
				all[f] += n
			}
		}
		crashes, errs, drivers = crashes+l.crashes, errs+l.errs, drivers+l.drivers
	}
	for _, n := range all[s3test.InternalErr:] {
		hit += n
	}
	t.Logf("%d of %d drivers under faults ended by them; %s", errs, crashes, s3test.CountsText(all))
	prooftest.Figure(t, "S3 faults on a real server", "%d seeds, %d drivers, 0 rows lost, 0 doubled; %d faults:", seeds, drivers, hit)
	for f := s3test.InternalErr; f < s3test.Held; f++ {
		prooftest.Figure(t, "- "+f.String(), "%5d", all[f])
	}
}
