/* SPDX-License-Identifier: Apache-2.0
 *
 * A network of plain queues, without boxes and NOS, instead of a cluster.
 */
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/err.h"

#include <string.h>

#define HOSTS_MAX 16384u

static const struct field leaf_spine_fields[] = {
    {.key = "leaves",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct scenario_leaf_spine, leaves),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = 1024,
     .doc = "Switches with hosts."},
    {.key = "spines",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct scenario_leaf_spine, spines),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = 1024,
     .doc = "Switches that join them; from leaf a to leaf b leads spine "
            "(a + b) mod spines."},
    {.key = "hosts",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct scenario_leaf_spine, hosts),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = 1024,
     .doc = "Of each leaf; counted from host-0, leaf by leaf."},
    {.key = "rate",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_RATE,
     FIELD_AT(struct scenario_leaf_spine, rate_bps),
     .required = true,
     .has_range = true,
     .min = TRAFFIC_PORT_BPS_MIN,
     .max = TRAFFIC_PORT_BPS_MAX,
     .doc = "Of every link."},
    {.key = "delay",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_DURATION,
     FIELD_AT(struct scenario_leaf_spine, delay),
     .fallback = "1us",
     .has_range = true,
     .min = 1,
     .max = PS_PER_S,
     .doc = "Of every link."},
    {.key = "buffer",
     .kind = FIELD_QUANTITY,
     .quantity = QUANTITY_COUNT,
     FIELD_AT(struct scenario_leaf_spine, buffer_packets),
     .required = true,
     .has_range = true,
     .min = 1,
     .max = 1000000,
     .doc = "Packets that may wait for a link, beside the one being sent; "
            "tail drop."},
};
static const struct schema leaf_spine_schema =
    SCHEMA(struct scenario_leaf_spine, "leaf-spine",
           "Hosts, leaves and spines.", leaf_spine_fields, node);

static const struct field network_fields[] = {
    {.key = "leaf-spine",
     .kind = FIELD_MAP,
     .schema = &leaf_spine_schema,
     FIELD_AT(struct scenario_network, leaf_spine),
     .required = true,
     .doc = "Hosts, leaves and spines."},
};
const struct schema network_schema =
    SCHEMA(struct scenario_network, "network",
           "Plain queues, without boxes and NOS.", network_fields, node);

/* What only a cluster has. */
static int
refuse(struct loader *loader, const struct ynode *node, const char *what)
{
    if (node == NULL)
        return 0;
    schema_error(&loader->reader, node, "a network of queues has no %s", what);
    return ERR_INVALID;
}

int
read_network(struct loader *loader, const struct ynode *cluster,
             const struct ynode *topology)
{
    const struct scenario_network *network = &loader->scenario->network;
    const struct scenario_leaf_spine *shape = &network->leaf_spine;
    int error = refuse(loader, cluster, "cluster");

    error |= refuse(loader, topology, "topology");
    error |= refuse(loader, loader->timeline, "timeline");
    error |= refuse(loader, loader->capture, "captures");
    error |= refuse(loader, loader->search, "search");
    if (shape->leaves * shape->hosts > HOSTS_MAX) {
        schema_error(&loader->reader, shape->node, "more than %u hosts",
                     HOSTS_MAX);
        error = ERR_INVALID;
    }
    if (loader->traffic == NULL || loader->scenario->traffic_count != 1) {
        schema_error(&loader->reader, network->node,
                     "a network of queues has one block of traffic");
        error = ERR_INVALID;
    }
    return error != 0 ? ERR_INVALID : 0;
}

/* "host-3", "host-0..9" or "host-*". */
int
read_hosts(struct loader *loader, const struct ynode *node,
           struct scenario_ports *hosts)
{
    const struct scenario_leaf_spine *shape =
        &loader->scenario->network.leaf_spine;
    uint32_t count = (uint32_t)(shape->leaves * shape->hosts);
    struct port_range range;
    const char *at = node->text;

    if (schema_want(&loader->reader, node, YNODE_SCALAR, "hosts") != 0 ||
        count == 0) /* reported already */
        return ERR_INVALID;
    if (strncmp(at, "host-", 5) == 0) {
        at += 5;
        if (read_port_range(&at, &range) && *at == '\0') {
            if (range.all)
                range.last = count > 0 ? count - 1 : 0;
            if (range.first <= range.last && range.last < count) {
                *hosts = (struct scenario_ports){
                    .mark = node->mark,
                    .text = node->text,
                    .first_box = range.first,
                    .last_box = range.last,
                };
                return 0;
            }
            schema_error(&loader->reader, node,
                         "impossible hosts: \"%.*s\"; they run from host-0 to "
                         "host-%u",
                         DIAG_WORD_MAX, node->text, count - 1);
            return ERR_INVALID;
        }
    }
    schema_error(&loader->reader, node,
                 "\"%.*s\" are no hosts; write them as host-3, host-0..9 or "
                 "host-*",
                 DIAG_WORD_MAX, node->text);
    return ERR_INVALID;
}
