#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What a daemon recorded, the simulator's program does again: a box that was
# stopped, one that was killed, and, with root, every box of a cluster.
# usage: replay_test.sh REFNOSD REFNOS SIXNINES
sixnines=$3
. "$(dirname "$0")/lib.sh"

# replays NAME CODE WORDS FILE
replays() {
    code=0
    "$sixnines" replay "$4" >"$work/said" 2>&1 || code=$?
    ends "$1: exit code" "$2" "$code"
    says "$1" "$3" "$work/said"
}

identity || exit 1
boot --record "$work/stopped.rec"
awaits "it leads" "kind=TRACE_LEADER_READY "
awaits "it joins itself" "kind=TRACE_JOINED "
"$refnos" --json --socket "$work/box/refnos.sock" show modules >"$work/said"
says "an operator is answered" 'DAEMON-TEST' "$work/said"
kill -TERM "$pid"
exits "SIGTERM ends it" 0
replays "a box that stopped" 0 "s: the same" "$work/stopped.rec"
"$sixnines" replay "$work/stopped.rec" --log "$work/replayed" >"$work/said" 2>&1
ends "a box with a log: exit code" 0 $?
says "what it did again" "^[0-9]*\.[0-9]* store: TRACE_LEADER_READY a=1 " \
    "$work/replayed"
"$sixnines" replay "$work/stopped.rec" --log "$work/no/where" >"$work/said" 2>&1
ends "a log that cannot be written" 73 $?

boot --record "$work/killed.rec"
awaits "it leads again" "kind=TRACE_LEADER_READY a=2 "
awaits "it joins itself again" "kind=TRACE_JOINED "
kill -9 "$pid"
wait "$pid" 2>/dev/null
pid=
replays "a box that was killed" 0 "up to where it was cut: the same" \
    "$work/killed.rec"

# One byte of the first step is another one (record_priv.h: head, size, step).
at=40
cp "$work/stopped.rec" "$work/damaged.rec"
byte=$(dd if="$work/damaged.rec" bs=1 skip="$at" count=1 2>/dev/null |
    od -An -tu1 | tr -d ' ')
# shellcheck disable=SC2059
printf "\\$(printf '%03o' $(((byte + 1) % 256)))" |
    dd of="$work/damaged.rec" bs=1 seek="$at" conv=notrunc 2>/dev/null
replays "a damaged recording" 64 "damaged.rec: input [0-9]*, byte [0-9]*: " \
    "$work/damaged.rec"

# Ten boxes that boot together.
code=0
"$sixnines" run "$(dirname "$0")/../../scenarios/scale/boot-small.yaml" -q \
    --world netns --repeats 1 --no-results --record --keep "$work/kept" \
    >"$work/said" 2>&1 || code=$?
if [ "$code" -eq 2 ]; then
    skipped "a cluster" "this machine cannot run one"
else
    ends "a cluster boots" 0 "$code"
    boxes=0
    find "$work/kept" -name '*.rec' >"$work/recordings"
    while read -r file; do
        boxes=$((boxes + 1))
        replays "$(basename "$file")" 0 ": the same" "$file"
    done <"$work/recordings"
    ends "boxes that recorded" 10 "$boxes"
fi
exit "$failed"
