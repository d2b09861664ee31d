/* SPDX-License-Identifier: Apache-2.0 */
#include "sim/kernel/simtime.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "reference-nos/base/check.h"

/* Writes value / scale exactly, without trailing zeros. */
static void
format_exact(uint64_t value, uint64_t scale, int digits, const char *unit,
             char text[SIMTIME_TEXT_BYTES])
{
    uint64_t fraction = value % scale;

    while (digits > 0 && fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    if (digits == 0)
        snprintf(text, SIMTIME_TEXT_BYTES, "%" PRIu64 "%s", value / scale,
                 unit);
    else
        snprintf(text, SIMTIME_TEXT_BYTES, "%" PRIu64 ".%0*" PRIu64 "%s",
                 value / scale, digits, fraction, unit);
}

char *
simtime_format(struct simtime time, char text[SIMTIME_TEXT_BYTES])
{
    if (time.ps == 0)
        snprintf(text, SIMTIME_TEXT_BYTES, "0s");
    else if (time.ps < SIMTIME_PS_PER_NS)
        format_exact(time.ps, 1, 0, "ps", text);
    else if (time.ps < SIMTIME_PS_PER_US)
        format_exact(time.ps, SIMTIME_PS_PER_NS, 3, "ns", text);
    else if (time.ps < SIMTIME_PS_PER_MS)
        format_exact(time.ps, SIMTIME_PS_PER_US, 6, "us", text);
    else if (time.ps < SIMTIME_PS_PER_S)
        format_exact(time.ps, SIMTIME_PS_PER_MS, 9, "ms", text);
    else
        format_exact(time.ps, SIMTIME_PS_PER_S, 12, "s", text);
    return text;
}

char *
simtime_format_s(struct simtime time, int decimals,
                 char text[SIMTIME_TEXT_BYTES])
{
    CHECK(decimals >= 0 && decimals <= 12);
    uint64_t fraction = time.ps % SIMTIME_PS_PER_S;

    for (int i = decimals; i < 12; i++)
        fraction /= 10;
    if (decimals == 0)
        snprintf(text, SIMTIME_TEXT_BYTES, "%" PRIu64,
                 time.ps / SIMTIME_PS_PER_S);
    else
        snprintf(text, SIMTIME_TEXT_BYTES, "%" PRIu64 ".%0*" PRIu64,
                 time.ps / SIMTIME_PS_PER_S, decimals, fraction);
    return text;
}
