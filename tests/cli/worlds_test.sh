#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# worlds_test.sh PROGRAM SOURCES
#
# A scenario in two worlds: the simulator twice, under two calibrations, which
# needs no privilege.  Then in world netns, where this machine can.

# shellcheck source=tests/cli/lib.sh
. "$(dirname "$0")/lib.sh"

scenario | sed -e 's/service.kill.*/box.power-loss, target: "role=ncc,active", name: pull }/' \
    -e 's/^worlds: .*/worlds: [des, netns]/' \
    -e 's/^ends: .*/ends: { settled: 2s, at-most: 60s }/' >two.yaml
sed 's/raft: 1500ns/raft: 15us/; s/^name: .*/name: slow-raft/' \
    "$sources/models/data/costs.yaml" >slow.yaml
frozen=$sources/models/data/costs.yaml

# ---- two calibrations ----

runs "two calibrations" 0 run two.yaml --world des,des --costs "$frozen" \
    --costs slow.yaml --seeds 4 -j 2 -q
says "the first world" "^short in world des: PASS" out
says "four seeds" "4 seeds from 1, 0 failed" out
says "the table" "^two worlds: median" out
says "its columns" "slow-raft" out
says "the write outage" "switchover.write-outage(pull) .* ms " out
says "its bound" "side, few runs (20%)" out
says "what few means" "^few runs: fewer than 6" out
says "the worst of both" "^overall: PASS" out
says "stages" "switchover.elect(pull)" out
says "a token of the second" "costs=slow.yaml" out
dir=$(sed -n 's/^report: \(.*\)\/report.html$/\1/p' out)
for file in report.html report-first.html junit.xml run.json results.db; do
    ends "there is $file" "$file" "$(cd "$dir" && ls $file)"
done
says "the page compares" "Simulated twice" "$dir/report.html"
if command -v sqlite3 >/dev/null; then
    ends "both campaigns in one file" "2|8" "$(sqlite3 "$dir/results.db" \
        "SELECT count(DISTINCT c.id), count(DISTINCT r.id) FROM campaign c
         JOIN run r ON r.campaign=c.id")"
    ends "the same stages in both" "4|4" "$(sqlite3 "$dir/results.db" \
        "SELECT first_runs, second_runs FROM comparison WHERE
         metric='switchover.detect'")"
fi
runs "report again" 0 report "$dir"

# ---- bounds ----

stated() {
    cat two.yaml - >bound.yaml <<YAML
compare:
  - { metric: "switchover.$1(pull)", within: $2 }
YAML
}
stated elect 0.001%
runs "a stated bound that is missed" 1 run bound.yaml --world des,des \
    --costs "$frozen" --costs slow.yaml --seeds 2 -q --no-results
says "is a failure" "^stated bounds: FAIL" out
stated detect 100%
runs "a stated bound that is kept" 0 run bound.yaml --world des,des \
    --costs "$frozen" --costs slow.yaml --seeds 2 -q --no-results
says "passes" "^stated bounds: PASS" out
runs "one world judges no bound" 0 run bound.yaml -q --no-results

# ---- real boxes ----

runs "no daemon" 2 run two.yaml --world netns --refnosd nothere -q --no-results
says "is inconclusive" "INCONCLUSIVE" err
if [ "$(id -u)" -eq 0 ] && "$sixnines" doctor |
    grep -q '^ok *world netns'; then
    # As someone without privilege.
    if command -v setpriv >/dev/null; then
        setpriv --reuid 65534 --clear-groups "$sixnines" run two.yaml \
            --world netns --repeats 1 -q --no-results >out 2>err
        ends "without privilege" 2 $?
        says "is said" "INCONCLUSIVE" out
        says "what is missing" "note: .*root" out
    fi
else
    skipped "without privilege" "world netns cannot be tried here"
fi

exit $failed
