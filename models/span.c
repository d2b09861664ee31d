/* SPDX-License-Identifier: Apache-2.0 */
#include "models/span_priv.h"

#include "models/yaml/schema.h"
#include "reference-nos/base/err.h"

int
span_parse(struct schema_reader *reader, const struct ynode *value,
           void *member)
{
    struct span *span = member;
    int err =
        schema_want(reader, value, YNODE_LIST, "a list of two durations");

    if (err != 0)
        return err;
    if (value->count != 2) {
        schema_error(reader, value, "%zu durations; expected [least, most]",
                     value->count);
        return ERR_INVALID;
    }
    err = schema_quantity(reader, QUANTITY_DURATION, value->items[0],
                          &span->min_ps);
    if (err == 0)
        err = schema_quantity(reader, QUANTITY_DURATION, value->items[1],
                              &span->max_ps);
    if (err == 0 && span->min_ps > span->max_ps) {
        schema_error(reader, value, "the least is more than the most");
        err = ERR_INVALID;
    }
    return err;
}
