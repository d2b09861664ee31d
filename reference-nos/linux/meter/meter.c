/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/linux/meter/meter.h"

#include <stdio.h>
#include <stdlib.h>

void
meter_add(struct meter *meter, const uint64_t units[COST_COUNT],
          uint64_t taken_ns)
{
    double weight;

    if (taken_ns == 0 || taken_ns > METER_OUTLIER_NS)
        return;
    weight = 1 / ((double)taken_ns * (double)taken_ns);
    meter->handlers++;
    meter->taken_ns += taken_ns;
    for (unsigned i = 0; i < COST_COUNT; i++) {
        if (units[i] == 0)
            continue;
        meter->right[i] += (double)units[i] / (double)taken_ns;
        for (unsigned j = 0; j < COST_COUNT; j++)
            meter->products[i][j] +=
                (double)units[i] * (double)units[j] * weight;
    }
}

void
meter_merge(struct meter *meter, const struct meter *other)
{
    meter->handlers += other->handlers;
    meter->taken_ns += other->taken_ns;
    for (unsigned i = 0; i < COST_COUNT; i++) {
        meter->right[i] += other->right[i];
        for (unsigned j = 0; j < COST_COUNT; j++)
            meter->products[i][j] += other->products[i][j];
    }
}

int
meter_print(const struct meter *meter, char *text, size_t room)
{
    size_t at = 0;

    at += (size_t)snprintf(text, room, "%u %llu %llu", (unsigned)COST_COUNT,
                           (unsigned long long)meter->handlers,
                           (unsigned long long)meter->taken_ns);
    for (unsigned i = 0; i < COST_COUNT && at < room; i++) {
        at +=
            (size_t)snprintf(text + at, room - at, " %.17g", meter->right[i]);
        for (unsigned j = 0; j < COST_COUNT && at < room; j++)
            at += (size_t)snprintf(text + at, room - at, " %.17g",
                                   meter->products[i][j]);
    }
    return at < room ? 0 : ERR_FULL;
}

int
meter_parse(const char *text, struct meter *meter)
{
    char *end;

    *meter = (struct meter){.handlers = 0};
    if (strtoul(text, &end, 10) != COST_COUNT)
        return ERR_VERSION;
    meter->handlers = strtoull(end, &end, 10);
    meter->taken_ns = strtoull(end, &end, 10);
    for (unsigned i = 0; i < COST_COUNT; i++) {
        meter->right[i] = strtod(end, &end);
        for (unsigned j = 0; j < COST_COUNT; j++) {
            const char *before = end;

            meter->products[i][j] = strtod(before, &end);
            if (end == before)
                return ERR_MALFORMED;
        }
    }
    return *end == '\0' ? 0 : ERR_MALFORMED;
}
