#!/usr/bin/env bash
# Every fuzz target of the project for a while: FUZZTIME=60s internal/lint/fuzz.sh
set -euo pipefail
cd "$(dirname "$0")/../.."
go=${GO:-go}
for package in $($go list ./...); do
  for target in $($go test -list '^Fuzz' "$package" | grep '^Fuzz' || true); do
    echo "== $package $target"
    $go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZTIME:-60s}" -fuzzminimizetime 5x "$package"
  done
done
