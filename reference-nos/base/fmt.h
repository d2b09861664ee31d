/* SPDX-License-Identifier: Apache-2.0
 *
 * printf-like texts without libc and locale.
 *
 * Known    %s %c %% and %d %i %u %x with l, ll or z; width and zero padding
 *          for all numbers, width and '-' for %s.  Anything else prints as
 *          it stands in the format.
 * Result   as snprintf: always ended when size > 0, cut when too long;
 *          returns the length the whole text has.
 */
#ifndef NOS_BASE_FMT_H
#define NOS_BASE_FMT_H

#include "reference-nos/base/compiler.h"

#include <stdarg.h>
#include <stddef.h>

size_t fmt_snprintf(char *text, size_t size, const char *format, ...)
    PRINTF_LIKE(3, 4);
size_t fmt_vsnprintf(char *text, size_t size, const char *format, va_list args)
    PRINTF_LIKE(3, 0);

#endif
