#!/bin/sh
# The same digest from every build: five scenarios, three seeds each.
# usage: tests/digest/four_builds.sh PROGRAM PROGRAM...
set -eu
cd "$(dirname "$0")/../.."
[ $# -ge 2 ] || { sed -n 3p "$0"; exit 64; }
scenarios="failover/controller-loss failover/controller-partition
failover/card-loss-and-replace modules/duplicate-serial
failover/service-crash-loop"
passed=0 failed=0

# The digest stands in the replay token; the verdict does not matter here.
digest_of() {
    "$1" run "scenarios/$2.yaml" --seed "$3" --set params.boxes=ddc-small \
        --no-results -q 2>&1 | sed -n "s,^replay: .*@$3/\([0-9a-f]*\).*,\1,p"
}

for scenario in $scenarios; do
    for seed in 1 2 3; do
        first=
        for program in "$@"; do
            digest=$(digest_of "$program" "$scenario" "$seed")
            if [ -z "$digest" ]; then
                echo "$scenario seed $seed: no digest from $program"
                failed=$((failed + 1))
            elif [ -z "$first" ]; then
                first=$digest
            elif [ "$digest" = "$first" ]; then
                passed=$((passed + 1))
            else
                echo "$scenario seed $seed: $first, but $digest from $program"
                failed=$((failed + 1))
            fi
        done
    done
done
echo "digests: $passed passed, $failed failed"
[ "$failed" -eq 0 ] && [ "$passed" -gt 0 ]
