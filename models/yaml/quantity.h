/* SPDX-License-Identifier: Apache-2.0
 *
 * Numbers with units, as users write them: 50ms, 400Gbps, 0.1%, 12ppb.
 *
 * Values are exact: a fraction finer than the base unit is refused, and so
 * is whatever does not fit.  Signed kinds store an int64_t in the 64 bits.
 */
#ifndef MODELS_YAML_QUANTITY_H
#define MODELS_YAML_QUANTITY_H

#include "reference-nos/base/compiler.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* X(name, text, base unit, example) */
#define QUANTITY_TABLE(X)                                                     \
    X(DURATION, "duration", "ps", "50ms")      /* up to 100 days */           \
    X(OFFSET, "signed duration", "ps", "-5ms") /* signed */                   \
    X(RATE, "rate", "bps", "400Gbps")                                         \
    X(BYTES, "size", "B", "64KiB")                                            \
    X(PERCENT, "percentage", "ppm", "0.1%")     /* 0 to 100 */                \
    X(RATIO, "ratio", "ppb", "99.9999%")        /* 0 to 100 */                \
    X(PPB, "frequency offset", "ppb", "100ppb") /* signed */                  \
    X(COUNT, "count", "", "8")                                                \
    X(FACTOR, "factor", "thousandths", "2.5")                                 \
    X(LENGTH, "length", "mm", "30m")                                          \
    X(TEMPERATURE, "temperature", "thousandths of a degree", "45C")           \
    X(POWER, "power", "mW", "700W")                                           \
    X(FREQUENCY, "frequency", "Hz", "2.4GHz")                                 \
    X(HOURS, "number of hours", "h", "200kh") /* mean times */

enum quantity_kind {
#define QUANTITY_NAME(name, text, base, example) QUANTITY_##name,
    QUANTITY_TABLE(QUANTITY_NAME)
#undef QUANTITY_NAME
        QUANTITY_KIND_COUNT
};

#define PS_PER_NS UINT64_C(1000)
#define PS_PER_US UINT64_C(1000000)
#define PS_PER_MS UINT64_C(1000000000)
#define PS_PER_S UINT64_C(1000000000000)

/* A run past 100 simulated days is refused. */
#define DURATION_MAX_PS (UINT64_C(100) * 86400 * PS_PER_S)

/* Room for what quantity_parse() and quantity_format() write. */
#define QUANTITY_WHY_BYTES 256
#define QUANTITY_TEXT_BYTES 48

/* Reads all of 'text'.  On ERR_INVALID or ERR_RANGE 'why' says what is wrong,
 * quoting the text: "10" is not a duration: no unit; expected one of ... */
MUST_USE int quantity_parse(enum quantity_kind kind, const char *text,
                            uint64_t *value, char *why, size_t why_bytes);

/* Writes the shortest exact form, such as "1.5s" for 1,500,000,000,000 ps. */
void quantity_format(enum quantity_kind kind, uint64_t value, char *buffer,
                     size_t bytes);

bool quantity_is_signed(enum quantity_kind kind);
const char *quantity_text(enum quantity_kind kind);
const char *quantity_example(enum quantity_kind kind);

/* Writes the units, as in "ps, ns, us"; "" for bare numbers. */
void quantity_units(enum quantity_kind kind, char *buffer, size_t bytes);

/* Writes a regular expression (ECMA 262) for the JSON Schema. */
void quantity_pattern(enum quantity_kind kind, char *buffer, size_t bytes);

#endif
