# For the other scripts: an embedded broker with the flights of January 2001, gone when the script ends. It wants $millrace and
# $out, sets KAFKA, and leaves the expected counts in $out/expected.csv.
say() { printf '\n\033[1m%s\033[0m\n' "$*"; }

cleanup() { [ -z "${broker:-}" ] || { kill "$broker" 2>/dev/null && wait "$broker" 2>/dev/null; } || true; }
trap cleanup EXIT

start_broker() {
  rm -f "$out/broker.log" # of an earlier run: its line would be found before the shell has emptied the file
  "$millrace" broker --listen 127.0.0.1:0 >"$out/broker.log" 2>&1 &
  broker=$!
  until grep -q 'embedded broker on' "$out/broker.log" 2>/dev/null; do
    kill -0 "$broker" 2>/dev/null || { cat "$out/broker.log"; exit 1; }
    sleep 0.1
  done
  KAFKA=$(sed -n 's/^embedded broker on \([^;]*\);.*/\1/p' "$out/broker.log")
  export KAFKA
  "$millrace" gen flights --brokers "$KAFKA" --partitions 4 --expected "$out/expected.csv"
}
