package integration

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/kafkatest"
)

// TestYSB runs the Yahoo Streaming Benchmark's job over 2 M seeded events and compares every count with the
// generator's own.
func TestYSB(t *testing.T) {
	duckdbtest.Need(t)
	broker := kafkatest.Start(t)
	topic := broker.Topic(t, 2)
	dir := t.TempDir()
	ads, expected, lake := filepath.Join(dir, "ads.csv"), filepath.Join(dir, "expected.csv"), filepath.Join(dir, "lake")
	p := newProgram(t, "KAFKA="+broker.Addr, "TOPIC="+topic, "ADS="+ads, "OUT="+lake, "CHECKPOINT="+filepath.Join(dir, "checkpoint"))
	t.Log(p.must("gen", "ysb", "--brokers", broker.Addr, "--topic", topic, "--records", "2000000", "--seed", "7", "--ads", ads, "--expected", expected))
	t.Log(lastLine(p.must("run", "../examples/ysb/job.yaml", "--available-now", "--flush-windows")))
	rows := duckdbtest.Query(t, fmt.Sprintf(`
		WITH got AS (SELECT campaign_id, epoch_ms(window_start) AS w, views FROM read_parquet(%s, hive_partitioning = true)),
		     want AS (SELECT campaign_id, w, n FROM read_csv(%s, header = true))
		SELECT count(*), count(*) FILTER (WHERE views IS DISTINCT FROM n), (SELECT sum(n) FROM want)
		FROM got FULL JOIN want USING (campaign_id, w)`, quote(filepath.Join(lake, "*", "*.parquet")), quote(expected)))
	t.Logf("%s counts compared, %s different, %s views", rows[0][0], rows[0][1], rows[0][2])
	if rows[0][1] != "0" || rows[0][0] != "200" {
		t.Errorf("counts differ: %v", rows[0])
	}
}
