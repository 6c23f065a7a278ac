# What the scripts here have in common: each line that they print is a statement about the mount, and whether it holds.
# Sourced by a script that runs in the mount, with POSIX shell, coreutils and util-linux only.
export LC_ALL=C
failures=0

about() { printf '\n%s\n' "$1"; }

pass() { printf '  ok    %s\n' "$1"; }
fail() {
  failures=$((failures + 1))
  printf '  WRONG %s\n%s\n' "$1" "$2" | sed '2,$s/^/        /'
}

# does STATEMENT COMMAND: the command succeeds
does() {
  if output=$(sh -euc "$2" 2>&1); then pass "$1"; else fail "$1" "\$ $2
$output"; fi
}

# shows STATEMENT EXPECTED COMMAND: the command prints exactly that
shows() {
  output=$(sh -euc "$3" 2>&1)
  if [ "$output" = "$2" ]; then pass "$1"; else fail "$1" "\$ $3
$output
instead of
$2"; fi
}

# like STATEMENT PATTERN COMMAND: the command prints something that matches (a pattern of case)
like() {
  output=$(sh -euc "$3" 2>&1)
  # shellcheck disable=SC2254 # a pattern is meant
  case $output in
  $2) pass "$1" ;;
  *) fail "$1" "\$ $3
$output
instead of
$2" ;;
  esac
}

# refuses STATEMENT MESSAGE COMMAND: the command fails and says this
refuses() {
  if output=$(sh -euc "$3" 2>&1); then fail "$1" "\$ $3
succeeded"; else
    case $output in
    *"$2"*) pass "$1: $output" ;;
    *) fail "$1" "\$ $3
$output
instead of
$2" ;;
    esac
  fi
}

# eventually STATEMENT COMMAND: the command succeeds within ten seconds
eventually() {
  tries=0
  until sh -euc "$2" >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ $tries -lt 200 ] || { fail "$1" "\$ $2"; return; }
    sleep 0.05
  done
  pass "$1"
}

done_testing() {
  printf '\n%s\n' "$failures wrong"
  [ "$failures" -eq 0 ]
}
