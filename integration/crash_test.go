package integration

import (
	"fmt"
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
	"github.com/millrace/millrace/internal/prooftest"
)

const crashName = "crash"

// crashJob copies records to a topic and to files, and counts them in windows, all exactly once.
const crashJob = `
name: crash
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: "${IN}"}
    columns: {id: bigint, k: string, at: timestamp(ms)}
    event_time: {column: at, max_disorder: 1s}
queries:
  rows: SELECT id, k, at FROM events
  totals: |
    SELECT k, window_start, count(*) AS n, sum(id) AS ids, min(id) AS first
    FROM TUMBLE(events, at, INTERVAL '2' SECOND) GROUP BY k, window_start
sinks:
  out: {from: rows, kafka: {brokers: "${KAFKA}", topic: "${OUT}", key: k}}
  rows: {from: rows, parquet: {path: "${LAKE}/rows"}}
  totals: {from: totals, parquet: {path: "${LAKE}/totals"}}
limits: {rows: 100}
shards: 2
checkpoint: "${CHECKPOINT}"
`

// Rows of a batch: limits.rows of the job, and of the last run, which nobody kills.
const (
	crashRows = 100
	lastRows  = 20000
)

// Kills of TestKafkaExactlyOnceKilled: with a batch open, in every wanted phase, at the same snapshot, and batches of a life that is to
// come far.
const (
	killsWanted      = 500
	killsEachPhase   = 30
	killsOneSnapshot = 12
	lifeBatches      = 6
	longLifeBatches  = 60
	longLifeEvery    = 40
	aimsKept         = 200
)

// TestKafkaExactlyOnceKilled kills the program with SIGKILL in every phase of a batch, again and again, while readers run along: a consumer
// under read_committed and one who lists the files. Each process is stopped at a failpoint and killed then, or killed at any
// moment; its trace says how far it had come, and the log, by what its successor finds, whether a batch was open. In the end
// topic and files hold what DuckDB computes.
func TestKafkaExactlyOnceKilled(t *testing.T) {
	duckdbtest.Need(t)
	t.Parallel() // one process at a time, which waits for brokers and disks
	c := newCrasher(t, crashKills(t))
	topic := c.p.watch(t)
	rows := readAlong(t, filepath.Join(c.p.lake, "rows"), "id", c.p.checkpoint, crashRows)
	totals := readAlong(t, filepath.Join(c.p.lake, "totals"), "first", "", 0)
	began := time.Now()
	c.killAll()
	took := time.Since(began)
	rows.most.Store(lastRows) // a batch is to be seen before its commit
	c.p.must("run", c.p.job, "--available-now", "--flush-windows", "--set", fmt.Sprintf("limits.rows=%d", lastRows))
	all := c.p.visible(t, c.records)
	for topic.count() < len(all) && len(topic.faultsSoFar()) == 0 && t.Context().Err() == nil {
		<-time.After(10 * time.Millisecond)
	}
	topic.cancel()
	<-topic.end
	faults := append(append(topic.faultsSoFar(), rows.end("id")...), totals.end("first")...)
	if len(faults) > 0 || len(all) != c.records {
		t.Errorf("%d records visible, want %d; the first faults: %q", len(all), c.records, faults[:min(len(faults), 10)])
	}
	checkCrashTopic(t, all)
	c.p.checkCrashFiles(t, c.records)
	t.Logf("%d processes in %s, with %s of CPU; a reader listed the files %d times, in %s, compared with the log %d times", c.kills, took.Round(time.Second), c.cpu.Round(time.Second), rows.passes+totals.passes, (rows.spent + totals.spent).Round(time.Second), rows.checks)
	c.table()
}

// crashKills is how many kills with a batch open are wanted.
func crashKills(t *testing.T) int {
	switch text := os.Getenv("MILLRACE_CRASH_KILLS"); {
	case text != "":
		n, err := strconv.Atoi(text)
		if err != nil {
			t.Fatalf("MILLRACE_CRASH_KILLS: %v", err)
		}
		return n
	case os.Getenv("MILLRACE_LONG") == "1":
		return 4 * killsWanted
	}
	return killsWanted
}

// crasher kills processes of a job.
type crasher struct {
	t       *testing.T
	p       *kafkaProgram
	rng     *rand.Rand
	wanted  int
	records int // in the source

	kills     int
	commits   int
	open      [phases]int   // kills with a batch open, by phase
	idle      int           // kills without
	pending   []phase       // kills of which the log has not said yet whether a batch was open
	aims      [phases][]hit // where processes came by, by phase
	snapshots int           // kills in the snapshot that is due
	cpu       time.Duration // of all processes
	usual     time.Duration // of a life
}

func newCrasher(t *testing.T, wanted int) *crasher {
	t.Helper()
	c := &crasher{t: t, p: newKafkaProgram(t, crashJob, 3), wanted: wanted, usual: 100 * time.Millisecond}
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	c.rng = rand.New(rand.NewPCG(seed, 0))
	c.fill(200 * wanted)
	return c
}

// fill writes the next records, spread over the partitions. No one of them is late, however batches are cut.
func (c *crasher) fill(n int) {
	c.t.Helper()
	w := producer(c.t, c.p.b)
	var all []*kgo.Record
	for id := c.records; id < c.records+n; id++ {
		all = append(all, &kgo.Record{Topic: c.p.in, Partition: int32(id % 3), Value: fmt.Appendf(nil, `{"id":%d,"k":"k%d","at":%d}`, id, id%7, crashTime(id))})
	}
	if err := w.ProduceSync(c.t.Context(), all...).FirstErr(); err != nil {
		c.t.Fatal(err)
	}
	c.records += n
}

// crashTime is the event time of a record, in ms.
func crashTime(id int) int64 { return 1_700_000_000_000 + 10*int64(id) - int64(id)*7919%1000 }

// killAll kills until there are enough.
func (c *crasher) killAll() {
	c.t.Helper()
	for !c.enough() {
		if c.kills > 6*c.wanted {
			c.table()
			c.t.Errorf("%d processes killed, and not enough in every phase", c.kills)
			return
		}
		c.life()
	}
}

func (c *crasher) enough() bool {
	return !slices.ContainsFunc(wantedPhases, func(p phase) bool { return !c.often(p) }) && c.total() >= c.wanted
}

// often reports whether there were enough kills in a phase.
func (c *crasher) often(p phase) bool { return c.open[p] >= killsEachPhase*c.wanted/killsWanted }

// total is how many kills met an open batch.
func (c *crasher) total() (n int) {
	for _, k := range c.open {
		n += k
	}
	return n
}

// life starts a process and kills it.
func (c *crasher) life() {
	c.t.Helper()
	v := c.p.victim(c.t, filepath.Join(filepath.Dir(c.p.job), "lives", strconv.Itoa(c.kills)), c.points(), c.p.job, "--available-now")
	if c.snapshots == 0 && c.rng.IntN(6) == 0 {
		timer := time.AfterFunc(time.Duration(c.rng.Int64N(int64(2*c.usual))), func() { _ = v.cmd.Process.Kill() })
		defer timer.Stop()
	}
	switch status := v.wait(); {
	case status.Stopped():
		v.kill()
	case status.Exited() && status.ExitStatus() == 0:
		c.fill(max(50*c.wanted, 2*crashRows*longLifeBatches)) // it has come to the end
		return
	case status.Exited():
		c.t.Fatalf("a process ended with %d after %d kills; its trace ends with %v\n%s", status.ExitStatus(), c.kills, tail(v.hits(), 5), v.said())
	}
	c.usual += (time.Since(v.began) - c.usual) / 10
	c.kills, c.cpu = c.kills+1, c.cpu+v.cpu()
	c.settle(v.hits())
	if c.kills%25 == 0 {
		c.t.Logf("%d kills, %d with a batch open; %d batches committed; %s of CPU", c.kills, c.total(), c.commits, c.cpu.Round(time.Millisecond))
	}
}

// settle counts the kills before by what this process has found in the log, and notes where it died.
func (c *crasher) settle(hits []hit) {
	var w walk
	for _, h := range hits {
		w.next(h)
		c.learn(h, &w)
	}
	switch {
	case w.reruns > 0:
		for _, p := range c.pending {
			c.open[p]++
		}
		c.pending = nil
	case w.plans > 0:
		c.idle += len(c.pending)
		c.pending = nil
	}
	c.pending = append(c.pending, w.phase)
	c.commits += w.done
	if w.phase == inSnapshot {
		c.snapshots++
	} else if w.done > 0 {
		c.snapshots = 0
	}
}

// learn notes where processes come by in their first batches.
func (c *crasher) learn(h hit, w *walk) {
	if w.phase == inSnapshot || w.batch >= lifeBatches-1 {
		return
	}
	if at := c.aims[w.phase]; len(at) < aimsKept {
		c.aims[w.phase] = append(at, h)
	} else {
		at[c.rng.IntN(len(at))] = h
	}
}

// points says where the next process stops: where it comes by in the phase that has had the fewest kills, or else behind some
// batches; and in a snapshot, if one is due: there again and again.
func (c *crasher) points() string {
	batches := lifeBatches
	if c.lacksSnapshots() {
		return c.snapshotPoint() // however many batches it is away
	}
	var points []string
	if c.snapshots < killsOneSnapshot {
		points = append(points, c.snapshotPoint())
	}
	if c.snapshots > 0 && c.snapshots < killsOneSnapshot {
		// nowhere else: it is the first batch that commits a snapshot
	} else if c.kills%longLifeEvery == 0 {
		batches = longLifeBatches
	} else if at := c.aims[c.rarest()]; len(at) > 0 {
		h := at[c.rng.IntN(len(at))]
		points = append(points, fmt.Sprintf("%s=stop@%d", h.point, h.n))
	}
	return strings.Join(append(points, fmt.Sprintf("driver/told=stop@%d", batches)), ";")
}

// lacksSnapshots reports whether nothing is missing any more but kills in snapshots, which few batches have.
func (c *crasher) lacksSnapshots() bool {
	for _, p := range wantedPhases {
		if p != inSnapshot && !c.often(p) {
			return false
		}
	}
	return !c.often(inSnapshot) && c.total() >= c.wanted/2
}

// snapshotPoint is where a snapshot begins, or a later step of it, if the process before was killed in one: then it is that of
// the first batch.
func (c *crasher) snapshotPoint() string {
	if c.snapshots == 0 {
		return "state/snapshot=stop@1"
	}
	return []string{"state/snapshot=stop@1", "state/kept=stop@1", "driver/commit=stop@1"}[c.rng.IntN(3)]
}

// rarest is the phase with the fewest kills, sometimes another one with a batch open.
func (c *crasher) rarest() phase {
	if c.rng.IntN(6) == 0 {
		return []phase{preparing, writing, producing}[c.rng.IntN(3)]
	}
	best := planned
	for _, p := range wantedPhases {
		if p != inSnapshot && c.open[p] < c.open[best] {
			best = p
		}
	}
	return best
}

// table prints the kills by phase.
func (c *crasher) table() {
	c.t.Helper()
	prooftest.Figure(c.t, "kill -9 on Kafka, topic and files, with readers", "%d kills with a batch open, %d records: 0 lost, 0 doubled", c.total(), c.records)
	for p, n := range c.open {
		if n > 0 {
			prooftest.Figure(c.t, "- "+phase(p).String(), "%5d", n)
		}
	}
	prooftest.Figure(c.t, "- no batch open, not counted", "%5d", c.idle)
	c.t.Logf("%d processes, %s of CPU, %d batches committed", c.kills, c.cpu.Round(time.Millisecond), c.commits)
}

// checkCrashTopic compares every record.
func checkCrashTopic(t *testing.T, all []*kgo.Record) {
	t.Helper()
	seen := map[int]bool{}
	for _, r := range all {
		id := idOf(t, r.Value)
		want := fmt.Sprintf(`{"id":%d,"k":"k%d","at":"%s"}`, id, id%7, time.UnixMilli(crashTime(id)).UTC().Format("2006-01-02T15:04:05.999999Z"))
		if string(r.Value) != want || seen[id] {
			t.Fatalf("%s, want %s; seen before: %t", r.Value, want, seen[id])
		}
		seen[id] = true
	}
}

// checkCrashFiles compares the files with what DuckDB computes from the numbers of the records.
func (p *kafkaProgram) checkCrashFiles(t *testing.T, n int) {
	t.Helper()
	got := duckdbtest.Query(t, fmt.Sprintf(`
		CREATE TABLE events AS SELECT i AS id, 'k' || (i %% 7) AS k, 1700000000000 + 10 * i - i * 7919 %% 1000 AS ms FROM range(%d) r(i);
		CREATE TABLE copied AS SELECT id, k, epoch_ms("at") AS ms FROM read_parquet('%[2]s/rows/*.parquet');
		CREATE TABLE got AS SELECT k, epoch_ms(window_start) AS s, n::BIGINT AS n, ids::BIGINT AS ids, first FROM read_parquet('%[2]s/totals/*.parquet');
		CREATE TABLE want AS SELECT k, ms // 2000 * 2000 AS s, count(*) AS n, sum(id)::BIGINT AS ids, min(id) AS first FROM events GROUP BY ALL;
		SELECT (SELECT count(*) FROM (FROM events EXCEPT ALL FROM copied)), (SELECT count(*) FROM (FROM copied EXCEPT ALL FROM events)),
		       (SELECT count(*) FROM (FROM want EXCEPT ALL FROM got)), (SELECT count(*) FROM (FROM got EXCEPT ALL FROM want)), (SELECT count(*) FROM got)`, n, p.lake))[0]
	t.Logf("DuckDB: %s rows lost, %s doubled or foreign; of %s windows %s lost, %s doubled or foreign", got[0], got[1], got[4], got[2], got[3])
	if fmt.Sprint(got[:4]) != "[0 0 0 0]" || got[4] == "0" {
		t.Errorf("differences: %v", got)
	}
}
