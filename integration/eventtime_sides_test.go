package integration

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/duckdbtest"
)

// sidesJob counts records in windows, keeps late ones in a topic and bad ones in files.
const sidesJob = `
name: sides
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: "${IN}"}
    columns: {id: bigint, k: string, n: int, at: timestamp(ms)}
    event_time: {column: at, max_disorder: 1s}
query: SELECT k, window_start, count(*) AS rows, sum(id) AS ids FROM TUMBLE(events, at, INTERVAL '10' SECOND) GROUP BY k, window_start
sinks:
  lake: {parquet: {path: "${LAKE}/lake"}}
  bad: {parquet: {path: "${LAKE}/bad", partition_by: [source, "partition % 2 AS half"]}}
  late: {kafka: {brokers: "${KAFKA}", topic: "${OUT}", key: k}}
trigger: {every: 50ms}
limits: {rows: 500}
checkpoint: "${CHECKPOINT}"
on_bad_record: {do: dead_letter, to: bad}
on_late_row: {do: side_output, to: late}
`

// fixedSidesJob takes numbers that are too large for the column of the first job.
const fixedSidesJob = `
name: sides-fixed
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: "${IN}"}
    columns: {id: bigint, n: bigint}
query: SELECT id, n, _partition AS p, _offset AS o FROM events
sinks:
  lake: {parquet: {path: "${LAKE}/fixed"}}
checkpoint: "${CHECKPOINT}-fixed"
on_bad_record: skip
`

// sidesRecord is a record of the test, and what is the matter with it.
type sidesRecord struct {
	id, at  int64
	k       string
	bad     bool // its number is too large for an int
	noJSON  bool
	noTime  bool
	written string
}

func (r *sidesRecord) isBad() bool { return r.bad || r.noJSON || r.noTime }

// sidesRecords makes records over an hour. Some come up to a minute late, some do not fit.
func sidesRecords(rng *rand.Rand, n int) []*sidesRecord {
	out := make([]*sidesRecord, n)
	for i := range out {
		r := &sidesRecord{id: int64(i), k: fmt.Sprint("k", rng.IntN(5)), at: 1_700_000_000_000 + int64(i)*3_600_000/int64(n) - rng.Int64N(1000)}
		if rng.IntN(40) == 0 {
			r.at -= rng.Int64N(60_000)
		}
		number, at := fmt.Sprint(i), fmt.Sprintf(`,"at":%d`, r.at)
		switch rng.IntN(60) {
		case 0:
			r.bad, number = true, fmt.Sprint(int64(i)+1<<40)
		case 1:
			r.noTime, at = true, ""
		case 2:
			r.noJSON, at = true, "!"
		}
		r.written = fmt.Sprintf(`{"id":%d,"k":"%s","n":%s%s}`, r.id, r.k, number, at)
		out[i] = r
	}
	return out
}

// TestEventTimeSides runs a job with late rows to a topic and dead letters to files, killed again and again. Every record is in
// exactly one place: in a window, among the late ones, or among the bad ones. Then the bad ones are replayed, killed too, and
// once more.
func TestEventTimeSides(t *testing.T) {
	duckdbtest.Need(t)
	const n = 24_000
	p := newKafkaProgram(t, sidesJob, 3)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	rng := rand.New(rand.NewPCG(seed, 1))
	records := sidesRecords(rng, n)
	p.produceSides(t, records)
	killedToTheEnd(t, p.program, 12, p.job, "--available-now", "--flush-windows")
	late := p.lateIDs(t, records)
	bad := p.deadIDs(t, records)
	windows := p.sidesWindows(t, records, late)
	t.Logf("%d records: %d in windows, %d late, %d bad", n, windows, len(late), len(bad))
	if windows+len(late)+len(bad) != n || len(late) < 50 || len(bad) < 500 {
		t.Errorf("%d + %d + %d records of %d", windows, len(late), len(bad), n)
	}
	p.replaySides(t, rng, records)
}

// produceSides writes the records to the partitions in turn.
func (p *kafkaProgram) produceSides(t *testing.T, records []*sidesRecord) {
	t.Helper()
	w := producer(t, p.b)
	var all []*kgo.Record
	for i, r := range records {
		all = append(all, &kgo.Record{Topic: p.in, Partition: int32(i % 3), Key: []byte(r.k), Value: []byte(r.written), Headers: []kgo.RecordHeader{{Key: "id", Value: []byte(strconv.FormatInt(r.id, 10))}}})
	}
	if err := w.ProduceSync(t.Context(), all...).FirstErr(); err != nil {
		t.Fatal(err)
	}
}

// lateIDs are the ids in the topic of late rows, each once, with what the row says of its record.
func (p *kafkaProgram) lateIDs(t *testing.T, records []*sidesRecord) map[int64]bool {
	t.Helper()
	out := map[int64]bool{}
	for _, r := range p.visible(t, 1) {
		var row struct {
			ID, N       int64
			K, Topic    string `json:",omitempty"`
			At          time.Time
			Partition   int64     `json:"_partition"`
			Offset      int64     `json:"_offset"`
			EventTime   time.Time `json:"_event_time"`
			Watermark   time.Time `json:"_watermark"`
			WindowStart time.Time `json:"_window_start"`
			WindowEnd   time.Time `json:"_window_end"`
		}
		if err := json.Unmarshal(r.Value, &row); err != nil {
			t.Fatalf("%v in %s", err, r.Value)
		}
		of := records[row.ID]
		start := of.at / 10_000 * 10_000
		if out[row.ID] || of.isBad() || row.K != of.k || row.N != of.id || row.EventTime.UnixMilli() != of.at || row.Partition != of.id%3 || row.Offset != of.id/3 ||
			row.WindowStart.UnixMilli() != start || row.WindowEnd.UnixMilli() != start+10_000 || row.Watermark.UnixMilli() < start+10_000 {
			t.Fatalf("late row %s of %+v, seen before: %t", r.Value, of, out[row.ID])
		}
		out[row.ID] = true
	}
	return out
}

// deadIDs are the ids of the dead letters, by partition and offset, each once.
func (p *kafkaProgram) deadIDs(t *testing.T, records []*sidesRecord) map[int64]bool {
	t.Helper()
	out := map[int64]bool{}
	for _, row := range duckdbtest.Query(t, fmt.Sprintf(`SELECT partition, "offset", decode(value), decode(key), decode(headers[1].value), complete, source, batch > 0
		FROM read_parquet(%s, hive_partitioning = true)`, quote(filepath.Join(p.lake, "bad", "**", "*.parquet")))) {
		partition, err1 := strconv.ParseInt(row[0], 10, 64)
		offset, err2 := strconv.ParseInt(row[1], 10, 64)
		id := offset*3 + partition
		if err1 != nil || err2 != nil || out[id] || !records[id].isBad() || row[2] != records[id].written || row[3] != records[id].k ||
			row[4] != fmt.Sprint(id) || row[5] != "True" || row[6] != "events" || row[7] != "True" {
			t.Fatalf("dead letter %q of %+v, seen before: %t", row, records[id], out[id])
		}
		out[id] = true
	}
	for _, r := range records {
		if r.isBad() && !out[r.id] {
			t.Fatalf("no dead letter of %+v", r)
		}
	}
	return out
}

// sidesWindows compares the windows with those of the records that are neither late nor bad, and counts the rows in them.
func (p *kafkaProgram) sidesWindows(t *testing.T, records []*sidesRecord, late map[int64]bool) int {
	t.Helper()
	type window struct {
		k     string
		start int64
	}
	want := map[window][2]int64{}
	for _, r := range records {
		if !r.isBad() && !late[r.id] {
			w := window{r.k, r.at / 10_000 * 10_000}
			want[w] = [2]int64{want[w][0] + 1, want[w][1] + r.id}
		}
	}
	total := 0
	for _, row := range duckdbtest.Query(t, fmt.Sprintf(`SELECT k, epoch_ms(window_start), rows, ids FROM read_parquet(%s)`, quote(filepath.Join(p.lake, "lake", "*.parquet")))) {
		var n [3]int64
		for i := range n {
			var err error
			if n[i], err = strconv.ParseInt(row[i+1], 10, 64); err != nil {
				t.Fatal(err)
			}
		}
		w := window{row[0], n[0]}
		if want[w] != [2]int64{n[1], n[2]} {
			t.Fatalf("window %v has %d rows with ids %d, want %v", w, n[1], n[2], want[w])
		}
		delete(want, w)
		total += int(n[1])
	}
	if len(want) > 0 {
		t.Errorf("%d windows are missing", len(want))
	}
	return total
}

// replaySides feeds the dead letters through the fixed job, which is killed a few times first, and then once more.
func (p *kafkaProgram) replaySides(t *testing.T, rng *rand.Rand, records []*sidesRecord) {
	t.Helper()
	fixed := filepath.Join(filepath.Dir(p.job), "fixed.yaml")
	if err := os.WriteFile(fixed, []byte(fixedSidesJob), 0o644); err != nil {
		t.Fatal(err)
	}
	args := []string{"replay-dead", p.job, "--with", fixed}
	killed := 0
	for range 6 {
		cmd := p.command(args...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		timer := time.NewTimer(time.Duration(30+rng.IntN(150)) * time.Millisecond)
		<-timer.C
		_ = cmd.Process.Kill()
		if err := cmd.Wait(); err != nil {
			killed++
		}
	}
	out := p.must(args...) + p.must(args...)
	want := map[int64]bool{}
	for _, r := range records {
		if r.bad || r.noTime {
			want[r.id] = true
		}
	}
	for _, row := range duckdbtest.Query(t, fmt.Sprintf(`SELECT id, n, o * 3 + p FROM read_parquet(%s)`, quote(filepath.Join(p.lake, "fixed", "*.parquet")))) {
		id, err := strconv.ParseInt(row[0], 10, 64)
		n := id
		if err == nil && records[id].bad {
			n += 1 << 40
		}
		if err != nil || !want[id] || row[1] != fmt.Sprint(n) || row[2] != row[0] {
			t.Fatalf("row %q, wanted %t", row, want[id])
		}
		delete(want, id)
	}
	if len(want) > 0 {
		t.Errorf("%d records were not replayed", len(want))
	}
	t.Logf("replayed: %d kills; %s", killed, lastLine(out))
}
