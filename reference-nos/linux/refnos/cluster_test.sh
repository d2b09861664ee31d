#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A cluster of three daemons in namespaces, operated by refnos: looked at,
# drained, and stopped in order.
# usage: cluster_test.sh REFNOSD REFNOS
names="ncc ncp ncf"
# shellcheck source=reference-nos/linux/refnos/lib.sh
. "$(dirname "$0")/lib.sh"

forwarding() {
    [ "$(ask ncc show modules 2>/dev/null |
        awk -v want="$1" '/^nc[pf]-/ && $6 == want' | wc -l)" -eq "$2" ]
}

start_watched() {
    start "$@" --plane-a mgmt0 --watch "$work/$1.watch"
}

# SIGTERM: it stops forwarding, says that it is out of service, and ends with
# exit code 0, all within 3 s.
stop() {
    began=$(date +%s)
    kill -TERM "$2"
    wait "$2" || fail "$1 ended with $?"
    [ $(($(date +%s) - began)) -le 3 ] || fail "$1 took too long to stop"
    grep -q "notice refnosd: out of service$" "$work/$1.log" ||
        fail "$1 was not out of service first"
    sed -n 's/.*kind=TRACE_FORWARDING a=\([01]\).*/\1/p' "$work/$1.watch" |
        tail -n 1 | grep -q 0 || fail "$1 forwarded to the end"
}

"$refnos" identity authority "$work/ca"
for name in $names; do
    "$refnos" identity issue "$work/ca" "$work/$name" "SERIAL-$name" \
        "$name" >/dev/null
    connect "$name" a
done
ip -n "$ns-ncp" link add fab0 type veth peer name fab0 netns "$ns-ncf"
ip -n "$ns-ncp" link set fab0 up
ip -n "$ns-ncf" link set fab0 up
start_watched ncc --voters self
start_watched ncp --front-ports 2
ncp=$started
start_watched ncf
ncf=$started

until_true "both forward" forwarding yes 2
ask ncc show controllers | grep -q '^ncc-0 .*active$' || fail "no controller"
ask ncc --json show cluster | grep -q '"forwarding":2' || fail "wrong count"
ask ncp show box | grep -q 'SERIAL-ncp' || fail "who is this box?"
refuses 2 "a box that does not lead" ask ncp show modules
grep -q 'ask ncc-0' "$work/out" || fail "it does not say whom to ask"

ask ncc drain ncp-0 >/dev/null
until_true "ncp-0 is drained" forwarding no 1
ask ncc undrain ncp-0 >/dev/null
until_true "ncp-0 is back" forwarding yes 2
ask ncc locate ncf-0 on >/dev/null
for verb in "drain ncp-7" "undrain ncp-7" "locate ncp-7 on" "remove ncp-7" \
    "replace ncp-7 SERIAL-other"; do
    # shellcheck disable=SC2086 # words
    refuses 1 "$verb, which is not there" ask ncc $verb
    grep -q "there is no module ncp-7" "$work/out" || fail "why not $verb"
done
refuses 1 "removal of who leads" ask ncc remove ncc-0
grep -q "ncc-0 is the active controller: switch over first" "$work/out" ||
    fail "why not remove ncc-0"
ask ncc show controllers | grep -q '^ncc-0 .*active$' || fail "it is gone"
refuses 2 "a switchover to nobody" ask ncc switchover
grep -q "switchover: no standby" "$work/out" || fail "why no switchover"
ask ncc show alarms >/dev/null

stop ncp "$ncp"
until_true "the controller knows that ncp-0 is out" forwarding no 1
stop ncf "$ncf"
until_true "an alarm for ncp-0" \
    sh -c "'$refnos' --socket '$work/ncc/refnos.sock' show alarms |
        grep -q 'module-away .*ncp-0'"
