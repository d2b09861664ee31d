#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# report_cli_test.sh SAMPLES COMMAND...
#
# SAMPLES is the program report_samples; COMMAND is `sixnines report`.  Checks
# what it writes, where it says so, and its exit codes.

set -u
samples=$1
shift
work=$(mktemp -d /tmp/sixnines-report-cli-XXXXXX) || exit 1
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
failed=0

# ends NAME WANTED FOUND
ends() {
    if [ "$2" = "$3" ]; then
        echo "ok    $1"
    else
        echo "FAIL  $1: $3, not $2"
        failed=1
    fi
}

"$samples" "$work" || exit 1
mkdir "$work/run"
cp "$work/failing.db" "$work/run/results.db"

"$@" "$work/run" >"$work/out" 2>"$work/err"
ends "a folder" 0 $?
ends "three files" "junit.xml report.html results.db run.json" \
    "$(cd "$work/run" && echo *)"
ends "nothing on stdout" 0 "$(wc -c <"$work/out" | tr -d ' ')"
ends "says what it wrote" 3 "$(grep -c '^wrote ' "$work/err")"

"$@" "$work/run/results.db" --json - >"$work/out" 2>"$work/err"
ends "json on stdout" 0 $?
ends "json alone" '{"sixnines_run_version":1,' "$(head -c 26 "$work/out")"
ends "annotations" 3 \
    "$("$@" "$work/failing.db" --annotations 2>/dev/null | grep -c '^::')"

"$@" >/dev/null 2>"$work/err"
ends "no file named" 64 $?
"$@" "$work/quiet.db" --colour red >/dev/null 2>"$work/err"
ends "unknown option" 64 $?
ends "names it" 1 "$(grep -c 'unknown option --colour' "$work/err")"
"$@" "$work/quiet.db" --html >/dev/null 2>&1
ends "value missing" 64 $?
"$@" "$work/quiet.db" --campaign 7 >/dev/null 2>"$work/err"
ends "no such campaign" 64 $?
"$@" "$work/nothere.db" >/dev/null 2>"$work/err"
ends "no such file" 64 $?
ends "says so" 1 "$(grep -c 'no such file' "$work/err")"
echo "a page of prose, not a database at all, and long enough to tell" \
    >"$work/prose.db"
"$@" "$work/prose.db" >/dev/null 2>&1
ends "not a database" 64 $?
"$@" "$work/quiet.db" --html "$work/no/such/folder.html" >/dev/null 2>&1
ends "folder missing" 73 $?
if [ -c /dev/full ]; then
    "$@" "$work/quiet.db" --html /dev/full >/dev/null 2>&1
    ends "device full" 74 $?
fi
exit $failed
