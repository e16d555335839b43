#!/usr/bin/env bash
# Keeps values: `set` with the body KEY=VALUE, `get` with the body KEY is answered with its `value`.
#
#   compactor serve store --port 5050 --exec 'bash store.sh'
#   compactor send store@127.0.0.1:5050 set colour=green
#   compactor send store@127.0.0.1:5050 get colour --expect value
set -u
declare -A values

while IFS= read -r line; do
  name=$(jq -r '.name' <<<"$line")
  body=$(jq -r '.body_text // ""' <<<"$line")
  case $name in
    set) values["key ${body%%=*}"]=${body#*=} ;;
    # `n` says to which message this is the reply: another may have come meanwhile.
    get) jq -c --arg value "${values["key $body"]-}" '{reply: {n, name: "value", body_text: $value}}' <<<"$line" ;;
  esac
done
