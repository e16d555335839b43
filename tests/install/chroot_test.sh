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

step "the manual is found by man, and by the command"
apt install --no-install-recommends man-db bash-completion zsh fish
pages=$(dpkg -L compactor | sed -n 's#.*/man[17]/\(.*\)\.[17]\.gz$#\1#p')
[ "$(wc -w <<<"$pages")" -ge 9 ] || fail "pages are missing: $pages"
for page in $pages; do
  man -P cat "$page" 2>man.log | grep -q '^NAME' || { cat man.log >&2; fail "man $page"; }
done
compactor help send | grep -q '^EXIT STATUS' || fail "compactor help send does not show the manual"

step "TAB in bash, which loads the completion itself"
cat >tab.bash <<'EOF'
. /usr/share/bash-completion/bash_completion
_completion_loader compactor
COMP_WORDS=(compactor des) COMP_CWORD=1 COMP_LINE="compactor des" COMP_POINT=13
"$(complete -p compactor | sed 's/.* -F \([^ ]*\) .*/\1/')" compactor des compactor
printf '%s\n' "${COMPREPLY[@]}"
EOF
bash tab.bash | grep -qx 'describe *' || fail "bash does not complete a command: $(bash tab.bash 2>&1)"

step "TAB in zsh, which finds the completion itself"
cat >tab.zsh <<'EOF'
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell 'PS1=; unsetopt beep; autoload -U compinit; compinit -u -D; print rea''dy'
zpty -r shell out '*ready*'
zpty -w -n shell $'compactor des\t'
zpty -r shell out '*describe*'
EOF
timeout 60 zsh -f tab.zsh || fail "zsh does not complete a command"

step "TAB in fish"
fish -c 'complete -C "compactor des"' | grep -q '^describe' || fail "fish does not complete a command"

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
