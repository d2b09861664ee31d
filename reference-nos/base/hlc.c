/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/hlc.h"

#include "reference-nos/base/err.h"

#define LOGICAL_MASK UINT64_C(0xffff)

void
hlc_init(struct hlc *hlc, uint64_t max_ahead_ns)
{
    hlc->last = 0;
    hlc->max_ahead_ns = max_ahead_ns;
}

uint64_t
hlc_now(struct hlc *hlc, uint64_t physical_ns)
{
    uint64_t physical = physical_ns & ~LOGICAL_MASK;

    /* A logical counter that overflows carries into the physical part: the
     * stamp runs ahead by one step and stays monotonic. */
    hlc->last = physical > hlc->last ? physical : hlc->last + 1;
    return hlc->last;
}

int
hlc_see(struct hlc *hlc, uint64_t remote, uint64_t physical_ns)
{
    uint64_t physical = hlc_physical_ns(remote);

    if (physical > physical_ns && physical - physical_ns > hlc->max_ahead_ns)
        return ERR_RANGE;
    if (remote > hlc->last)
        hlc->last = remote;
    return 0;
}

uint64_t
hlc_physical_ns(uint64_t stamp)
{
    return stamp & ~LOGICAL_MASK;
}
