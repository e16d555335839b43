#!/usr/bin/env bash
# The arrows of the house: a room finds the headers of the rooms it needs, and those of no other.
#   arrows.sh COMPILER ROOMS, of which each line is ROOM=INCLUDE;FOLDERS
# A line of the table about a header that does not exist, in its own room, is wrong too.
set -euo pipefail
compiler=$1 rooms=$2 status=0

# Whether a source of a room can include a header.
finds() {
  local folders folder flags=()
  folders=$(sed -n "s/^$1=//p" "$rooms")
  [ -n "$folders" ] || { echo "there is no room $1" >&2; exit 2; }
  while read -r folder; do flags+=(-I "$folder"); done < <(tr ';' '\n' <<<"$folders")
  # What the header itself includes of other libraries does not matter.
  echo "#if !__has_include(\"$2\")
#error not found
#endif" | "$compiler" -E "${flags[@]}" -x c++ - >/dev/null 2>&1
}

while read -r room arrow header; do
  finds "${header%%/*}" "$header" || { echo "there is no $header"; status=1; }
  found=no
  if finds "$room" "$header"; then found=yes; fi
  case "$arrow $found" in
    "may yes" | "never no") ;;
    *) echo "$room $arrow include $header, and found: $found"; status=1 ;;
  esac
done <<'EOF'
wire may base/rate_limit.h
wire never net/net.h
wire never actor/context_impl.h
wire never capture/exchange.h
text never wire/parser.h
text never net/net.h
schema may text/json_parse.h
schema never wire/parser.h
schema never actor/context_impl.h
schema never body/body.h
actor may wire/parser.h
actor never capture/exchange.h
actor never schema/catalog.h
capture may wire/parser.h
capture may decrypt/session.h
decrypt may tls/record.h
decrypt never capture/exchange.h
decrypt never wire/parser.h
capture never actor/context_impl.h
capture never schema/catalog.h
capture may net/transport.h
capture never actor/loop.h
http may net/handshake.h
http never actor/loop.h
http never output/console.h
cli never body/body.h
cli never schema/catalog.h
body may schema/catalog.h
body never output/console.h
output may body/body.h
output never capture/exchange.h
node may net/net.h
net may tls/session.h
net never actor/loop.h
tls never net/net.h
tls never wire/parser.h
decrypt never net/net.h
net never wire/parser.h
node never capture/exchange.h
serve may node/node.h
serve never send/sender.h
serve never commands/program.h
send never serve/server.h
sniff may capture/exchange.h
sniff may node/node.h
sniff never send/sender.h
commands may sniff/sniff_printer.h
EOF
exit "$status"
