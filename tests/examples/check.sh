#!/usr/bin/env bash
# Runs an example and compares what it prints. usage: check.sh ping|leader|leader-apart|sums|pinged-apart|service-apart BUILD_DIR
set -euo pipefail
export LIBPROCESS_IP=127.0.0.1 LIBPROCESS_PORT= LIBPROCESS_ADVERTISE_IP= LIBPROCESS_ADVERTISE_PORT=

expect() {
  local wanted=$1 got
  shift
  got=$("$@")
  [ "$got" = "$wanted" ] || { printf '%s printed:\n%s\ninstead of:\n%s\n' "$*" "$got" "$wanted"; exit 1; }
}

leader_apart() {
  coproc LEADER { "$1/example_leader" lead; }
  local pid said leader=$LEADER_PID
  exec 3<&"${LEADER[0]}"  # bash closes its own when the leader ends
  read -r pid <&3
  expect $'registered with leader\nleader exited' "$1/example_leader" follow "$pid"
  read -r said <&3
  [ "$said" = "follower registers" ] || { echo "the leader printed: $said"; exit 1; }
  wait "$leader"
}

# usage: documented_apart BUILD_DIR ROLE OTHER_ROLE WHAT_THE_OTHER_PRINTS
documented_apart() {
  coproc FIRST { "$1/example_documented" "$2"; }
  local pid first=$FIRST_PID
  exec 3<&"${FIRST[0]}"
  read -r pid <&3
  expect "$4" "$1/example_documented" "$3" "$pid"
  wait "$first"
}

case $1 in
  ping) expect 'ponger says hello' "$2/example_ping" ;;
  leader) expect $'follower registers\nregistered with leader\nleader exited' "$2/example_leader" ;;
  leader-apart) leader_apart "$2" ;;
  pinged-apart) documented_apart "$2" pinged ping accepted ;;
  service-apart) documented_apart "$2" service request 'service says reply:Foo' ;;
  sums) expect 'adder says 42' "$2/example_sums" ;;
esac
