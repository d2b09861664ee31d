#!/bin/sh
# tshark reads what is captured.
# usage: tshark_test.sh MAKE_CAPTURE
set -eu
make_capture=$(realpath "$1")
command -v tshark >/dev/null || {
    echo "no tshark here"
    exit 2
}
work=$(mktemp -d /tmp/sixnines-capture-XXXXXX)
trap 'rm -rf "$work"' EXIT
# No settings of whoever runs this.
export HOME="$work" XDG_CONFIG_HOME="$work" LC_ALL=C
cd "$work"
failed=0

# fields FILE ARGUMENTS...
fields() {
    file=$1
    shift
    tshark -n -o ip.check_checksum:TRUE -o udp.check_checksum:TRUE \
        -r "$file" -T fields -E separator=' ' "$@" 2>errors || {
        cat errors
        echo "FAIL  tshark does not read $file"
        exit 1
    }
}

# ends NAME WANTED FOUND
ends() {
    if [ "$2" = "$3" ]; then
        echo "ok    $1"
    else
        echo "FAIL  $1: \"$3\", not \"$2\""
        failed=1
    fi
}

"$make_capture" all.pcapng
ends "every packet" 40 "$(fields all.pcapng -e frame.number | wc -l)"
ends "names of ports" "ncp-0/eth-0/0/0 ncp-1/eth-0/0/7" \
    "$(fields all.pcapng -e frame.interface_name | sort -u | xargs)"
# 3 x 123457001 ps is 370371 ns after the epoch.
ends "nanoseconds" "1792580400.000370371" \
    "$(fields all.pcapng -Y 'frame.number == 4' -e frame.time_epoch)"
ends "lengths without FCS" "60 66 72" \
    "$(fields all.pcapng -Y 'frame.number <= 3' -e frame.len | xargs)"
ends "directions" "1 2" \
    "$(fields all.pcapng -Y 'frame.number <= 2' -e frame.packet_flags_direction |
        sed 's/0x0*//' | xargs)"
ends "addresses" "10.0.0.1 10.0.1.3 49154 40000" \
    "$(fields all.pcapng -Y 'frame.number == 3' \
        -e ip.src -e ip.dst -e udp.srcport -e udp.dstport)"
ends "addresses of IPv6" "2001:db8::1 2001:db8::4" \
    "$(fields all.pcapng -Y 'frame.number == 4' -e ipv6.src -e ipv6.dst)"
ends "class in DSCP" 40 \
    "$(fields all.pcapng -Y 'frame.number == 6' -e ip.dsfield.dscp)"
ends "checksums of IPv4" "30 1" \
    "$(fields all.pcapng -Y ip -e ip.checksum.status | sort | uniq -c | xargs)"
# A packet that was cut cannot be summed.
ends "checksums of UDP" "1" \
    "$(fields all.pcapng -Y 'udp and frame.len == frame.cap_len' \
        -e udp.checksum.status | sort -u | xargs)"
ends "nothing malformed" 0 \
    "$(fields all.pcapng -Y '_ws.malformed' -e frame.number | wc -l)"

# The same expression here and in tshark's display filter.
for pair in 'udp dst port 9=udp.dstport == 9' 'ip6=ipv6' \
    'ip and not udp port 9=ip and not udp.port == 9' 'less 1000=frame.len <= 1000'; do
    "$make_capture" some.pcapng "${pair%%=*}"
    wanted=$(fields all.pcapng -Y "${pair#*=}" -e frame.time_epoch | xargs)
    ends "filter ${pair%%=*}" "$wanted" \
        "$(fields some.pcapng -e frame.time_epoch | xargs)"
    [ -n "$wanted" ] || ends "filter ${pair%%=*} keeps some" some none
done
"$make_capture" none.pcapng tcp
ends "filter that nothing matches" 0 \
    "$(fields none.pcapng -e frame.number | wc -l)"
if "$make_capture" bad.pcapng 'udp port' 2>errors; then
    ends "filter that does not compile" refused taken
else
    ends "filter that does not compile" 1 "$(grep -c '^filter "udp port": ' errors)"
    [ ! -e bad.pcapng ] || ends "no file for a bad filter" none "a file"
fi
exit "$failed"
