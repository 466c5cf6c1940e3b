package integration

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/kafkatest"
)

// kafkaJob reads records of an id, a text and an amount, and writes them to a topic and a directory.
const kafkaJob = `
name: copy
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: "${IN}"}
    columns: {id: bigint, text: string, amount: "decimal(20,4)", at: timestamp(ms)}
query: SELECT id, text, amount, at, id * 2 AS twice FROM events
sinks:
  out: {kafka: {brokers: "${KAFKA}", topic: "${OUT}", key: text, timestamp: at, compression: lz4}}
  lake: {parquet: {path: "${LAKE}"}}
trigger: {every: 50ms}
checkpoint: "${CHECKPOINT}"
`

// kafkaProgram is the job with two topics of its own.
type kafkaProgram struct {
	*program
	b             *kafkatest.Broker
	job           string
	in, out, lake string
}

func newKafkaProgram(t *testing.T, text string, partitions int) *kafkaProgram {
	t.Helper()
	return kafkaProgramOn(t, kafkatest.Start(t), text, partitions)
}

// kafkaProgramOn is a job on a broker of its own.
func kafkaProgramOn(t *testing.T, b *kafkatest.Broker, text string, partitions int) *kafkaProgram {
	t.Helper()
	p := &kafkaProgram{b: b}
	dir := t.TempDir()
	// The records' own times are of years ago: brokers would delete them soon.
	p.in, p.out = p.b.Topic(t, partitions), p.b.Topic(t, partitions, "retention.ms=-1")
	p.job, p.lake = filepath.Join(dir, "job.yaml"), filepath.Join(dir, "lake")
	if err := os.WriteFile(p.job, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	checkpoint := filepath.Join(dir, "checkpoint")
	p.program = newProgram(t, "KAFKA="+p.b.Addr, "IN="+p.in, "OUT="+p.out, "LAKE="+p.lake, "CHECKPOINT="+checkpoint)
	p.checkpoint = checkpoint
	return p
}

// transactionalID is that of the job's Kafka sink.
func (p *kafkaProgram) transactionalID() string { return "millrace-copy/out/" + p.out }

// fill writes records with ids from first on, spread over the partitions.
func (p *kafkaProgram) fill(t *testing.T, first, n int) {
	t.Helper()
	w := p.b.Client(t, kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	var all []*kgo.Record
	for id := first; id < first+n; id++ {
		all = append(all, &kgo.Record{Topic: p.in, Value: fmt.Appendf(nil, `{"id":%d,"text":"é%d","amount":%d.%04d,"at":%d}`, id, id%97, id, id%10_000, 1_700_000_000_000+id)})
	}
	if err := w.ProduceSync(t.Context(), all...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// visible are the records that a consumer under read_committed sees when no transaction is open any more, at least so
// many: brokers answer before the last transaction is visible.
func (p *kafkaProgram) visible(t *testing.T, least int) (all []*kgo.Record) {
	t.Helper()
	c := p.b.Client(t, kgo.ConsumeTopics(p.out), kgo.FetchIsolationLevel(kgo.ReadCommitted()), kgo.KeepControlRecords(), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	admin, next, began := kadm.NewClient(c), map[int32]int64{}, time.Now()
	for until, at := p.end(t, admin), int64(0); at < until || len(all) < least; {
		if at >= until {
			if until = p.end(t, admin); time.Since(began) > time.Minute {
				t.Fatalf("%d records visible in %d offsets, want at least %d; read up to %v", len(all), until, least, next)
			}
			continue
		}
		f := c.PollFetches(t.Context())
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			at += r.Offset + 1 - next[r.Partition]
			next[r.Partition] = r.Offset + 1
			if !r.Attrs.IsControl() {
				all = append(all, r)
			}
		})
	}
	return all
}

// end is how many offsets the output has, once the markers of all transactions are written.
func (p *kafkaProgram) end(t *testing.T, admin *kadm.Client) int64 {
	t.Helper()
	began := time.Now()
	for {
		stable, err := admin.ListCommittedOffsets(t.Context(), p.out)
		if err != nil {
			t.Fatal(err)
		}
		all, err := admin.ListEndOffsets(t.Context(), p.out)
		if err != nil {
			t.Fatal(err)
		}
		var sum [2]int64
		stable.Each(func(o kadm.ListedOffset) { sum[0] += o.Offset })
		all.Each(func(o kadm.ListedOffset) { sum[1] += o.Offset })
		switch {
		case sum[0] == sum[1]:
			return sum[0]
		case time.Since(began) > time.Minute:
			t.Fatalf("a transaction is open: stable %v, all %v", stable, all)
		}
	}
}

// ids are those of records, sorted.
func ids(t *testing.T, records []*kgo.Record) (all []int) {
	t.Helper()
	for _, r := range records {
		all = append(all, idOf(t, r.Value))
	}
	slices.Sort(all)
	return all
}

func idOf(t testing.TB, value []byte) int {
	digits, _, ok := strings.Cut(strings.TrimPrefix(string(value), `{"id":`), ",")
	id, err := strconv.Atoi(digits)
	if err != nil || !ok {
		t.Fatalf("value %s", value)
	}
	return id
}

func (p *kafkaProgram) wantIDs(t *testing.T, n int) {
	t.Helper()
	got := ids(t, p.visible(t, n))
	want := make([]int, n)
	for i := range want {
		want[i] = i
	}
	if !slices.Equal(got, want) {
		t.Errorf("%d records visible, want %d, each once", len(got), n)
	}
}

// TestKafkaSink copies records to a topic and to files, in both modes: every record has the value, key, partition,
// timestamp and headers that it should, and the files hold the same rows.
func TestKafkaSink(t *testing.T) {
	duckdbtest.Need(t)
	const n = 20_000
	for _, mode := range []string{"exactly_once", "at_least_once"} {
		t.Run(mode, func(t *testing.T) {
			p := newKafkaProgram(t, kafkaJob, 5)
			p.fill(t, 0, n)
			out := p.must("run", p.job, "--available-now", "--set", "limits.rows=3000", "--set", "sinks.out.kafka.mode="+mode)
			t.Log(lastLine(out))
			if want := fmt.Sprintf("rows to out (topic %s, %s)", p.out, strings.ReplaceAll(mode, "_", " ")); !strings.Contains(out, want) {
				t.Errorf("%q is not in: %s", want, out)
			}
			p.checkRecords(t, n)
			r := duckdbtest.Query(t, fmt.Sprintf(`SELECT count(*), count(DISTINCT id), sum(twice) FROM read_parquet(%s)`, quote(filepath.Join(p.lake, "*.parquet"))))[0]
			if want := []string{strconv.Itoa(n), strconv.Itoa(n), strconv.Itoa(n * (n - 1))}; !slices.Equal(r, want) {
				t.Errorf("files hold %v, want %v", r, want)
			}
		})
	}
}

// checkRecords compares every visible record.
func (p *kafkaProgram) checkRecords(t *testing.T, n int) {
	t.Helper()
	java := kgo.StickyKeyPartitioner(nil).ForTopic(p.out) // murmur2, as Java's
	seen := map[int]bool{}
	for _, r := range p.visible(t, n) {
		id := idOf(t, r.Value)
		at := time.UnixMilli(1_700_000_000_000 + int64(id)).UTC()
		want := fmt.Sprintf(`{"id":%d,"text":"é%d","amount":%d.%04d,"at":"%s","twice":%d}`, id, id%97, id, id%10_000, at.Format("2006-01-02T15:04:05.999999Z"), 2*id)
		switch {
		case seen[id]:
			t.Fatalf("id %d is there twice", id)
		case string(r.Value) != want:
			t.Fatalf("value %s, want %s", r.Value, want)
		case string(r.Key) != fmt.Sprintf("é%d", id%97):
			t.Fatalf("key %s of id %d", r.Key, id)
		case int(r.Partition) != java.Partition(&kgo.Record{Key: r.Key}, 5):
			t.Fatalf("key %s in partition %d", r.Key, r.Partition)
		case !r.Timestamp.Equal(at):
			t.Fatalf("timestamp %s of id %d", r.Timestamp, id)
		case len(r.Headers) != 2 || r.Headers[0].Key != "millrace-job" || string(r.Headers[0].Value) != "copy" || r.Headers[1].Key != "millrace-batch":
			t.Fatalf("headers %v", r.Headers)
		}
		seen[id] = true
	}
	if len(seen) != n {
		t.Errorf("%d records, want %d", len(seen), n)
	}
}

// TestKafkaSinkAnotherCheckpoint starts the same job with a fresh checkpoint beside a running one: it must end before it
// fences anybody.
func TestKafkaSinkAnotherCheckpoint(t *testing.T) {
	p := newKafkaProgram(t, kafkaJob, 2)
	p.fill(t, 0, 100)
	running := p.start(p.job)
	<-running.progress
	other := newProgram(t, append(slices.Clone(p.env), "CHECKPOINT="+p.checkpoint+"-2", "LAKE="+p.lake+"-2")...)
	code, stderr := other.fails("run", p.job, "--available-now")
	mine := p.inspect(t).CheckpointID
	wantExit(t, code, stderr, 3, "topic "+p.out, "with checkpoint "+mine+", which wrote last batch ", " at 20", "was the checkpoint deleted or moved?")
	for _, name := range []string{p.checkpoint + "-2", p.lake + "-2"} {
		if _, err := os.Stat(name); !os.IsNotExist(err) {
			t.Errorf("%s was begun: %v", name, err)
		}
	}
	p.fill(t, 100, 100)
	seen := int64(0)
	for seen < 100 {
		r, ok := <-running.progress
		if !ok {
			break
		}
		seen += r.NumInputRows
	}
	running.signal(t, syscall.SIGTERM)
	if _, err := running.wait(); err != nil {
		t.Errorf("the running job: %v", err)
	}
	p.wantIDs(t, 200)
}

// TestKafkaSinkFencedByAccident has somebody else begin a session with the transactional id of a running job, again and again: as
// no newer driver is the reason, the job goes on, and every record is there once.
func TestKafkaSinkFencedByAccident(t *testing.T) {
	p := newKafkaProgram(t, kafkaJob, 2)
	running := p.start(p.job)
	for i := range 5 {
		p.fill(t, 100*i, 100)
		for seen := int64(0); seen < 100; {
			r, ok := <-running.progress
			if !ok {
				_, err := running.wait()
				t.Fatalf("the job has ended: %v", err)
			}
			seen += r.NumInputRows
		}
		p.fence(t)
	}
	running.signal(t, syscall.SIGTERM)
	if _, err := running.wait(); err != nil {
		t.Errorf("the job: %v", err)
	}
	p.wantIDs(t, 500)
}

// TestKafkaSinkLostRecord drops the commit record: between batches it is written anew, with a batch open the operator is
// asked.
func TestKafkaSinkLostRecord(t *testing.T) {
	p := newKafkaProgram(t, kafkaJob, 2)
	p.fill(t, 0, 3000)
	p.must("run", p.job, "--available-now")
	p.forgetRecord(t)
	p.fill(t, 3000, 3000)
	_, stderr := p.fails("run", p.job, "--available-now")
	wantExit(t, 0, stderr, 0, "its commit record was gone", "for batch 1")

	p.fill(t, 6000, 60_000)
	l := p.start(p.job, "--available-now", "--set", "limits.rows=500")
	open := l.pauseWhen(t, p.openPlan)
	l.kill()
	p.forgetRecord(t)
	published := slices.ContainsFunc(p.visible(t, 0), func(r *kgo.Record) bool { return string(r.Headers[1].Value) == strconv.FormatInt(open.Batch, 10) })
	code, stderr := p.fails("run", p.job, "--available-now")
	flags := fmt.Sprintf("--assume-published out=%[1]d or --assume-unpublished out=%[1]d", open.Batch)
	wantExit(t, code, stderr, 3, flags)
	code, stderr = p.fails("run", p.job, "--available-now", "--assume-published", "out=1")
	wantExit(t, code, stderr, 3, fmt.Sprintf("batch %d is open, not batch 1", open.Batch))
	flag := map[bool]string{true: "--assume-published", false: "--assume-unpublished"}[published]
	t.Logf("batch %d is open: %s", open.Batch, flag)
	p.must("run", p.job, "--available-now", flag, fmt.Sprintf("out=%d", open.Batch))
	p.wantIDs(t, 66_000)
}

// forgetRecord deletes the commit record, as brokers do after a while. An open transaction that writes one is ended first.
func (p *kafkaProgram) forgetRecord(t *testing.T) {
	t.Helper()
	p.fence(t)
	res, err := kadm.NewClient(p.b.Client(t)).DeleteGroups(t.Context(), p.transactionalID())
	if err == nil {
		err = res.Error()
	}
	if err != nil {
		t.Fatal(err)
	}
}

// fence begins a session with the job's transactional id, which ends the one before, and aborts what it has written.
func (p *kafkaProgram) fence(t *testing.T) {
	t.Helper()
	c := p.b.Client(t, kgo.TransactionalID(p.transactionalID()))
	if err := c.BeginTransaction(); err != nil { // fences
		t.Fatal(err)
	}
	if err := c.ProduceSync(t.Context(), &kgo.Record{Topic: p.in, Value: []byte(`{"id":0}`)}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	if err := c.EndTransaction(t.Context(), kgo.TryAbort); err != nil {
		t.Fatal(err)
	}
}

// TestKafkaSinkRefusals has one clear error for each thing that is wrong with a topic.
func TestKafkaSinkRefusals(t *testing.T) {
	p := newKafkaProgram(t, kafkaJob, 1)
	p.fill(t, 0, 10)
	for _, test := range []struct {
		code  int
		args  []string
		parts []string
	}{
		{2, []string{"sinks.out.kafka.topic=nowhere"}, []string{"sink out: topic nowhere does not exist", "create_topic"}},
		{4, []string{"sinks.out.kafka.max_message_bytes=64"}, []string{"topic " + p.out, "max_message_bytes, 64", "bytes, more than"}},
		{1, []string{"sinks.out.kafka.transaction_timeout=1h"}, []string{"transaction timeout 1h0m0s is more than transaction.max.timeout.ms"}},
		{1, []string{"sinks.out.kafka.brokers=127.0.0.1:1"}, []string{"sink out: ", "no broker answered at 127.0.0.1:1"}},
	} {
		args := []string{"run", p.job, "--available-now"}
		for _, a := range test.args {
			args = append(args, "--set", a)
		}
		code, stderr := p.fails(args...)
		wantExit(t, code, stderr, test.code, test.parts...)
		t.Log(stderr)
	}
	if n := len(p.visible(t, 0)); n != 0 {
		t.Errorf("%d records visible", n)
	}
	made := p.out + "-made"
	p.must("run", p.job, "--available-now", "--set", "sinks.out.kafka.topic="+made, "--set", "sinks.out.kafka.create_topic={partitions: 3}")
	p.out = made
	p.wantIDs(t, 10)
	var v map[string]any
	for _, r := range p.visible(t, 10) {
		if err := json.Unmarshal(r.Value, &v); err != nil || r.Partition > 2 {
			t.Errorf("record %s in partition %d: %v", r.Value, r.Partition, err)
		}
	}
}
