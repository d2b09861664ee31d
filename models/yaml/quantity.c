/* SPDX-License-Identifier: Apache-2.0 */
#include "models/yaml/quantity.h"

#include "models/yaml/diag.h"
#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"

#include <stdio.h>
#include <string.h>

#define DIGITS_MAX 20

__extension__ typedef unsigned __int128 wide;

struct unit {
    const char *suffix; /* NULL ends the table. */
    uint64_t factor;
};

/* Ascending, so that formatting can take the largest that fits. */
static const struct unit times[] = {
    {"ps", 1},
    {"ns", PS_PER_NS},
    {"us", PS_PER_US},
    {"ms", PS_PER_MS},
    {"s", PS_PER_S},
    {"m", 60 * PS_PER_S},
    {"h", 3600 * PS_PER_S},
    {"d", 86400 * PS_PER_S},
    {NULL, 0},
};
static const struct unit rates[] = {
    {"bps", 1},
    {"kbps", 1000},
    {"Mbps", 1000000},
    {"Gbps", 1000000000},
    {"Tbps", UINT64_C(1000000000000)},
    {NULL, 0},
};
static const struct unit sizes[] = {
    {"B", 1},
    {"KB", 1000},
    {"KiB", 1024},
    {"MB", 1000000},
    {"MiB", 1 << 20},
    {"GB", 1000000000},
    {"GiB", 1 << 30},
    {"TB", UINT64_C(1000000000000)},
    {"TiB", UINT64_C(1) << 40},
    {NULL, 0},
};
static const struct unit percents[] = {{"%", 10000}, {NULL, 0}};
static const struct unit ratios[] = {{"%", 10000000}, {NULL, 0}};
static const struct unit offsets_ppb[] = {
    {"ppb", 1},
    {"ppm", 1000},
    {NULL, 0},
};
static const struct unit lengths[] = {
    {"mm", 1},
    {"m", 1000},
    {"km", 1000000},
    {NULL, 0},
};
static const struct unit temperatures[] = {{"C", 1000}, {NULL, 0}};
static const struct unit powers[] = {
    {"mW", 1},
    {"W", 1000},
    {"kW", 1000000},
    {NULL, 0},
};
static const struct unit frequencies[] = {
    {"Hz", 1}, {"kHz", 1000}, {"MHz", 1000000}, {"GHz", 1000000000}, {NULL, 0},
};
static const struct unit hours[] = {
    {"h", 1},
    {"kh", 1000},
    {"Mh", 1000000},
    {NULL, 0},
};
static const struct unit bare[] = {{"", 1}, {NULL, 0}};
static const struct unit thousandths[] = {{"", 1000}, {NULL, 0}};

struct shape {
    const struct unit *units;
    bool is_signed;
    uint64_t most;
    const char *most_text;
};

static const struct shape shapes[QUANTITY_KIND_COUNT] = {
    [QUANTITY_DURATION] = {times, false, DURATION_MAX_PS, "100 days"},
    [QUANTITY_OFFSET] = {times, true, DURATION_MAX_PS, "100 days"},
    [QUANTITY_RATE] = {rates, false, INT64_MAX, NULL},
    [QUANTITY_BYTES] = {sizes, false, INT64_MAX, NULL},
    [QUANTITY_PERCENT] = {percents, false, 1000000, "100%"},
    [QUANTITY_RATIO] = {ratios, false, 1000000000, "100%"},
    [QUANTITY_PPB] = {offsets_ppb, true, 1000000000, "1000000ppm"},
    [QUANTITY_COUNT] = {bare, false, UINT64_MAX, NULL},
    [QUANTITY_FACTOR] = {thousandths, false, INT64_MAX, NULL},
    [QUANTITY_LENGTH] = {lengths, false, INT64_MAX, NULL},
    [QUANTITY_TEMPERATURE] = {temperatures, true, 1000000, "1000C"},
    [QUANTITY_POWER] = {powers, false, INT64_MAX, NULL},
    [QUANTITY_FREQUENCY] = {frequencies, false, INT64_MAX, NULL},
    [QUANTITY_HOURS] = {hours, false, INT64_MAX, NULL},
};

struct kind_text {
    const char *text;
    const char *base;
    const char *example;
};

static const struct kind_text kind_texts[QUANTITY_KIND_COUNT] = {
#define QUANTITY_TEXT(name, text, base, example)                              \
    [QUANTITY_##name] = {text, base, example},
    QUANTITY_TABLE(QUANTITY_TEXT)
#undef QUANTITY_TEXT
};

static const struct shape *
shape_of(enum quantity_kind kind)
{
    CHECK(kind < QUANTITY_KIND_COUNT);
    return &shapes[kind];
}

bool
quantity_is_signed(enum quantity_kind kind)
{
    return shape_of(kind)->is_signed;
}

const char *
quantity_text(enum quantity_kind kind)
{
    CHECK(kind < QUANTITY_KIND_COUNT);
    return kind_texts[kind].text;
}

const char *
quantity_example(enum quantity_kind kind)
{
    CHECK(kind < QUANTITY_KIND_COUNT);
    return kind_texts[kind].example;
}

static void
list_units(const struct unit *units, const char *between, char *buffer,
           size_t bytes)
{
    size_t used = 0;

    buffer[0] = '\0';
    for (size_t i = 0; units[i].suffix != NULL && used < bytes; i++) {
        int more = snprintf(buffer + used, bytes - used, "%s%s",
                            i == 0 ? "" : between, units[i].suffix);

        used += more > 0 ? (size_t)more : 0;
    }
}

void
quantity_units(enum quantity_kind kind, char *buffer, size_t bytes)
{
    list_units(shape_of(kind)->units, ", ", buffer, bytes);
}

void
quantity_pattern(enum quantity_kind kind, char *buffer, size_t bytes)
{
    const struct shape *shape = shape_of(kind);
    char units[128];

    list_units(shape->units, "|", units, sizeof(units));
    snprintf(buffer, bytes, "%s[0-9]+(\\.[0-9]+)?(%s)",
             shape->is_signed ? "[+-]?" : "", units);
}

/* What stands in the text, before it means anything. */
struct number {
    bool negative;
    wide digits;
    wide scale; /* Power of ten that 'digits' carries too much. */
    const char *suffix;
};

static int
read_digits(const char **text, struct number *number, size_t *count,
            bool fraction)
{
    for (; **text >= '0' && **text <= '9'; (*text)++) {
        if (++*count > DIGITS_MAX)
            return ERR_RANGE;
        number->digits = number->digits * 10 + (wide)(**text - '0');
        if (fraction)
            number->scale *= 10;
    }
    return 0;
}

static int
read_number(const char *text, struct number *number)
{
    size_t count = 0, fraction_count;
    int error;

    *number = (struct number){.scale = 1};
    if (*text == '-' || *text == '+')
        number->negative = *text++ == '-';
    while (*text == '0' && text[1] >= '0' && text[1] <= '9')
        text++;
    error = read_digits(&text, number, &count, false);
    if (error != 0)
        return error;
    if (count == 0)
        return ERR_INVALID;
    if (*text == '.') {
        text++;
        fraction_count = count;
        error = read_digits(&text, number, &count, true);
        if (error != 0)
            return error;
        if (count == fraction_count)
            return ERR_INVALID;
    }
    number->suffix = text;
    return 0;
}

static const struct unit *
unit_find(const struct unit *units, const char *suffix)
{
    for (; units->suffix != NULL; units++) {
        if (strcmp(units->suffix, suffix) == 0)
            return units;
    }
    return NULL;
}

static int
explain(enum quantity_kind kind, const char *text, char *why, size_t bytes,
        const char *reason)
{
    snprintf(why, bytes, "\"%.*s\" is not a %s: %s", DIAG_WORD_MAX, text,
             quantity_text(kind), reason);
    return ERR_INVALID;
}

static int
explain_unit(enum quantity_kind kind, const char *text, const char *suffix,
             char *why, size_t bytes)
{
    char units[128], reason[200];

    quantity_units(kind, units, sizeof(units));
    if (units[0] == '\0')
        return explain(kind, text, why, bytes, "expected a bare number");
    if (*suffix == '\0')
        snprintf(reason, sizeof(reason), "no unit; expected one of %s", units);
    else
        snprintf(reason, sizeof(reason),
                 "unknown unit \"%.16s\"; expected one of %s", suffix, units);
    return explain(kind, text, why, bytes, reason);
}

static int
explain_range(enum quantity_kind kind, const char *text, char *why,
              size_t bytes)
{
    const char *most = shape_of(kind)->most_text;

    if (most != NULL)
        snprintf(why, bytes, "\"%.*s\" is more than %s", DIAG_WORD_MAX, text,
                 most);
    else
        snprintf(why, bytes, "\"%.*s\" is too large", DIAG_WORD_MAX, text);
    return ERR_RANGE;
}

int
quantity_parse(enum quantity_kind kind, const char *text, uint64_t *value,
               char *why, size_t why_bytes)
{
    const struct shape *shape = shape_of(kind);
    const struct unit *unit;
    struct number number;
    char reason[64];
    wide product;
    int error = read_number(text, &number);

    if (error == ERR_RANGE)
        return explain_range(kind, text, why, why_bytes);
    if (error != 0) {
        snprintf(reason, sizeof(reason), "expected a number such as %s",
                 quantity_example(kind));
        return explain(kind, text, why, why_bytes, reason);
    }
    if ((*text == '-' || *text == '+') && !shape->is_signed)
        return explain(kind, text, why, why_bytes, "no sign is allowed");
    unit = unit_find(shape->units, number.suffix);
    if (unit == NULL)
        return explain_unit(kind, text, number.suffix, why, why_bytes);
    product = number.digits * unit->factor;
    if (product % number.scale != 0) {
        snprintf(reason, sizeof(reason), "finer than 1 %s",
                 kind_texts[kind].base[0] == '\0' ? "unit"
                                                  : kind_texts[kind].base);
        return explain(kind, text, why, why_bytes, reason);
    }
    product /= number.scale;
    if (product > shape->most)
        return explain_range(kind, text, why, why_bytes);
    *value = number.negative ? 0 - (uint64_t)product : (uint64_t)product;
    return 0;
}

/* Decimals of value / factor, or more than 'most' if it needs more. */
static unsigned
decimals(uint64_t value, uint64_t factor, unsigned most)
{
    uint64_t rest = value % factor;
    unsigned count = 0;

    while (rest != 0 && count <= most) {
        rest = (uint64_t)((wide)rest * 10 % factor);
        count++;
    }
    return count;
}

/* The largest unit that shows 'value' exactly with few decimals. */
static const struct unit *
unit_for(const struct unit *units, uint64_t value, bool is_ratio)
{
    const struct unit *best = units;

    for (const struct unit *unit = units; unit->suffix != NULL; unit++) {
        if (unit->factor <= value && decimals(value, unit->factor, 3) <= 3)
            best = unit;
    }
    return is_ratio ? units : best;
}

void
quantity_format(enum quantity_kind kind, uint64_t value, char *buffer,
                size_t bytes)
{
    const struct shape *shape = shape_of(kind);
    bool negative = shape->is_signed && (int64_t)value < 0;
    uint64_t size = negative ? 0 - value : value;
    const struct unit *unit =
        unit_for(shape->units, size,
                 kind == QUANTITY_RATIO || kind == QUANTITY_PERCENT);
    char fraction[24];
    uint64_t rest = size % unit->factor;
    unsigned count = 0;

    if (kind == QUANTITY_DURATION && value == 0) {
        snprintf(buffer, bytes, "0s");
        return;
    }
    while (rest != 0 && count < sizeof(fraction) - 1) {
        wide scaled = (wide)rest * 10;

        fraction[count++] = (char)('0' + (int)(scaled / unit->factor));
        rest = (uint64_t)(scaled % unit->factor);
    }
    fraction[count] = '\0';
    snprintf(buffer, bytes, "%s%llu%s%s%s", negative ? "-" : "",
             (unsigned long long)(size / unit->factor), count > 0 ? "." : "",
             fraction, unit->suffix);
}
