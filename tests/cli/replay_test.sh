#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# replay_test.sh PROGRAM SOURCES
#
# A token reproduces its run; one that does not says where they part.

# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

scenario >short.yaml
runs "a run" 0 run short.yaml -q --set params.late=6s
token=$(sed -n "s/^replay: sixnines replay '\(.*\)'$/\1/p" out)
digest=$(echo "$token" | sed 's/.*\/\([0-9a-f]*\)?.*/\1/')
ends "32 digits" 33 "$(echo "$digest" | wc -c | tr -d ' ')"

runs "replay" 0 replay "$token" -q
says "same digest" "same digest $digest" out
runs "replay again" 0 replay "$token" -q

# The fault comes a second earlier: up to then both are the same.
other=$(echo "$token" | sed 's/late=6s/late=5s/')
runs "another parameter" 70 replay "$other" -q
says "differs" "DIFFERENT" out
says "says where" "equal up to event [1-9][0-9]* .* different at event" out
good=$(sed -n 's/.*equal up to event \([0-9]*\) .*/\1/p' out)
bad=$(sed -n 's/.*different at event \([0-9]*\) .*/\1/p' out)
ends "in that order" yes "$([ "$good" -lt "$bad" ] && echo yes)"

# Another seed: nothing is the same, and the first run is another one.
runs "another seed" 70 replay "$(echo "$token" | sed 's/@1\//@2\//')" -q
says "cannot say where" "cannot say where" out
runs "another digest" 70 replay \
    "$(echo "$token" | sed 's/\/[0-9a-f]*?/\/00000000000000000000000000000001?/')" \
    -q
says "differs too" "DIFFERENT" out
says "shows both" "is  $digest" out

sed 's/number=0/number=1/' short.yaml >edited.yaml
cp edited.yaml short.yaml
runs "the file was edited" 70 replay "$token" -q
says "says where too" "equal up to event" out

# ---- words that are no token ----

runs "no token" 64 replay
runs "no seed" 64 replay short.yaml
runs "no recording" 64 replay nope.rec
says "no such file" "nope.rec.*no such file" err
runs "no digest" 64 replay short.yaml@1
runs "short digest" 64 replay short.yaml@1/abc
runs "seed is no number" 64 replay "short.yaml@x/$digest"
runs "unknown parameter" 64 replay "short.yaml@1/$digest?colour=red"
runs "missing file" 64 replay "nothere.yaml@1/$digest"

exit $failed
