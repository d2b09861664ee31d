/* SPDX-License-Identifier: Apache-2.0
 *
 * Front ports by name: BOX/PORT of packet forwarders, where each is a number,
 * a range or all: "ncp-0/3", "ncp-0/0..9", "ncp-0..3/0..19", "ncp-*" "/" "*".
 */
#include "sim/scenario/scenario_priv.h"

#include "reference-nos/base/err.h"

#include <ctype.h>
#include <string.h>

void
ports_json(struct json *json)
{
    json_key(json, "anyOf");
    json_list(json);
    json_object(json);
    json_member(json, "type", "string");
    json_end(json);
    json_object(json);
    json_member(json, "type", "array");
    json_key(json, "items");
    json_object(json);
    json_member(json, "type", "string");
    json_end(json);
    json_end(json);
    json_end(json);
}

static bool
read_number(const char **at, uint32_t *number)
{
    uint64_t value = 0;
    const char *start = *at;

    while (isdigit((unsigned char)**at) && value < 1000000)
        value = value * 10 + (uint64_t)(*(*at)++ - '0');
    *number = (uint32_t)value;
    return *at > start && !isdigit((unsigned char)**at);
}

bool
read_port_range(const char **at, struct port_range *range)
{
    *range = (struct port_range){0};
    if (**at == '*') {
        (*at)++;
        range->all = true;
        return true;
    }
    if (!read_number(at, &range->first))
        return false;
    range->last = range->first;
    if (strncmp(*at, "..", 2) != 0)
        return true;
    *at += 2;
    return read_number(at, &range->last);
}

static int
not_ports(struct loader *loader, const struct ynode *node)
{
    schema_error(&loader->reader, node,
                 "\"%.*s\" are no front ports; write them as ncp-0/3, "
                 "ncp-0/0..9, ncp-0..3/0..9 or ncp-*/*",
                 DIAG_WORD_MAX, node->text);
    return ERR_INVALID;
}

static int
backwards(struct loader *loader, const struct ynode *node, const char *what,
          const struct port_range *range)
{
    schema_error(&loader->reader, node, "%s %u..%u run backwards", what,
                 range->first, range->last);
    return ERR_INVALID;
}

static int
check_boxes(struct loader *loader, const struct ynode *node,
            struct port_range *boxes)
{
    uint32_t slots = loader->scope.slots[ROLE_NCP];

    if (boxes->first > boxes->last)
        return backwards(loader, node, "boxes", boxes);
    if (boxes->all)
        boxes->last = slots > 0 ? slots - 1 : 0;
    if (loader->scenario->cluster.node == NULL ||
        (slots > 0 && boxes->last < slots))
        return 0;
    if (slots == 0)
        schema_error(&loader->reader, node,
                     "impossible ports: the cluster has no ncp");
    else
        schema_error(&loader->reader, node,
                     "impossible ports: there is no ncp-%u; they run from "
                     "ncp-0 to ncp-%u",
                     boxes->last, slots - 1);
    return ERR_INVALID;
}

int
read_ports(struct loader *loader, const struct ynode *node,
           struct scenario_ports *ports)
{
    struct port_range boxes, numbers;
    const char *at;

    if (schema_want(&loader->reader, node, YNODE_SCALAR, "front ports") != 0)
        return ERR_INVALID;
    at = node->text;
    if (strncmp(at, "ncp-", 4) != 0)
        return not_ports(loader, node);
    at += 4;
    if (!read_port_range(&at, &boxes) || *at != '/')
        return not_ports(loader, node);
    at++;
    if (!read_port_range(&at, &numbers) || *at != '\0')
        return not_ports(loader, node);
    if (numbers.first > numbers.last)
        return backwards(loader, node, "ports", &numbers);
    if (check_boxes(loader, node, &boxes) != 0)
        return ERR_INVALID;
    *ports = (struct scenario_ports){
        .mark = node->mark,
        .text = node->text,
        .first_box = boxes.first,
        .last_box = boxes.last,
        .first_port = numbers.first,
        .last_port = numbers.all ? UINT32_MAX : numbers.last,
    };
    return 0;
}
