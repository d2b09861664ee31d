#!/bin/sh
# The same digest from every build: seven scenarios, three seeds each.
# usage: tests/digest/four_builds.sh PROGRAM PROGRAM...
set -eu
scenarios="failover/controller-loss failover/controller-partition
failover/card-loss-and-replace modules/duplicate-serial
failover/service-crash-loop latency/incast latency/unloaded"
seeds="1 2 3"

# --one PROGRAM SCENARIO SEED FILE: what xargs runs.  The digest stands in the
# replay token; the verdict does not matter here.
if [ "${1:-}" = --one ]; then
    program=$2 scenario=$3 seed=$4 file=$5
    set --
    case $scenario in
    latency/*) ;; # of that size anyway
    *) set -- --set params.boxes=ddc-small ;;
    esac
    "$program" run "scenarios/$scenario.yaml" --seed "$seed" "$@" \
        --no-results -q >"$file.out" 2>&1 || true
    sed -n "s,^replay: .*@$seed/\([0-9a-f]*\).*,\1,p" "$file.out" >"$file"
    exit 0
fi
[ $# -ge 2 ] || { sed -n 3p "$0"; exit 64; }
script=$(realpath "$0")
cd "$(dirname "$0")/../.."
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0

each() {
    for scenario in $scenarios; do
        for seed in $seeds; do
            "$1" "$scenario" "$seed" "$work/$(basename "$scenario").$seed"
        done
    done
}

job() {
    echo "--one $program $1 $2 $3.$n"
}

fail() {
    echo "$1"
    failed=$((failed + 1))
}

# All programs agree on scenario $1 with seed $2, and no other run of ours had
# that digest: one that never changes would agree as well.
compare() {
    first=$(cat "$3.1")
    n=1
    while [ "$n" -le "$count" ]; do
        digest=$(cat "$3.$n")
        if [ -z "$digest" ]; then
            fail "$1 seed $2: no digest from program $n:"
            tail -5 "$3.$n.out"
        elif [ "$digest" != "$first" ]; then
            fail "$1 seed $2: $first, but $digest from program $n"
        else
            passed=$((passed + 1))
        fi
        n=$((n + 1))
    done
    if [ -n "$first" ] && grep -qx "$first" "$work/seen"; then
        fail "$1 seed $2: another run had this digest: $first"
    fi
    echo "$first" >>"$work/seen"
}

count=$#
: >"$work/seen"
n=0
for program in "$@"; do
    n=$((n + 1))
    each job
done >"$work/jobs"
# The last program, by habit the sanitized one, takes longest: it goes first.
tac "$work/jobs" | xargs -P "$(nproc)" -n 5 "$script"
each compare
echo "digests: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
