/* SPDX-License-Identifier: Apache-2.0
 *
 * Networks ready made.
 */
#include <stdlib.h>

#include "models/queues/queues_priv.h"
#include "reference-nos/base/check.h"

struct leaf_spine {
    struct queues *queues;
    const struct queues_leaf_spine *shape;
    uint32_t *leaves, *spines; /* Nodes. */
    uint32_t *uplinks;         /* [leaf][spine]: port up; the next is down. */
    uint32_t first_host;
};

static unsigned
part_of(const struct queues *queues, unsigned index, unsigned count)
{
    return (unsigned)((uint64_t)index * queues->options.parts / count);
}

static int
leaves_make(struct leaf_spine *made)
{
    const struct queues_leaf_spine *shape = made->shape;
    uint32_t port;
    int err = 0;

    for (unsigned l = 0; l < shape->leaves; l++) {
        unsigned part = part_of(made->queues, l, shape->leaves);

        made->leaves[l] =
            queues_switch_add(made->queues, part, QUEUES_SWITCH_OUTPUT);
        for (unsigned h = 0; h < shape->hosts_per_leaf && err == 0; h++)
            err = queues_link_add(made->queues,
                                  queues_host_add(made->queues, part),
                                  made->leaves[l], &shape->host_link, &port);
    }
    return err;
}

static int
spines_make(struct leaf_spine *made)
{
    const struct queues_leaf_spine *shape = made->shape;
    int err = 0;

    for (unsigned s = 0; s < shape->spines; s++)
        made->spines[s] = queues_switch_add(
            made->queues, part_of(made->queues, s, shape->spines),
            QUEUES_SWITCH_OUTPUT);
    for (unsigned l = 0; l < shape->leaves; l++) {
        for (unsigned s = 0; s < shape->spines && err == 0; s++)
            err = queues_link_add(made->queues, made->leaves[l],
                                  made->spines[s], &shape->spine_link,
                                  &made->uplinks[l * shape->spines + s]);
    }
    return err;
}

static void
spines_fix(const struct leaf_spine *made)
{
    const struct queues_leaf_spine *shape = made->shape;

    for (unsigned l = 0; l < shape->leaves; l++) {
        for (unsigned i = 0; i < shape->leaves * shape->hosts_per_leaf; i++) {
            unsigned to = i / shape->hosts_per_leaf;
            unsigned spine = (l + to) % shape->spines;

            if (to != l)
                queues_route_set(made->queues, made->leaves[l],
                                 made->first_host + i,
                                 made->uplinks[l * shape->spines + spine]);
        }
    }
}

int
queues_leaf_spine(struct queues *queues, const struct queues_leaf_spine *shape)
{
    struct leaf_spine made = {.queues = queues, .shape = shape};
    int err;

    if (shape->leaves == 0 || shape->spines == 0 ||
        (uint64_t)shape->leaves * shape->hosts_per_leaf + queues->host_count >
            QUEUES_HOSTS_MAX)
        return ERR_INVALID;
    made.first_host = (uint32_t)queues->host_count;
    made.leaves = calloc(shape->leaves, sizeof(uint32_t));
    made.spines = calloc(shape->spines, sizeof(uint32_t));
    made.uplinks =
        calloc((size_t)shape->leaves * shape->spines, sizeof(uint32_t));
    CHECK(made.leaves != NULL && made.spines != NULL && made.uplinks != NULL);
    err = leaves_make(&made);
    if (err == 0)
        err = spines_make(&made);
    if (err == 0 && shape->fixed_spines)
        spines_fix(&made);
    free(made.leaves);
    free(made.spines);
    free(made.uplinks);
    return err;
}

#define LS_LEAVES 48u
#define LS_SPINES 13u
#define LS_HOSTS 4u /* Per leaf. */
#define LS_BYTES 1460u
#define LS_FRAMING_BYTES 2u

int
queues_ls(struct queues *queues)
{
    struct queues_link link = {.bps = UINT64_C(100000000000),
                               .delay_ps = 1000000,
                               .buffer_bytes = 1000000,
                               .overhead_bytes = LS_FRAMING_BYTES};
    struct queues_leaf_spine shape = {.leaves = LS_LEAVES,
                                      .spines = LS_SPINES,
                                      .hosts_per_leaf = LS_HOSTS,
                                      .host_link = link,
                                      .spine_link = link,
                                      .fixed_spines = true};
    struct queues_source source = {.arrivals = QUEUES_CONSTANT,
                                   .sizes = QUEUES_SIZE_FIXED,
                                   .bytes = LS_BYTES};
    uint64_t wire_ps = traffic_wire_ps(LS_BYTES + LS_FRAMING_BYTES, link.bps);
    int err;

    CHECK(queues->host_count == 0);
    err = queues_leaf_spine(queues, &shape);
    for (uint32_t i = 0; i < LS_LEAVES * LS_HOSTS && err == 0; i++) {
        uint32_t leaf = (i / LS_HOSTS + 1 + i % LS_HOSTS) % LS_LEAVES;

        source.host = i;
        source.to = leaf * LS_HOSTS + i % LS_HOSTS;
        source.begin_ps = 37 * i % 1000 * 1000;
        source.gap_ps = 2 * wire_ps; /* Half load. */
        err = queues_source_add(queues, &source);
    }
    return err;
}
