#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A box whose disk is full boots, says so, loses nothing, and goes on when
# there is room again.  Needs root for a file system of its own; without it
# the test is skipped (77).
# usage: full_test.sh REFNOSD REFNOS
if [ -z "${apart:-}" ]; then
    unshare -m true 2>/dev/null || exit 77
    exec env apart=1 unshare -m "$0" "$@"
fi
. "$(dirname "$0")/lib.sh"

identity || exit 1
mkdir "$work/small"
mount -t tmpfs -o size=256k none "$work/small" || exit 77
trap 'stop_all; umount "$work/small"; rm -rf "$work"' EXIT

boot --state "$work/small/state" --no-restart
awaits "a box with room" "kind=TRACE_JOINED "
stop_all
before=$(sha256sum <"$work/small/state/log")
dd if=/dev/zero of="$work/small/ballast" bs=4k 2>/dev/null

boot --state "$work/small/state" --no-restart
awaits "it boots on a full disk" "what=ready incarnation=2 "
awaits "the store cannot vote" "kind=TRACE_SERVICE_DIED a=2 b=1 "
says "it says why" "no space left\|input or output error" "$work/log"
ends "nothing is lost" "$before" "$(sha256sum <"$work/small/state/log")"
rm "$work/small/ballast"
awaits "with room again it leads" "kind=TRACE_LEADER_READY "
awaits "and knows its number" "kind=TRACE_JOINED a=0 "
stop_all
exit $failed
