package integration

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/duckdbtest"
)

// changelogJob has results that change with each batch and with late rows, and come and go by a condition.
const changelogJob = `
name: totals
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: "${IN}"}
    columns: {user: string, amount: bigint, at: timestamp(ms)}
    event_time: {column: at, max_disorder: 1s}
query: |
  SELECT user, window_start, count(*) AS events, sum(amount) AS total
  FROM TUMBLE(events, at, INTERVAL '10' SECOND)
  GROUP BY user, window_start HAVING sum(amount) % 5 <> 0
sinks:
  out: {kafka: {brokers: "${KAFKA}", topic: "${OUT}", changelog: true}}
  lake: {parquet: {path: "${LAKE}", changelog: true, partition_by: ["date(window_start) AS dt"]}}
emit: update
on_late_row: {do: update, allowed_lateness: 30s}
trigger: {every: 50ms}
limits: {rows: 400}
shards: 2
checkpoint: "${CHECKPOINT}"
`

// total is a row of the result.
type total struct {
	User          string    `json:"user"`
	Start         time.Time `json:"window_start"`
	Events, Total int64
}

// fillTotals writes n events and returns the result. Many are late, none later than is allowed, whatever the batches.
func (p *kafkaProgram) fillTotals(t *testing.T, rng *rand.Rand, n int) map[string]total {
	t.Helper()
	w := p.b.Client(t, kgo.RecordPartitioner(kgo.RoundRobinPartitioner()))
	sums := map[string]total{}
	var all []*kgo.Record
	for i := range n {
		ms := 1_700_000_000_000 + int64(i)*10 - rng.Int64N(1000)
		if rng.IntN(6) == 0 {
			ms -= rng.Int64N(20_000)
		}
		user, amount := fmt.Sprintf("u%d", rng.IntN(20)), rng.Int64N(100)
		start := time.UnixMilli(ms / 10_000 * 10_000).UTC()
		key := fmt.Sprintf(`{"user":"%s","window_start":"%s"}`, user, start.Format("2006-01-02T15:04:05Z"))
		s := sums[key]
		sums[key] = total{user, start, s.Events + 1, s.Total + amount}
		all = append(all, &kgo.Record{Topic: p.in, Value: fmt.Appendf(nil, `{"user":"%s","amount":%d,"at":%d}`, user, amount, ms)})
	}
	if err := w.ProduceSync(t.Context(), all...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(sums, func(_ string, s total) bool { return s.Total%5 == 0 })
	return sums
}

// TestKafkaChangelog kills a job whose results change, again and again. In the end the topic, of which the last record of
// each key counts, and the files, by the query that explain prints, are the result.
func TestKafkaChangelog(t *testing.T) {
	duckdbtest.Need(t)
	const n, kills = 20_000, 24
	p := newKafkaProgram(t, changelogJob, 3)
	p.out = p.b.Topic(t, 3, "retention.ms=-1", "cleanup.policy=compact")
	p.env = append(p.env, "OUT="+p.out)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	want := p.fillTotals(t, rand.New(rand.NewPCG(seed, 0)), n)
	p.killed(t, kills, p.job, "--available-now")
	p.must("run", p.job, "--available-now", "--flush-windows")

	view, tombstones, replaced := p.lastOfEachKey(t)
	if !maps.Equal(view, want) {
		t.Errorf("the topic, compacted, has %d rows, want %d: %s", len(view), len(want), differing(view, want))
	}
	files := p.viewOfFiles(t)
	if !maps.Equal(files, want) {
		t.Errorf("the files, by the query of explain, have %d rows, want %d: %s", len(files), len(want), differing(files, want))
	}
	t.Logf("%d kill -9, each with a batch open; %d events in %d batches make %d rows; %d records replaced one before, %d tombstones",
		kills, n, p.lastPlan(t).Batch, len(want), replaced, tombstones)
	if replaced == 0 || tombstones == 0 {
		t.Error("something that could go wrong did not happen")
	}
}

// lastOfEachKey is what a consumer knows that keeps the last record of each key.
func (p *kafkaProgram) lastOfEachKey(t *testing.T) (view map[string]total, tombstones, replaced int) {
	t.Helper()
	view = map[string]total{}
	for _, r := range p.visible(t, 1) {
		key := string(r.Key)
		if _, there := view[key]; there {
			replaced++
		}
		if r.Value == nil {
			tombstones++
			delete(view, key)
			continue
		}
		var row total
		if err := json.Unmarshal(r.Value, &row); err != nil {
			t.Fatal(err)
		}
		view[key] = row
	}
	return view, tombstones, replaced
}

// viewOfFiles runs the query that explain prints for a reader of the files.
func (p *kafkaProgram) viewOfFiles(t *testing.T) map[string]total {
	t.Helper()
	_, query, found := strings.Cut(p.must("explain", p.job), "the result is\n")
	if !found {
		t.Fatal("explain prints no query")
	}
	query, _, _ = strings.Cut(query, "  out ")
	query, _, _ = strings.Cut(query, "\n\n")
	out := map[string]total{}
	for _, row := range duckdbtest.Query(t, `SELECT "user", epoch_ms(window_start), events, total FROM (`+query+`)`) {
		var ms int64
		r := total{User: row[0]}
		if _, err := fmt.Sscan(strings.Join(row[1:], " "), &ms, &r.Events, &r.Total); err != nil {
			t.Fatal(err)
		}
		r.Start = time.UnixMilli(ms).UTC()
		out[fmt.Sprintf(`{"user":"%s","window_start":"%s"}`, r.User, r.Start.Format("2006-01-02T15:04:05Z"))] = r
	}
	return out
}

// differing is the first row that two results do not share.
func differing(got, want map[string]total) string {
	for key, row := range want {
		if got[key] != row {
			return fmt.Sprintf("%s is %+v, want %+v", key, got[key], row)
		}
	}
	for key, row := range got {
		if _, there := want[key]; !there {
			return fmt.Sprintf("%s is %+v, want none", key, row)
		}
	}
	return "none"
}
