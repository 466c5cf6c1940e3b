package integration

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/s3test"
	"github.com/millrace/millrace/internal/store"
	"github.com/millrace/millrace/internal/store/s3"
)

// placeJob copies a topic into files. Checkpoint and output are in one place, local or in a bucket.
const placeJob = `
name: places
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: events}
    columns: {id: bigint, k: string, at: timestamp(ms)}
    event_time: {column: at, idle_after: 1h}
queries:
  rows: SELECT id, k, at FROM events
  totals: |
    SELECT k, window_start, count(*) AS n, sum(id) AS ids
    FROM TUMBLE(events, at, INTERVAL '10' SECOND) GROUP BY k, window_start
sinks:
  rows: {from: rows, parquet: {path: "${PLACE}/rows"}}
  totals: {from: totals, parquet: {path: "${PLACE}/totals"}}
trigger: {available_now: true}
limits: {rows: 40}
checkpoint: "${PLACE}/cp"
`

// placed is that job with its place. The broker is an embedded one: what is tested is the place.
type placed struct {
	*program
	t       *testing.T
	broker  string
	job     string // the job file
	address string // of the place
	store   store.Store
	options []string // for every command: how the place is reached
	records int
}

// broker starts an embedded broker with a topic of two partitions.
func embeddedBroker(t *testing.T) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(2, "events"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	return c.ListenAddrs()[0]
}

func newPlaced(t *testing.T, text, address string, s store.Store, env ...string) *placed {
	t.Helper()
	x := &placed{t: t, broker: embeddedBroker(t), address: address, store: s}
	x.job = filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(x.job, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	x.program = newProgram(t, append(env, "KAFKA="+x.broker, "PLACE="+address)...)
	return x
}

func inDirectory(t *testing.T, text string) *placed {
	t.Helper()
	dir := t.TempDir()
	return newPlaced(t, text, dir, &store.Local{Root: dir, FS: store.OS{}})
}

func inBucket(t *testing.T, text string) *placed {
	t.Helper()
	g := s3test.Start(t)
	bucket := g.Bucket(t)
	x := newPlaced(t, text, s3.Scheme+bucket, s3Client(t, g.URL, s3.Options{}).Bucket(bucket, ""), s3test.Env()...)
	x.options = s3Set(g.URL)
	return x
}

// s3Set are the options by which the program reaches a store.
func s3Set(url string, more ...string) []string {
	return []string{"--set", "s3={" + strings.Join(append(more, "endpoint: "+url, "path_style: true"), ", ") + "}"}
}

// fill writes the next records.
func (x *placed) fill(n int) {
	x.t.Helper()
	w, err := kgo.NewClient(kgo.SeedBrokers(x.broker), kgo.RecordPartitioner(kgo.ManualPartitioner()))
	if err != nil {
		x.t.Fatal(err)
	}
	defer w.Close()
	var all []*kgo.Record
	for id := x.records; id < x.records+n; id++ {
		all = append(all, &kgo.Record{Topic: "events", Partition: int32(id % 2), Value: fmt.Appendf(nil, `{"id":%d,"k":"k%d","at":%d}`, id, id%3, 1_700_000_000_000+int64(id)*100)})
	}
	if err := w.ProduceSync(x.t.Context(), all...).FirstErr(); err != nil {
		x.t.Fatal(err)
	}
	x.records += n
}

// args are those of a command of the job.
func (x *placed) args(command string, more ...string) []string {
	return slices.Concat([]string{command, x.job}, x.options, more)
}

// objects is all that is in the place below a prefix, by name.
func (x *placed) objects(prefix string) map[string]string {
	x.t.Helper()
	names, err := x.store.List(x.t.Context(), prefix)
	if err != nil {
		x.t.Fatal(err)
	}
	all := make(map[string]string, len(names))
	for _, name := range names {
		data, err := x.store.Get(x.t.Context(), name)
		if err != nil {
			x.t.Fatal(err)
		}
		all[name] = string(data)
	}
	return all
}

// put replaces an object, as somebody does who means it.
func (x *placed) put(name, data string) {
	x.t.Helper()
	x.remove(name)
	if err := store.PutBytes(x.t.Context(), x.store, name, []byte(data)); err != nil {
		x.t.Fatal(err)
	}
}

// remove removes all objects below prefixes.
func (x *placed) remove(prefixes ...string) {
	x.t.Helper()
	for _, prefix := range prefixes {
		names, err := x.store.List(x.t.Context(), prefix)
		if err == nil {
			err = store.DeleteAll(x.t.Context(), x.store, names)
		}
		if err != nil {
			x.t.Fatal(err)
		}
	}
}

// wantUntouched fails where something is gone or other than before, or new, but for what a driver leaves that has looked: its epoch,
// its heartbeats.
func (x *placed) wantUntouched(before map[string]string) {
	x.t.Helper()
	after := x.objects("")
	for _, name := range slices.Sorted(maps.Keys(before)) {
		if data, ok := after[name]; (!ok || data != before[name]) && !strings.HasPrefix(name, "cp/beats/") {
			x.t.Errorf("%s was changed, or is gone: %t", name, !ok)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(after)) {
		if _, ok := before[name]; !ok && !strings.HasPrefix(name, "cp/beats/") && !strings.HasPrefix(name, "cp/epochs/") {
			x.t.Errorf("%s is new", name)
		}
	}
}

// rowIDs are the ids in the files of the sink rows. Each must be there once.
func (x *placed) rowIDs() map[int64]bool {
	x.t.Helper()
	ids := map[int64]bool{}
	for name, data := range x.objects("rows/") {
		if !strings.HasSuffix(name, ".parquet") {
			continue
		}
		rows, err := parquet.Read[struct {
			ID int64 `parquet:"id"`
		}](strings.NewReader(data), int64(len(data)))
		if err != nil {
			x.t.Fatalf("%s: %v", name, err)
		}
		for _, r := range rows {
			if ids[r.ID] {
				x.t.Errorf("%d is there twice", r.ID)
			}
			ids[r.ID] = true
		}
	}
	return ids
}
