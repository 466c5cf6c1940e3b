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
`

// shape is one of these jobs, over a topic of its own.
type shape struct {
	name    string
	columns string // in front of at
	query   string
	sink    string // "": Parquet
	limit   int    // rows of a batch; 0: as many as there are
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

// make fills a topic of one partition and writes the job.
func (s shape) make(t *testing.T, b *kafkatest.Broker) *shaped {
	t.Helper()
	topic := b.Topic(t, 1, "max.message.bytes=67108864")
	w := b.Client(t, kgo.ProducerLinger(5*time.Millisecond), kgo.ProducerBatchMaxBytes(60<<20), kgo.BrokerMaxWriteBytes(100<<20),
		kgo.MaxBufferedRecords(20_000), kgo.ProducerBatchCompression(kgo.NoCompression()))
	rng := rand.New(rand.NewPCG(2, uint64(s.records)))
	for i := range s.records {
		r := &kgo.Record{Topic: topic, Value: s.record(rng, nil, i)}
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
	text := fmt.Sprintf(shapeJob, strings.TrimPrefix(s.columns+", at: timestamp(ms)", ", "), s.query, sink, limit)
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
		})
	}
}
