#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# A controller that is its own single voter boots, leads, is killed and comes
# back with its log; a service that is killed comes back alone; SIGTERM ends
# the box in order.
# usage: boot_test.sh REFNOSD REFNOS
. "$(dirname "$0")/lib.sh"

ask() {
    "$refnos" --json --socket "$work/box/refnos.sock" "$@" 2>&1
}

# The highest index that a life applied.
applied() {
    sed -n 's/.*kind=TRACE_APPLIED a=\([0-9]*\) .*/\1/p' "$work/lines" |
        sort -n | tail -n 1
}

identity || exit 1
boot
awaits "the box is ready" "what=ready incarnation=1 "
awaits "it leads" "kind=TRACE_LEADER_READY "
awaits "it joins itself" "kind=TRACE_JOINED "
before=$(applied)
kill -9 "$pid"
wait "$pid" 2>/dev/null
pid=

# The voters are known from the first boot.
boot_as
awaits "it is ready again" "what=ready incarnation=2 "
awaits "it leads again" "kind=TRACE_LEADER_READY a=2 "
awaits "it knows its number" "kind=TRACE_JOINED a=0 "
after=$(applied)
ends "the log was recovered and goes on" yes \
    "$([ "$after" -gt "$before" ] && echo yes || echo "no: $before, $after")"

"$refnos" --identity "$work/box" show box >"$work/out" 2>&1
ends "by the folder of its identity too" 0 $?
"$refnos" --identity "$work" show box >"$work/out" 2>&1
ends "which another folder is not" 74 $?
says "and it says what to do" "no daemon answers there.*--identity" "$work/out"
ask show box >"$work/said"
says "operators are answered" '"incarnation": *2' "$work/said"
ask show services >"$work/said"
says "services are listed" '"service": *"store"' "$work/said"
ask show modules >"$work/said"
says "the NOS answers" 'DAEMON-TEST' "$work/said"

kill -TERM "$pid"
awaits "it says why it ends" "what=exit cause=1"
exits "SIGTERM ends it with 0" 0
says "the log file has lines" "notice refnosd: stopped" "$work/log"

# What a later boot is told does not count.
says "the log is without complaint" "incarnation 2" "$work/log"
ends "nor of --voters" "" "$(grep -e "--voters" "$work/log" || true)"
boot_as --voters self,00000000000000ff
awaits "the third life" "what=ready incarnation=3 "
awaits "it leads as before" "kind=TRACE_LEADER_READY "
says "and says so" "warning refnosd: --voters is not what" "$work/log"
ask show box >"$work/said"
says "it knows why it ended" '"reboot_cause": *"operator"' "$work/said"
stop_all

# One that was told nothing says that it leads nothing; damage is refused.
mkdir "$work/other"
boot_as --state "$work/other"
awaits "a controller without voters" "what=ready incarnation=1 "
says "it says so" "warning refnosd: no --voters at the first boot" "$work/log"
stop_all
echo nonsense >"$work/other/voters"
refuses "damaged voters" 73 "other/voters: damaged" \
    --identity "$work/box" --state "$work/other"

# store_pid: the process of the store, one of its own.
store_pid() {
    ask show services | tr -d ' \n' |
        sed -n 's/.*"service":"store","pid":\([0-9]*\),.*/\1/p'
}

# store_killed LIFE: as kill -9 would at any moment.
store_killed() {
    kill -9 "$(store_pid)"
    awaits "the store's death $1 is seen" \
        "kind=TRACE_SERVICE_DIED a=2 b=$1 "
}

# Each service a process of its own: one is killed, and comes back alone.
boot --per-service
awaits "services in processes" "kind=TRACE_JOINED "
store=$(store_pid)
ends "the store is no longer the box" yes \
    "$([ "${store:-0}" -gt 0 ] && [ "$store" != "$pid" ] && echo yes)"
store_killed 1
awaits "it starts again" "kind=TRACE_SERVICE_STARTED a=2 b=2 "
awaits "the box leads again" "kind=TRACE_LEADER_READY "
says "its death is logged" "warning refnosd: service store died in its life 1" \
    "$work/log"
says "its next life too" "refnosd: service store is up again, its life 2" \
    "$work/log"
ask show services >"$work/said"
processes=$(tr -d ' ' <"$work/said" | tr ',{' '\n' |
    sed -n 's/^"pid":\([0-9]*\)$/\1/p')
ends "seven services run" 7 "$(echo "$processes" | wc -w)"
kill -TERM "$pid"
exits "the box ends with its services" 0
left=
for process in $processes; do
    [ ! -d "/proc/$process" ] || left="$left $process"
done
ends "no process is left" "" "$left"

# One that dies too often takes the box with it, which starts itself again.
boot --per-service
awaits "one more life" "what=ready incarnation=5 "
for life in 1 2 3 4; do
    awaits "the store's life $life" "kind=TRACE_SERVICE_STARTED a=2 b=$life "
    store_killed "$life"
done
awaits "the store's last life" "kind=TRACE_SERVICE_STARTED a=2 b=5 "
kill -9 "$(store_pid)"
awaits "the box restarts" "what=exit cause=2"
awaits "as the same process" "what=ready incarnation=6 .* pid=$pid\$"
awaits "and leads" "kind=TRACE_LEADER_READY "
ask show box >"$work/said"
says "it knows why" '"reboot_cause": *"service-budget"' "$work/said"
stop_all

# Its parent may want to do that.
boot --per-service --no-restart
awaits "the store's life 1" "kind=TRACE_SERVICE_STARTED a=2 b=1 "
for life in 2 3 4 5; do
    store_killed $((life - 1))
    awaits "the store's life $life" "kind=TRACE_SERVICE_STARTED a=2 b=$life "
done
kill -9 "$(store_pid)"
awaits "the box is to restart" "what=exit cause=2"
exits "its parent is told by the exit code" 75
exit $failed
