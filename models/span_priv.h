/* SPDX-License-Identifier: Apache-2.0
 *
 * [least, most] in data files.  Private to models.
 */
#ifndef MODELS_SPAN_PRIV_H
#define MODELS_SPAN_PRIV_H

#include <stdint.h>

#include "reference-nos/base/compiler.h"

struct schema_reader;
struct ynode;

struct span {
    uint64_t min_ps;
    uint64_t max_ps;
};

/* A FIELD_CUSTOM parser: a list of two durations, in order. */
MUST_USE int span_parse(struct schema_reader *reader,
                        const struct ynode *value, void *member);

#endif
