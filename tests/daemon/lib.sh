# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the daemon share.  Sourced with the paths of refnosd and
# refnos as arguments; leaves the programs in $refnosd and $refnos, and a
# folder with an authority and the identity of a controller, $work.
#
# Nothing sleeps: a test reads watch lines from a pipe until the one it waits
# for comes; a deadline ends a daemon that never says it.

set -u
refnosd=$1
refnos=$2
work=$(mktemp -d /tmp/sixnines-daemon-XXXXXX) || exit 1
pid=
trap 'stop_all; rm -rf "$work"' EXIT
trap 'exit 130' INT TERM
failed=0
seconds=60

for name in $(env | sed -n 's/^\(REFNOSD_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done

# A network of its own, so that no interface of this machine is used.
if unshare -n true 2>/dev/null; then
    alone="unshare -n"
else
    alone=
fi

stop_all() {
    if [ -n "$pid" ]; then
        kill -9 "$pid" 2>/dev/null
        wait "$pid" 2>/dev/null
        pid=
    fi
}

# ends NAME WANTED FOUND
ends() {
    if [ "$2" = "$3" ]; then
        echo "ok    $1"
    else
        echo "FAIL  $1: \"$3\", not \"$2\""
        failed=1
    fi
}

# says NAME WORDS FILE
says() {
    if grep -q -e "$2" "$3"; then
        echo "ok    $1"
    else
        echo "FAIL  $1: \"$2\" is not in:"
        sed 's/^/      /' "$3"
        failed=1
    fi
}

skipped() {
    echo "SKIP  $1: $2"
}

identity() {
    "$refnos" identity authority "$work/ca" >/dev/null &&
        "$refnos" identity issue "$work/ca" "$work/box" DAEMON-TEST ncc \
            >/dev/null
}

# boot OPTION...: a voter alone; its watch lines come on descriptor 3, its
# log goes to $work/log, its pid is in $pid.
# shellcheck disable=SC2120 # options are optional
boot() {
    boot_as --voters self "$@"
}

# The same with nothing said but OPTION...
boot_as() {
    rm -f "$work/pipe"
    mkfifo "$work/pipe"
    # The shell opens the pipe for both, so that neither end waits.
    exec 3<>"$work/pipe"
    : >"$work/lines"
    # shellcheck disable=SC2086
    $alone "$refnosd" --identity "$work/box" --watch-fd 4 "$@" \
        4>"$work/pipe" 3<&- 2>>"$work/log" &
    pid=$!
    # "unshare" execs the daemon, so this is its pid.
}

# awaits NAME WORDS: reads lines until one has the words.
awaits() {
    if timeout "$seconds" sed -u "/$2/q" <&3 >"$work/now"; then
        cat "$work/now" >>"$work/lines"
        echo "ok    $1"
    else
        cat "$work/now" >>"$work/lines"
        echo "FAIL  $1: no \"$2\" in ${seconds} s; the last lines:"
        tail -n 20 "$work/lines" | sed 's/^/      /'
        failed=1
    fi
}

# exits NAME CODE: waits for the daemon to end by itself.
exits() {
    wait "$pid"
    ends "$1" "$2" $?
    pid=
}

# refuses NAME CODE WORDS ARGUMENT...: the daemon does not start.
refuses() {
    name=$1
    code=$2
    words=$3
    shift 3
    # shellcheck disable=SC2086
    timeout "$seconds" $alone "$refnosd" "$@" >"$work/out" 2>"$work/err"
    ends "$name" "$code" $?
    says "$name, the words" "$words" "$work/err"
}
