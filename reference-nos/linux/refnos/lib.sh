# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of clusters in namespaces share.  Sourced with the paths of
# refnosd and refnos as arguments, and the names of the boxes in $names; each
# has a namespace "$ns-NAME", and all are cabled to "$ns-switch".
#
# Exit 77 (skipped) without the right to make namespaces.

set -eu
export LC_ALL=C
refnosd=${1:?usage: ${0##*/} REFNOSD REFNOS}
refnos=${2:?usage: ${0##*/} REFNOSD REFNOS}
work=$(mktemp -d)
ns=refnos-$$
pids=
seconds=20

clean() {
    for pid in $pids; do
        kill -9 "$pid" 2>/dev/null || true
    done
    # shellcheck disable=SC2154 # of who sources this
    for name in $names switch; do
        ip netns del "$ns-$name" 2>/dev/null || true
    done
    rm -rf "$work"
}
trap clean EXIT
trap 'exit 130' INT TERM
for name in $(env | sed -n 's/^\(REFNOSD_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done
ip netns add "$ns-switch" 2>/dev/null || exit 77
# In a plain chroot a namespace can be made, but not entered.
ip netns exec "$ns-switch" true 2>/dev/null || exit 77
for plane in a b; do
    ip -n "$ns-switch" link add "br-$plane" type bridge mcast_snooping 0
    ip -n "$ns-switch" link set "br-$plane" up
done
for name in $names; do
    ip netns add "$ns-$name"
done

fail() {
    echo "FAIL: $*"
    tail -n 5 "$work"/*.log
    exit 1
}

# connect BOX PLANE: PLANE is a or b.
connect() {
    port=mgmt0
    [ "$2" = a ] || port=mgmt1
    ip -n "$ns-$1" link add "$port" type veth peer name "$1-$2" \
        netns "$ns-switch"
    ip -n "$ns-$1" link set "$port" up
    ip -n "$ns-switch" link set "$1-$2" master "br-$2"
    ip -n "$ns-switch" link set "$1-$2" up
}

# start BOX OPTION...: its pid is in $started.
start() {
    name=$1
    shift
    ip netns exec "$ns-$name" "$refnosd" --identity "$work/$name" \
        --log "$work/$name.log" --no-restart "$@" 2>>"$work/$name.err" &
    started=$!
    pids="$pids $started"
}

# ask BOX WORD...
ask() {
    box=$1
    shift
    "$refnos" --socket "$work/$box/refnos.sock" "$@"
}

# refuses CODE WHAT COMMAND...: what it says is in $work/out.
refuses() {
    wanted=$1
    what=$2
    shift 2
    code=0
    "$@" >"$work/out" 2>&1 || code=$?
    [ "$code" -eq "$wanted" ] || fail "$what: $code"
}

# until_true WHAT COMMAND...
until_true() {
    what=$1
    shift
    end=$(($(date +%s) + seconds))
    until "$@"; do
        [ "$(date +%s)" -lt "$end" ] || fail "not in $seconds s: $what"
    done
}
