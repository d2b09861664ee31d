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

store=$(ask show services | tr -d ' \n' |
    sed -n 's/.*"service":"store","pid":\([0-9]*\),.*/\1/p')
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
kill -TERM "$pid"
exits "SIGTERM ends it with 0" 0
says "it has nobody to hand over to" "notice refnosd: out of service$" \
    "$work/log"
exit $failed
