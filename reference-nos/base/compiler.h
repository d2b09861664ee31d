/* SPDX-License-Identifier: Apache-2.0
 *
 * Compiler extensions, behind names.
 */
#ifndef NOS_BASE_COMPILER_H
#define NOS_BASE_COMPILER_H

#include <stddef.h>
#include <stdint.h>

/* The caller must look at the result. */
#define MUST_USE __attribute__((warn_unused_result))

/* The function never returns. */
#define NO_RETURN __attribute__((noreturn))

/* printf-like: 'fmt' and 'first' are argument positions from 1. */
#define PRINTF_LIKE(fmt, first) __attribute__((format(printf, fmt, first)))

#define LIKELY(condition) __builtin_expect(!!(condition), 1)
#define UNLIKELY(condition) __builtin_expect(!!(condition), 0)

/* The line at 'address' will be wanted soon. */
#define PREFETCH(address) __builtin_prefetch(address)

/* Tells the CPU that this is a loop that waits. */
#if defined(__x86_64__) || defined(__i386__)
#define CPU_RELAX() __builtin_ia32_pause()
#else
#define CPU_RELAX() ((void)0)
#endif

#define ARRAY_COUNT(array) (sizeof(array) / sizeof((array)[0]))

/* The object of type 'type' whose member 'member' 'pointer' points to; the
 * pointer may be to const. */
#define CONTAINER_OF(pointer, type, member)                                   \
    ((type *)((uintptr_t)(pointer)-offsetof(type, member)))

#endif
