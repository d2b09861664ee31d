/* SPDX-License-Identifier: Apache-2.0 */
#include "reports/text_priv.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "reference-nos/base/check.h"
#include "reference-nos/base/err.h"
#include "reports/paths.h"

#define REPLACEMENT "\xef\xbf\xbd"

void
text_fini(struct text *text)
{
    free(text->data);
    memset(text, 0, sizeof(*text));
}

void
text_add_bytes(struct text *text, const char *bytes, size_t length)
{
    size_t needed = text->length + length + 1;

    if (needed > text->capacity) {
        size_t capacity = text->capacity < 256 ? 256 : text->capacity;

        while (capacity < needed)
            capacity *= 2;
        text->data = realloc(text->data, capacity);
        CHECK(text->data != NULL);
        text->capacity = capacity;
    }
    memcpy(text->data + text->length, bytes, length);
    text->length += length;
    text->data[text->length] = '\0';
}

void
text_add(struct text *text, const char *string)
{
    text_add_bytes(text, string, strlen(string));
}

void
text_addf(struct text *text, const char *format, ...)
{
    char small[512];
    va_list args;
    int length;

    va_start(args, format);
    length = vsnprintf(small, sizeof(small), format, args);
    va_end(args);
    CHECK(length >= 0);
    if ((size_t)length < sizeof(small)) {
        text_add_bytes(text, small, (size_t)length);
    } else {
        char *large = malloc((size_t)length + 1);

        CHECK(large != NULL);
        va_start(args, format);
        vsnprintf(large, (size_t)length + 1, format, args);
        va_end(args);
        text_add_bytes(text, large, (size_t)length);
        free(large);
    }
}

/* Length of the UTF-8 character at 's', 0 when malformed (RFC 3629). */
static size_t
utf8_length(const unsigned char *s)
{
    size_t length = s[0] < 0x80                   ? 1
                    : s[0] >= 0xc2 && s[0] < 0xe0 ? 2
                    : (s[0] & 0xf0) == 0xe0       ? 3
                    : s[0] >= 0xf0 && s[0] < 0xf5 ? 4
                                                  : 0;
    size_t i;

    for (i = 1; i < length; i++) {
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    }
    if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] >= 0xa0) ||
        (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    /* U+FFFE and U+FFFF are no XML characters. */
    if (s[0] == 0xef && s[1] == 0xbf && s[2] >= 0xbe)
        return 0;
    return length;
}

/* Adds one character unescaped, or its replacement; returns its length. */
static size_t
character_add(struct text *text, const char *string)
{
    const unsigned char *s = (const unsigned char *)string;
    size_t length = utf8_length(s);

    if (length == 0 || s[0] == 0x7f ||
        (s[0] < 0x20 && s[0] != '\t' && s[0] != '\n' && s[0] != '\r')) {
        text_add(text, REPLACEMENT);
        return 1;
    }
    text_add_bytes(text, string, length);
    return length;
}

void
text_markup(struct text *text, const char *string)
{
    while (*string != '\0') {
        switch (*string) {
        case '&': text_add(text, "&amp;"), string++; break;
        case '<': text_add(text, "&lt;"), string++; break;
        case '>': text_add(text, "&gt;"), string++; break;
        case '"': text_add(text, "&quot;"), string++; break;
        case '\'': text_add(text, "&#39;"), string++; break;
        default: string += character_add(text, string);
        }
    }
}

void
text_json(struct text *text, const char *string)
{
    text_add(text, "\"");
    while (*string != '\0') {
        unsigned char letter = (unsigned char)*string;

        if (letter == '"' || letter == '\\') {
            text_addf(text, "\\%c", letter);
            string++;
        } else if (letter < 0x20) {
            text_addf(text, "\\u%04x", letter);
            string++;
        } else {
            string += character_add(text, string);
        }
    }
    text_add(text, "\"");
}

void
text_json_number(struct text *text, double value)
{
    if (isfinite(value))
        text_addf(text, "%.17g", value);
    else
        text_add(text, "null");
}

void
text_csv(struct text *text, const char *string)
{
    bool formula = *string != '\0' && strchr("=+-@\t\r", *string) != NULL;

    if (!formula && strpbrk(string, ",\"\r\n") == NULL) {
        text_add(text, string);
        return;
    }
    text_add(text, formula ? "\"'" : "\"");
    for (; *string != '\0'; string++) {
        if (*string == '"')
            text_add(text, "\"");
        text_add_bytes(text, string, 1);
    }
    text_add(text, "\"");
}

void
text_time_ps(struct text *text, double time_ps)
{
    double seconds = time_ps / 1e12;
    double size = fabs(seconds);

    if (size == 0)
        text_add(text, "0 s");
    else if (size < 1e-9)
        text_addf(text, "%.3g ps", time_ps);
    else if (size < 1e-6)
        text_addf(text, "%.3g ns", seconds * 1e9);
    else if (size < 1e-3)
        text_addf(text, "%.4g \xc2\xb5s", seconds * 1e6);
    else if (size < 1)
        text_addf(text, "%.4g ms", seconds * 1e3);
    else if (size < 600)
        text_addf(text, "%.5g s", seconds);
    else if (size < 7200)
        text_addf(text, "%.4g min", seconds / 60);
    else if (size < 2 * 86400)
        text_addf(text, "%.4g h", seconds / 3600);
    else
        text_addf(text, "%.4g days", seconds / 86400);
}

void
text_count(struct text *text, uint64_t count)
{
    char digits[24];
    int length = snprintf(digits, sizeof(digits), "%" PRIu64, count);
    int i;

    for (i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0)
            text_add(text, ",");
        text_add_bytes(text, &digits[i], 1);
    }
}

void
text_size(struct text *text, double bytes)
{
    static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
    size_t unit = 0;

    while (bytes >= 1000 && unit + 1 < ARRAY_COUNT(units)) {
        bytes /= 1000;
        unit++;
    }
    text_addf(text, unit == 0 ? "%.0f %s" : "%.3g %s", bytes, units[unit]);
}

void
text_value(struct text *text, double value, const char *unit)
{
    if (strcmp(unit, "s") == 0)
        text_time_ps(text, value * 1e12);
    else if (strcmp(unit, "bytes") == 0)
        text_size(text, value);
    else if (*unit == '\0' || strcmp(unit, "count") == 0)
        text_addf(text, "%.6g", value);
    else {
        text_addf(text, "%.6g ", value);
        text_markup(text, unit);
    }
}

/* Writes all of the text; the errno value of a failure. */
static int
stream_write(const struct text *text, FILE *file)
{
    errno = 0;
    if (text->length > 0 &&
        fwrite(text->data, 1, text->length, file) != text->length)
        return errno != 0 ? errno : EIO;
    return fflush(file) == 0 ? 0 : errno;
}

static int
file_write(const struct text *text, const char *path)
{
    FILE *file = fopen(path, "wb");
    int number;

    if (file == NULL)
        return errno;
    number = stream_write(text, file);
    if (fclose(file) != 0 && number == 0)
        number = errno;
    return number;
}

/* A regular file is replaced in one step; a device or pipe is written to. */
static int
file_replace(const struct text *text, const char *path)
{
    char aside[PATHS_BYTES + 8];
    struct stat info;
    int number;

    if (stat(path, &info) == 0 && !S_ISREG(info.st_mode))
        return file_write(text, path);
    snprintf(aside, sizeof(aside), "%s.new", path);
    number = file_write(text, aside);
    if (number == 0 && rename(aside, path) != 0)
        number = errno;
    if (number != 0)
        unlink(aside);
    return number;
}

int
text_save(const struct text *text, const char *path, char *error,
          size_t error_size)
{
    int number;

    if (strlen(path) >= PATHS_BYTES) {
        snprintf(error, error_size, "%.80s...: path too long", path);
        return ERR_RANGE;
    }
    if (strcmp(path, "-") == 0)
        number = stream_write(text, stdout);
    else
        number = file_replace(text, path);
    if (number == 0)
        return 0;
    snprintf(error, error_size, "%s: %s", path, strerror(number));
    return paths_errno_code(number);
}
