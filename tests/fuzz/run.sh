#!/usr/bin/env bash
# Every fuzz target with N inputs and a new seed. usage: run.sh BUILD_DIR N
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/../.."
build=$1 runs=$2
seed=${SEED:-$RANDOM$RANDOM}
for target in parser_fuzz decode_fuzz capture_fuzz file_fuzz packet_fuzz events_fuzz tls_fuzz; do
  printf '== %s: %s inputs, seed %s\n' "$target" "$runs" "$seed"
  "$build/$target" "$runs" "$seed" tests/data/captures/compactor/*.bin tests/data/captures/*/*.pcap
done
