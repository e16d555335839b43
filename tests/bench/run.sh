#!/usr/bin/env bash
# Figures, each beside a floor program of the same run. usage: run.sh BUILD_DIR [FIGURE…]
# Figures: flood large post ping-pong tls-flood tls-large tls-ping-pong version send. Exit 1 when a goal is missed.
set -euo pipefail
build=$(realpath "$1")
shift

served=$(mktemp)
"$build/compactor" serve sink --ip 127.0.0.1 >"$served" &
server=$!
trap 'kill "$server" 2>/dev/null || true; wait "$server" || true; rm -f "$served"' EXIT
for _ in $(seq 100); do
  grep -q '^serving ' "$served" && break
  sleep 0.05
done
pid=$(sed -n 's/^serving //p' "$served")
[ -n "$pid" ] || { echo "compactor serve did not come up" >&2; exit 6; }

missed=0
"$build/bench" "$build/compactor" "$build/bench_true" "$pid" "$@" || missed=1
# Without a figure named: all of them.
if [ $# = 0 ]; then
  "$build/capture_bench" "$build/compactor" || missed=1
  "$build/schema_bench" || missed=1
fi
exit $missed
