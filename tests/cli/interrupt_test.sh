#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# interrupt_test.sh PROGRAM SOURCES
#
# Ctrl-C leaves a valid database that says so, and ends with 130.

# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# 90 simulated days: nobody waits for that.
scenario | sed 's/ends: 10s }/ends: 90d }/' >long.yaml

# under_way PID: it catches SIGINT and SIGTERM, within ten seconds.
under_way() {
    end=$(($(date +%s) + 10))
    while mask=$(sed -n 's/^SigCgt:[^0-9a-f]*/0x/p' "/proc/$1/status") &&
        [ "$(date +%s)" -lt "$end" ]; do
        [ $((${mask:-0} & 0x4002)) != 16386 ] || return 0
    done
    return 1
}

# interrupted NAME SIGNAL ARGUMENT...
interrupted() {
    name=$1
    signal=$2
    shift 2
    rm -rf results begun
    kept=yes
    case " $* " in *" --no-results "*) kept=no ;; esac
    mkfifo begun
    # A deaf program would run for hours.
    # shellcheck disable=SC2016 # for the inner shell
    timeout -s KILL 60 sh -c 'echo $$ >"$0"; exec "$@"' "$work/begun" \
        "$sixnines" run long.yaml "$@" >out 2>err </dev/null &
    guard=$!
    read -r pid <begun
    if ! under_way "$pid"; then
        echo "FAIL  $name: never began"
        failed=1
    fi
    kill -s "$signal" "$pid"
    wait $guard
    ends "$name" 130 $?
    says "$name: says so" "interrupted\|no seed ran" err
    ends "$name: no token of what was cut" "" \
        "$(grep "sixnines replay" out || true)"
    [ "$kept" = yes ] || return 0
    db=$(echo results/short/2*/results.db)
    if command -v sqlite3 >/dev/null; then
        ends "$name: database is whole" ok \
            "$(sqlite3 "$db" 'PRAGMA integrity_check')"
        ends "$name: database says so" interrupted \
            "$(sqlite3 "$db" 'SELECT state FROM campaign')"
    else
        skipped "$name: database" "no sqlite3 on this machine"
    fi
}

interrupted "Ctrl-C" INT -q
says "what ran is kept" "what ran is kept in results/short/" err
if command -v sqlite3 >/dev/null; then
    ends "so does its run" "interrupted|INCONCLUSIVE" \
        "$(sqlite3 "$db" 'SELECT state,verdict FROM run')"
fi
runs "a report of it" 0 report "$(dirname "$db")"
says "tells the reader" "nterrupted" "$(dirname "$db")/report.html"
interrupted "SIGTERM" TERM -q
interrupted "Ctrl-C, many seeds" INT -q --seeds 4 -j 2
interrupted "Ctrl-C, nothing kept" INT -q --no-results
says "nothing is kept" "nothing is kept" err
ends "no folder either" no "$([ -e results ] && echo yes || echo no)"
ends "nobody is left behind" "" "$(pgrep -f "$work/long.yaml" || true)"

exit $failed
