package integration

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/kafkatest"
)

// The other examples are run by TestFlights and TestYSB.

// TestLand lands all flights of January; each must stand in the lake once, with its own place in Kafka.
func TestLand(t *testing.T) {
	duckdbtest.Need(t)
	broker := kafkatest.Start(t)
	topic := broker.Topic(t, 4)
	p, lake := flightsProgram(t, broker.Addr, topic)
	p.must("gen", "flights", "--brokers", broker.Addr, "--topic", topic, "--seed", "1", "--file", januaryFlights)
	t.Log(lastLine(p.must("run", landJob, "--available-now")))
	r := duckdbtest.Query(t, fmt.Sprintf(`
		CREATE VIEW got AS SELECT * FROM read_parquet(%s, hive_partitioning = true);
		CREATE VIEW want AS SELECT date, delay, distance, origin, destination FROM read_parquet(%s);
		SELECT (SELECT count(*) FROM want), (SELECT count(*) FROM got), (SELECT count(DISTINCT (kafka_partition, kafka_offset)) FROM got),
		       (SELECT sum(n) FROM (SELECT max(kafka_offset) + 1 AS n FROM got GROUP BY kafka_partition)),
		       (SELECT count(*) FROM got WHERE dt::DATE <> date::DATE),
		       (SELECT count(*) FROM (FROM want EXCEPT ALL SELECT date::TIMESTAMP, delay, distance, origin, destination FROM got))`,
		quote(filepath.Join(lake, "*", "*.parquet")), quote(januaryFlights)))[0]
	t.Logf("%s flights: %s rows, %s places in Kafka of %s offsets, %s in a wrong directory, %s missing", r[0], r[1], r[2], r[3], r[4], r[5])
	if r[0] != "508239" || r[1] != r[0] || r[2] != r[0] || r[3] != r[0] || r[4] != "0" || r[5] != "0" {
		t.Errorf("differences: %v", r)
	}
}

// TestDemo runs what `make demo` runs.
func TestDemo(t *testing.T) {
	runDemo(t, "../examples/flights/demo.sh", "compared with the generator: 72839 counts, 0 wrong, 0 too many rows")
}

// TestReplayDemo runs what `make replay-demo` runs. The script fails by itself where a difference is missed, or one is told that is none.
func TestReplayDemo(t *testing.T) {
	runDemo(t, "../examples/flights/replay.sh", "508239 records, 72839 rows in 42 files: all as published", ": no difference in 42 files", ".parquet (batch 2): its bytes are not those that were written", "18685 only old, 0 only new, 37391 changed")
}

func runDemo(t *testing.T, script string, parts ...string) {
	cmd := exec.CommandContext(t.Context(), script, t.TempDir())
	cmd.Env = append(os.Environ(), "MILLRACE="+newProgram(t).path)
	out, err := cmd.CombinedOutput()
	for _, part := range parts {
		if err != nil || !strings.Contains(string(out), part) {
			t.Fatalf("%v, want it to say %q\n%s", err, part, out)
		}
	}
}
