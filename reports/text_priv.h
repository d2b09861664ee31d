/* SPDX-License-Identifier: Apache-2.0
 *
 * A growing text and the escapes of the formats we write.  Out of memory
 * aborts: this is a tool, not the NOS.
 */
#ifndef REPORTS_TEXT_PRIV_H
#define REPORTS_TEXT_PRIV_H

#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"

struct text {
    char *data; /* NUL-terminated once anything was added, else NULL. */
    size_t length;
    size_t capacity;
};

void text_fini(struct text *text);
void text_add_bytes(struct text *text, const char *bytes, size_t length);
void text_add(struct text *text, const char *string);
void text_addf(struct text *text, const char *format, ...) PRINTF_LIKE(2, 3);

/* Escaped for HTML and XML, in content and in quoted attributes.  Bytes that
 * are not UTF-8, and controls XML forbids, become U+FFFD. */
void text_markup(struct text *text, const char *string);

/* A JSON string with its quotes; a JSON number, null when not finite. */
void text_json(struct text *text, const char *string);
void text_json_number(struct text *text, double value);

/* A CSV field (RFC 4180); one that a spreadsheet would take for a formula
 * gets a leading apostrophe. */
void text_csv(struct text *text, const char *string);

/* "1.42 s", "312 ms", "4 h 05 min". */
void text_time_ps(struct text *text, double time_ps);

/* "1,234,567". */
void text_count(struct text *text, uint64_t count);

/* "1.5 MB". */
void text_size(struct text *text, double bytes);

/* A value with its unit, escaped for markup: seconds as times, else "%.6g
 * unit". */
void text_value(struct text *text, double value, const char *unit);

/* Replaces 'path' by the text in one step; "-" is standard output. */
MUST_USE int text_save(const struct text *text, const char *path, char *error,
                       size_t error_size);

#endif
