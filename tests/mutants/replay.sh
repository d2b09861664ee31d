#!/bin/sh
# The harness proves itself on planted bugs: each is caught by its oracle, and
# the build without them is clean on the same seeds.
# usage: tests/mutants/replay.sh MUTANTS_PROGRAM RELEASE_PROGRAM [SEEDS]
#
# With SEEDS (200 in the campaign) it searches; without, one known seed of
# each bug is run, and its token replayed.
set -eu
cd "$(dirname "$0")/../.."
[ $# -ge 2 ] || { sed -n 4p "$0"; exit 64; }
mutants=$1 release=$2 seeds=${3:-1}
jobs=$(nproc)
passed=0 failed=0

verdict() {
    if [ "$1" = ok ]; then
        passed=$((passed + 1))
    else
        failed=$((failed + 1))
    fi
    echo "$1: $2"
}

# caught NAME NUMBER ORACLE: the bug fails the run, and that oracle saw it.
caught() {
    file=tests/mutants/$1.yaml
    code=0
    out=$("$mutants" run "$file" --mutant "$2" --seed 1 --seeds "$seeds" \
        -j "$jobs" --no-results -q 2>&1) || code=$?
    if [ "$code" -eq 1 ] &&
        printf '%s\n' "$out" | grep -q "FAIL  oracle $3,"; then
        verdict ok "$1: caught by $3 ($(printf '%s\n' "$out" |
            sed -n 's/.*seeds from.*, \([0-9]* failed\).*/\1/p'))"
    else
        verdict FAILED "$1: not caught by $3 (exit $code)"
        printf '%s\n' "$out"
    fi
    token=$(printf '%s\n' "$out" | sed -n "s/^replay: sixnines replay '\(.*\)'/\1/p")
    if "$mutants" replay -q "$token" >/dev/null 2>&1; then
        verdict ok "$1: the failing run replays"
    else
        verdict FAILED "$1: the failing run does not replay: $token"
    fi
    if "$release" run "$file" --seed 1 --seeds "$seeds" -j "$jobs" \
        --no-results -q >/dev/null 2>&1; then
        verdict ok "$1: clean without the bug"
    else
        verdict FAILED "$1: fails without the bug as well"
    fi
}

caught ack-before-durable 1 O2
caught ignore-storage-error 2 O2
caught no-fencing 3 O3
caught delete-then-add 6 O5
caught reuse-number 8 O8
caught lanes-reversed 12 O12

# The canary is always caught; the equivalent mutant never.
if "$mutants" run tests/mutants/no-fencing.yaml --mutant 100 --no-results -q \
    >/dev/null 2>&1; then
    verdict FAILED "the canary was not caught"
else
    verdict ok "the canary is caught"
fi
if "$mutants" run tests/mutants/no-fencing.yaml --mutant 101 --no-results -q \
    >/dev/null 2>&1; then
    verdict ok "the equivalent mutant passes"
else
    verdict FAILED "the equivalent mutant was \"caught\""
fi
if "$release" run tests/mutants/no-fencing.yaml --mutant 3 --no-results -q \
    >/dev/null 2>&1; then
    verdict FAILED "the release build has planted bugs"
else
    verdict ok "the release build has no planted bug"
fi
echo "planted bugs: $passed passed, $failed failed"
[ "$failed" -eq 0 ]
