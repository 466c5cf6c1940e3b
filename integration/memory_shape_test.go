package integration

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/kafkatest"
)

// programBytes is what a run takes beside memory: its code, which is mapped from its file, stacks, and the pages of a scratch file
// that it is about to use. docs/performance.md states it.
const programBytes = 48 << 20

// tolerated is what a run may be above: how much garbage there is at a time is a matter of when it is collected.
const tolerated = 16 << 20

// shapeJob is a job of which one part is the large one.
const shapeJob = `
name: shape
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: "${TOPIC}"}
    columns: {%s}
    event_time: {column: at, max_disorder: 1h}
query: |
  %s
sinks: {out: %s}
limits: {rows: %d}
checkpoint: "${CHECKPOINT}"
%s
`

// shape is one of these jobs, over a topic of its own.
type shape struct {
	name    string
	columns string // in front of at
	query   string
	sink    string // "": Parquet
	options string // of the job file, besides
	limit   int    // rows of a batch; 0: as many as there are
	parts   int    // partitions; 0: one
	flags   string
	records int
	record  func(rng *rand.Rand, b []byte, i int) []byte
	check   func(t *testing.T, s *shaped)
	more    int64 // bytes that it takes beyond all that, which is too much: see docs/performance.md
}

// shaped is a shape that has run.
type shaped struct {
	*program
	broker               *kafkatest.Broker
	dir, job, out, topic string
	n                    int
}

// wantPeak compares the peak of a run with what it may use.
func wantPeak(t *testing.T, what string, peak, memory, more int64) {
	t.Helper()
	t.Logf("%s: peak %d MiB with memory: %d MiB", what, peak>>20, memory>>20)
	if peak > memory+programBytes+more+tolerated {
		t.Errorf("%s: %d MiB, more than %d of memory: and %d beside it", what, peak>>20, memory>>20, (programBytes+more)>>20)
	}
}

const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789+-"

func appendText(rng *rand.Rand, b []byte, n int) []byte {
	for n > 0 {
		for x, k := rng.Uint64(), 0; k < 10 && n > 0; k, n = k+1, n-1 {
			b, x = append(b, letters[x%64]), x>>6
		}
	}
	return b
}

// appendEvent appends an event with an id of its own and a text that does not compress.
func appendEvent(rng *rand.Rand, b []byte, i, textBytes int) []byte {
	b = fmt.Appendf(b, `{"id":"%08x-0000-4000-8000-%012x","text":"`, rng.Uint32(), i)
	return fmt.Appendf(appendText(rng, b, textBytes), `","at":%d}`, 1_700_000_000_000+i)
}

func eventOf(textBytes int) func(*rand.Rand, []byte, int) []byte {
	return func(rng *rand.Rand, b []byte, i int) []byte { return appendEvent(rng, b, i, textBytes) }
}

// make fills a topic and writes the job.
func (s shape) make(t *testing.T, b *kafkatest.Broker) *shaped {
	t.Helper()
	topic := b.Topic(t, max(s.parts, 1), "max.message.bytes=134217728")
	w := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchMaxBytes(12<<20), kgo.BrokerMaxWriteBytes(100<<20),
		kgo.MaxBufferedRecords(20_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	rng := rand.New(rand.NewPCG(2, uint64(s.records)))
	for i := range s.records {
		r := &kgo.Record{Topic: topic, Partition: int32(i % max(s.parts, 1)), Value: s.record(rng, nil, i)}
		w.Produce(t.Context(), r, func(_ *kgo.Record, err error) {
			if err != nil {
				t.Error(err)
			}
		})
	}
	if err := w.Flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	out, sink := filepath.Join(dir, "out"), s.sink
	if sink == "" {
		sink = `{parquet: {path: "${OUT}"}}`
	}
	limit := s.limit
	if limit == 0 {
		limit = 100_000_000
	}
	job := filepath.Join(dir, "job.yaml")
	text := fmt.Sprintf(shapeJob, strings.TrimPrefix(s.columns+", at: timestamp(ms)", ", "), s.query, sink, limit, s.options)
	if err := os.WriteFile(job, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	p := newProgram(t, "KAFKA="+b.Addr, "TOPIC="+topic, "SINK="+topic+"-out", "OUT="+out, "CHECKPOINT="+filepath.Join(dir, "checkpoint"))
	p.checkpoint = filepath.Join(dir, "checkpoint")
	return &shaped{program: p, broker: b, dir: dir, job: job, out: out, topic: topic, n: s.records}
}

// run runs the job and returns its peak, its exit code and what it said.
func (s *shaped) run(t *testing.T, memory string, args ...string) (peak int64, code int, text string) {
	t.Helper()
	cmd := group{}.command(s.program, append([]string{args[0], s.job, "--set", "memory=" + memory}, args[1:]...)...)
	out, _ := cmd.CombinedOutput()
	return cmd.peak(t), cmd.ProcessState.ExitCode(), string(out)
}

func (s *shaped) rows(t *testing.T, query string) []string {
	t.Helper()
	return duckdbtest.Query(t, fmt.Sprintf(query, quote(s.out+"/**/*.parquet")))[0]
}

func wantAll(t *testing.T, s *shaped) {
	t.Helper()
	rows := s.rows(t, "SELECT count(*), count(DISTINCT id) FROM read_parquet(%s)")
	if want := fmt.Sprint(s.n); rows[0] != want || rows[1] != want {
		t.Errorf("rows and ids %v, want %s", rows, want)
	}
}

var shapes = []shape{
	{name: "wide Kafka sink", columns: "id: string, text: string", query: `SELECT id, text, "at" FROM events`, sink: `{kafka: {brokers: "${KAFKA}", topic: "${SINK}", create_topic: {partitions: 3, replication_factor: 1}}}`,
		records: 100_000, record: eventOf(500)},
	{name: "large files", columns: "id: string, text: string", query: `SELECT id, text, "at" FROM events`, records: 100_000, record: eventOf(500), check: wantAll},
	{name: "groups of one task", columns: "id: string, text: string", query: "SELECT text, window_start, max(id) AS id FROM TUMBLE(events, at, INTERVAL '1' DAY) GROUP BY text, window_start",
		flags: "--flush-windows", records: 60_000, record: eventOf(64), check: wantAll, more: 16 << 20},
	{name: "snapshots of large state", columns: "id: string, text: string", query: "SELECT id, window_start, count(*) AS n, max(text) AS text FROM TUMBLE(events, at, INTERVAL '1' DAY) GROUP BY id, window_start",
		limit: 30_000, records: 140_000, record: eventOf(8)},
	{name: "200 columns of strings", columns: strings.Join(manyColumns(": string"), ", "), query: "SELECT " + strings.Join(manyColumns(""), ", ") + ", c000 AS id FROM events",
		records: 4_000, record: manyValues, check: wantAll},
	{name: "500 partitions", columns: "id: string, text: string", query: `SELECT id, text, "at" FROM events`, parts: 500, records: 20_000, record: eventOf(300), check: wantAll},
	{name: "wide late rows", columns: "id: string, text: string", query: "SELECT text, window_start, max(id) AS id FROM TUMBLE(events, at, INTERVAL '1' DAY) GROUP BY text, window_start",
		sink: `{parquet: {path: "${OUT}/out"}}, late: {parquet: {path: "${OUT}/late"}}`, options: "on_late_row: {do: side_output, to: late}",
		limit: 12_000, records: 24_000, record: lateEvent, check: wantAside("late", 12_000)},
	{name: "wide dead letters", columns: "id: string, text: string", query: `SELECT id, text, "at" FROM events`,
		sink: `{parquet: {path: "${OUT}/out"}}, bad: {parquet: {path: "${OUT}/bad"}}`, options: "on_bad_record: {do: dead_letter, to: bad}",
		records: 12_000, record: badEvent, check: wantAside("bad", 12_000)},
}

// manyColumns are the names of 200 columns with something behind each.
func manyColumns(behind string) []string {
	out := make([]string, 200)
	for i := range out {
		out[i] = fmt.Sprintf("c%03d%s", i, behind)
	}
	return out
}

func manyValues(rng *rand.Rand, b []byte, i int) []byte {
	b = fmt.Appendf(b, `{"at":%d`, 1_700_000_000_000+i)
	for c := range 200 {
		b = fmt.Appendf(b, `,"c%03d":"%d-`, c, i)
		b = append(appendText(rng, b, 12), '"')
	}
	return append(b, '}')
}

// lateEvent is a small event of one day, or a wide one of days before, which makes a batch of its own.
func lateEvent(rng *rand.Rand, b []byte, i int) []byte {
	if i < 12_000 {
		return fmt.Appendf(b, `{"id":"%d","text":"%d","at":%d}`, i, i%10, 1_700_000_000_000+i)
	}
	b = fmt.Appendf(b, `{"id":"%d","text":"`, i)
	return fmt.Appendf(appendText(rng, b, 3_000), `","at":%d}`, 1_600_000_000_000+i)
}

// badEvent is a wide event whose time is none.
func badEvent(rng *rand.Rand, b []byte, i int) []byte {
	b = fmt.Appendf(b, `{"id":"%d","text":"`, i)
	return append(appendText(rng, b, 3_000), `","at":"never"}`...)
}

// wantAside looks for rows in another sink.
func wantAside(sink string, n int) func(t *testing.T, s *shaped) {
	return func(t *testing.T, s *shaped) {
		t.Helper()
		rows := duckdbtest.Query(t, fmt.Sprintf("SELECT count(*) FROM read_parquet(%s)", quote(s.out+"/"+sink+"/**/*.parquet")))[0]
		if rows[0] != fmt.Sprint(n) {
			t.Errorf("%s rows %s, want %d", rows[0], sink, n)
		}
	}
}

// TestMemoryOfShapes runs jobs of which one part is the large one, and compares the peak of the whole process with memory:.
func TestMemoryOfShapes(t *testing.T) {
	duckdbtest.Need(t)
	b := kafkatest.Start(t)
	for _, sh := range shapes {
		t.Run(sh.name, func(t *testing.T) {
			s := sh.make(t, b)
			args := []string{"run", "--available-now"}
			if sh.flags != "" {
				args = append(args, strings.Fields(sh.flags)...)
			}
			began := time.Now()
			peak, code, text := s.run(t, "64MiB", args...)
			if code != 0 {
				t.Fatalf("exit code %d: %s", code, text)
			}
			t.Logf("%s: %s", time.Since(began).Round(time.Millisecond), lastLine(text))
			wantPeak(t, "run", peak, 64<<20, sh.more)
			if sh.check != nil {
				sh.check(t, s)
			}
			if peak, code, text = s.run(t, "64MiB", "replay"); code != 0 {
				t.Fatalf("replay: exit code %d: %s", code, text)
			}
			wantPeak(t, "replay", peak, 64<<20, sh.more)
			if peak, code, text = s.run(t, "64MiB", "verify"); code != 0 {
				t.Fatalf("verify: exit code %d: %s", code, text)
			}
			wantPeak(t, "verify", peak, 64<<20, 0)
		})
	}
}

// TestMemoryOfOneRecord: a record, or a record batch, for which there is no room stops the run with its place before it is in memory; with
// more the run goes on from there.
func TestMemoryOfOneRecord(t *testing.T) {
	duckdbtest.Need(t)
	b := kafkatest.Start(t)
	for _, c := range []struct {
		name    string
		bytes   int
		codec   kgo.CompressionCodec
		say     string
		enough  string
		maxPeak int64
	}{
		{"10 MB", 10_000_000, kgo.NoCompression(), "the record %s/0 at offset 3 has 9765 KiB, more than the 8192 KiB that memory: 64 MiB leaves for one", "128MiB", 160 << 20},
		{"20 MB on the wire", 20_000_000, kgo.NoCompression(), "the record batch of %s/0 at offset 3 takes 19 MiB, more than the 16 MiB that memory: 64 MiB leaves for one", "256MiB", 256 << 20},
		{"100 MB decompressed", 100_000_000, kgo.Lz4Compression(), "the record batch of %s/0 at offset 3 takes more than the 16 MiB that memory: 64 MiB leaves for one", "1GiB", 1 << 30},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := shape{columns: "id: string, text: string", query: `SELECT id, text, "at" FROM events`, records: 3, record: eventOf(10)}.make(t, b)
			w := b.Client(t, kgo.ProducerBatchMaxBytes(120<<20), kgo.BrokerMaxWriteBytes(200<<20), kgo.ProducerBatchCompression(c.codec))
			value := fmt.Appendf(nil, `{"id":"long","text":"%s","at":1700000000000}`, strings.Repeat("x", c.bytes))
			if err := w.ProduceSync(t.Context(), &kgo.Record{Topic: s.topic, Partition: 0, Value: value}).FirstErr(); err != nil {
				t.Fatal(err)
			}
			peak, code, text := s.run(t, "64MiB", "run", "--available-now")
			wantExit(t, code, text, 3, fmt.Sprintf(c.say, s.topic), "nothing of this batch was committed: run the job again with memory: ")
			wantPeak(t, "refused", peak, 64<<20, 0)
			if peak, code, text = s.run(t, c.enough, "run", "--available-now"); code != 0 {
				t.Fatalf("exit code %d: %s", code, text)
			}
			t.Logf("with memory: %s: peak %d MiB", c.enough, peak>>20)
			if peak > c.maxPeak+programBytes {
				t.Errorf("with memory: %s a peak of %d MiB", c.enough, peak>>20)
			}
			if rows := s.rows(t, "SELECT count(*), max(length(text)) FROM read_parquet(%s)"); rows[0] != "4" || rows[1] != fmt.Sprint(c.bytes) {
				t.Errorf("rows and longest text %v", rows)
			}
		})
	}
}
