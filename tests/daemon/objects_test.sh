#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# The daemon and the simulator run the same machine code: the core's archive
# members that their link maps name have equal hashes, and no object of the
# core came from anywhere else.
# usage: objects_test.sh REFNOSD SIXNINES SOURCES BUILD
#   REFNOSD.map and SIXNINES.map are what the linker wrote.
set -u
export LC_ALL=C
refnosd=$(realpath "$1")
sixnines=$(realpath "$2")
sources=$(realpath "$3")
build=$(realpath "$4")
work=$(mktemp -d /tmp/sixnines-objects-XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
failed=0

# The rooms of the core, as in the check of floors: base, platform, ...
rooms=$(awk '$2 ~ /^reference-nos\/[a-z]+$/ && $2 !~ /linux$/ {
    sub(".*/", "", $2); print $2 }' "$sources/ci/floors.txt")

# members MAP: "room member archive" of each core object in a link map: its
# first part has a line for each archive member that was linked.
members() {
    awk -v rooms="$rooms" '
        BEGIN {
            count = split(rooms, names)
            for (i = 1; i <= count; i++)
                core[names[i]] = 1
        }
        /^(Discarded input sections|Memory Configuration)/ { exit }
        /^[^ ].*libnos_[a-z]+\.a\([^)]*\)/ {
            archive = $1
            sub(/\(.*/, "", archive)
            member = $1
            sub(/.*\(/, "", member)
            sub(/\).*/, "", member)
            room = archive
            sub(/.*libnos_/, "", room)
            sub(/\.a$/, "", room)
            if (room in core)
                print room, member, archive
        }' "$1" | sort -u
}

# strangers MAP: objects of the core that no archive of the core gave.
strangers() {
    for room in $rooms; do
        sed -n "s|^LOAD \(.*reference-nos/$room/.*\.o\)\$|\1|p" "$1"
    done
}

# hashes MAP: "room member hash".
hashes() {
    members "$1" | while read -r room member archive; do
        echo "$room $member $(cd "$build" && ar p "$archive" "$member" |
            sha256sum | cut -d' ' -f1)"
    done | sort
}

# same MAP MAP: 0 when what both link is the same.
same() {
    hashes "$1" >"$work/a"
    hashes "$2" >"$work/b"
    strangers "$1" >"$work/strangers"
    strangers "$2" >>"$work/strangers"
    if [ -s "$work/strangers" ]; then
        echo "objects of the core from outside its archives:"
        cat "$work/strangers"
        return 1
    fi
    # The same room and member with another hash, or twice in one program.
    cat "$work/a" "$work/b" | sort -u | awk '{ print $1, $2 }' | uniq -d \
        >"$work/differ"
    if [ -s "$work/differ" ]; then
        echo "not the same objects:"
        cat "$work/differ"
        return 1
    fi
}

for program in "$refnosd" "$sixnines"; do
    newer=$(members "$program.map" | awk '{ print $3 }' | sort -u |
        while read -r archive; do
            (cd "$build" && find "$archive" -newer "$program")
        done)
    if [ -n "$newer" ]; then
        echo "$program is older than what it links: build it first"
        exit 1
    fi
done

same "$refnosd.map" "$sixnines.map" || failed=1
count=$(awk '{ print $1, $2 }' "$work/a" "$work/b" | sort | uniq -d | wc -l)
for room in $rooms; do
    for list in a b; do
        if ! grep -q "^$room " "$work/$list"; then
            echo "no object of $room in list $list: is this the right map?"
            failed=1
        fi
    done
done
echo "$count objects of the core in both programs"

# It can fail: one member of one archive compiled otherwise.
archive=$(members "$refnosd.map" | awk '$1 == "raft" { print $3; exit }')
cp "$(cd "$build" && realpath "$archive")" "$work/libnos_raft.a"
(cd "$work" && ar x libnos_raft.a raft.c.o &&
    ${CC:-cc} -std=c17 -O1 -I"$sources" -c "$sources/reference-nos/raft/raft.c" \
        -o raft.c.o && ar r libnos_raft.a raft.c.o) 2>/dev/null
sed "s|[^ ]*libnos_raft\.a|$work/libnos_raft.a|" "$refnosd.map" \
    >"$work/planted.map"
if same "$work/planted.map" "$sixnines.map" >"$work/said"; then
    echo "another compilation of raft.c is not seen"
    failed=1
elif grep -q '^raft raft.c.o$' "$work/said"; then
    echo "seen: another compilation of raft.c"
else
    cat "$work/said"
    failed=1
fi
exit $failed
