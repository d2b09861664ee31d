#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# browser_check.sh REPORT.html...
#
# Opens each report in headless Chromium, 1280 x 900 and as on a phone
# (390 x 844), light and dark, and checks in the browser itself that the
# verdict shows on the first screen, that every plot is drawn, that nothing
# overflows sideways and that text can be told from its background.
#
# Exit: 0 all well, 1 a check failed, 2 no Chromium, 64 bad usage.
# SIXNINES_CHROMIUM names another browser program; SIXNINES_SCREENSHOTS a
# folder for a picture of each view.

set -u
here=$(cd "$(dirname "$0")" && pwd)

if [ $# -eq 0 ]; then
    echo "usage: browser_check.sh REPORT.html..." >&2
    exit 64
fi
browser=${SIXNINES_CHROMIUM:-}
if [ -z "$browser" ]; then
    browser=$(command -v chromium || command -v chromium-browser ||
        command -v google-chrome) || {
        echo "browser_check: no Chromium found" >&2
        exit 2
    }
fi

work=$(mktemp -d /tmp/sixnines-browser-XXXXXX) || exit 1
trap 'rm -rf "$work"' EXIT
trap 'exit 130' INT TERM

# chromium_run WIDTH HEIGHT SCHEME ARGUMENT...
chromium_run() {
    run_width=$1 run_height=$2 run_scheme=$3
    shift 3
    HOME=$work timeout 120 "$browser" --headless --no-sandbox --disable-gpu \
        --no-first-run --disable-background-networking \
        --disable-component-update --disable-sync --disable-dev-shm-usage \
        --hide-scrollbars --allow-file-access-from-files \
        --user-data-dir="$work/profile" --virtual-time-budget=5000 \
        --window-size="$run_width,$run_height" \
        --blink-settings=preferredColorScheme="$run_scheme" \
        "$@" 2>/dev/null
}

# A copy of the report with the checks appended, so the report itself stays
# free of scripts.  The window of headless Chromium is at least 500 pixels
# wide, so the phone is a frame in a wider page.
view_make() {
    view_report=$1 view_width=$2 view_height=$3
    {
        cat "$view_report"
        echo '<script>'
        cat "$here/browser_check.js"
        echo '</script>'
    } >"$work/page.html"
    cat >"$work/view.html" <<HTML
<!DOCTYPE html><meta charset="utf-8"><title>view</title>
<body style="margin:0"><iframe src="page.html" title="report"
style="border:0;display:block;width:${view_width}px;height:${view_height}px">
</iframe><pre id="result">no answer</pre>
<script>addEventListener("message", function (event) {
document.getElementById("result").textContent = event.data; });</script>
HTML
}

# check REPORT NAME WIDTH HEIGHT SCHEME
check() {
    view_make "$1" "$3" "$4"
    result=
    for attempt in 1 2 3; do # A browser that gave no answer is asked again.
        chromium_run 1300 960 "$5" --dump-dom "file://$work/view.html" \
            >"$work/dom.html"
        result=$(sed -n 's/.*<pre id="result">\(.*\)/\1/p' "$work/dom.html" |
            sed 's/<\/pre>.*//')
        case $result in
        "" | "no answer") echo "note  no answer, attempt $attempt" >&2 ;;
        *) break ;;
        esac
    done
    case $result in
    "OK "*) echo "ok    $(basename "$1") $2: ${result#OK }" ;;
    *)
        echo "FAIL  $(basename "$1") $2: ${result:-no answer}"
        failed=1
        ;;
    esac
    if [ -n "${SIXNINES_SCREENSHOTS:-}" ]; then
        chromium_run "$3" "$4" "$5" --screenshot="$SIXNINES_SCREENSHOTS/$(
            basename "$1" .html
        )-$2.png" "file://$work/view.html" >/dev/null
    fi
}

failed=0
for report in "$@"; do
    if [ ! -r "$report" ]; then
        echo "FAIL  $report cannot be read"
        failed=1
        continue
    fi
    check "$report" desktop 1280 900 1
    check "$report" phone 390 844 1
    check "$report" desktop-dark 1280 900 0
    check "$report" phone-dark 390 844 0
done
exit $failed
