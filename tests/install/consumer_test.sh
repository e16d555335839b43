#!/usr/bin/env bash
# usage: consumer_test.sh BUILD SCRATCH
# Installs BUILD into a folder of its own and builds programs against what is there: by CMake and by pkg-config, with
# the shared and with the static library.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../..")
build=$1 scratch=$2
prefix=$scratch/prefix
rm -rf "$scratch"
mkdir -p "$scratch"

fail() { printf 'consumer_test: %s\n' "$*" >&2; exit 1; }
expect() {  # expect TEXT PROGRAM…: the program says just that
  local wanted=$1 said
  shift
  said=$("$@") || fail "$* failed"
  [ "$said" = "$wanted" ] || fail "$* said '$said'"
}
consumer_says="pong from ponger: hello"
surface_says="all of it works"

cmake --install "$build" --prefix "$prefix" >"$scratch/install.log"
expect "$("$build/compactor" --version)" "$prefix/bin/compactor" --version

# Every file that has a place is in it.
has() { [ -e "$prefix/$1" ] || fail "not installed: $1"; }
has share/doc/compactor/LICENSE
cd "$root"
for file in libcompactor/include/compactor/*.h; do has "include/compactor/${file##*/}"; done
for file in man/*.[137]; do [ ! -e "$file" ] || has "share/man/man${file##*.}/${file##*/}"; done
for file in $(find protos tools/json -name '*.proto' -o -name '*.json' 2>/dev/null); do has "share/compactor/${file#tools/}"; done
[ ! -e README.md ] || has share/doc/compactor/README.md
[ ! -e completions/compactor.bash ] || has share/bash-completion/completions/compactor
[ ! -e completions/compactor.fish ] || has share/fish/vendor_completions.d/compactor.fish
[ ! -e completions/_compactor ] || [ -n "$(find "$prefix/share/zsh" -name _compactor)" ] || fail "not installed: _compactor"

# The shared library: its soname, and nothing to be seen but what the headers declare.
library=$(find "$prefix" -name 'libcompactor.so.*' -type f)
soname=$(objdump -p "$library" | awk '$1 == "SONAME" { print $2 }')
[[ $soname =~ ^libcompactor\.so\.[0-9]+$ && -e ${library%/*}/$soname ]] || fail "soname '$soname'"
names='(Address|Context|Error|Invalid(Method|Pid|Process)|Observer|Options|Pid|Process|ProtobufProcess|ReturnAddress|SocketError|Stopped|Tls(FileError|Options)|UnboundProcess)'
functions='(default_context|default_source_address|initialize|join|operator<<|resolve_ipv4|source_address_to|spawn|tls_category|to_string)'
nm -DC --defined-only "$library" | cut -d' ' -f3- >"$scratch/symbols"
strangers=$(grep -vE "^(compactor::($names::|$functions[[(])|std::hash<compactor::Pid>::|(vtable|typeinfo|typeinfo name) for compactor::$names\$)" "$scratch/symbols" || true)
[ -z "$strangers" ] || fail "exported, but not public: $strangers"

# Each header stands alone.
for header in "$prefix"/include/compactor/*.h; do
  echo "#include <compactor/${header##*/}>" | g++ -std=c++20 -fsyntax-only -Wall -Wextra -Wpedantic -Werror -I"$prefix/include" -x c++ - ||
    fail "${header##*/} does not compile on its own"
done

# By CMake
cmake -S "$here/consumer" -B "$scratch/cmake" -DCMAKE_PREFIX_PATH="$prefix" -DCMAKE_CXX_FLAGS="-Wall -Wextra -Werror" -G Ninja >"$scratch/cmake.log" 2>&1 ||
  { cat "$scratch/cmake.log"; fail "find_package"; }
ninja -C "$scratch/cmake" -j 2 --quiet
for form in "" _static; do
  expect "$consumer_says" "$scratch/cmake/consumer$form"
  expect "$surface_says" "$scratch/cmake/surface$form"
done

# By pkg-config
PKG_CONFIG_PATH=$(dirname "$(find "$prefix" -name compactor.pc)")
export PKG_CONFIG_PATH
compile() { g++ -std=c++20 "$here/consumer/$1.cc" -o "$scratch/$2" "${flags[@]}"; }
read -ra flags <<<"$(pkg-config --cflags --libs compactor)"
for program in consumer surface; do compile $program $program; done
LD_LIBRARY_PATH=${library%/*} expect "$consumer_says" "$scratch/consumer"
LD_LIBRARY_PATH=${library%/*} expect "$surface_says" "$scratch/surface"
read -ra flags <<<"$(pkg-config --static --cflags --libs compactor | sed 's/-lcompactor/-l:libcompactor.a/')"
compile consumer consumer_static
expect "$consumer_says" "$scratch/consumer_static"

# Each program has the library that it asked for.
needs() { objdump -p "$1" | grep -q "NEEDED *$soname"; }
for program in {cmake/,}{consumer,surface}; do needs "$scratch/$program" || fail "$program has not $soname"; done
for program in cmake/consumer_static cmake/surface_static consumer_static; do
  ! needs "$scratch/$program" || fail "$program has $soname"
done
rm -rf "$scratch"
