#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Is refnosd.service sound, tight, and does it let the daemon do its work?
# usage: unit_test.sh REFNOSD REFNOS
#
# Exit 77 (skipped) where systemd-analyze is missing.
set -eu
export LC_ALL=C
refnosd=${1:?usage: unit_test.sh REFNOSD REFNOS}
refnos=${2:?usage: unit_test.sh REFNOSD REFNOS}
unit=$(dirname "$0")/refnosd.service
command -v systemd-analyze >/dev/null || exit 77
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The program stands where the build put it, not in /usr/sbin.
sed "s#^ExecStart=refnosd#ExecStart=$refnosd#" "$unit" >"$work/refnosd.service"
systemd-analyze verify --man=no "$work/refnosd.service" >"$work/said" 2>&1 || {
    cat "$work/said"
    exit 1
}
if grep refnosd "$work/said"; then
    echo "systemd-analyze verify has something to say"
    exit 1
fi

# 0 is best, 10 worst; times ten.
systemd-analyze security --offline=true --threshold=25 "$work/refnosd.service" \
    >"$work/security" || {
    grep '✗' "$work/security"
    echo "the unit is more open than 2.5"
    exit 1
}

# Every system call of a life is one that the unit's filter lets through.
command -v strace >/dev/null || exit 0
allowed() {
    systemd-analyze syscall-filter "$1" | sed -n 's/^ *//p' | grep -v '^#' |
        while read -r name; do
            case $name in
            "$1") ;;
            @*) allowed "$name" ;;
            *) echo "$name" ;;
            esac
        done
}
allowed @system-service | sort -u >"$work/allowed"
for set in @privileged @resources @keyring @memlock @obsolete; do
    allowed "$set"
done | sort -u >"$work/denied"

"$refnos" identity authority "$work/ca"
"$refnos" identity issue "$work/ca" "$work/box" UNIT-TEST ncc >/dev/null
if ! strace -f -qq -o "$work/trace" "$refnosd" --version >/dev/null 2>&1; then
    exit 0 # Tracing is not allowed here.
fi
strace -f -qq -o "$work/trace" "$refnosd" --identity "$work/box" \
    --voters self --log "$work/log" --no-restart &
tracer=$!
tries=0
until "$refnos" --socket "$work/box/refnos.sock" show cluster \
    >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 1000 ] || break
done
"$refnos" --socket "$work/box/refnos.sock" show box |
    sed -n 's/^pid: *//p' >"$work/pid"
kill -TERM "$(cat "$work/pid")"
wait "$tracer"
sed -n 's/^[0-9]* *\([a-z0-9_]*\)(.*/\1/p' "$work/trace" | sort -u |
    grep -v '^execve$' >"$work/used"
[ "$(wc -l <"$work/used")" -gt 20 ] || {
    echo "the trace is empty"
    exit 1
}
comm -23 "$work/used" "$work/allowed" >"$work/bad"
comm -12 "$work/used" "$work/denied" >>"$work/bad"
if [ -s "$work/bad" ]; then
    echo "the daemon uses what the unit's filter refuses:"
    cat "$work/bad"
    exit 1
fi
