#!/bin/sh
# Scenarios in world des and in world ns3: every metric that both have must be
# within PERCENT, and no side may lack one.
# usage: tests/ns3/two_worlds.sh SIXNINES [PERCENT [SEEDS]]
# Exit code 77 where world ns3 is not there.
set -eu
sixnines=${1:?usage: two_worlds.sh SIXNINES [PERCENT [SEEDS]]}
percent=${2:-1}
seeds=${3:-3}
root=$(dirname "$0")/../..

"$sixnines" doctor | grep -q '^ok *world ns3' || exit 77

# A line for each metric: name, difference in percent, verdict on it.
side_by_side() {
    code=0
    "$sixnines" run "$@" --world des,ns3 --seeds "$seeds" --no-results -q \
        >out || code=$?
    # Few seeds say nothing about quantiles: inconclusive.
    [ "$code" -eq 0 ] || [ "$code" -eq 2 ] || {
        cat out
        return 1
    }
    ! grep -q '^  FAIL' out || {
        cat out
        return 1
    }
    awk -v name="$1" -v percent="$percent" '
        /^where they part/ || /^two worlds/ { rows = 1; next }
        !rows || !/^  [a-z]+\.[a-z]/ { next }
        /no value/ { print name ": " $0; bad++; next }
        match($0, /[+-][0-9]+\.[0-9]+%/) {
            apart = substr($0, RSTART + 1, RLENGTH - 2)
            count++
            if (apart + 0 > percent + 0) { print name ": " $0; bad++ }
            next
        }
        { print name ": " $0; bad++ } # from 0
        END {
            printf "%s: %d metrics, %d more than %s %% apart\n", name, count,
                bad, percent
            exit bad > 0 || count < 3
        }' out
}

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
root=$(cd "$root" && pwd)
sixnines=$(realpath "$sixnines")
cd "$scratch"
side_by_side "$root/scenarios/scale/boot-small.yaml"
side_by_side "$root/scenarios/latency/leaf-spine.yaml"
side_by_side "$root/scenarios/latency/leaf-spine.yaml" --set params.load=55%
side_by_side "$root/scenarios/failover/controller-loss.yaml" \
    --set params.boxes=ddc-small
