# Completion of compactor for bash (with bash-completion). The program itself knows what may come next.

# PIDs are words with : and @ in them; readline must not take their parts for words.
COMP_WORDBREAKS=${COMP_WORDBREAKS//[:@]/}
# Of the TAB that loaded this file readline has split the line already, the old way.
_compactor_just_loaded=1

_compactor_unquoted() {
  local word=$1
  case $word in
    \'*) word=${word#\'}; word=${word%\'} ;;
    \"*) word=${word#\"}; word=${word%\"}; word=${word//\\\"/\"} ;;
    *) word=${word//\\/} ;;
  esac
  printf '%s' "$word"
}

_compactor() {
  local cur words cword word candidate endings typed=()
  _get_comp_words_by_ref -n ':=@' cur words cword
  for word in "${words[@]:1:cword}"; do typed+=("$(_compactor_unquoted "$word")"); done

  COMPREPLY=()
  while IFS=$'\t' read -r candidate endings; do
    if [[ $candidate == ':files '* ]]; then
      local prefix=${candidate#:files }
      local file=$(_compactor_unquoted "$cur")
      compopt -o filenames
      [[ -z $prefix ]] || compopt -o nospace
      while read -r word; do
        [[ -n $endings && ! -d $word && "|$endings|" != *"|${word##*.}|"* ]] || COMPREPLY+=("$prefix$word")
      done < <(compgen -f -- "${file#"$prefix"}")
      return
    fi
    [[ $cur == [\'\"]* ]] || printf -v candidate '%q' "$candidate"
    # More is to follow behind these.
    [[ $candidate != *[:@\"] ]] || compopt -o nospace
    [[ -n $_compactor_just_loaded && $candidate != "$cur"* && $cur == *[:@]* ]] || COMPREPLY+=("$candidate")
  done < <("${words[0]}" __complete "${typed[@]}" 2>/dev/null)
  if [[ -n $_compactor_just_loaded && $cur == *[:@]* ]]; then
    # Readline replaces only what stands behind the last of the breaks.
    local start=${cur%"${cur##*[:@]}"} i
    for i in "${!COMPREPLY[@]}"; do COMPREPLY[i]=${COMPREPLY[i]#"$start"}; done
  fi
  _compactor_just_loaded=
}

complete -F _compactor compactor
