#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# usage_test.sh PROGRAM SOURCES
#
# Verbs, options, their environment names, scenario files: what is understood
# and what is refused, and with which exit code.

# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

# ---- verbs ----

runs "no verb" 64
says "usage on stderr" "^usage: sixnines" err
runs "help" 0 --help
says "usage on stdout" "^usage: sixnines" out
ends "nothing on stderr" "" "$(cat err)"
runs "unknown verb" 64 frobnicate
says "names it" 'unknown verb "frobnicate"' err
runs "version" 0 --version
says "with a number" "^sixnines [0-9]" out

"$sixnines" --help >verbs
# shellcheck disable=SC2013  # one word a line
for verb in $(sed -n 's/^  \([a-z]*\)  .*/\1/p' verbs); do
    runs "$verb --help" 0 "$verb" --help
    says "$verb: usage on stdout" "^usage: sixnines $verb" out
    ends "$verb: nothing on stderr" "" "$(cat err)"
    runs "$verb -h" 0 "$verb" -h
    runs "$verb: unknown option" 64 "$verb" --frobnicate
    says "$verb: names it" "frobnicate" err
done
for verb in run validate list describe replay report calibrate bench doctor; do
    says "there is $verb" "^  $verb " verbs
done

# ---- options of run ----

scenario >short.yaml
runs "no file" 64 run
runs "missing file" 64 run nothere.yaml
says "names the file" "nothere.yaml" err
runs "value missing" 64 run short.yaml --seed
runs "seed is no number" 64 run short.yaml --seed many
runs "no seeds" 64 run short.yaml --seeds 0
runs "no jobs" 64 run short.yaml --seeds 2 -j 0
runs "two files" 64 run short.yaml short.yaml
runs "--set of what is not there" 64 run short.yaml --set params.boxes=x
runs "--set without =" 64 run short.yaml --set params.late
runs "missing costs" 64 run short.yaml --costs nothere.yaml --no-results
runs "a world nobody knows" 64 run short.yaml --world mars
runs "a world not named" 2 run short.yaml --world netns
says "is inconclusive" "does not name world netns: INCONCLUSIVE" err
runs "one of two worlds is unknown" 64 run short.yaml --world des,mars
runs "three worlds" 64 run short.yaml --world des,netns,des
runs "the same world twice" 64 run short.yaml --world des,des
says "asks for costs" "two --costs" err
for option in "--repeats 3" "--keep kept" --record --per-service; do
    # shellcheck disable=SC2086 # option and value are two words
    runs "$option in virtual time" 64 run short.yaml $option
    says "names the world" "world netns" err
done
runs "seeds in real time" 64 run short.yaml --world netns --seeds 3
says "asks for repeats" "takes --repeats" err
runs "recording to nowhere" 64 run short.yaml --world netns --record
sed 's/worlds: .des./worlds: [mininet]/' short.yaml >mininet.yaml
runs "a world not built" 2 run mininet.yaml --world mininet
says "says so" "this build has no world mininet: INCONCLUSIVE" err
runs "validate: of a world not built" 0 validate mininet.yaml
says "is good, but not here" "none of its worlds" out
sed 's/service.kill.*}$/psu.fail, target: ncp-1, unit: 9 }/' short.yaml \
    >unit.yaml
runs "run: no such unit" 64 run unit.yaml --no-results
runs "validate: no such unit" 64 validate unit.yaml
says "the same words" "no box has a unit 9" err
rm mininet.yaml unit.yaml
runs "dry run" 0 run short.yaml --dry-run
ends "writes nothing" "short.yaml" \
    "$(find . -maxdepth 1 \( -name '*.yaml' -o -name results \) |
        sed 's/^\.\///')"
runs "json of nothing written" 64 run short.yaml --no-results --json

# ---- bad scenarios ----

# bad NAME SED WORDS
bad() {
    scenario | sed "$2" >bad.yaml
    runs "run: $1" 64 run bad.yaml --no-results
    says "run: $1: place" "^bad.yaml:[0-9]*:[0-9]*: " err
    says "run: $1: words" "$3" err
    runs "validate: $1" 64 validate bad.yaml
}
bad "unknown key" 's/^about:/abuot:/' "about"
bad "wrong unit" 's/ends: 10s }/ends: 10 }/' "10"
bad "unknown fault" 's/service.kill/service.kil/' "service.kill"
bad "no such box" 's/number=0/number=999/' "999"
bad "event after the end" 's/late: 5s/late: 11s/' "end"
bad "unknown metric" 's/ports.outage/port.outage/' "ports.outage"
bad "past 100 days" 's/ends: 10s }/ends: 101d }/' "100"
bad "section nobody provides" 's/^seed: 1/sede: 1/' "sede"
runs "validate: a good one" 0 validate short.yaml
runs "validate: one of two is bad" 64 validate short.yaml bad.yaml

# ---- environment names ----

SIXNINES_RUN_SEED=many
export SIXNINES_RUN_SEED
runs "bad seed in the environment" 64 run short.yaml --no-results
runs "a flag wins" 0 run short.yaml --no-results --seed 4
says "its seed ran" "short.yaml@4/" out
SIXNINES_RUN_SEED=7
runs "seed from the environment" 0 run short.yaml --no-results
says "that seed ran" "short.yaml@7/" out
unset SIXNINES_RUN_SEED
SIXNINES_RUN_SET=params.late=4s
export SIXNINES_RUN_SET
runs "set from the environment" 0 run short.yaml --no-results
says "is in the token" "set=params.late=4s" out
unset SIXNINES_RUN_SET
SIXNINES_DATA=$work/nothere
runs "data that is not there" 64 run short.yaml --no-results
SIXNINES_DATA=$sources/models/data

exit $failed
