package integration

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/millrace/millrace/integration/duckdbtest"
	"github.com/millrace/millrace/integration/flightstest"
	"github.com/millrace/millrace/integration/kafkatest"
)

// eventTimeJob has days of a time zone and sessions of routes over the same flights. Rows that are late in either go to a
// sink of their own.
const eventTimeJob = `
name: flights-time
sources:
  flights:
    kafka: {brokers: "${KAFKA}", topic: "${TOPIC}"}
    columns: {date: timestamp(ms), delay: bigint, origin: string, destination: string}
    event_time: {column: date, max_disorder: 30m, idle_after: 1h}
queries:
  days: |
    SELECT origin, window_start, window_end, count(*) AS flights, sum(delay) AS delay, max(delay) AS worst
    FROM TUMBLE(flights, date, INTERVAL '1' DAY, timezone => 'America/Chicago')
    GROUP BY origin, window_start, window_end
  routes: |
    SELECT origin, destination, window_start, window_end, count(*) AS flights, sum(delay) AS delay, max(delay) AS worst
    FROM SESSION(TABLE flights PARTITION BY (origin, destination), DESCRIPTOR(date), INTERVAL '3' HOUR)
    GROUP BY origin, destination, window_start, window_end
sinks:
  days: {from: days, parquet: {path: "${OUT}/days"}}
  routes: {from: routes, parquet: {path: "${OUT}/routes"}}
  late: {parquet: {path: "${OUT}/late"}}
on_late_row: {do: side_output, to: late}
trigger: {every: 1s}
limits: {rows: 4000}
checkpoint: "${CHECKPOINT}"
`

// TestEventTime takes real flights, shuffled within the bound of the job but for a few that come a day or two late, through
// a job that is killed again and again. The days of Chicago have 23, 24 and 25 hours. Which rows must be late follows from
// the watermarks in the log; DuckDB computes the windows of all others from the flights themselves.
func TestEventTime(t *testing.T) {
	duckdbtest.Need(t)
	file := flightstest.File(t)
	broker := kafkatest.Start(t)
	for _, c := range []struct {
		name     string
		from, to time.Time
		shift    int // days
		changed  string
		hours    time.Duration
	}{
		{"spring", day(3, 29), day(4, 4), 0, "2001-04-01", 23},
		{"autumn", day(4, 27), day(5, 3), 181, "2001-10-28", 25}, // the file ends with June
	} {
		t.Run(c.name, func(t *testing.T) {
			flights := shuffledFlights(t, file, c.from, c.to, c.shift)
			topic := broker.Topic(t, partitionsOfFlights)
			flights.produce(t, broker, topic)
			p, lake := eventTimeProgram(t, broker.Addr, topic)

			killedToTheEnd(t, p.program, 8, p.job, "--available-now", "--flush-windows")
			t.Logf("%d flights, %d of them stragglers", len(flights.rows), flights.stragglers)

			late := flights.checkLate(t, p.inspect(t), filepath.Join(lake, "late"))
			compareDays(t, flights.table(t, late.days), filepath.Join(lake, "days"), c.changed, c.hours)
			compareRoutes(t, flights.table(t, late.routes), filepath.Join(lake, "routes"))
		})
	}
}

func day(month time.Month, day int) time.Time {
	return time.Date(2001, month, day, 0, 0, 0, 0, time.UTC)
}

type jobProgram struct {
	*program
	job string
}

func eventTimeProgram(t *testing.T, broker, topic string) (p jobProgram, lake string) {
	p.program, lake = flightsProgram(t, broker, topic)
	p.job = filepath.Join(t.TempDir(), "job.yaml")
	if err := os.WriteFile(p.job, []byte(eventTimeJob), 0o644); err != nil {
		t.Fatal(err)
	}
	return p, lake
}

// compareDays compares the days of every airport, and the length of the day on which clocks were set.
func compareDays(t *testing.T, accepted, lake, changed string, hours time.Duration) {
	t.Helper()
	compareWindows(t, lake, "origin", fmt.Sprintf(`
		SELECT origin, timezone('America/Chicago', d) AS window_start, timezone('America/Chicago', d + INTERVAL 1 DAY) AS window_end,
		       count(*) AS flights, sum(delay) AS delay, max(delay) AS worst
		FROM (SELECT *, date_trunc('day', timezone('America/Chicago', timezone('UTC', date))) AS d FROM read_parquet(%s))
		GROUP BY origin, d`, quote(accepted)))
	rows := duckdbtest.Query(t, fmt.Sprintf(`
		SELECT DISTINCT epoch(window_end - window_start) FROM read_parquet(%s)
		WHERE strftime(timezone('America/Chicago', window_start), '%%Y-%%m-%%d %%H:%%M') = '%s 00:00'`, quote(lake+"/*.parquet"), changed))
	if want := fmt.Sprintf("[[%.1f]]", (hours * time.Hour).Seconds()); fmt.Sprint(rows) != want {
		t.Errorf("the day %s has %v seconds, want %s", changed, rows, want)
	}
}

// compareRoutes compares the sessions of every route.
func compareRoutes(t *testing.T, accepted, lake string) {
	t.Helper()
	compareWindows(t, lake, "origin, destination", fmt.Sprintf(`
		WITH marked AS (
			SELECT *, coalesce(date - lag(date) OVER route > INTERVAL 3 HOUR, true)::INT AS begins FROM read_parquet(%s)
			WINDOW route AS (PARTITION BY origin, destination ORDER BY date)),
		numbered AS (SELECT *, sum(begins) OVER (PARTITION BY origin, destination ORDER BY date) AS n FROM marked)
		SELECT origin, destination, timezone('UTC', min(date)) AS window_start, timezone('UTC', max(date) + INTERVAL 3 HOUR) AS window_end,
		       count(*) AS flights, sum(delay) AS delay, max(delay) AS worst
		FROM numbered GROUP BY origin, destination, n`, quote(accepted)))
}

// compareWindows compares files with what a query of DuckDB gives: columns of keys, then window_start, window_end, flights,
// delay and worst. No row may come twice.
func compareWindows(t *testing.T, lake, keys, want string) {
	t.Helper()
	columns := keys + ", epoch_us(window_start) AS s, epoch_us(window_end) AS e, flights::BIGINT AS n, delay::BIGINT AS d, worst"
	r := duckdbtest.Query(t, fmt.Sprintf(`
		CREATE TABLE got AS SELECT %[1]s FROM read_parquet('%[2]s/*.parquet');
		CREATE TABLE want AS SELECT %[1]s FROM (%[3]s);
		SELECT (SELECT count(*) FROM got), (SELECT count(*) FROM want), (SELECT sum(n) FROM got),
		       (SELECT count(*) FROM (FROM got EXCEPT ALL FROM want)), (SELECT count(*) FROM (FROM want EXCEPT ALL FROM got)),
		       (SELECT string_agg(x::VARCHAR, chr(10)) FROM (SELECT x FROM (FROM got EXCEPT ALL FROM want) x LIMIT 3)),
		       (SELECT string_agg(x::VARCHAR, chr(10)) FROM (SELECT x FROM (FROM want EXCEPT ALL FROM got) x LIMIT 3))`,
		columns, lake, want))[0]
	t.Logf("%s: %s windows of %s flights; DuckDB has %s", filepath.Base(lake), r[0], r[2], r[1])
	if r[3] != "0" || r[4] != "0" || strings.HasPrefix(r[0], "0") {
		t.Errorf("%s: %s windows too many:\n%s\n%s missing:\n%s", filepath.Base(lake), r[3], r[5], r[4], r[6])
	}
}
