/* SPDX-License-Identifier: Apache-2.0
 *
 * What stands in the files of a hardware tree, any bytes.
 *
 * A file holds one value; spaces and newlines may follow it, nothing else.
 */
#ifndef NOS_LINUX_HWTREE_PARSE_H
#define NOS_LINUX_HWTREE_PARSE_H

#include <stddef.h>
#include <stdint.h>

#include "reference-nos/base/compiler.h"
#include "reference-nos/base/err.h"
#include "reference-nos/platform/hardware.h"

/* A decimal number from 'least' to 'most'; ERR_IO otherwise. */
MUST_USE int parse_number(const char *bytes, size_t size, int64_t least,
                          int64_t most, int64_t *value);
/* One of 'words'; ERR_IO otherwise. */
MUST_USE int parse_word(const char *bytes, size_t size,
                        const char *const *words, unsigned count,
                        unsigned *index);
/* Printable ASCII, cut to 'room' - 1 characters; ERR_IO for nothing or for
 * other characters. */
MUST_USE int parse_name(const char *bytes, size_t size, char *name,
                        size_t room);

const char *parse_led_word(enum led_state state);
MUST_USE int parse_led(const char *bytes, size_t size, enum led_state *state);
MUST_USE int parse_reboot_cause(const char *bytes, size_t size,
                                enum reboot_cause *cause);

#endif
