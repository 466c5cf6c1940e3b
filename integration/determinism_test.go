package integration

import (
	"fmt"
	"maps"
	"math"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/kafkatest"
)

// determinismJob sums doubles whose order of addition shows in their bits, beside the rows themselves: what two stages
// behind each other and a stage without keys write.
const determinismJob = `
name: determinism
sources:
  readings:
    kafka: {brokers: "${KAFKA}", topic: "${TOPIC}"}
    columns: {sensor: string, x: double, at: timestamp(ms)}
    event_time: {column: at, max_disorder: 10s}
queries:
  sums: |
    SELECT sensor, window_start, count(*) AS n, sum(x) AS total, avg(x) AS mean, min(x) AS least, max(x) AS most, sum(abs(x)) AS weight
    FROM TUMBLE(readings, at, INTERVAL '30' SECOND) GROUP BY sensor, window_start
  large: SELECT sensor, x, at FROM readings WHERE abs(x) > 1e15
sinks:
  sums: {from: sums, parquet: {path: "${OUT}/sums"}}
  large: {from: large, parquet: {path: "${OUT}/large"}}
limits: {rows: "${ROWS}"}
shards: "${SHARDS}"
checkpoint: "${CHECKPOINT}"
`

// sensorReading is a record of [determinismJob].
type sensorReading struct {
	sensor string
	x      float64
	at     int64 // ms
}

// TestDeterminism runs one topic on 1, 2 and 8 workers, killed in between, and in other batches. The plan and the records
// decide every byte of the output; other cuts may move a sum of doubles by no more than rounding.
func TestDeterminism(t *testing.T) {
	duckdbtest.Need(t)
	broker := kafkatest.Start(t)
	topic := broker.Topic(t, 3)
	want := produceReadings(t, broker, topic, 400_000)
	for _, shards := range []int{1, 4} {
		first := determinismRun{t: t, broker: broker.Addr, topic: topic, rows: 250_000, shards: shards}
		bytes := first.on(1)
		compareSums(t, want, first.sums())
		t.Logf("%d shards: %d files, %d sums", shards, len(bytes), len(want))
		for _, workers := range []int{2, 8} {
			again := first
			if other := again.on(workers); !maps.Equal(bytes, other) {
				t.Errorf("%d shards: the bytes of 1 and %d workers differ: %q", shards, workers, differingFiles(bytes, other))
			}
		}
		killed := first
		if other := killed.onKilled(2); !maps.Equal(bytes, other) {
			t.Errorf("%d shards: the bytes of a run that was killed differ: %q", shards, differingFiles(bytes, other))
		}
		cut := first
		cut.rows = 37_123
		cut.on(2)
		compareSums(t, want, cut.sums())
		if a, b := first.large(), cut.large(); !slices.EqualFunc(a, b, slices.Equal) {
			t.Errorf("%d shards: %d rows in other batches, were %d, or others", shards, len(b), len(a))
		}
	}
}

// determinismRun is the job with a checkpoint and an output of its own.
type determinismRun struct {
	t             *testing.T
	broker, topic string
	rows, shards  int
	dir           string
}

func (r *determinismRun) program() (p *program, job string) {
	r.dir = r.t.TempDir()
	job = filepath.Join(r.dir, "job.yaml")
	if err := os.WriteFile(job, []byte(determinismJob), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return newProgram(r.t, "KAFKA="+r.broker, "TOPIC="+r.topic, "OUT="+filepath.Join(r.dir, "out"), "CHECKPOINT="+filepath.Join(r.dir, "checkpoint"),
		fmt.Sprint("ROWS=", r.rows), fmt.Sprint("SHARDS=", r.shards), "GOMAXPROCS=8"), job
}

// on runs the job to the end and returns its files by path below the output.
func (r *determinismRun) on(workers int) map[string]string {
	p, job := r.program()
	p.must("run", job, "--available-now", "--flush-windows", "--cores", strconv.Itoa(workers))
	return r.files()
}

// onKilled is on, with a crash while a batch is open.
func (r *determinismRun) onKilled(workers int) map[string]string {
	p, job := r.program()
	args := []string{job, "--available-now", "--flush-windows", "--cores", strconv.Itoa(workers)}
	l := p.start(args...)
	<-l.progress
	l.kill()
	p.must(append([]string{"run"}, args...)...)
	return r.files()
}

func (r *determinismRun) files() map[string]string {
	out := map[string]string{}
	for path, data := range files(r.t, filepath.Join(r.dir, "out")) {
		out[strings.TrimPrefix(path, r.dir)] = data
	}
	return out
}

// query reads a sink with DuckDB.
func (r *determinismRun) query(sink, sql string) [][]string {
	return duckdbtest.Query(r.t, fmt.Sprintf(sql, quote(filepath.Join(r.dir, "out", sink, "*.parquet"))))
}

func (r *determinismRun) sums() [][]string {
	return r.query("sums", "SELECT sensor, epoch_ms(window_start), n, total, mean, least, most, weight FROM read_parquet(%s)")
}

func (r *determinismRun) large() [][]string {
	return r.query("large", "SELECT sensor, x, epoch_ms(\"at\") FROM read_parquet(%s) ORDER BY ALL")
}

func differingFiles(a, b map[string]string) (names []string) {
	for name := range a {
		if a[name] != b[name] {
			names = append(names, name)
		}
	}
	for name := range b {
		if _, ok := a[name]; !ok {
			names = append(names, name)
		}
	}
	return names
}

// sensorSum is the truth about one group.
type sensorSum struct {
	n           int64
	total       *big.Float // exact
	weight      float64    // Σ|x|
	least, most float64
}

// produceReadings fills a topic of three partitions, nine tenths of it the first, and returns the truth by sensor and
// window. Magnitudes go from 1e-8 to 1e16, so that no two orders of addition give the same bits.
func produceReadings(t *testing.T, b *kafkatest.Broker, topic string, n int) map[string]*sensorSum {
	t.Helper()
	rng, truth := rand.New(rand.NewPCG(uint64(n), 6)), map[string]*sensorSum{}
	w := b.Client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()), kgo.ProducerLinger(5*time.Millisecond))
	records := make([]*kgo.Record, n)
	for i := range records {
		r := sensorReading{fmt.Sprintf("s%02d", rng.IntN(40)), math.Copysign(math.Pow(10, 24*rng.Float64()-8), rng.Float64()-0.5), 1_700_000_000_000 + int64(i) - rng.Int64N(9_000)}
		records[i] = &kgo.Record{Topic: topic, Partition: max(0, int32(rng.IntN(20))-17),
			Value: fmt.Appendf(nil, `{"sensor":%q,"x":%s,"at":%d}`, r.sensor, strconv.FormatFloat(r.x, 'g', -1, 64), r.at)}
		key := fmt.Sprintf("%s %d", r.sensor, r.at/30_000*30_000)
		if truth[key] == nil {
			truth[key] = &sensorSum{total: new(big.Float).SetPrec(2000), least: r.x, most: r.x}
		}
		truth[key].add(r.x)
	}
	if err := w.ProduceSync(t.Context(), records...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	return truth
}

func (s *sensorSum) add(x float64) {
	s.n++
	s.total.Add(s.total, big.NewFloat(x))
	s.weight += math.Abs(x)
	s.least, s.most = min(s.least, x), max(s.most, x)
}

// compareSums checks groups against the truth: doubles within n·ε·Σ|x|, all else exactly.
func compareSums(t *testing.T, want map[string]*sensorSum, got [][]string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d groups, want %d", len(got), len(want))
	}
	for _, row := range got {
		s := want[row[0]+" "+row[1]]
		if s == nil {
			t.Errorf("no such group: %v", row)
			continue
		}
		var x [5]float64 // total, mean, least, most, weight
		for i := range x {
			var err error
			if x[i], err = strconv.ParseFloat(row[3+i], 64); err != nil {
				t.Fatal(err)
			}
		}
		total, _ := s.total.Float64()
		bound := float64(s.n) * 0x1p-53 * s.weight
		if row[2] != fmt.Sprint(s.n) || x[2] != s.least || x[3] != s.most ||
			math.Abs(x[0]-total) > bound || math.Abs(x[1]-total/float64(s.n)) > bound/float64(s.n)+math.Abs(x[1])*0x1p-52 || math.Abs(x[4]-s.weight) > 2*bound {
			t.Errorf("%v: want n %d, total %g, least %g, most %g, weight %g, doubles within %g", row, s.n, total, s.least, s.most, s.weight, bound)
		}
	}
}
