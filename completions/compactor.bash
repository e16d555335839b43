# Completion of compactor for bash. The program itself knows what may come next. bash-completion loads this
# file by itself; without that package, source it in ~/.bashrc.

# PIDs are words with : and @ in them; readline must not take their parts for words.
COMP_WORDBREAKS=${COMP_WORDBREAKS//[:@]/}

_compactor_unquoted() {
  local word=$1
  case $word in
    \'*) word=${word#\'}; word=${word%\'} ;;
    \"*) word=${word#\"}; word=${word%\"}; word=${word//\\\"/\"} ;;
    *) word=${word//\\/} ;;
  esac
  printf '%s' "$word"
}

# The words up to the cursor, each whole: readline breaks them at = too, and at the TAB that loaded this file
# also at : and @.
_compactor_words() {
  local rest=${COMP_LINE:0:COMP_POINT} before piece
  words=()
  for piece in "${COMP_WORDS[@]:0:COMP_CWORD+1}"; do
    before=$rest
    rest=${rest#"${rest%%[![:space:]]*}"}
    piece=${piece:0:${#rest}}  # the last may go on behind the cursor
    if [[ ${#words[@]} == 0 || $rest != "$before" ]]; then
      words+=("$piece")
    else
      words[-1]+=$piece
    fi
    rest=${rest:${#piece}}
  done
}

_compactor() {
  local words cur start word candidate endings typed=() begun=
  _compactor_words
  cur=${words[-1]}
  # What readline will leave as it is: it replaces only what stands behind the last break.
  start=${cur%"$2"}
  [[ $start == *[:@=]* ]] || start=
  for word in "${words[@]:1}"; do typed+=("$(_compactor_unquoted "$word")"); done

  COMPREPLY=()
  compopt -o nosort 2>/dev/null  # bash 4.4
  while IFS=$'\t' read -r candidate endings; do
    if [[ $candidate == ':files '* ]]; then
      local prefix=${candidate#:files }
      local file=$(_compactor_unquoted "$cur")
      compopt -o filenames
      [[ $prefix == "$start" ]] || compopt -o nospace
      while read -r word; do
        [[ -n $endings && ! -d $word && "|$endings|" != *"|${word##*.}|"* ]] && continue
        word=$prefix$word
        COMPREPLY+=("${word#"$start"}")
      done < <(compgen -f -- "${file#"$prefix"}")
      return
    fi
    [[ $cur == [\'\"]* ]] || printf -v candidate '%q' "$candidate"
    [[ $candidate == "$start"* ]] || continue
    [[ $candidate != "$cur"* ]] || begun=yes
    # More is to follow behind these.
    [[ $candidate != *[:@=.\"] ]] || compopt -o nospace
    COMPREPLY+=("${candidate#"$start"}")
  done < <("${words[0]}" __complete "${typed[@]}" 2>/dev/null)
  # Where nothing begins as typed, inserting what all have in common would take away what was typed.
  [[ -n $begun || ${#COMPREPLY[@]} -lt 2 ]] || COMPREPLY+=(' ')
}

complete -F _compactor compactor
