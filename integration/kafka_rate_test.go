package integration

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/batch"
	"github.com/millrace/millrace/integration/kafkatest"
	"github.com/millrace/millrace/internal/jobspec"
	"github.com/millrace/millrace/output"
)

// rateJob is a job file that passes records of a topic on to files.
func rateJob(t *testing.T, b *kafkatest.Broker, topic, more string) (file, dir string) {
	t.Helper()
	dir = t.TempDir()
	file = filepath.Join(dir, "job.yaml")
	text := fmt.Sprintf(`name: lagging
sources:
  events:
    kafka: {brokers: "%s", topic: %s}
    columns: {n: bigint}
query: SELECT n FROM events
sinks: {out: {parquet: {path: out}}}
checkpoint: cp
%s
`, b.Addr, topic, more)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return file, dir
}

// loadRateJob builds the job of a file.
func loadRateJob(t *testing.T, file string) *batch.Job {
	t.Helper()
	spec, err := jobspec.Load(file, jobspec.Options{})
	if err != nil {
		t.Fatal(jobspec.Explain(err))
	}
	job, _, err := spec.Job()
	if err != nil {
		t.Fatal(err)
	}
	return job
}

// numbers are n records for a topic, in turns over its partitions, behind those that were made before.
func numbers(t *testing.T, b *kafkatest.Broker, topic string, partitions int32, from, until int) {
	t.Helper()
	w := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.MetadataMinAge(20*time.Millisecond))
	var recs []*kgo.Record
	for i := from; i < until; i++ {
		recs = append(recs, &kgo.Record{Topic: topic, Partition: int32(i) % partitions, Value: fmt.Appendf(nil, `{"n":%d}`, i)})
	}
	if err := w.ProduceSync(t.Context(), recs...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// wantNumbers checks that the files hold each number once.
func wantNumbers(t *testing.T, dir string, until int) {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "out", "*.parquet"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	rows := map[int64]int{}
	for _, file := range files {
		got, err := parquet.ReadFile[struct {
			N int64 `parquet:"n,optional"`
		}](file)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range got {
			rows[r.N]++
		}
	}
	for i := range until {
		if rows[int64(i)] != 1 {
			t.Fatalf("the number %d stands %d times in %d files", i, rows[int64(i)], len(files))
		}
	}
	if len(rows) != until {
		t.Fatalf("%d numbers, want %d", len(rows), until)
	}
}

// wantWireBytes checks that the batches of a job together weigh what the topic weighs on the broker's disk, although they
// have cut its record batches.
func wantWireBytes(t *testing.T, admin *kadm.Client, topic, checkpoint string) {
	t.Helper()
	in, err := batch.Inspect(t.Context(), batch.SystemEnv(), checkpoint)
	if err != nil {
		t.Fatal(err)
	}
	dirs, err := admin.DescribeAllLogDirs(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	size := int64(0)
	dirs.Each(func(d kadm.DescribedLogDir) {
		for _, p := range d.Topics[topic] {
			size += p.Size
		}
	})
	if in.History.WireBytes != size || size == 0 {
		t.Errorf("%d batches weigh %d bytes, the topic %d", in.History.NextBatch-1, in.History.WireBytes, size)
	}
}

// TestKafkaLagGroup: lag tools see how far a job is, by the words of another client, and the job never looks: whatever
// becomes of the group, it reads on where its log says.
func TestKafkaLagGroup(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 2)
	admin := kadm.NewClient(b.Client(t))
	file, dir := rateJob(t, b, topic, "trigger: {available_now: true}\nlimits: {rows: 300}")
	run := func() (last batch.Progress, warned []string) {
		t.Helper()
		err := batch.Run(t.Context(), batch.Options{Job: loadRateJob(t, file), Report: func(p batch.Progress) { last = p },
			Warn: func(s string) { warned = append(warned, s) }})
		if err != nil {
			t.Fatal(err)
		}
		return last, warned
	}
	wantGroup := func(what string, n int64) {
		t.Helper()
		lags, err := admin.Lag(t.Context(), "millrace-lagging")
		if err == nil {
			err = lags.Error()
		}
		if err != nil {
			t.Fatal(err)
		}
		var at int64
		for p := range int32(2) {
			m, ok := lags["millrace-lagging"].Lag.Lookup(topic, p)
			if !ok || m.Err != nil {
				t.Fatalf("%s: partition %d: %v, %v", what, p, ok, m.Err)
			}
			at += m.Commit.At
		}
		if lag := lags["millrace-lagging"].Lag.Total(); lag != 0 || at != n {
			t.Errorf("%s: the group is at %d, %d behind; want %d and 0", what, at, lag, n)
		}
	}

	numbers(t, b, topic, 2, 0, 1000)
	if _, warned := run(); len(warned) > 0 {
		t.Errorf("warned of %q", warned)
	}
	wantGroup("after the first run", 1000)
	wantWireBytes(t, admin, topic, filepath.Join(dir, "cp"))

	numbers(t, b, topic, 2, 1000, 1100)
	lags, err := admin.Lag(t.Context(), "millrace-lagging")
	if err != nil || lags["millrace-lagging"].Lag.Total() != 100 {
		t.Errorf("with a hundred more records: lag %d, %v", lags["millrace-lagging"].Lag.Total(), err)
	}
	var back kadm.Offsets
	back.AddOffset(topic, 0, 3, -1)
	back.AddOffset(topic, 1, 480, -1)
	if err := admin.CommitAllOffsets(t.Context(), "millrace-lagging", back); err != nil {
		t.Fatal(err)
	}
	if last, _ := run(); last.NumInputRows != 100 || *last.Sources[0].LagOffsets != 0 || *last.Sources[0].LagSeconds != 0 {
		t.Errorf("after the group was set back: %+v", last)
	}
	wantGroup("after the second run", 1100)

	if _, err := admin.DeleteGroup(t.Context(), "millrace-lagging"); err != nil {
		t.Fatal(err)
	}
	run() // nothing to read
	wantGroup("when the group was deleted", 1100)
	wantNumbers(t, dir, 1100)
}

// TestKafkaLagGroupInUse: a group that somebody else works in is not written to; the job says so once and goes on.
func TestKafkaLagGroupInUse(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 1)
	numbers(t, b, topic, 1, 0, 50)
	member := b.Client(t, kgo.ConsumerGroup("busy-"+topic), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit())
	if fetches := member.PollFetches(t.Context()); fetches.Err() != nil {
		t.Fatal(fetches.Err())
	}
	file, dir := rateJob(t, b, topic, "trigger: {available_now: true}\nlimits: {rows: 10}")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	withGroup := strings.Replace(string(text), "topic: "+topic, "topic: "+topic+", group: busy-"+topic, 1)
	if err := os.WriteFile(file, []byte(withGroup), 0o644); err != nil {
		t.Fatal(err)
	}
	var warned []string
	err = batch.Run(t.Context(), batch.Options{Job: loadRateJob(t, file), Warn: func(s string) { warned = append(warned, s) }})
	if err != nil || len(warned) != 1 || !strings.Contains(warned[0], "busy-"+topic) || !strings.Contains(warned[0], "kafka.group: off") {
		t.Errorf("run: %v, warned of %q", err, warned)
	}
	wantNumbers(t, dir, 50)
}

// TestKafkaLagGroupOff: nothing is asked of the group coordinator that is not wanted.
func TestKafkaLagGroupOff(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 1)
	numbers(t, b, topic, 1, 0, 5)
	file, dir := rateJob(t, b, topic, "trigger: {available_now: true}")
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	off := strings.NewReplacer("topic: "+topic, "topic: "+topic+", group: off", "name: lagging", "name: silent").Replace(string(text))
	if err := os.WriteFile(file, []byte(off), 0o644); err != nil {
		t.Fatal(err)
	}
	if err := batch.Run(t.Context(), batch.Options{Job: loadRateJob(t, file)}); err != nil {
		t.Fatal(err)
	}
	groups, err := kadm.NewClient(b.Client(t)).ListGroups(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, ok := groups["millrace-silent"]; ok {
		t.Error("the group was made")
	}
	wantNumbers(t, dir, 5)
}

// delayed is a sink that takes its time for each row, as long as it is told to.
type delayed struct {
	output.Sink
	perRow *time.Duration
}

func (d delayed) Prepare(ctx context.Context, info output.BatchInfo, shards []output.Shard, pending *output.Pending) (*output.Prepared, error) {
	rows := 0
	for _, s := range shards {
		for _, b := range s.Rows {
			rows += b.Len()
		}
	}
	wait := time.NewTimer(time.Duration(rows) * *d.perRow)
	defer wait.Stop()
	select {
	case <-wait.C:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return d.Sink.Prepare(ctx, info, shards, pending)
}

// TestKafkaBackpressure has a sink that takes 20,000 rows a second become ten times slower, and fast again, over a topic
// with far more to read. Batches come back to their interval, memory stays where it was, the lag is the broker's, and the
// rest is read in no time at all.
func TestKafkaBackpressure(t *testing.T) {
	const records = 120_000
	b := kafkatest.Start(t)
	topic := b.Topic(t, 3)
	numbers(t, b, topic, 3, 0, records)
	file, dir := rateJob(t, b, topic, "trigger: {every: 200ms}\nlimits: {rows: 5000, backpressure: true}")
	job := loadRateJob(t, file)
	perRow := 50 * time.Microsecond
	open := job.Sinks[0].Open
	job.Sinks[0].Open = func(ctx context.Context, o output.Opening) (output.Sink, error) {
		sink, err := open(ctx, o)
		return delayed{sink, &perRow}, err
	}
	stop := make(chan struct{})
	var seen []batch.Progress
	var heap []uint64
	read := int64(0)
	report := func(p batch.Progress) {
		seen, read = append(seen, p), read+p.NumInputRows
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		heap = append(heap, m.HeapAlloc)
		if lag := *p.Sources[0].LagOffsets; lag != records-read {
			t.Errorf("batch %d: a lag of %d offsets, the broker has %d more", p.BatchID, lag, records-read)
		}
		switch {
		case read == records:
			close(stop)
		case len(seen) == 6:
			perRow = 500 * time.Microsecond
		case len(seen) == 18:
			perRow = 0
		}
	}
	if err := batch.Run(t.Context(), batch.Options{Job: job, Report: report, Stop: stop}); err != nil {
		t.Fatal(err)
	}
	for i, p := range seen {
		t.Logf("batch %d: %d rows in %d ms, rate %d, limited by %q, lag %d, %.1f MiB", p.BatchID, p.NumInputRows, p.BatchDuration, p.BackpressureRate,
			p.LimitedBy, *p.Sources[0].LagOffsets, float64(heap[i])/(1<<20))
		if i > 7 && i < 18 && (p.NumInputRows > 1000 || p.LimitedBy != "backpressure") {
			t.Errorf("batch %d reads %d rows, limited by %q, while the sink takes 400 in its interval", p.BatchID, p.NumInputRows, p.LimitedBy)
		}
	}
	if fast := seen[len(seen)-2]; fast.NumInputRows < 4000 {
		t.Errorf("when the sink is fast again a batch has %d rows", fast.NumInputRows)
	}
	if first, last := heap[5], heap[len(heap)-1]; last > first+(16<<20) {
		t.Errorf("%d bytes of heap after the fast batches, %d at the end", first, last)
	}
	wantNumbers(t, dir, records)
}

// TestKafkaLagOfOpenTransaction: what an open transaction holds back is behind the job too, as lag tools see it.
func TestKafkaLagOfOpenTransaction(t *testing.T) {
	b := kafkatest.Start(t)
	topic := b.Topic(t, 2)
	numbers(t, b, topic, 2, 0, 10)
	w := producer(t, b, kgo.TransactionalID("open-"+topic), kgo.TransactionTimeout(60*time.Second))
	begin(t, w)
	if err := w.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Partition: 1, Value: []byte(`{"n":10}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	file, dir := rateJob(t, b, topic, "trigger: {available_now: true}")
	var last batch.Progress
	err := batch.Run(t.Context(), batch.Options{Job: loadRateJob(t, file), Report: func(p batch.Progress) { last = p }})
	if err != nil {
		t.Fatal(err)
	}
	s := last.Sources[0]
	if *s.LagOffsets != 1 || s.HeldOffsets != 1 || s.LagSeconds == nil || *s.LagSeconds < 0 || *s.LagSeconds > 60 || s.Lag[topic]["0"].Offsets != 0 {
		t.Errorf("lag %d, held %d, %v seconds: %+v", *s.LagOffsets, s.HeldOffsets, s.LagSeconds, s.Lag)
	}
	end(t, w, true)
	if err := batch.Run(t.Context(), batch.Options{Job: loadRateJob(t, file), Report: func(p batch.Progress) { last = p }}); err != nil {
		t.Fatal(err)
	}
	if s := last.Sources[0]; last.NumInputRows != 1 || *s.LagOffsets != 0 || *s.LagSeconds != 0 {
		t.Errorf("after its end: %d rows, lag %+v", last.NumInputRows, s.Lag)
	}
	wantNumbers(t, dir, 11)
}
