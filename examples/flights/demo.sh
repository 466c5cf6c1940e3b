#!/usr/bin/env bash
# Real flights through an embedded Kafka broker into hourly Parquet files. The job is killed once on the way, without
# warning, and comes back: nothing is lost, nothing counted twice. $1 is where the files go, demo by default.
set -euo pipefail
cd "$(dirname "$0")/../.."
millrace=${MILLRACE:-bin/millrace}
out=${1:-demo}
mkdir -p "$out" && rm -rf "$out/lake" "$out/checkpoint" "$out/first-run.log"
OUT=$(cd "$out" && pwd)/lake CHECKPOINT=$(cd "$out" && pwd)/checkpoint
export OUT CHECKPOINT

. examples/flights/broker.sh

say "1. An embedded broker, and 508,239 real flights of January 2001 as JSON"
start_broker

say "2. The job runs ... and is killed (kill -9) in the middle"
"$millrace" run examples/flights/job.yaml --available-now >"$out/first-run.log" 2>&1 &
job=$!
until grep -q '^batch 4:' "$out/first-run.log" 2>/dev/null || ! kill -0 "$job" 2>/dev/null; do sleep 0.01; done
kill -9 "$job" 2>/dev/null || true
wait "$job" 2>/dev/null || true
cat "$out/first-run.log"

say "3. It comes back and finishes"
"$millrace" run examples/flights/job.yaml --available-now --flush-windows

say "4. What stands in the lake"
${GO:-go} run ./examples/flights/show -lake "$out/lake" -expected "$out/expected.csv"

cat <<END

Files: $out/lake/dt=2001-01-…/*.parquet. Query them with DuckDB:
  duckdb -c "SELECT airport, sum(flights) FROM read_parquet('$out/lake/*/*.parquet', hive_partitioning = true) GROUP BY 1 ORDER BY 2 DESC LIMIT 10"
END
