#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# What a daemon is given wrongly, it refuses with a message that names it and
# a documented exit code; nothing is lost.
# usage: refuse_test.sh REFNOSD REFNOS
. "$(dirname "$0")/lib.sh"

identity || exit 1

refuses "no words" 64 "identity DIR is needed"
refuses "an unknown option" 64 '"--colour" is no option' --colour
refuses "a folder that is not there" 64 "$work/nowhere" \
    --identity "$work/nowhere"
mkdir "$work/empty"
refuses "a folder without keys" 64 "$work/empty" --identity "$work/empty"

"$refnos" identity issue "$work/ca" "$work/other" OTHER ncp >/dev/null
cp -r "$work/box" "$work/mixed"
cp "$work/other/box.key" "$work/mixed/box.key"
refuses "the key of another box" 64 "$work/mixed" --identity "$work/mixed"

"$refnos" identity issue "$work/ca" "$work/old" OLD ncp --days -1 >/dev/null
refuses "an expired certificate" 64 "$work/old" --identity "$work/old"

# A box without a certificate that was told who it is, and by whom to join.
mkdir "$work/new"
joins() {
    refuses "$@" --identity "$work/new" --role ncp --serial NEW-1
}
joins "nothing to join with" 64 "neither a voucher nor cluster.crt"
"$refnos" identity voucher "$work/ca" NEW-1 ncp |
    sed -n 's/^voucher: *//p' >"$work/sound"
echo nonsense >"$work/new/voucher"
joins "a malformed voucher" 64 "new/voucher: the voucher is malformed"
: >"$work/new/voucher"
joins "an empty voucher" 64 "expected one line, a voucher"
sed "s/:ncp:[0-9]*:/:ncp:1700000000:/" "$work/sound" >"$work/new/voucher"
joins "an expired voucher" 64 "the voucher has expired; is the clock right?"
sed "s/NEW-1/NEW-2/" "$work/sound" >"$work/new/voucher"
joins "the voucher of another" 64 "is for ncp NEW-2, not for ncp NEW-1"
cp "$work/sound" "$work/new/voucher"
joins "no plane to join on" 74 "no management plane to ask for one"
joins "a plane that is not there" 74 "nothing0" --plane-a nothing0
refuses "a serial without a role" 64 "role is needed too" \
    --identity "$work/new" --serial NEW-1
rm "$work/new/voucher"
mkdir "$work/new/voucher"
joins "a voucher that cannot be read" 64 "new/voucher: "

# A controller that is to enrol boxes, and cannot.
refuses "an authority without its key" 64 "$work/empty/cluster" \
    --identity "$work/box" --authority "$work/empty"
refuses "an authority for a box that is none" 64 "only a controller" \
    --identity "$work/other" --authority "$work/ca"
"$refnos" identity authority "$work/strange" >/dev/null
refuses "the authority of another cluster" 64 "not the authority of this" \
    --identity "$work/box" --authority "$work/strange"

: >"$work/file"
refuses "a state directory that is a file" 73 "$work/file" \
    --identity "$work/box" --state "$work/file"
refuses "an interface that is not there" 74 "nothing0" \
    --identity "$work/box" --plane-a nothing0
refuses "a plan that is not there" 74 "$work/noplan" \
    --identity "$work/box" --plan "$work/noplan"
refuses "a plan for a box that reads none" 64 "only a controller" \
    --identity "$work/other" --plan "$work/noplan"
refuses "a log that cannot be written" 74 "$work/nowhere/log" \
    --identity "$work/box" --log "$work/nowhere/log"

boot
awaits "one daemon" "what=ready "
refuses "two daemons, one state" 73 "in use by another process" \
    --identity "$work/box" --socket "$work/second.sock"
stop_all

# A damaged log is no log to vote on: the box says so and stays out.
boot
awaits "a life to damage" "kind=TRACE_JOINED "
stop_all
size=$(wc -c <"$work/box/state/log")
cp "$work/box/state/log" "$work/good"
printf '\377' | dd of="$work/box/state/log" bs=1 seek=$((size / 2)) \
    conv=notrunc 2>/dev/null
cp "$work/box/state/log" "$work/damaged"
boot
awaits "a damaged log is refused" \
    "what=log service=store severity=3 .*corrupt"
"$refnos" --json --socket "$work/box/refnos.sock" show box >"$work/said"
says "the box does not lead" '"active": *false' "$work/said"
stop_all
ends "nothing is changed" "$(sha256sum <"$work/damaged")" \
    "$(sha256sum <"$work/box/state/log")"

# A torn tail is cut, and the box leads on.
head -c $((size - 5)) "$work/good" >"$work/box/state/log"
boot
awaits "a torn log is cut" "kind=TRACE_LEADER_READY "
stop_all
exit $failed
