#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# results_test.sh PROGRAM SOURCES
#
# What a run leaves behind, and what it says when it cannot.

# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

scenario >short.yaml

# query DB SQL
query() {
    sqlite3 "$1" "$2"
}

# ---- all is well ----

runs "a run" 0 run short.yaml -q
says "verdict first" "^short: PASS" out
dir=$(sed -n 's/^report: \(.*\)\/report.html$/\1/p' out)
ends "five files" "checkpoints-1.csv junit.xml report.html results.db run.json" \
    "$(cd "$dir" && echo *)"
ends "latest points there" "$dir/report.html" \
    "$(ls results/short/latest/report.html >latest 2>&1 &&
        echo "results/short/$(readlink results/short/latest)/report.html")"
runs "json" 0 run short.yaml -q --json
if command -v sqlite3 >/dev/null; then
    ends "parses" 1 "$(query :memory: "SELECT json_valid(readfile('out'))")"
    ends "and says PASS" 1 "$(grep -c '"PASS"' out | sed 's/[1-9].*/1/')"
    for words in "doctor --json" "list --json" "describe metrics --json" \
        "describe faults --json" "validate short.yaml --json" \
        "run short.yaml --dry-run --json"; do
        # shellcheck disable=SC2086 # words are several
        runs "$words" 0 $words
        ends "$words: parses" 1 \
            "$(query :memory: "SELECT json_valid(readfile('out'))")"
    done
    ends "complete" "complete|PASS" \
        "$(query "$dir/results.db" 'SELECT state,verdict FROM run')"
else
    skipped "json, database" "no sqlite3 on this machine"
fi

# ---- verdicts ----

sed 's/ports.outage == 0s/ports.outage > 1h/' short.yaml >fails.yaml
runs "a failed expectation" 1 run fails.yaml --no-results
says "is said" "FAIL" out
sed '/^expect:/,/that/d' short.yaml >nothing.yaml
runs "nothing expected" 2 run nothing.yaml --no-results
runs "many seeds" 0 run short.yaml -q --seeds 3 -j 2
says "all of them" "3 seeds from 1, 0 failed" out

# ---- places that cannot be written ----

echo "in the way" >file
runs "a file in the way" 73 run short.yaml -q --results file/below
says "is named" "file/below" err
mkdir shut
chmod 555 shut
if [ "$(id -u)" != 0 ]; then
    runs "read-only folder" 73 run short.yaml -q --results shut
elif setpriv --reuid=65534 --regid=65534 --clear-groups \
    "$sixnines" --version >out 2>&1; then
    setpriv --reuid=65534 --regid=65534 --clear-groups \
        "$sixnines" run short.yaml -q --results shut >out 2>err
    ends "read-only folder" 73 $?
    says "is named" "shut" err
else
    skipped "read-only folder" "cannot become another user"
fi

# full SIZE: a run on a file system of that size.
full() {
    mkdir -p small
    unshare -m sh -c "mount -t tmpfs -o size=$1 none small &&
        timeout 120 '$sixnines' run short.yaml -q --results small" \
        >out 2>err </dev/null
}
if unshare -m true 2>/dev/null &&
    unshare -m sh -c 'mkdir -p small && mount -t tmpfs none small'; then
    for size in 8k 64k 200k; do
        full $size
        ends "disk of $size" 74 $?
        ends "disk of $size: says why" 1 "$(grep -c . err | sed 's/[1-9].*/1/')"
    done
    full 64m
    ends "disk of 64m" 0 $?
    unshare -m sh -c "mount -t tmpfs -o ro none small &&
        '$sixnines' run short.yaml -q --results small" >out 2>err
    ends "read-only file system" 73 $?
else
    skipped "full disk" "no private mount namespace here"
fi

# ---- databases of others ----

if command -v sqlite3 >/dev/null; then
    mkdir newer
    cp "$dir/results.db" newer/results.db
    query newer/results.db "PRAGMA user_version=99"
    runs "a newer database" 64 report newer
    says "is refused" "newer program" err
    ends "and left alone" "results.db" "$(ls newer)"
fi
runs "report of nothing" 64 report nothere
mkdir again
cp "$dir/results.db" again
runs "report again" 0 report again
ends "the same" "$(sed 's/[0-9][0-9.]* CPU//' "$dir/junit.xml" | cksum)" \
    "$(sed 's/[0-9][0-9.]* CPU//' again/junit.xml | cksum)"

exit $failed
