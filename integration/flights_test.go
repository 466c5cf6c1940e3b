package integration

import (
	"fmt"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/flightstest"
	"github.com/millrace/millrace/integration/kafkatest"
)

const flightsJob = "../examples/flights/job.yaml"

// TestFlights runs the main job over all 3 M flights through a real Kafka and compares every row with what DuckDB
// computes from the same Parquet file: at three batch sizes, and with the process killed again and again.
func TestFlights(t *testing.T) {
	duckdbtest.Need(t)
	file := flightstest.File(t)
	broker := kafkatest.Start(t)
	topic := broker.Topic(t, 4)
	out := newProgram(t).must("gen", "flights", "--brokers", broker.Addr, "--topic", topic, "--file", file)
	t.Log(out)
	expected := expectedFlights(t, file)

	for _, rows := range []int{150_000, 600_000, 1_000_000} {
		t.Run(fmt.Sprintf("batches of %d", rows), func(t *testing.T) {
			p, lake := flightsProgram(t, broker.Addr, topic)
			start := time.Now()
			out := p.must("run", flightsJob, "--available-now", "--flush-windows", "--set", fmt.Sprintf("limits.rows=%d", rows))
			t.Logf("%s in %s", lastLine(out), time.Since(start).Round(time.Millisecond))
			compareFlights(t, expected, lake, 300_000)
		})
	}
	t.Run("kill -9", func(t *testing.T) {
		p, lake := flightsProgram(t, broker.Addr, topic)
		killedToTheEnd(t, p, 10, flightsJob, "--available-now", "--flush-windows", "--set", "limits.rows=100000")
		compareFlights(t, expected, lake, 300_000)
	})
}

func flightsProgram(t *testing.T, broker, topic string) (p *program, lake string) {
	dir := t.TempDir()
	lake = filepath.Join(dir, "lake")
	checkpoint := filepath.Join(dir, "checkpoint")
	p = newProgram(t, "KAFKA="+broker, "TOPIC="+topic, "OUT="+lake, "CHECKPOINT="+checkpoint)
	p.checkpoint = checkpoint
	return p, lake
}

// expectedFlights makes DuckDB's answer a table in a file.
func expectedFlights(t *testing.T, flights string) string {
	t.Helper()
	to := filepath.Join(t.TempDir(), "expected.parquet")
	rows := duckdbtest.Query(t, fmt.Sprintf(`
		COPY (
			SELECT f.origin, a.name AS airport, a.state, date_trunc('hour', f.date) AS hour, count(*) AS flights,
			       avg(f.delay) AS mean_delay, avg(CASE WHEN f.delay > 15 THEN 1.0::DOUBLE ELSE 0.0 END) AS late_share
			FROM read_parquet(%s) f JOIN read_csv(%s, header = true, all_varchar = true) a ON f.origin = a.iata
			GROUP BY ALL
		) TO %s (FORMAT parquet);
		SELECT count(*), sum(flights) FROM read_parquet(%s)`, quote(flights), quote("../examples/flights/airports.csv"), quote(to), quote(to)))
	t.Logf("DuckDB: %s rows of %s flights", rows[0][0], rows[0][1])
	return to
}

// compareFlights compares every row and column, of at least so many rows. Means are doubles, summed in another order by DuckDB.
func compareFlights(t *testing.T, expected, lake string, least int) {
	t.Helper()
	rows := duckdbtest.Query(t, fmt.Sprintf(`
		WITH got AS (SELECT *, hour::TIMESTAMP AS h, 1 AS here FROM read_parquet(%s, hive_partitioning = true)),
		     want AS (SELECT *, hour AS h, 1 AS here FROM read_parquet(%s))
		SELECT count(*), count(*) FILTER (WHERE g.here IS NULL), count(*) FILTER (WHERE w.here IS NULL),
		       count(*) FILTER (WHERE g.here = 1 AND w.here = 1 AND (
		           g.airport IS DISTINCT FROM w.airport OR g.state IS DISTINCT FROM w.state OR g.flights <> w.flights
		           OR abs(g.mean_delay - w.mean_delay) > 1e-9 * greatest(abs(w.mean_delay), 1)
		           OR abs(g.late_share - w.late_share) > 1e-12 OR g.dt::DATE <> w.h::DATE)),
		       (SELECT count(*) FROM got), (SELECT count(*) FROM want)
		FROM got g FULL JOIN want w ON g.origin = w.origin AND g.h = w.h`, quote(filepath.Join(lake, "**", "*.parquet")), quote(expected)))
	r := rows[0]
	t.Logf("%s rows compared: %s missing, %s too many, %s different", r[0], r[1], r[2], r[3])
	if r[1] != "0" || r[2] != "0" || r[3] != "0" || r[4] != r[5] {
		t.Errorf("differences: %v", r)
	}
	if n, err := strconv.Atoi(r[0]); err != nil || n < least {
		t.Errorf("compared %s rows only", r[0])
	}
	if entries, err := filepath.Glob(filepath.Join(lake, "*", ".tmp-*")); err != nil || len(entries) > 25 {
		t.Errorf("temporary files left: %d, %v", len(entries), err)
	}
}

func quote(s string) string { return "'" + s + "'" }

func lastLine(s string) string {
	for i := len(s) - 2; i >= 0; i-- {
		if s[i] == '\n' {
			return s[i+1 : len(s)-1]
		}
	}
	return s
}
