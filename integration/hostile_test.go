package integration

import (
	"crypto/sha256"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"

	"github.com/millrace/millrace/integration/duckdbtest"
)

// hostileJob reads columns of several types out of records among which are some that no reader of JSON should believe.
const hostileJob = `
name: hostile
sources:
  events:
    kafka: {brokers: "${KAFKA}", topic: events}
    columns: {id: bigint, text: string, n: double}
query: SELECT id, text, n FROM events
sinks:
  rows: {parquet: {path: "${OUT}/rows"}}
  dead: {parquet: {path: "${OUT}/dead"}}
on_bad_record: {do: dead_letter, to: dead}
trigger: {available_now: true}
checkpoint: "${OUT}/cp"
`

// hostileRecords are those that are bad, with what is said of them.
var hostileRecords = []struct{ name, value, says string }{
	{"100,000 levels", `{"id":-1,"x":` + strings.Repeat("[", 100_000), "more than 1000 levels of nesting"},
	{"100,000 levels, closed", `{"id":-1,"x":` + strings.Repeat(`{"a":`, 100_000) + "1" + strings.Repeat("}", 100_001), "more than 1000 levels of nesting"},
	{"invalid UTF-8", "{\"id\":-1,\"text\":\"a\xffb\"}", "invalid UTF-8"},
	{"half a surrogate pair where nobody looks", `{"id":-1,"x":"\ud83d"}`, "surrogate"},
	{"NaN", `{"id":-1,"n":NaN}`, "want a value"},
	{"Infinity", `{"id":-1,"n":-Infinity}`, "want a digit"},
	{"400 digits", `{"id":` + strings.Repeat("9", 400) + `}`, "out of range"},
	{"400 digits as a double", `{"id":-1,"n":` + strings.Repeat("9", 400) + `}`, "out of range"},
	{"cut inside a string", `{"id":-1,"text":"te`, "not valid JSON"},
	{"cut behind a value", `{"id":-1,"text":"text","n":1`, "not valid JSON"},
	{"a second value", `{"id":-1,"text":"text","n":1} {}`, "not valid JSON"},
	{"8 MB without an end", `{"id":-1,"text":"` + strings.Repeat("x", 8_000_000), "ends inside a string"},
}

// TestHostileRecords puts records that are not what they should be between good ones, and runs the program with each policy: the good
// ones are there as they were written, whatever is beside them.
func TestHostileRecords(t *testing.T) {
	duckdbtest.Need(t)
	address := brokerOf(t, hostileValues())
	for _, c := range []struct {
		policy string
		dead   int
	}{{"skip", 0}, {"{do: dead_letter, to: dead}", len(hostileRecords)}} {
		t.Run(c.policy, func(t *testing.T) {
			p, job, out := hostileProgram(t, address)
			said := p.must("run", job, "--set", "on_bad_record="+c.policy)
			wantGood(t, out)
			if c.dead == 0 {
				if n := strings.Count(said, "skipped bad record at events/0 offset"); n == 0 || !strings.Contains(said, fmt.Sprint(len(hostileRecords), " bad")) {
					t.Errorf("%d records are told, of %d:\n%.2000s", n, len(hostileRecords), said)
				}
				return
			}
			wantDead(t, out)
			p.must("verify", job)
		})
	}
	t.Run("fail", func(t *testing.T) {
		p, job, out := hostileProgram(t, address)
		args := []string{"run", job, "--set", "on_bad_record=fail"}
		for i, h := range hostileRecords {
			code, stderr := p.fails(args...)
			wantExit(t, code, stderr, 4, fmt.Sprintf("bad record at events/0 offset %d", 2*i+1), h.says)
			if len(stderr) > 2_000 {
				t.Errorf("%s: a message of %d bytes", h.name, len(stderr))
			}
			args = append(args, "--skip", fmt.Sprintf("events/0/%d", 2*i+1))
		}
		p.must(args...)
		wantGood(t, out)
	})
}

// hostileValues are good records with a bad one behind each.
func hostileValues() (values [][]byte) {
	for i, h := range hostileRecords {
		values = append(values, []byte(goodRecord(2*i)), []byte(h.value))
	}
	return append(values, []byte(goodRecord(2*len(hostileRecords))))
}

func goodRecord(id int) string { return fmt.Sprintf(`{"id":%d,"text":"text %d","n":%d.5}`, id, id, id) }

// brokerOf starts a broker with one partition of records.
func brokerOf(t *testing.T, values [][]byte) string {
	t.Helper()
	c, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.SeedTopics(1, "events"), kfake.BrokerConfigs(map[string]string{"message.max.bytes": "134217728"}))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(c.Close)
	w, err := kgo.NewClient(kgo.SeedBrokers(c.ListenAddrs()[0]), kgo.ProducerBatchMaxBytes(100<<20), kgo.BrokerMaxWriteBytes(200<<20))
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	for _, v := range values {
		if err := w.ProduceSync(t.Context(), &kgo.Record{Topic: "events", Value: v}).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	return c.ListenAddrs()[0]
}

func hostileProgram(t *testing.T, address string) (p *program, job, out string) {
	t.Helper()
	out = t.TempDir()
	job = out + "/job.yaml"
	if err := os.WriteFile(job, []byte(hostileJob), 0o600); err != nil {
		t.Fatal(err)
	}
	return newProgram(t, "KAFKA="+address, "OUT="+out), job, out
}

// wantGood compares the rows with the good records.
func wantGood(t *testing.T, out string) {
	t.Helper()
	rows := duckdbtest.Query(t, "SELECT id, text, n FROM read_parquet("+quote(out+"/rows/*.parquet")+") ORDER BY id")
	if len(rows) != len(hostileRecords)+1 {
		t.Errorf("%d rows, want %d", len(rows), len(hostileRecords)+1)
	}
	for i, r := range rows {
		if want := []string{fmt.Sprint(2 * i), fmt.Sprint("text ", 2*i), fmt.Sprint(2*i, ".5")}; !slices.Equal(r, want) {
			t.Errorf("row %d is %q, want %q", i, r, want)
		}
	}
}

// wantDead compares the dead letters with the bad records, byte for byte; of long ones the first 128 KiB are kept.
func wantDead(t *testing.T, out string) {
	t.Helper()
	rows := duckdbtest.Query(t, `SELECT "offset", value_bytes, complete, sha256(value), reason FROM read_parquet(`+quote(out+"/dead/*.parquet")+`) ORDER BY "offset"`)
	if len(rows) != len(hostileRecords) {
		t.Fatalf("%d dead letters, want %d", len(rows), len(hostileRecords))
	}
	for i, h := range hostileRecords {
		kept := h.value[:min(len(h.value), 128<<10)]
		want := []string{fmt.Sprint(2*i + 1), fmt.Sprint(len(h.value)), map[bool]string{true: "True", false: "False"}[len(kept) == len(h.value)], fmt.Sprintf("%x", sha256.Sum256([]byte(kept)))}
		if got := rows[i]; !slices.Equal(got[:4], want) || !strings.Contains(got[4], h.says) {
			t.Errorf("%s: dead letter %q, want %q, %q", h.name, got, want, h.says)
		}
	}
}
