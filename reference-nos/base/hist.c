/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/hist.h"

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <string.h>

struct hist {
    uint64_t count;
    uint64_t sum;
    uint64_t min;
    uint64_t max;
    unsigned precision_bits;
    unsigned part_count;
    uint64_t parts[];
};

/* Values below 2^(bits+1) have a part each; every further octave has
 * 2^bits. */
static unsigned
part_count_of(unsigned bits)
{
    return (65 - bits) << bits;
}

static uint64_t
add_saturating(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

static unsigned
part_of(unsigned bits, uint64_t value)
{
    unsigned shift;

    if (value >> (bits + 1) == 0)
        return (unsigned)value;
    shift = 63 - (unsigned)__builtin_clzll(value) - bits;
    return (shift << bits) + (unsigned)(value >> shift);
}

static uint64_t
low_edge(unsigned bits, unsigned part)
{
    unsigned shift = part >> bits;

    if (shift <= 1)
        return part;
    shift--;
    return (uint64_t)(part - (shift << bits)) << shift;
}

static uint64_t
high_edge(const struct hist *hist, unsigned part)
{
    if (part + 1 >= hist->part_count)
        return UINT64_MAX;
    return low_edge(hist->precision_bits, part + 1) - 1;
}

size_t
hist_size_bytes(unsigned precision_bits)
{
    CHECK(precision_bits >= 1 && precision_bits <= HIST_PRECISION_MAX);
    return sizeof(struct hist) +
           part_count_of(precision_bits) * sizeof(uint64_t);
}

struct hist *
hist_init(void *storage, unsigned precision_bits)
{
    struct hist *hist = storage;

    CHECK(precision_bits >= 1 && precision_bits <= HIST_PRECISION_MAX);
    hist->precision_bits = precision_bits;
    hist->part_count = part_count_of(precision_bits);
    hist_clear(hist);
    return hist;
}

void
hist_clear(struct hist *hist)
{
    hist->count = 0;
    hist->sum = 0;
    hist->min = UINT64_MAX;
    hist->max = 0;
    memset(hist->parts, 0, hist->part_count * sizeof(hist->parts[0]));
}

void
hist_add(struct hist *hist, uint64_t value, uint64_t count)
{
    unsigned part = part_of(hist->precision_bits, value);
    uint64_t total;

    if (count == 0)
        return;
    if (__builtin_mul_overflow(value, count, &total))
        total = UINT64_MAX;
    hist->parts[part] = add_saturating(hist->parts[part], count);
    hist->count = add_saturating(hist->count, count);
    hist->sum = add_saturating(hist->sum, total);
    if (value < hist->min)
        hist->min = value;
    if (value > hist->max)
        hist->max = value;
}

int
hist_merge(struct hist *to, const struct hist *from)
{
    if (to->precision_bits != from->precision_bits)
        return ERR_INVALID;
    for (unsigned i = 0; i < to->part_count; i++)
        to->parts[i] = add_saturating(to->parts[i], from->parts[i]);
    to->count = add_saturating(to->count, from->count);
    to->sum = add_saturating(to->sum, from->sum);
    if (from->min < to->min)
        to->min = from->min;
    if (from->max > to->max)
        to->max = from->max;
    return 0;
}

uint64_t
hist_count(const struct hist *hist)
{
    return hist->count;
}

uint64_t
hist_min(const struct hist *hist)
{
    return hist->count == 0 ? 0 : hist->min;
}

uint64_t
hist_max(const struct hist *hist)
{
    return hist->max;
}

uint64_t
hist_sum(const struct hist *hist)
{
    return hist->sum;
}

/* ceil(count * ppb / 1e9), at least 1, without a 128-bit product. */
static uint64_t
rank_of(uint64_t count, uint64_t ppb)
{
    uint64_t whole = count / HIST_PPB * ppb;
    uint64_t rest = count % HIST_PPB * ppb;
    uint64_t rank = whole + (rest + HIST_PPB - 1) / HIST_PPB;

    return rank == 0 ? 1 : rank;
}

uint64_t
hist_quantile(const struct hist *hist, uint64_t ppb)
{
    uint64_t rank = rank_of(hist->count, ppb > HIST_PPB ? HIST_PPB : ppb);
    uint64_t seen = 0;

    if (hist->count == 0)
        return 0;
    for (unsigned part = 0; part < hist->part_count; part++) {
        seen = add_saturating(seen, hist->parts[part]);
        if (seen >= rank) {
            uint64_t high = high_edge(hist, part);

            return high < hist->max ? high : hist->max;
        }
    }
    return hist->max;
}

uint64_t
hist_next(const struct hist *hist, size_t *cursor, uint64_t *low,
          uint64_t *high)
{
    while (*cursor < hist->part_count) {
        unsigned part = (unsigned)(*cursor)++;

        if (hist->parts[part] == 0)
            continue;
        *low = low_edge(hist->precision_bits, part);
        *high = high_edge(hist, part);
        return hist->parts[part];
    }
    return 0;
}
