/* SPDX-License-Identifier: Apache-2.0 */
#include "reference-nos/base/fmt.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

/* The text so far; 'length' counts what did not fit as well. */
struct output {
    char *text;
    size_t size;
    size_t length;
};

/* One conversion: %[-][0][width][l|ll|z]letter */
struct conversion {
    bool left;
    bool zero;
    bool is_wide; /* 64 bits: l, ll and z alike on our targets. */
    char letter;
    size_t width;
};

#define WIDTH_MAX 255
#define DIGITS_MAX 20 /* Of 2^64 in decimal. */

_Static_assert(sizeof(long) == 8 && sizeof(size_t) == 8, "LP64");

static void
put(struct output *out, char letter)
{
    if (out->length + 1 < out->size)
        out->text[out->length] = letter;
    out->length++;
}

static void
put_times(struct output *out, char letter, size_t count)
{
    for (size_t i = 0; i < count; i++)
        put(out, letter);
}

static void
put_bytes(struct output *out, const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        put(out, bytes[i]);
}

static const char *
parse(const char *at, struct conversion *conversion)
{
    *conversion = (struct conversion){0};
    for (; *at == '-' || *at == '0'; at++) {
        conversion->left |= *at == '-';
        conversion->zero |= *at == '0';
    }
    for (; *at >= '0' && *at <= '9'; at++) {
        conversion->width = conversion->width * 10 + (size_t)(*at - '0');
        if (conversion->width > WIDTH_MAX)
            conversion->width = WIDTH_MAX;
    }
    for (; *at == 'l' || *at == 'z'; at++)
        conversion->is_wide = true;
    conversion->letter = *at;
    return *at == '\0' ? at : at + 1;
}

static void
put_text(struct output *out, const struct conversion *conversion,
         const char *text)
{
    size_t size = text == NULL ? 0 : strlen(text);
    size_t pad = conversion->width > size ? conversion->width - size : 0;

    if (!conversion->left)
        put_times(out, ' ', pad);
    put_bytes(out, text, size);
    if (conversion->left)
        put_times(out, ' ', pad);
}

static void
put_number(struct output *out, const struct conversion *conversion,
           uint64_t value, bool negative)
{
    static const char digits[] = "0123456789abcdef";
    uint64_t base = conversion->letter == 'x' ? 16 : 10;
    char buffer[DIGITS_MAX];
    size_t start = sizeof(buffer);
    size_t size;
    size_t pad;

    do {
        buffer[--start] = digits[value % base];
        value /= base;
    } while (value != 0);
    size = sizeof(buffer) - start + negative;
    pad = conversion->width > size ? conversion->width - size : 0;
    if (!conversion->zero && !conversion->left)
        put_times(out, ' ', pad);
    if (negative)
        put(out, '-');
    if (conversion->zero && !conversion->left)
        put_times(out, '0', pad);
    put_bytes(out, buffer + start, sizeof(buffer) - start);
    if (conversion->left)
        put_times(out, ' ', pad);
}

static void
put_signed(struct output *out, const struct conversion *conversion,
           int64_t value)
{
    uint64_t magnitude = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

    put_number(out, conversion, magnitude, value < 0);
}

size_t
fmt_vsnprintf(char *text, size_t size, const char *format, va_list args)
{
    struct output out = {text, size, 0};
    struct conversion conversion;

    while (*format != '\0') {
        const char *start = format;

        if (*format++ != '%') {
            put(&out, *start);
            continue;
        }
        format = parse(format, &conversion);
        switch (conversion.letter) {
        case 's': put_text(&out, &conversion, va_arg(args, char *)); break;
        case 'c': put(&out, (char)va_arg(args, int)); break;
        case '%': put(&out, '%'); break;
        case 'd':
        case 'i':
            put_signed(&out, &conversion,
                       conversion.is_wide ? va_arg(args, long)
                                          : va_arg(args, int));
            break;
        case 'u':
        case 'x':
            put_number(&out, &conversion,
                       conversion.is_wide ? va_arg(args, unsigned long)
                                          : va_arg(args, unsigned),
                       false);
            break;
        default: put_bytes(&out, start, (size_t)(format - start)); break;
        }
    }
    if (size > 0)
        text[out.length < size ? out.length : size - 1] = '\0';
    return out.length;
}

size_t
fmt_snprintf(char *text, size_t size, const char *format, ...)
{
    va_list args;
    size_t length;

    va_start(args, format);
    length = fmt_vsnprintf(text, size, format, args);
    va_end(args);
    return length;
}
