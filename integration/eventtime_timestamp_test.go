package integration

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/duckdbtest"
)

// stampedJob goes by the records' own timestamps. Its columns have no time.
const stampedJob = `
name: stamped
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: "${IN}"}
    columns: {id: bigint, k: string}
    event_time: {column: _timestamp, max_disorder: 2s}
query: |
  SELECT k, window_start, window_end, count(*) AS flights, sum(id) AS delay, max(id) AS worst
  FROM TUMBLE(events, _timestamp, INTERVAL '20' MILLISECOND) GROUP BY k, window_start, window_end
sinks:
  lake: {parquet: {path: "${LAKE}/lake"}}
  late: {parquet: {path: "${LAKE}/late"}}
on_late_row: {do: side_output, to: late}
trigger: {every: 50ms}
limits: {rows: 100}
checkpoint: "${CHECKPOINT}"
`

// stamped is a record as a consumer reads it.
type stamped struct {
	ID        int64  `json:"id"`
	K         string `json:"k"`
	At        int64  `json:"ms"`
	Partition int32  `json:"p"`
	Offset    int64  `json:"o"`
}

// TestEventTimeOfKafka takes the event time from the records' timestamps: those that producers write, shuffled and some of them
// late, and those of a topic whose broker writes them. The job is killed again and again.
func TestEventTimeOfKafka(t *testing.T) {
	duckdbtest.Need(t)
	for _, c := range []struct {
		name, kind string
		shuffled   bool
	}{{"create time", "CreateTime", true}, {"append time", "LogAppendTime", false}} {
		t.Run(c.name, func(t *testing.T) {
			p := newKafkaProgram(t, stampedJob, 3)
			topic := p.b.Topic(t, 3, "message.timestamp.type="+c.kind)
			seed := uint64(time.Now().UnixNano())
			records := p.produceStamped(t, rand.New(rand.NewPCG(seed, 3)), topic, c.shuffled)
			killedToTheEnd(t, p.program, 6, p.job, "--available-now", "--flush-windows", "--set", "sources.events.kafka.topic="+topic)
			accepted, late := p.acceptedStamped(t, records, c.shuffled)
			compareWindows(t, filepath.Join(p.lake, "lake"), "k", fmt.Sprintf(`
				SELECT k, make_timestamptz(ms // 20 * 20000) AS window_start, make_timestamptz((ms // 20 + 1) * 20000) AS window_end,
				       count(*) AS flights, sum(id) AS delay, max(id) AS worst FROM read_parquet(%s) GROUP BY k, ms // 20`, quote(accepted)))
			t.Logf("seed %d: %d records over %d ms, %d late", seed, len(records), spread(records), late)
			if (late > 20) != c.shuffled {
				t.Errorf("%d rows were late", late)
			}
		})
	}
}

func spread(records []stamped) int64 {
	at := func(a, b stamped) int { return cmp.Compare(a.At, b.At) }
	return slices.MaxFunc(records, at).At - slices.MinFunc(records, at).At
}

// produceStamped writes 8,000 records and reads them back. Where producers' times count they are of the last ten minutes, within two
// seconds of their order but for some that are up to a minute late. They are of last year where the broker writes its own.
func (p *kafkaProgram) produceStamped(t *testing.T, rng *rand.Rand, topic string, shuffled bool) []stamped {
	t.Helper()
	const n = 8000
	w := producer(t, p.b)
	began := time.Now().Add(-10 * time.Minute)
	if !shuffled {
		began = began.AddDate(-1, 0, 0)
	}
	var all []*kgo.Record
	for i := range n {
		at := began.Add(time.Duration(i)*10*time.Minute/n - time.Duration(rng.Int64N(2000))*time.Millisecond)
		if rng.IntN(30) == 0 {
			at = at.Add(-time.Duration(rng.Int64N(60_000)) * time.Millisecond)
		}
		all = append(all, &kgo.Record{Topic: topic, Partition: rng.Int32N(3), Timestamp: at, Value: fmt.Appendf(nil, `{"id":%d,"k":"k%d"}`, i, rng.IntN(5))})
	}
	for part := range slices.Chunk(all, n/10) {
		if err := w.ProduceSync(t.Context(), part...).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return p.readStamped(t, topic, n)
}

func (p *kafkaProgram) readStamped(t *testing.T, topic string, n int) (out []stamped) {
	t.Helper()
	c := p.b.Client(t, kgo.ConsumeTopics(topic), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	for len(out) < n {
		f := c.PollFetches(t.Context())
		if err := f.Err(); err != nil {
			t.Fatal(err)
		}
		f.EachRecord(func(r *kgo.Record) {
			s := stamped{At: r.Timestamp.UnixMilli(), Partition: r.Partition, Offset: r.Offset}
			if err := json.Unmarshal(r.Value, &s); err != nil {
				t.Fatal(err)
			}
			out = append(out, s)
		})
	}
	return out
}

// acceptedStamped is a file with the records that are not among the late rows; each of those has the record's timestamp as its
// event time, and a watermark at or behind the end of the window that it missed.
func (p *kafkaProgram) acceptedStamped(t *testing.T, records []stamped, someLate bool) (file string, late int64) {
	t.Helper()
	var lines strings.Builder
	for _, r := range records {
		if err := json.NewEncoder(&lines).Encode(r); err != nil {
			t.Fatal(err)
		}
	}
	dir := t.TempDir()
	file = filepath.Join(dir, "accepted.parquet")
	if err := os.WriteFile(filepath.Join(dir, "records.json"), []byte(lines.String()), 0o600); err != nil {
		t.Fatal(err)
	}
	all := fmt.Sprintf(`read_json(%s, format = 'newline_delimited', columns = {id: 'BIGINT', k: 'VARCHAR', ms: 'BIGINT', p: 'INT', o: 'BIGINT'})`, quote(filepath.Join(dir, "records.json")))
	if !someLate {
		duckdbtest.Query(t, fmt.Sprintf(`COPY (FROM %s) TO %s (FORMAT parquet)`, all, quote(file)))
		left, err := filepath.Glob(filepath.Join(p.lake, "late", "*.parquet"))
		if err != nil {
			t.Fatal(err)
		}
		return file, int64(len(left))
	}
	r := duckdbtest.Query(t, fmt.Sprintf(`
		CREATE TABLE late AS FROM read_parquet(%s);
		COPY (FROM %s WHERE (p, o) NOT IN (SELECT (_partition, _offset) FROM late)) TO %s (FORMAT parquet);
		SELECT count(*), count(*) FILTER (epoch_ms(_event_time) = ms AND _watermark >= _window_end)
		FROM late JOIN %s ON p = _partition AND o = _offset`,
		quote(filepath.Join(p.lake, "late", "*.parquet")), all, quote(file), all))[0]
	if r[0] != r[1] {
		t.Errorf("%s late rows, %s of them with the time of their record behind the watermark", r[0], r[1])
	}
	return file, number(t, r[0])
}
