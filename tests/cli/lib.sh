# shellcheck shell=sh
# SPDX-License-Identifier: Apache-2.0
#
# What the tests of the program share.  Sourced with the program and the root
# of the sources as arguments.

set -u
sixnines=$1
# shellcheck disable=SC2034 # used by those who source this
sources=$2
work=$(mktemp -d /tmp/sixnines-cli-XXXXXX) || exit 1
trap 'chmod -R u+w "$work"; rm -rf "$work"' EXIT
chmod 755 "$work"
cd "$work" || exit 1
failed=0

# The environment of whoever runs the tests decides nothing.
for name in $(env | sed -n 's/^\(SIXNINES_[A-Z_]*\)=.*/\1/p'); do
    unset "$name"
done
export SIXNINES_DATA="$sources/models/data"

# ends NAME WANTED FOUND
ends() {
    if [ "$2" = "$3" ]; then
        echo "ok    $1"
    else
        echo "FAIL  $1: \"$3\", not \"$2\""
        failed=1
    fi
}

# says NAME WORDS FILE
says() {
    if grep -q -e "$2" "$3"; then
        echo "ok    $1"
    else
        echo "FAIL  $1: \"$2\" is not in:"
        sed 's/^/      /' "$3"
        failed=1
    fi
}

skipped() {
    echo "SKIP  $1: $2"
}

# runs NAME CODE ARGUMENT...: the program, its words in out and err.
runs() {
    name=$1
    code=$2
    shift 2
    timeout 120 "$sixnines" "$@" >out 2>err </dev/null
    ends "$name" "$code" $?
}

# A short scenario on ddc-small, with parameter "late".
scenario() {
    cat <<'YAML'
format: 1
scenario: short
about: A short run.
params: { late: 5s, ends: 10s }
worlds: [des]
cluster: { preset: ddc-small, nos: reference }
seed: 1
timeline:
  - { at: $late, fault: service.kill, target: "service=hardware,role=ncp,number=0" }
expect:
  - { that: "ports.outage == 0s" }
ends: $ends
YAML
}
