#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A cluster of three daemons in namespaces, operated by refnos: looked at,
# drained, and stopped in order.
# usage: cluster_test.sh REFNOSD REFNOS
#
# Exit 77 (skipped) without the right to make namespaces.
set -eu
export LC_ALL=C
refnosd=${1:?usage: cluster_test.sh REFNOSD REFNOS}
refnos=${2:?usage: cluster_test.sh REFNOSD REFNOS}
work=$(mktemp -d)
names="ncc ncp ncf"
ns=refnos-$$
pids=

clean() {
    for pid in $pids; do
        kill -9 "$pid" 2>/dev/null || true
    done
    for name in $names switch; do
        ip netns del "$ns-$name" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM
ip netns add "$ns-switch" 2>/dev/null || exit 77
# In a plain chroot a namespace can be made, but not entered.
ip netns exec "$ns-switch" true 2>/dev/null || exit 77

fail() {
    echo "FAIL: $*"
    tail -n 5 "$work"/*.log
    exit 1
}

ask() {
    box=$1
    shift
    "$refnos" --socket "$work/$box/refnos.sock" "$@"
}

# until_true WHAT COMMAND...: within 20 s.
until_true() {
    what=$1
    shift
    end=$(($(date +%s) + 20))
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || fail "not in 20 s: $what"
    done
}

forwarding() {
    [ "$(ask ncc show modules 2>/dev/null |
        awk -v want="$1" '/^nc[pf]-/ && $6 == want' | wc -l)" -eq "$2" ]
}

connect() {
    ip netns add "$ns-$1"
    ip -n "$ns-$1" link add mgmt0 type veth peer name "$1" \
        netns "$ns-switch"
    ip -n "$ns-$1" link set mgmt0 up
    ip -n "$ns-switch" link set "$1" master br0
    ip -n "$ns-switch" link set "$1" up
}

start() {
    name=$1
    shift
    ip netns exec "$ns-$name" "$refnosd" --identity "$work/$name" \
        --plane-a mgmt0 --log "$work/$name.log" --no-restart \
        --watch "$work/$name.watch" "$@" &
    pids="$pids $!"
    eval "pid_$name=$!"
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

ip -n "$ns-switch" link add br0 type bridge mcast_snooping 0
ip -n "$ns-switch" link set br0 up
"$refnos" identity authority "$work/ca"
for name in $names; do
    "$refnos" identity issue "$work/ca" "$work/$name" "SERIAL-$name" \
        "$name" >/dev/null
    connect "$name"
done
ip -n "$ns-ncp" link add fab0 type veth peer name fab0 netns "$ns-ncf"
ip -n "$ns-ncp" link set fab0 up
ip -n "$ns-ncf" link set fab0 up
start ncc --voters self
start ncp --front-ports 2
start ncf

until_true "both forward" forwarding yes 2
ask ncc show controllers | grep -q '^ncc-0 .*active$' || fail "no controller"
ask ncc --json show cluster | grep -q '"forwarding":2' || fail "wrong count"
ask ncp show box | grep -q 'SERIAL-ncp' || fail "who is this box?"
code=0
ask ncp show modules >"$work/out" 2>&1 || code=$?
[ "$code" -eq 2 ] || fail "a box that does not lead answered $code"
grep -q 'ask ncc-0' "$work/out" || fail "it does not say whom to ask"

ask ncc drain ncp-0 >/dev/null
until_true "ncp-0 is drained" forwarding no 1
ask ncc undrain ncp-0 >/dev/null
until_true "ncp-0 is back" forwarding yes 2
ask ncc locate ncf-0 on >/dev/null
code=0
ask ncc drain ncp-7 2>/dev/null || code=$?
[ "$code" -eq 1 ] || fail "a module that is not there: $code"
ask ncc show alarms >/dev/null

# shellcheck disable=SC2154
stop ncp "$pid_ncp"
until_true "the controller knows that ncp-0 is out" forwarding no 1
# shellcheck disable=SC2154
stop ncf "$pid_ncf"
until_true "an alarm for ncp-0" \
    sh -c "'$refnos' --socket '$work/ncc/refnos.sock' show alarms |
        grep -q 'module-away .*ncp-0'"
