#!/usr/bin/env bash
# The main job, shown: a process is served, messages are sent to it, it is pinged, linked and watched on the wire. Run by ./dev demo.
set -euo pipefail
cd "$(dirname "$(realpath "$0")")/.."
export LIBPROCESS_IP=127.0.0.1
work=$(mktemp -d)
served='' watcher=''
trap 'kill $served $watcher 2>/dev/null || true; wait 2>/dev/null || true; rm -rf "$work"' EXIT

PATH=$PWD/build:$PATH

tell() { printf '\n# %s\n' "$*"; }
run() {
  local word
  printf '$'
  for word in "$@"; do  # quoted where a shell needs it, so that the line can be copied
    [[ $word =~ ^[A-Za-z0-9@:/.,=_-]+$ ]] && printf ' %s' "$word" || printf " '%s'" "$word"
  done
  printf '\n'
  "$@" || printf '(exit status %d)\n' $?
}
wait_for() {  # FILE TEXT
  local i
  for ((i = 0; i < 100; i++)); do
    grep -q "$2" "$1" 2>/dev/null && return
    sleep 0.05
  done
  echo "demo: \"$2\" did not appear:" >&2
  cat "$1" >&2
  exit 1
}

printf '# compactor is build/compactor here; ./dev package makes the packages that install it.\n'

tell "A process named echo, served on a free port. It shows what it gets, and answers ping with pong."
printf '$ compactor serve echo &\n'
compactor serve echo >"$work/served" &
served=$!
wait_for "$work/served" '^serving '
echo=$(sed -n 's/^serving //p' "$work/served")
cat "$work/served"
port=${echo##*:}

tell "A message to it. 202 says: queued to a live process."
run compactor send "$echo" greet 'hello, actor'

tell "The same to a process that is not there. libprocess drops the 404 without a word; compactor tells it."
run compactor send "nobody@127.0.0.1:$port" greet 'hello?'

tell "Ask and await the answer, which comes as a message of its own."
run compactor send "$echo" ping 'are you there?' --expect pong

tell "A Mesos message, built from JSON by its type, decoded on arrival; PongSlaveMessage comes back, as from an agent."
run compactor send "$echo" mesos.internal.PingSlaveMessage '{"connected": true}' --expect mesos.internal.PongSlaveMessage

tell "How long does that take? ack: it was queued. reply: it was handled."
run compactor ping "$echo" -c 3 -i 200ms

tell "Watch the wire, here through a proxy, which needs no privilege (as root: compactor sniff --port $port)."
printf '$ compactor sniff --proxy 127.0.0.1:0=%s &\n' "127.0.0.1:$port"
compactor sniff --proxy "127.0.0.1:0=127.0.0.1:$port" >"$work/sniffed" 2>"$work/proxy" &
watcher=$!
wait_for "$work/proxy" 'listening on port'
cat "$work/proxy"
run compactor send "echo@127.0.0.1:$(grep -oE '[0-9]+$' "$work/proxy")" greet 'through the proxy'
wait_for "$work/sniffed" greet
kill -INT "$watcher"
wait "$watcher" || true
watcher=''
cat "$work/sniffed"

tell "Link to it, and end it: exited is how an actor learns of a death."
printf '$ compactor link %s &\n' "$echo"
compactor link "$echo" >"$work/linked" &
watcher=$!
wait_for "$work/linked" '^linked '
cat "$work/linked"
printf '$ kill %%1\n'
kill "$served"
wait "$watcher" || true
watcher=''
tail -n +2 "$work/linked"

tell "What the served process saw:"
wait "$served" || true
served=''
cat "$work/served"
printf '\nThat is all. compactor --help lists the commands; ./dev test runs the tests.\n'
