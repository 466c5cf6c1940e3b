package integration

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/duckdbtest"
)

// dedupJob reads one topic twice: a source that drops what was written again, in front of windows, and one whose query does.
const dedupJob = `
name: once
sources:
  orders:
    kafka: {brokers: "${KAFKA}", topic: "${IN}"}
    columns: {id: bigint, k: string, at: timestamp(ms)}
    event_time: {column: at, max_disorder: 30s}
    dedup: {by: [k, id], within: 10m}
  again:
    kafka: {brokers: "${KAFKA}", topic: "${IN}"}
    columns: {id: bigint, k: string, at: timestamp(ms)}
    event_time: {column: at, max_disorder: 30s}
queries:
  windows: |
    SELECT k, window_start, window_end, count(*) AS flights, sum(id) AS delay, max(id) AS worst
    FROM TUMBLE(orders, at, INTERVAL '1' MINUTE) GROUP BY k, window_start, window_end
  rows: |
    SELECT DISTINCT ON (id, k) id, k, at, _partition AS p, _offset AS o FROM again WITHIN INTERVAL '10' MINUTE
sinks:
  windows: {from: windows, parquet: {path: "${LAKE}/windows"}}
  rows: {from: rows, parquet: {path: "${LAKE}/rows"}}
  late: {parquet: {path: "${LAKE}/late"}}
on_late_row: {do: side_output, to: late}
trigger: {every: 50ms}
limits: {rows: 2000}
checkpoint: "${CHECKPOINT}"
`

// copied is one record of the test: an order, written once or several times.
type copied struct {
	ID        int64  `json:"id"`
	K         string `json:"k"`
	At        int64  `json:"ms"`
	Partition int32  `json:"p"`
	Offset    int64  `json:"o"`
	arrival   int64
}

const withinMS = 600_000

// copiedOrders makes orders over half an hour, each written up to three times to any partition, within the bound or minutes too
// late. Some keys come again, exactly the span later, and are other orders then; some a tick before, and are not.
func copiedOrders(rng *rand.Rand, orders int) (all []copied, stragglers int) {
	const base = 1_700_000_000_000
	write := func(id, at int64, mayStraggle bool) {
		for range 1 + rng.IntN(3) {
			c := copied{ID: id, K: fmt.Sprint("k", id%7), At: at, Partition: rng.Int32N(3), arrival: at + rng.Int64N(30_000)}
			if mayStraggle && rng.IntN(25) == 0 {
				c.arrival += 120_000 + rng.Int64N(180_000)
				stragglers++
			}
			all = append(all, c)
		}
	}
	for id := range int64(orders) {
		at := base + id*1_800_000/int64(orders)
		comesAgain := rng.IntN(8)
		write(id, at, comesAgain != 1)
		switch comesAgain {
		case 0:
			write(id, at+withinMS, true)
		case 1:
			write(id, at+withinMS-1, true)
		}
	}
	slices.SortStableFunc(all, func(a, b copied) int { return cmp.Compare(a.arrival, b.arrival) })
	var next [3]int64
	for i := range all {
		all[i].Offset = next[all[i].Partition]
		next[all[i].Partition]++
	}
	return all, stragglers
}

// TestEventTimeDedup writes records several times, shuffled, and kills the job again and again. Every record is in one place: kept,
// a duplicate, or late; DuckDB says which orders there are of those that were not late.
func TestEventTimeDedup(t *testing.T) {
	duckdbtest.Need(t)
	p := newKafkaProgram(t, dedupJob, 3)
	seed := uint64(time.Now().UnixNano())
	rng := rand.New(rand.NewPCG(seed, 2))
	records, stragglers := copiedOrders(rng, 12_000)
	p.produceCopies(t, records)
	killedToTheEnd(t, p.program, 10, p.job, "--available-now", "--flush-windows")
	accepted := p.acceptedCopies(t, records)
	compareWindows(t, filepath.Join(p.lake, "windows"), "k", fmt.Sprintf(`
		SELECT k, to_timestamp(ms // 60000 * 60) AS window_start, to_timestamp((ms // 60000 + 1) * 60) AS window_end,
		       count(*) AS flights, sum(id) AS delay, max(id) AS worst FROM (%s) GROUP BY k, ms // 60000`, ordersOf(accepted.orders)))
	kept := p.compareKept(t, accepted.again)
	var status struct{ NumRowsDuplicate, NumRowsLate, NumRowsBad int64 }
	if err := json.Unmarshal([]byte(p.must("status", p.job, "--json", "--no-lag")), &status); err != nil {
		t.Fatal(err)
	}
	r := duckdbtest.Query(t, fmt.Sprintf(`SELECT (SELECT count(*) FROM read_parquet(%s)) + (SELECT count(*) FROM read_parquet(%s)), (SELECT count(*) FROM (%s))`,
		quote(accepted.orders), quote(accepted.again), ordersOf(accepted.orders)))[0]
	in, keptBySource := number(t, r[0]), number(t, r[1])
	t.Logf("seed %d: %d records, %d of them stragglers, read twice: %d kept by the source, %d by the query, %d duplicates, %d late",
		seed, len(records), stragglers, keptBySource, kept, status.NumRowsDuplicate, status.NumRowsLate)
	if status.NumRowsLate != accepted.late || status.NumRowsDuplicate != in-keptBySource-kept || in+accepted.late != 2*int64(len(records)) {
		t.Errorf("status says %+v; %d rows are in the sink of late ones, %d were not late", status, accepted.late, in)
	}
	if accepted.late < 100 || status.NumRowsDuplicate < 10_000 {
		t.Errorf("too few late rows or duplicates")
	}
}

func (p *kafkaProgram) produceCopies(t *testing.T, records []copied) {
	t.Helper()
	w := producer(t, p.b)
	var all []*kgo.Record
	for _, c := range records {
		all = append(all, &kgo.Record{Topic: p.in, Partition: c.Partition, Value: fmt.Appendf(nil, `{"id":%d,"k":%q,"at":%d}`, c.ID, c.K, c.At)})
	}
	if err := w.ProduceSync(t.Context(), all...).FirstErr(); err != nil {
		t.Fatal(err)
	}
	for i, c := range records {
		if all[i].Offset != c.Offset {
			t.Fatalf("record %d is at offset %d of partition %d, not %d", i, all[i].Offset, c.Partition, c.Offset)
		}
	}
}

// acceptedCopies are files with the records that are not among the late rows of each of the two operators.
type acceptedCopies struct {
	orders, again string
	late          int64 // of both
}

func (p *kafkaProgram) acceptedCopies(t *testing.T, records []copied) acceptedCopies {
	t.Helper()
	dir, late := t.TempDir(), quote(filepath.Join(p.lake, "late", "*.parquet"))
	var lines bytes.Buffer
	for _, c := range records {
		if err := json.NewEncoder(&lines).Encode(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "records.json"), lines.Bytes(), 0o600); err != nil {
		t.Fatal(err)
	}
	names := duckdbtest.Query(t, fmt.Sprintf(`SELECT _operator, count(*) FROM read_parquet(%s) GROUP BY 1 ORDER BY _operator LIKE '%%again%%', 1`, late))
	if len(names) != 2 {
		t.Fatalf("late rows of the operators %q, want two", names)
	}
	out := acceptedCopies{filepath.Join(dir, "orders.parquet"), filepath.Join(dir, "again.parquet"), number(t, names[0][1]) + number(t, names[1][1])}
	for i, file := range []string{out.orders, out.again} {
		duckdbtest.Query(t, fmt.Sprintf(`COPY (
			SELECT * FROM read_json(%s, format = 'newline_delimited', columns = {id: 'BIGINT', k: 'VARCHAR', ms: 'BIGINT', p: 'INT', o: 'BIGINT'})
			WHERE (p, o) NOT IN (SELECT (_partition, _offset) FROM read_parquet(%s) WHERE _operator = %s)) TO %s (FORMAT parquet)`,
			quote(filepath.Join(dir, "records.json")), late, quote(names[i][0]), quote(file)))
	}
	return out
}

// ordersOf are the orders in a file of records: those of a key with no earlier one less than the span before it.
func ordersOf(file string) string {
	return fmt.Sprintf(`SELECT DISTINCT id, k, ms FROM read_parquet(%[1]s) a WHERE NOT EXISTS
		(SELECT 1 FROM read_parquet(%[1]s) b WHERE b.id = a.id AND b.k = a.k AND b.ms < a.ms AND a.ms - b.ms < %[2]d)`, quote(file), withinMS)
}

// compareKept compares the rows that the query kept with the orders; each is one of the records of its order.
func (p *kafkaProgram) compareKept(t *testing.T, accepted string) (kept int64) {
	t.Helper()
	r := duckdbtest.Query(t, fmt.Sprintf(`
		CREATE TABLE got AS SELECT id, k, epoch_ms("at") AS ms, p, o FROM read_parquet(%s);
		CREATE TABLE want AS %s;
		SELECT (SELECT count(*) FROM got), (SELECT count(*) FROM want),
		       (SELECT count(*) FROM (SELECT id, k, ms FROM got EXCEPT ALL SELECT id, k, ms FROM want)),
		       (SELECT count(*) FROM (SELECT id, k, ms FROM want EXCEPT ALL SELECT id, k, ms FROM got)),
		       (SELECT count(*) FROM (SELECT id, k, ms, p, o FROM got EXCEPT ALL SELECT id, k, ms, p, o FROM read_parquet(%s)))`,
		quote(filepath.Join(p.lake, "rows", "*.parquet")), ordersOf(accepted), quote(accepted)))[0]
	if r[0] == "0" || r[2] != "0" || r[3] != "0" || r[4] != "0" {
		t.Errorf("the query kept %s rows of %s orders: %s too many, %s missing, %s that no record has", r[0], r[1], r[2], r[3], r[4])
	}
	return number(t, r[0])
}
