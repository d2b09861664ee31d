#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Boxes without a certificate join a controller that holds the authority: one
# by voucher, one by an operator's approval; one with a forged voucher does
# not.
# usage: enroll_test.sh REFNOSD REFNOS
names="ncc voucher waits forged"
# shellcheck source=reference-nos/linux/refnos/lib.sh
. "$(dirname "$0")/lib.sh"

# joins BOX SERIAL ROLE: whose folder has no box.crt yet.
joins() {
    start "$1" --serial "$2" --role "$3"
}

logs() {
    grep -q "$2" "$work/$1.log" 2>/dev/null
}

member() {
    ask ncc show modules 2>/dev/null | grep -q " $1 "
}

pending() {
    ask ncc --json show pending 2>/dev/null >"$work/pending"
    grep -q "\"serial\": *\"$1\"" "$work/pending"
}

voucher_for() {
    "$refnos" identity voucher "$work/ca" "$1" "$2" |
        sed -n 's/^voucher: *//p'
}

connect ncc a
connect ncc b
connect voucher a
connect waits a
connect waits b
connect forged b
"$refnos" identity authority "$work/ca"
"$refnos" identity issue "$work/ca" "$work/ncc" CONTROL ncc >/dev/null
start ncc --voters self --authority "$work/ca"
controller=$started

# By voucher: at once.
mkdir "$work/voucher"
voucher_for BY-VOUCHER ncp >"$work/voucher/voucher"
joins voucher BY-VOUCHER ncp
until_true "joined by voucher" member BY-VOUCHER
logs ncc "ncp BY-VOUCHER has joined by voucher" || fail "the voucher unsaid"
[ "$(stat -c %a "$work/voucher/box.key")" = 600 ] || fail "a key to read"

# Without one it waits, and ends at once when it is told to.
mkdir "$work/waits"
cp "$work/ca/cluster.crt" "$work/waits"
joins waits WAITS ncf
until_true "it waits" pending WAITS
until_true "it says so" logs waits "waiting for approval of serial WAITS"
began=$(date +%s)
kill -TERM "$started"
wait "$started" || fail "one that waits ended with $?"
[ $(($(date +%s) - began)) -le 1 ] || fail "one that waits took long to end"
[ ! -e "$work/waits/box.crt" ] || fail "a certificate that nobody approved"

# Nor is it a member while it waits.
: >"$work/waits.log"
joins waits WAITS ncf
until_true "it waits again" logs waits "waiting for approval"
ask ncc show pending | grep -q "^WAITS  *ncf  *[0-9a-f]\{16\}" ||
    fail "the table of those that wait"
[ "$(grep -o '"key"' "$work/pending" | wc -l)" -eq 1 ] || fail "listed twice"
! member WAITS || fail "a member without approval"

# What is not so is not approved; who may only look does not approve.
refuses 1 "approval of nobody" ask ncc approve NOBODY
grep -q "NOBODY: does not wait" "$work/out" || fail "why not NOBODY"
for wrong in 0123456789abcdef 0000000000000000; do
    refuses 1 "approval of key $wrong" ask ncc approve WAITS "$wrong"
    refuses 1 "refusal of key $wrong" ask ncc refuse WAITS "$wrong"
done
grep -q "WAITS: does not wait for approval with that key" "$work/out" ||
    fail "why not another key"
refuses 1 "a box that enrols nobody" ask voucher show pending
grep -q "enrols nobody" "$work/out" || fail "why a box enrols nobody"
refuses 1 "approval by one that may only look" \
    env SSH_ORIGINAL_COMMAND="approve WAITS" \
    "$refnos" --socket "$work/ncc/refnos.sock"
pending WAITS || fail "it no longer waits"

key=$(sed -n 's/.*"key": *"\([0-9a-f]*\)".*/\1/p' "$work/pending")
logs waits "serial WAITS (key $key)" || fail "the box says another key"
ask ncc approve WAITS "$key" >/dev/null
until_true "joined by approval" member WAITS
! pending WAITS || fail "it still waits"
"$refnos" identity show "$work/waits" | grep -q "^role: *ncf" ||
    fail "its certificate"

# A forged voucher: one digit of its mac is another.
mkdir "$work/forged"
voucher_for FORGED ncp >"$work/forged/voucher"
digit=$(sed 's/.*\(.\):FORGED$/\1/' "$work/forged/voucher")
other=0
[ "$digit" != 0 ] || other=1
sed "s/.:FORGED\$/$other:FORGED/" "$work/forged/voucher" >"$work/changed"
mv "$work/changed" "$work/forged/voucher"
joins forged FORGED ncp
until_true "refused" logs forged "serial FORGED is refused by the cluster"
refuses 77 "a forged voucher" wait "$started"
logs ncc "refused ncp FORGED: its voucher is not good" || fail "not logged"
[ ! -e "$work/forged/box.crt" ] || fail "a certificate for a forged voucher"

# A good one mends it; the box keeps its key.
voucher_for FORGED ncp >"$work/forged/voucher"
joins forged FORGED ncp
until_true "joined with the right voucher" member FORGED

# A revoked box is out as soon as the list is in the folders of the others.
"$refnos" identity revoke "$work/ca" "$work/voucher" >/dev/null
cp "$work/ca/cluster.crl" "$work/ncc/cluster.crl"
until_true "the list is read" logs ncc "revocation list is read: it names 1 "
until_true "the revoked box is refused" logs ncc "certificate revoked"
up() {
    ask ncc show modules | grep " BY-VOUCHER " | awk '{print $5}' |
        grep -q "^$1\$"
}
until_true "and away" up no
kill -TERM "$controller"
wait "$controller" || fail "the controller ended with $?"
for box in voucher waits forged; do
    [ -s "$work/$box/box.crt" ] || fail "$box has no certificate"
done
