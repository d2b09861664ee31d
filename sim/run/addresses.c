/* SPDX-License-Identifier: Apache-2.0
 *
 * Addresses of the ends that traffic uses.
 */
#include "reference-nos/base/check.h"
#include "sim/run/run_priv.h"

#include <stdlib.h>
#include <string.h>

/* 10.<end / 256>.<end % 256>.0/24, as models/plane/plane.h has it. */
static struct fwd_prefix
prefix_of(unsigned end)
{
    return (struct fwd_prefix){
        .family = 4,
        .length = 24,
        .bytes = {10, (uint8_t)(end / 256), (uint8_t)(end % 256)},
    };
}

/* Programs the cards from the harness, in place of the NOS. */
static void
harness_routes_write(struct run *run)
{
    struct run_traffic *traffic = &run->traffic;
    struct fwd_group *groups = calloc(traffic->end_count, sizeof(*groups));
    struct fwd_route *routes = calloc(traffic->end_count, sizeof(*routes));
    size_t count = 0;

    CHECK(groups != NULL && routes != NULL);
    for (unsigned i = 0; i < traffic->end_count; i++) {
        struct plane_end end = plane_end(traffic->plane, i);

        if (!traffic->used[i])
            continue;
        groups[count] = (struct fwd_group){
            .id = 16 + i,
            .count = 1,
            .hops = {{(uint16_t)run->watch.boxes[end.box].module, end.port}},
        };
        routes[count] = (struct fwd_route){prefix_of(i), 16 + i};
        count++;
    }
    for (unsigned i = 0; i < run->plan->box_count; i++) {
        if (run->plan->boxes[i].role != ROLE_NCP)
            continue;
        plane_groups_set(traffic->plane, i, groups, count);
        plane_routes_set(traffic->plane, i, routes, count);
    }
    free(groups);
    free(routes);
}

static void
oracles_tell(struct run *run)
{
    struct run_traffic *traffic = &run->traffic;

    for (unsigned i = 0; i < traffic->end_count; i++) {
        struct fwd_prefix prefix = prefix_of(i);

        if (traffic->used[i])
            oracles_connected(run->oracles, i, &prefix);
    }
    for (unsigned i = 0; i < traffic->end_count; i++) {
        struct fwd_prefix host;

        plane_address(traffic->plane, i, &host);
        if (traffic->used[i])
            oracles_addressed(run->oracles, i, &host);
    }
}

bool
addresses_configure(struct run *run)
{
    harness_routes_write(run);
    oracles_tell(run);
    return true;
}
