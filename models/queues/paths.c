/* SPDX-License-Identifier: Apache-2.0
 *
 * Shortest paths by hops, all equal ones.
 */
#include <stdlib.h>
#include <string.h>

#include "models/queues/queues_priv.h"
#include "reference-nos/base/check.h"

struct search {
    uint32_t *first; /* Per node: its first port in 'ports'; one more. */
    uint32_t *ports; /* By the node they leave. */
    uint32_t *hops;  /* Per node, to the host in question. */
    uint32_t *queue;
};

static void
search_make(const struct queues *queues, struct search *search)
{
    size_t nodes = queues->node_count;

    search->first = calloc(nodes + 2, sizeof(uint32_t));
    search->ports = calloc(queues->port_count + 1, sizeof(uint32_t));
    search->hops = calloc(nodes + 1, sizeof(uint32_t));
    search->queue = calloc(nodes + 1, sizeof(uint32_t));
    CHECK(search->first != NULL && search->ports != NULL);
    CHECK(search->hops != NULL && search->queue != NULL);
    for (size_t i = 0; i < queues->port_count; i++)
        search->first[queues->more[i].from + 2]++;
    for (size_t i = 2; i < nodes + 2; i++)
        search->first[i] += search->first[i - 1];
    for (uint32_t i = 0; i < queues->port_count; i++)
        search->ports[search->first[queues->more[i].from + 1]++] = i;
}

static void
search_free(struct search *search)
{
    free(search->first);
    free(search->ports);
    free(search->hops);
    free(search->queue);
}

/* A host has one link, so no path passes through one. */
static int
search_run(const struct queues *queues, struct search *search, uint32_t goal)
{
    size_t head = 0;
    size_t tail = 0;

    memset(search->hops, 0xff, queues->node_count * sizeof(uint32_t));
    search->hops[goal] = 0;
    search->queue[tail++] = goal;
    while (head < tail) {
        uint32_t node = search->queue[head++];

        for (uint32_t i = search->first[node]; i < search->first[node + 1];
             i++) {
            uint32_t other = queues->more[search->ports[i]].to;

            if (search->hops[other] != NONE)
                continue;
            search->hops[other] = search->hops[node] + 1;
            search->queue[tail++] = other;
        }
    }
    return tail == queues->node_count ? 0 : ERR_UNREACHABLE;
}

/* The group of 'node' with these ports. */
static uint32_t
group_find(struct queues *queues, struct node *node, const uint32_t *ports,
           uint32_t count)
{
    size_t size = count * sizeof(*ports);

    for (uint32_t i = node->groups; i != NONE; i = queues->groups[i].next) {
        const struct group *group = &queues->groups[i];

        if (group->count == count &&
            memcmp(&queues->group_ports[group->first], ports, size) == 0)
            return i;
    }
    queues->groups = realloc(queues->groups, (queues->group_count + 1) *
                                                 sizeof(*queues->groups));
    queues->group_ports =
        realloc(queues->group_ports,
                (queues->group_port_count + count) * sizeof(uint32_t));
    CHECK(queues->groups != NULL && queues->group_ports != NULL);
    memcpy(&queues->group_ports[queues->group_port_count], ports, size);
    queues->groups[queues->group_count] = (struct group){
        (uint32_t)queues->group_port_count, count, node->groups};
    queues->group_port_count += count;
    node->groups = (uint32_t)queues->group_count++;
    return node->groups;
}

/* What switch 'index' does with packets to the host searched for. */
static uint32_t
entry(struct queues *queues, const struct search *search, uint32_t index,
      uint32_t *ports)
{
    uint32_t count = 0;

    for (uint32_t i = search->first[index]; i < search->first[index + 1];
         i++) {
        uint32_t other = queues->more[search->ports[i]].to;

        if (search->hops[other] + 1 == search->hops[index])
            ports[count++] = search->ports[i];
    }
    if (count == 1)
        return ports[0];
    return ROUTE_GROUP |
           group_find(queues, &queues->nodes[index], ports, count);
}

int
queues_paths(struct queues *queues)
{
    struct search search;
    uint32_t *ports = calloc(queues->port_count + 1, sizeof(*ports));
    int err = 0;

    CHECK(ports != NULL);
    search_make(queues, &search);
    for (uint32_t host = 0; host < queues->host_count && err == 0; host++) {
        err = search_run(queues, &search, queues->hosts[host].node);
        for (uint32_t i = 0; i < queues->node_count && err == 0; i++) {
            uint32_t *table = queues->nodes[i].table;

            if (table != NULL && table[host] == NONE)
                table[host] = entry(queues, &search, i, ports);
        }
    }
    search_free(&search);
    free(ports);
    return err;
}
