#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A stand-alone router needs an identity and one word: it votes for itself,
# leads, numbers itself and forwards; its store dies and forwarding goes on;
# killed and started again it is what it was.
# usage: alone_test.sh REFNOSD REFNOS
. "$(dirname "$0")/lib.sh"

ask() {
    "$refnos" --json --socket "$work/box/refnos.sock" "$@" 2>&1
}

# forwards NAME YES_OR_NO
forwards() {
    ask show box >"$work/said"
    says "$1" "\"forwarding\": *$2" "$work/said"
}

identity || exit 1
boot_as --alone --per-service
awaits "the router is ready" "what=ready incarnation=1 .* role=ncc "
awaits "it leads" "kind=TRACE_LEADER_READY "
awaits "it numbers itself" "kind=TRACE_JOINED a=0 "
awaits "it forwards" "what=fwd object=0 id=0 arg=0 value=1"
forwards "it says so" true
ask show services >"$work/said"
says "it has the controller's services" '"service": *"cluster"' "$work/said"
says "it has the forwarder's service" '"service": *"fabric"' "$work/said"

# service_pid NAME
service_pid() {
    ask show services | tr -d ' \n' |
        sed -n "s/.*\"service\":\"$1\",\"pid\":\([0-9]*\),.*/\1/p"
}

# consistent NAME: the ASIC has what the table says, within 10 s.
consistent() {
    i=0
    until ask show fib consistency >"$work/said"; do
        i=$((i + 1))
        [ $i -lt 100 ] || break
        sleep 0.1
    done
    ask show fib consistency >"$work/said"
    ends "$1" 0 $?
}

ask set interface ncc-0/1 10.0.0.1/24 2001:db8::1/64 \
    and route 20.0.0.0/8 via 10.0.0.9 and route 30.0.0.0/8 discard \
    >"$work/said"
says "rows are set in one transaction" '"status": *"ok"' "$work/said"
consistent "the ASIC follows"
ask show route >"$work/said"
says "a connected route" '"prefix": *"10.0.0.0/24"' "$work/said"
says "a static route is resolved" '"to": *"ncc-0/1"' "$work/said"
ask show fib module ncc-0 >"$work/said"
says "the ASIC has the static route" '"prefix": *"20.0.0.0/8"' "$work/said"
says "the ASIC discards" '"to": *"discard"' "$work/said"
kill -9 "$(service_pid fib)"
awaits "the fib dies" "kind=TRACE_SERVICE_DIED a=9 b=1 "
consistent "the fib reads the ASIC back"
kill -9 "$(service_pid rib)"
awaits "the rib dies" "kind=TRACE_SERVICE_DIED a=8 b=1 "
consistent "the rib works it out again"

store=$(service_pid store)
kill -9 "$store"
awaits "the store dies" "kind=TRACE_SERVICE_DIED a=2 b=1 "
forwards "it forwards without its store" true
awaits "it leads again" "kind=TRACE_LEADER_READY "
forwards "it never stopped" true

kill -9 "$pid"
wait "$pid" 2>/dev/null
pid=
boot_as --alone
awaits "it is ready again" "what=ready incarnation=2 "
awaits "it knows its number" "kind=TRACE_JOINED a=0 "
consistent "the routes are back"
ask set interface ncc-0/1 none and route 30.0.0.0/8 none >"$work/said"
consistent "what is deleted leaves the ASIC"
ask show fib module ncc-0 >"$work/said"
ends "and nothing is left" 0 "$(grep -c prefix "$work/said")"
kill -TERM "$pid"
exits "SIGTERM ends it with 0" 0
says "it has nobody to hand over to" "notice refnosd: out of service$" \
    "$work/log"
exit $failed
