#!/usr/bin/env bash
# Recorded batches run again: to the same bytes in another directory, and with another query. Then one byte of the output is
# changed, and found. $1 is where the files go, demo by default.
set -euo pipefail
cd "$(dirname "$0")/../.."
millrace=${MILLRACE:-bin/millrace}
out=${1:-demo}
mkdir -p "$out" && rm -rf "$out/lake" "$out/checkpoint" "$out/again"
OUT=$(cd "$out" && pwd)/lake CHECKPOINT=$(cd "$out" && pwd)/checkpoint
export OUT CHECKPOINT
. examples/flights/broker.sh
job=examples/flights/job.yaml

# differs runs a command that has to find a difference: exit code 6.
differs() {
  local code=0
  "$@" || code=$?
  [ "$code" = 6 ] || { echo "exit code $code, want 6: a difference"; exit 1; }
}

say "1. An embedded broker with real flights; the job runs once"
start_broker
"$millrace" run $job --available-now --flush-windows --quiet

say "2. verify: what stands in the lake is what the log says"
"$millrace" verify $job

say "3. replay: the recorded ranges again, into another directory"
"$millrace" replay $job --into "$out/again" --quiet
diff -r "$out/lake" "$out/again/lake"
echo "diff -r $out/lake $out/again/lake: no difference in $(find "$out/lake" -name '*.parquet' | wc -l) files"

say "4. One byte of one file is changed, and found"
file=$(find "$out/lake" -name '*.parquet' | sort | sed -n 5p)
byte=$(od -An -tu1 -j 1000 -N 1 "$file")
printf "$(printf '\\%03o' $(((byte + 1) % 256)))" | dd of="$file" bs=1 seek=1000 conv=notrunc status=none
differs "$millrace" verify $job
printf "$(printf '\\%03o' "$byte")" | dd of="$file" bs=1 seek=1000 conv=notrunc status=none

say "5. What would the rows be if flights that leave early did not count?"
sed -e 's/  GROUP BY/  WHERE f.delay >= 0\n  GROUP BY/' -e "s|airports.csv|$PWD/examples/flights/airports.csv|" $job >"$out/new.yaml"
differs "$millrace" replay $job --with "$out/new.yaml" --compare --samples 3

say "6. And all is as it was"
"$millrace" verify $job --deep
