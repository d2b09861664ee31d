#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# browser_test.sh SAMPLES
#
# SAMPLES is the program report_samples.  Every sample report must pass
# browser_check.sh, and pages broken on purpose must not.
# Exit: 0, 1, or 2 when there is no Chromium or no gnuplot.

set -u
here=$(cd "$(dirname "$0")" && pwd)
work=$(mktemp -d /tmp/sixnines-browser-test-XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

command -v gnuplot >/dev/null || {
    echo "browser_test: no gnuplot found"
    exit 2
}
"$1" "$work" || exit 1
"$here/browser_check.sh" "$work"/*.html || exit $?

# must_fail NAME SED-SCRIPT: the quiet page, broken.
must_fail() {
    sed "$2" "$work/quiet.html" >"$work/broken-$1.html"
    if cmp -s "$work/quiet.html" "$work/broken-$1.html"; then
        echo "FAIL  nothing to break for $1"
        exit 1
    fi
    if "$here/browser_check.sh" "$work/broken-$1.html" >"$work/log"; then
        echo "FAIL  a page broken by '$1' passed"
        exit 1
    fi
    echo "ok    broken by $1: $(sed -n 's/^FAIL[^:]*: //p' "$work/log" |
        head -n 1 | cut -c 1-60)"
}

must_fail no-verdict 's/<h2 id="verdict-word">PASS/<h2 id="verdict-word">Fine/'
must_fail low-verdict \
    's/<section id="verdict"/<div style="height:900px"><\/div>&/'
must_fail empty-plots 's/<polygon[^>]*>//g;s/<use [^>]*>//g;s/<path.*//'
must_fail no-plots 's/<svg viewBox="0 0 [39][0-9]* .*/<svg><g>/'
must_fail cut-plots 's/viewBox="0 0 980 [0-9]*"/viewBox="0 0 600 120"/'
must_fail too-wide \
    's/<\/main>/<p style="width:1400px;max-width:none">wide<\/p>&/'
must_fail pale-text 's/--soft: #475569/--soft: #b0b8c4/'
