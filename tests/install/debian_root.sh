#!/usr/bin/env bash
# usage: debian_root.sh SCRATCH
# Installs the packages of build into a clean Debian 12 and runs chroot_test.sh in there. The clean root is made
# once, by debootstrap, and kept in SCRATCH; each run works on a copy. Mounts and processes have namespaces of their own
# and end with this script, so whatever happens nothing stays mounted or running.
set -euo pipefail
here=$(dirname "$(realpath "$0")")
root=$(realpath "$here/../..")
scratch=$1
suite=bookworm

if [ "$(id -u)" != 0 ]; then
  sudo -n true 2>/dev/null || { echo "debian_root: needs root or sudo without a password" >&2; exit 1; }
  exec sudo -n --preserve-env=CI,COMPACTOR_SKIPPED,http_proxy,https_proxy "$0" "$@"
fi

# Skipped where it cannot be done, as tests/support/place.h has it.
if [ "${2:-}" != inside ] && ! why=$(unshare --mount --pid --fork true 2>&1); then
  lack="install.chroot: no namespaces can be made ($why)"
  case "${CI:-}" in
    "" | 0 | false) echo "$lack" | tee -a "${COMPACTOR_SKIPPED:-/dev/null}"; exit 77 ;;
    *) echo "cannot be run: $lack" >&2; exit 1 ;;
  esac
fi

base=$scratch/$suite
clean=$scratch/run
mkdir -p "$scratch"

# The mirrors that this machine's apt uses, as "URI SUITE COMPONENT"; Debian's own when it is no Debian 12.
sources() {
  local found
  found=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Created-By: Packages' |
    awk -v suite="$suite" '$2 ~ "^" suite "(-updates|-security)?$" && $3 == "main"' | sort -u)
  [[ $found == *" $suite main"* ]] && printf '%s\n' "$found" || echo "http://deb.debian.org/debian $suite main"
}

make_base() {
  local mirror
  mirror=$(sources | awk -v suite="$suite" '$2 == suite { print $1; exit }')
  rm -rf --one-file-system "$base.new"
  debootstrap --variant=minbase "$suite" "$base.new" "$mirror" >"$scratch/debootstrap.log" 2>&1 ||
    { tail -n 20 "$scratch/debootstrap.log" >&2; exit 1; }
  sources | sed 's/^/deb /' >"$base.new/etc/apt/sources.list"
  rm -f "$base.new"/var/cache/apt/archives/*.deb
  mv "$base.new" "$base"
}

# Runs as the first process of its own namespaces.
inside() {
  mount -t proc proc "$clean/proc"
  mount --rbind /dev "$clean/dev"
  exec chroot "$clean" /usr/bin/env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root TERM=xterm LC_ALL=C.UTF-8 \
    DEBIAN_FRONTEND=noninteractive http_proxy="${http_proxy:-}" https_proxy="${https_proxy:-}" \
    bash /tmp/test/chroot_test.sh
}

if [ "${2:-}" = inside ]; then inside; fi

[ -d "$base" ] || make_base
remove() { rm -rf --one-file-system "$clean"; }
trap remove EXIT
remove
cp -a "$base" "$clean"
cp -L /etc/resolv.conf /etc/hosts "$clean/etc/"
mkdir "$clean/tmp/test"
cp "$root"/build/*.deb "$here/chroot_test.sh" "$clean/tmp/test/"
setpriv --pdeathsig KILL unshare --mount --pid --fork --kill-child --propagation private "$0" "$scratch" inside
