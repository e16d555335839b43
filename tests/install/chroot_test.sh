#!/usr/bin/env bash
# Runs as root in a clean Debian 12 (minbase), with the packages beside it; see debian_root.sh. What must work where
# nothing of the build is, belongs here.
set -euo pipefail
cd "$(dirname "$0")"

fail() { printf 'chroot_test: %s\n' "$*" >&2; exit 1; }
step() { printf '== %s\n' "$*"; }
apt() { apt-get -qq -o Dpkg::Use-Pty=0 "$@" >apt.log 2>&1 || { cat apt.log >&2; fail "apt-get $*"; }; }

step "the command's package brings its dependencies, and needs not our library's"
apt update
apt install --no-install-recommends ./compactor_*.deb
version=$(dpkg-query -W -f='${Version}' compactor)
[ "$(compactor --version)" = "compactor $version" ] || fail "compactor --version: $(compactor --version 2>&1)"
[ ! -e /usr/lib/*/libcompactor.so.0 ] || fail "libcompactor was there before its package"

step "the library's package, and ld.so finds it"
apt install --no-install-recommends ./libcompactor0_*.deb
ldconfig -p | grep -q 'libcompactor\.so\.0 ' || fail "ld.so does not know libcompactor.so.0"
! ldd /usr/lib/*/libcompactor.so.0 | grep 'not found' || fail "libcompactor.so.0 lacks something"

step "the development package can be installed"
apt install --simulate ./libcompactor-dev_*.deb

step "they leave nothing behind"
files=$(dpkg -L compactor libcompactor0 | grep -E '/(lib)?compactor[^/]*$' | sort -u)
apt purge compactor libcompactor0
for file in $files; do [ ! -e "$file" ] || fail "still there: $file"; done
